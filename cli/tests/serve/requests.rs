//! Requests by hand: who gets in, what attackers get, and what leaves.

use std::path::Path;
use std::time::{Duration, Instant};

use casework::backend::Backend;
use casework::backend::local::Local;
use casework::container::verify;
use investigation::claim::ClaimKey;

use crate::filled::{HOSTILE, demo, fill, policy};
use crate::http::{exchange, form, send};
use crate::server::{Server, peerhound};

const PAGES: [&str; 6] = ["/", "/suppressed", "/review", "/cooldowns", "/health", "/alert?id=bad0000001"];

fn json(folder: &Path, arguments: &[&str]) -> Vec<serde_json::Value> {
    let output = peerhound(folder).arg("--json").args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The value of the hidden field of a page's form.
fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let start = page.find(&format!("name=\"{name}\" value=\"")).unwrap();
    page[start..].split('"').nth(3).unwrap()
}

#[test]
fn strangers_see_nothing_and_other_sites_can_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path());
    let case = fill(folder.path(), 9);
    let server = Server::start(folder.path(), &[]);
    let host = server.address.to_string();
    let case_page = format!("/case/{}", case.id);
    for path in PAGES.into_iter().chain([case_page.as_str(), "/nothing", "/case/x/evidence.zip"]) {
        let answer = server.as_stranger(&format!("GET {path}"));
        assert_eq!(answer.status, 401, "{path}");
        let text = answer.text();
        assert!(text.contains("peerhound serve") && !text.contains(&case.id), "{path}: {text}");
    }
    assert_eq!(server.as_stranger("POST /cooldowns/release").status, 403, "before a session is asked for");

    let cookie = server.login();
    for path in PAGES.into_iter().chain([case_page.as_str()]) {
        let answer = server.get(path, &cookie);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("script"),
            "{policy}"
        );
        let expected = [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ];
        for (name, value) in expected {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(!answer.text().contains("style="), "{path}");
    }
    for other in ["evil.example", "evil.example:8322", "127.0.0.1", "127.0.0.1:1"] {
        let answer = send(server.address, "GET /", &[("host", other), ("cookie", &cookie)], "");
        assert_eq!(answer.status, 421, "{other}");
        assert!(!answer.text().contains(&case.id));
    }
    assert_eq!(send(server.address, "GET /", &[("cookie", &cookie)], "").status, 421, "no host");

    // Releasing: not by looking, not from elsewhere, not without the page's own word.
    let key = format!("ip#{}", case.target);
    let path = format!("/cooldowns/release?{}", form(&[("key", &key)]));
    let page = server.page(&path, &cookie);
    let word = hidden(&page, "form").to_owned();
    let own = format!("http://{host}");
    let post = |from: &[(&str, &str)], word: &str, key: &str| {
        let mut headers = vec![("host", host.as_str()), ("cookie", &cookie)];
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        headers.extend(from);
        let line = format!("POST /cooldowns/release?{}", form(&[("key", key)]));
        send(server.address, &line, &headers, &form(&[("form", word)])).status
    };
    let in_force =
        || json(folder.path(), &["cooldown", "list"]).iter().any(|claim| claim["key"] == key.as_str());
    for from in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(post(from, &word, &key), 403, "{from:?}");
    }
    let ours = [("origin", own.as_str())];
    assert_eq!(post(&ours, "0", &key), 403);
    assert_eq!(post(&ours, &word, &case.target.to_string()), 404, "not as it is spelled");
    assert!(in_force());
    assert_eq!(post(&ours, &word, &key), 303);
    assert_eq!(post(&ours, &word, &key), 404, "twice");
    assert!(!in_force());
    let list = server.page("/cooldowns", &cookie);
    assert!(list.contains(&format!("{key} is released")), "{list}");
    assert!(!server.page("/cooldowns", &cookie).contains("is released"), "said once");
    assert!(server.page(&case_page, &cookie).contains("was released by ann"), "the history names who");

    // Logging out ends the session, wherever the cookie still is.
    let headers = [("host", host.as_str()), ("cookie", cookie.as_str()), ("origin", own.as_str())];
    let headers: Vec<_> =
        headers.into_iter().chain([("content-type", "application/x-www-form-urlencoded")]).collect();
    assert_eq!(send(server.address, "POST /logout", &headers, &form(&[("form", &word)])).status, 303);
    assert_eq!(server.get("/", &cookie).status, 401);
}

#[test]
fn hostile_names_stay_text_and_what_is_asked_wrongly_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path());
    let case = fill(folder.path(), 120);
    let server = Server::start(folder.path(), &[]);
    let cookie = server.login();
    let case_page = format!("/case/{}", case.id);
    let user = case.claims.iter().find(|claim| claim.key.is_user()).unwrap().key.as_str().to_owned();
    let release = format!("/cooldowns/release?{}", form(&[("key", &user)]));
    let mirrored = format!("/?{}", form(&[("q", HOSTILE), ("user", HOSTILE)]));
    let all = ["/?days=90", &case_page, &release, &mirrored, "/alert?id=event-feed0000000000000001"];
    for path in PAGES.into_iter().chain(all) {
        let page = server.page(path, &cookie);
        for part in ["<script", "<img", "<b>", "\u{202e}", "\u{1b}", "javascript:"] {
            assert!(!page.contains(part), "{path} has {part}: {page}");
        }
    }
    let page = server.page(&case_page, &cookie);
    assert!(page.contains("&lt;script&gt;") && page.contains("\\u{202e}gpj.exe\\u{1b}[2J"), "{page}");
    assert!(page.contains("25 suppressed alerts") && page.contains("The latest 20 of 25"), "{page}");

    // Filters, pages, and the same numbers as the command line.
    let listed = json(folder.path(), &["case", "list", "--limit", "1000"]);
    let of = |verdict: &str| listed.iter().filter(|case| case["verdict"] == verdict).count();
    let counted = |page: &str| -> usize {
        let heading = page.split("<h2 id=\"list\">").nth(1).map(|rest| rest.split(' ').next().unwrap());
        heading.map_or(0, |number| number.parse().unwrap())
    };
    assert_eq!(counted(&server.page("/?days=90", &cookie)), 120);
    for verdict in ["policy_violation", "inconclusive", "false_positive"] {
        let page = server.page(&format!("/?days=90&verdict={verdict}"), &cookie);
        assert_eq!(counted(&page), of(verdict), "{verdict}");
        assert!(of(verdict) > 10, "nothing to count");
    }
    let pages = [1, 2, 3].map(|number| server.page(&format!("/?days=90&page={number}"), &cookie));
    let rows: Vec<usize> =
        pages.iter().map(|page| page.matches("role=\"rowheader\" data-label=\"Case\"").count()).collect();
    assert_eq!(rows, [50, 50, 20]);
    assert_eq!(counted(&server.page("/?days=90&address=10.20.0.7&host=ws-0006", &cookie)), 1);

    for (path, status) in [
        ("/?days=0", 400),
        ("/?days=1&days=2", 400),
        ("/?state=lost", 400),
        ("/?page=x", 400),
        ("/alert?id=", 400),
        ("/alert?id=nothing", 404),
        ("/case/ph-20260302-aaaaaaaa", 404),
        ("/case/..%2f..%2fetc%2fpasswd", 404),
        ("/case/ph-20260302-aaaaaaaa/evidence.zip", 404),
        ("/cooldowns/release?key=ip%2310.1.1.1", 404),
        ("/cooldowns/release", 404),
        ("/nothing", 404),
    ] {
        let answer = server.get(path, &cookie);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().contains("<h1>"), "{path}");
    }
    // Too much of everything.
    let long = format!("GET /?q={} HTTP/1.1\r\nhost: {}\r\n\r\n", "a".repeat(40_000), server.address);
    let refused = exchange(server.address, long.as_bytes()).status;
    assert!(matches!(refused, 414 | 431), "{refused}");
    let headers =
        [("host", server.address.to_string()), ("cookie", cookie.clone()), ("origin", server.url())];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let headers: Vec<_> =
        headers.into_iter().chain([("content-type", "application/x-www-form-urlencoded")]).collect();
    let body = form(&[("form", &"a".repeat(100_000))]);
    assert_eq!(send(server.address, "POST /cooldowns/release", &headers, &body).status, 400);
    let started = Instant::now();
    let slow = exchange(server.address, b"GET / HTTP/1.1\r\nhost: x");
    assert!(started.elapsed() < Duration::from_secs(25) && slow.status != 200, "{slow:?}");
    let guesses = (0..40).map(|guess| server.as_stranger(&format!("GET /login?token={guess}")).status);
    assert!(guesses.filter(|status| *status == 429).count() > 20, "guessing costs nothing");
    server.login();
}

#[test]
fn evidence_of_the_real_program_is_handed_out_while_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let case_id = demo(folder.path());
    let server = Server::start(folder.path(), &[]);
    let cookie = server.login();
    let store = Local::open(&folder.path().join("peerhound-data")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let case = runtime.block_on(store.case(&case_id)).unwrap().unwrap();
    let sealed = case.evidence.unwrap();

    let page = server.page(&format!("/case/{case_id}"), &cookie);
    assert!(page.contains(&sealed.sha256) && page.contains("1 suppressed alert<"), "{page}");
    let (zip, report) = (format!("/case/{case_id}/evidence.zip"), format!("/case/{case_id}/report"));
    let answer = server.get(&zip, &cookie);
    assert_eq!((answer.status, answer.is_whole()), (200, true));
    assert_eq!(
        answer.header("content-disposition"),
        Some(format!("attachment; filename=\"{case_id}.zip\"").as_str())
    );
    let copy = folder.path().join("copy.zip");
    std::fs::write(&copy, &answer.body).unwrap();
    let proven = verify(&copy).unwrap();
    assert!(proven.is_intact() && proven.sha256 == sealed.sha256);

    let shown = server.get(&report, &cookie);
    assert_eq!(shown.status, 200);
    assert!(shown.header("content-security-policy").unwrap().starts_with("sandbox; default-src 'none'"));
    assert!(shown.text().contains(&case_id), "{}", shown.text());

    // One bit of it, then another file that is whole, then none.
    let mut bytes = answer.body;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&sealed.location, &bytes).unwrap();
    for path in [&zip, &report] {
        let answer = server.get(path, &cookie);
        assert_eq!(answer.status, 409, "{path}");
        assert!(answer.text().contains("not intact") && answer.text().contains("peerhound verify"));
    }
    let other = tempfile::tempdir().unwrap();
    let other_case = demo(other.path());
    let foreign = other.path().join("peerhound-data/evidence").join(format!("{other_case}.zip"));
    assert!(verify(&foreign).unwrap().is_intact());
    std::fs::copy(&foreign, &sealed.location).unwrap();
    assert!(server.get(&zip, &cookie).text().contains("not the container that was sealed"));
    std::fs::remove_file(&sealed.location).unwrap();
    assert_eq!(server.get(&zip, &cookie).status, 404);

    // What the page shows of claims is what the store has.
    let claims = runtime.block_on(store.claims(jiff::Timestamp::now())).unwrap();
    let list = server.page("/cooldowns", &cookie);
    assert!(!claims.is_empty());
    for claim in claims {
        assert!(list.contains(claim.key.as_str()), "{list}");
        assert!(ClaimKey::stored(claim.key.as_str().to_owned()) == claim.key);
    }
}
