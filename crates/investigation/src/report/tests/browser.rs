//! The page in a real browser: nothing is refused, logged or loaded; it fits a telephone; a checker of accessibility finds
//! nothing; it prints to a few pages. The pictures are left in `target/report/` for whoever wants to look at them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::hostile;
use super::sample::{full, with_verdict};
use crate::assess::Verdict;

/// The narrowest window, in CSS pixels.
pub(super) const NARROW: u64 = 360;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Python with the packages of the tests.
pub(super) fn python(needs_browser: bool) -> Option<PathBuf> {
    let python = root().join("target/test-venv/bin/python");
    let modules = Command::new(&python).args(["-c", "import html5lib, axe_core_python"]).output();
    let missing = if !modules.is_ok_and(|output| output.status.success()) {
        "html5lib and axe-core"
    } else if needs_browser && !Path::new("/usr/bin/chromium").exists() {
        "chromium"
    } else {
        return Some(python);
    };
    #[expect(clippy::disallowed_methods, reason = "on CI a skip proves nothing")]
    let on_ci = std::env::var_os("CI").is_some();
    assert!(!on_ci, "cannot be skipped here: {missing} not installed");
    println!("skipped: {missing} not installed (scripts/test-requirements installs it)");
    None
}

/// Writes a page where its pictures will lie.
fn written(name: &str, page: &str) -> PathBuf {
    let folder = root().join("target/report");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.html"));
    std::fs::write(&file, page).unwrap();
    file
}

fn run(python: &Path, script: &str, file: &Path, argument: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/tests").join(script);
    let output = Command::new(python).arg(script).arg(file).arg(argument).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", file.display());
    String::from_utf8(output.stdout).unwrap()
}

/// What the browser says of a page.
pub(super) fn look(python: &Path, name: &str, page: &str, views: &str) -> Value {
    let seen: Value = serde_json::from_str(&run(python, "browser.py", &written(name, page), views)).unwrap();
    assert_eq!(seen["messages"], serde_json::json!([]), "{name}: errors or violations of its own policy");
    assert_eq!(seen["requests"], serde_json::json!([]), "{name}: it loads something");
    for view in seen["views"].as_array().unwrap() {
        let name = format!("{name}, {}", view["name"]);
        let width = view["width"].as_u64().unwrap();
        assert!(view["scroll_width"].as_u64().unwrap() <= width, "{name}: wider than its window: {view}");
        assert_eq!(view["faults"], serde_json::json!([]), "{name}: not accessible");
    }
    seen
}

#[test]
fn a_browser_shows_it_and_prints_it() {
    let Some(python) = python(true) else { return };
    for (name, page) in [
        ("violation", full().html()),
        ("compromised", with_verdict(Verdict::Compromised).html()),
        ("inconclusive", with_verdict(Verdict::Inconclusive).html()),
        ("clean", with_verdict(Verdict::FalsePositive).html()),
        ("done", hostile::done_with("/var/tmp/.x/kworker")),
    ] {
        let seen = look(&python, name, &page, "light,dark,narrow,narrow-dark");
        let views = seen["views"].as_array().unwrap();
        assert_eq!(views.len(), 4, "{seen}");
        assert!(views.iter().any(|view| view["width"] == NARROW));
        let pages = seen["pages"].as_u64().unwrap();
        let most = if name == "done" { 12 } else { 10 };
        assert!((2..=most).contains(&pages), "{name}: {pages} pages");
        // Dark is dark.
        let background = |name: &str| {
            let view = views.iter().find(|view| view["name"] == name).unwrap();
            view["background"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            (background("light").as_str(), background("dark").as_str()),
            ("rgb(255, 255, 255)", "rgb(19, 22, 27)")
        );
    }
}

#[test]
fn hostile_names_do_nothing_in_a_browser() {
    let Some(python) = python(true) else { return };
    // Markup, a value that ends, hidden marks, a picture, and the longest.
    let names = hostile::names();
    for index in [0, 2, 14, 18, 21] {
        let text = &names[index];
        look(&python, &format!("hostile-done-{index}"), &hostile::done_with(text), "narrow");
        let seen = look(&python, &format!("hostile-{index}"), &hostile::page_of(text), "narrow");
        assert_eq!(seen["elements"]["script"], 0, "{text:.80}");
        assert_eq!(seen["elements"]["img"], 0, "{text:.80}");
    }
}

/// Strictly, as HTML5 says: what a forgiving parser would put right is a fault.
#[test]
fn an_independent_parser_finds_nothing_to_put_right() {
    let Some(python) = python(false) else { return };
    let mut pages = vec![("full".to_owned(), full().html())];
    pages.extend(
        hostile::names().iter().enumerate().map(|(n, text)| (format!("parsed-{n}"), hostile::page_of(text))),
    );
    let done = |(n, text): (usize, &String)| (format!("parsed-done-{n}"), hostile::done_with(text));
    pages.extend(hostile::names().iter().enumerate().map(done));
    for (name, page) in pages {
        let file = written(&name, &page);
        let read: Value = serde_json::from_str(&run(&python, "parse.py", &file, "")).unwrap();
        assert_eq!(read["faults"], serde_json::json!([]), "{name}");
        assert_eq!(read["headings_in_order"], true, "{name}");
    }
}
