//! An analyst's walk through the pages in a real browser, and what each page looks like.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::browser::{Browser, ENTER, TAB};
use crate::filled::{demo, fill};
use crate::server::Server;

/// Pairs of text and ground that are too close, as WCAG 2.2 counts it (4.5 to 1, 3 to 1 for large text); controls without a
/// name; headings, landmarks and headers of tables that are missing.
const FAULTS: &str = r"
    const faults = [];
    const rgb = text => (text.match(/[\d.]+/g) || []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = element => {
        for (let e = element; e; e = e.parentElement) {
            const color = rgb(getComputedStyle(e).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
        const element = node.parentElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
        if (!node.data.trim() || box.width < 2 || style.visibility === 'hidden') continue;
        const svg = element instanceof SVGElement;
        const pair = [light(rgb(svg ? style.fill : style.color)), light(ground(element))].sort((a, b) => b - a);
        const ratio = (pair[0] + 0.05) / (pair[1] + 0.05), size = parseFloat(style.fontSize);
        if (ratio < (size >= 18.66 ? 3 : 4.5)) faults.push(ratio.toFixed(2) + ': ' + node.data.trim().slice(0, 40));
    }
    for (const control of document.querySelectorAll('input:not([type=hidden]), select'))
        if (!control.labels.length) faults.push('no label: ' + control.name);
    for (const link of document.querySelectorAll('a, button, summary'))
        if (!(link.textContent.trim() || link.getAttribute('aria-label'))) faults.push('no name: ' + link.outerHTML);
    for (const table of document.querySelectorAll('table'))
        if (!table.caption || [...table.rows].some(row => !row.querySelector('th[scope]'))) faults.push('bare table');
    if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
    if (!document.querySelector('main') || !document.documentElement.lang || !document.title) faults.push('no landmark');
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
        faults.push('wider than the window: ' + document.documentElement.scrollWidth);
    return faults;
";

struct Looks<'a> {
    browser: &'a Browser,
    folder: PathBuf,
    faults: RefCell<Vec<String>>,
}

impl Looks<'_> {
    /// Takes a page's pictures, and holds it to what every page has to be.
    fn at(&self, name: &str, url: &str) {
        let views = [
            ("light", 1280, "screen", "light"),
            ("dark", 1280, "screen", "dark"),
            ("narrow", 360, "screen", "light"),
            ("wide", 2200, "screen", "dark"),
            ("paper", 800, "print", "light"),
        ];
        for (view, width, media, scheme) in views {
            self.browser.look(width, media, scheme);
            self.browser.open(url);
            self.browser.picture(&self.folder.join(format!("{name}-{view}.png")));
            let faults = self.browser.ask(FAULTS);
            let faults = faults.as_array().unwrap().iter().map(|fault| format!("{name} {view}: {fault}"));
            self.faults.borrow_mut().extend(faults);
        }
        self.browser.look(1280, "screen", "light");
        self.browser.open(url);
    }
}

/// Where the pictures are kept for people to look at.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn an_analyst_logs_in_filters_opens_a_case_and_releases_a_cooldown() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let real = demo(folder.path());
    let hostile = fill(folder.path(), 140);
    let server = Server::start(folder.path(), &["--as", "Ann <Analyst>"]);
    let looks = Looks { browser: &browser, folder: pictures(), faults: RefCell::default() };
    let url = server.url();
    browser.look(1280, "screen", "light");

    // Not without the token; with it, and it does not stay in the window.
    looks.at("login", &format!("{url}/"));
    assert!(browser.text().contains("Log in"));
    assert!(browser.complaints().iter().all(|line| line.contains("401")), "{:?}", browser.complaints());
    browser.type_into("#token", "not the token at all, and wrong");
    browser.click("button.primary");
    assert!(browser.text().contains("That is not the token"), "{}", browser.text());
    browser.type_into("#token", &server.token);
    browser.press(ENTER);
    wait_for(&browser, "Verdicts by day");
    assert_eq!(browser.url(), format!("{url}/"));
    assert_eq!(browser.ask("return document.cookie"), "", "a script could read the session");
    browser.complaints();

    // Keys alone: past the bar into the first case of the list.
    let focused = || browser.ask("const e = document.activeElement; return e.innerText || e.name || ''");
    browser.press(TAB);
    assert_eq!(focused(), "Skip to the content");
    browser.press(ENTER);
    let first = browser.ask("return document.querySelector('tbody .id').innerText");
    let presses = (0..60).find(|_| {
        browser.press(TAB);
        focused() == first
    });
    assert!(presses.is_some(), "{first} cannot be reached");
    browser.press(ENTER);
    wait_for(&browser, "History");
    assert!(browser.url().ends_with(first.as_str().unwrap()));

    // A filter, by its form.
    browser.follow("Cases");
    browser.ask("document.querySelector('#verdict').value = 'inconclusive'");
    browser.type_into("#address", "10.20.0.2");
    browser.press(ENTER);
    wait_for(&browser, "Clear");
    let verdicts = browser.ask("return [...document.querySelectorAll('tbody .badge')].map(e => e.innerText)");
    let verdicts = verdicts.as_array().unwrap().clone();
    assert!(!verdicts.is_empty() && verdicts.iter().all(|verdict| verdict == "inconclusive"), "{verdicts:?}");

    // A cooldown is released, and gone, and its case says by whom.
    browser.follow("Cooldowns");
    let key = format!("ip#{}", hostile.target);
    browser.click(&format!("a[aria-label='Release {key}']"));
    wait_for(&browser, "goes into the case's history");
    browser.click("button.danger");
    wait_for(&browser, "is released");
    let keys = browser.ask("return [...document.querySelectorAll('tbody th')].map(e => e.innerText)");
    assert!(keys.as_array().unwrap().iter().all(|other| *other != key.as_str()), "{keys}");
    browser.open(&format!("{url}/case/{}", hostile.id));
    assert!(browser.text().contains("was released by Ann <Analyst>"), "{}", browser.text());
    assert_eq!(browser.ask("return window.alerted || document.querySelectorAll('script, img').length"), 0);

    // What was done, and what waits: on the page, in the list, and on a page of its own.
    for there in ["waits for 1 more person", "ends by itself at", "second.zip", "2 containers are read-only"]
    {
        assert!(browser.text().contains(there), "{there}: {}", browser.text());
    }
    browser.follow("Approvals");
    wait_for(&browser, "1 case has changes to a machine");
    assert!(browser.text().contains(&hostile.id) && browser.text().contains("peerhound approve"));
    browser.follow("Cases");
    wait_for(&browser, "approval wanted");

    // The report is in a sandbox: no origin, no cookies, no scripts.
    browser.open(&format!("{url}/case/{real}"));
    browser.follow("Report");
    wait_for(&browser, &real);
    assert_eq!(browser.ask("return self.origin"), "null");

    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    let user = hostile.claims.iter().find(|claim| claim.key.is_user()).unwrap();
    let release = format!("/cooldowns/release?{}", crate::http::form(&[("key", user.key.as_str())]));
    let pages = [
        ("cases", "/".to_owned()),
        ("cases-quarter", "/?days=90&page=2".to_owned()),
        ("cases-none", "/?q=nobody-has-this".to_owned()),
        ("case", format!("/case/{real}")),
        ("case-hostile", format!("/case/{}", hostile.id)),
        ("approvals", "/approvals".to_owned()),
        ("suppressed", "/suppressed".to_owned()),
        ("review", "/review".to_owned()),
        ("cooldowns", "/cooldowns".to_owned()),
        ("release", release),
        ("alert", "/alert?id=event-feed0000000000000001".to_owned()),
        ("health", "/health".to_owned()),
    ];
    for (name, path) in pages {
        looks.at(name, &format!("{url}{path}"));
    }
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    looks.at("missing", &format!("{url}/nothing"));
    let faults = looks.faults.take();
    assert!(faults.is_empty(), "{faults:#?}");

    browser.open(&format!("{url}/health"));
    browser.click(".leave button");
    wait_for(&browser, "Log in");
    browser.open(&format!("{url}/health"));
    assert!(browser.text().contains("Log in"), "{}", browser.text());
}

/// Waits until the page that a click leads to is there.
fn wait_for(browser: &Browser, text: &str) {
    for _ in 0..100 {
        if browser.text().contains(text) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("no {text} in {}", browser.text());
}
