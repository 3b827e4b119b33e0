//! The page of a digest: strict, accessible and printable as a case's report is.

use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};

use super::browser::{NARROW, look, python};
use crate::digest::tests::sample;
use crate::digest::{Fold, Window, page};

#[test]
fn it_lets_in_its_own_style_and_nothing_else() {
    let page = page(&sample(), "0.1.0");
    let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
    let hash = BASE64.encode(&Sha256::digest(style.as_bytes()));
    assert!(page.contains(&format!("style-src &#39;sha256-{hash}&#39;")));
    for what in ["<script", " style=", "<img", "<link", "<iframe", "url(", "@import"] {
        assert_eq!(page.matches(what).count(), 0, "{what}");
    }
}

#[test]
fn its_charts_are_said_in_words() {
    let page = page(&sample(), "0.1.0");
    assert!(
        page.contains("523 alerts in 28 bars; the most, 508, in the one from 2026-11-23 00:00 UTC."),
        "{page}"
    );
    assert!(page.contains("compromised 1, policy violation 2, false positive 1, none (yet) 2."), "{page}");
}

#[test]
fn a_browser_shows_it_and_prints_it() {
    let Some(python) = python(true) else { return };
    let (from, to) = ("2026-11-23T00:00:00Z".parse().unwrap(), "2026-11-30T00:00:00Z".parse().unwrap());
    let window = Window::new(from, to, jiff::SignedDuration::ZERO, to).unwrap();
    let quiet = Fold::new(window).finish(to);
    for (name, digest) in [("digest", sample()), ("digest-quiet", quiet)] {
        let seen = look(&python, name, &page(&digest, "0.1.0"), "light,dark,narrow,narrow-dark");
        let views = seen["views"].as_array().unwrap();
        assert!(views.len() == 4 && views.iter().any(|view| view["width"] == NARROW), "{seen}");
        let pages = seen["pages"].as_u64().unwrap();
        assert!((1..=6).contains(&pages), "{name}: {pages} pages");
    }
}
