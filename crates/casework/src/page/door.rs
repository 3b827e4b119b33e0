//! The pages at the door of a deployment. There is nothing beside them, so that each brings its stylesheet along.

use std::sync::OnceLock;

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::STYLE;
use super::approve::Asking;
use super::parts::shown;

/// How long a page looks again by itself whether a word was heard.
const PATIENCE: SignedDuration = SignedDuration::from_mins(3);
/// Seconds between two looks.
const EVERY: &str = "4";

/// The page may load the very stylesheet that it brings along, and its icon; no script, no frame, forms to its own site.
pub fn content_policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        let style = BASE64.encode(&Sha256::digest(STYLE.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'; frame-ancestors 'none'; \
             base-uri 'none'"
        )
    })
}

/// What became of the word that a person gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nobody has looked at it yet.
    UnderWay,
    /// It was taken.
    Taken,
    /// It was not, and why.
    Refused(String),
    /// Nothing was heard of it in a time in which something should be.
    Lost,
}

/// What became of the word with this id, which `person` gave at `sent`, as the case tells. What became of another person's
/// word is not told.
pub fn standing(asking: &Asking<'_>, person: &str, id: &str, sent: Timestamp) -> Said {
    let heard = asking.case.heard(id).filter(|heard| heard.by.is_empty() || heard.by == person);
    match heard.map(|heard| &heard.refused) {
        Some(None) => Said::Taken,
        Some(Some(why)) => Said::Refused(why.clone()),
        None if asking.now.duration_since(sent) < PATIENCE => Said::UnderWay,
        None => Said::Lost,
    }
}

impl Said {
    fn told(&self) -> Markup {
        html! {
            @match self {
                Self::UnderWay => p .said role="status" { "Your word is on its way to be checked. This page looks again by itself." },
                Self::Taken => p .said role="status" { "Your approval was taken. What has enough of them is done now: see the stages below." },
                Self::Refused(why) => p .warning role="alert" { "Your approval was not taken: " (shown(why)) "." },
                Self::Lost => p .warning role="status" {
                    "Nothing was heard of your word. Somebody may be at work on the case: look again later, or use "
                    code { "peerhound approve" } "."
                },
            }
        }
    }
}

/// A whole page. `said` is what became of a word; `warning` a line before the content.
pub fn door_page(title: &str, said: Option<&Said>, warning: Option<&str>, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                @if said == Some(&Said::UnderWay) { meta http-equiv="refresh" content=(EVERY); }
                title { (title) " · Peerhound" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                header .bar { span .brand { "Peerhound" } }
                main #content {
                    @if let Some(said) = said { (said.told()) }
                    @if let Some(warning) = warning { p .warning role="alert" { (shown(warning)) } }
                    (content)
                }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_brings_the_very_stylesheet_that_its_header_allows() {
        let page = door_page("<t>", None, Some("<b>\u{202e}"), &html! { p { "x" } });
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = BASE64.encode(&Sha256::digest(style.as_bytes()));
        assert!(content_policy().contains(&format!("style-src 'sha256-{hash}'")), "{}", content_policy());
        assert!(page.contains("&lt;t&gt;") && page.contains("&lt;b&gt;\\u{202e}"), "{page}");
        assert!(!page.contains("<script") && !page.contains("http-equiv"), "{page}");
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"), "it loads nothing");
    }

    #[test]
    fn a_page_looks_again_only_while_a_word_is_under_way() {
        let of = |said: &Said| door_page("t", Some(said), None, &html! {});
        assert!(of(&Said::UnderWay).contains("http-equiv=\"refresh\""));
        let refused = of(&Said::Refused("<b>\u{202e}".to_owned()));
        assert!(refused.contains("&lt;b&gt;\\u{202e}"), "{refused}");
        for ended in [of(&Said::Taken), refused, of(&Said::Lost)] {
            assert!(!ended.contains("http-equiv"), "{ended}");
        }
    }
}
