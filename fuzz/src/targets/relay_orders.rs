//! What travels to a relay: the link to an order file, and the file.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::{Component, Path};

use data_encoding::BASE64URL_NOPAD;
use investigation::order::{
    MAX_LINK_CHARS, MAX_ORDERS, OrderBatch, OrderLink, RelayOrder, Task, check_url, is_relay_name,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{assert_one_line, seeds as given, unquoted, way};

/// Order files.
///
/// - A batch that is read is written and read to the same, and what it does not know is refused wherever it stands.
/// - One without faults answers for few orders, none of them twice, with places of their own, for a time that is short
///   and not over; its headers are headers to an HTTP client, and its URLs lead it where they seem to.
/// - Neither what is wrong with it nor its debug form tells a URL.
pub fn order_batch(data: &[u8]) -> u64 {
    let batch = match OrderBatch::parse(data) {
        Ok(batch) => batch,
        Err(error) => {
            assert_one_line(&error.to_string());
            return way(&unquoted(&error.to_string()));
        }
    };
    let written = serde_json::to_vec(&batch).expect("a batch is written");
    assert_eq!(OrderBatch::parse(&written).expect("what was written is read"), batch, "written and read");
    if data.len() < 64 << 10 {
        let places = ["", "/orders/0", "/orders/0/order", "/orders/0/order/task", "/orders/0/upload"];
        nothing_rides_along(&written, &places, |bytes| OrderBatch::parse(bytes).is_err());
    }

    let mut kinds = String::new();
    for now in [now(), batch.issued_at, batch.expires_at] {
        let faults = batch.faults(now);
        assert_eq!(batch.check(now).err().as_ref(), faults.first());
        faults.iter().for_each(|fault| assert_one_line(&fault.to_string()));
        if faults.is_empty() {
            sound(&batch, now);
        }
        if data.len() < 64 << 10 {
            tells_no_url(
                &batch,
                &faults.iter().map(|fault| format!("{fault} {fault:?}")).collect::<String>(),
            );
        }
        kinds.extend(faults.iter().take(2).map(|fault| unquoted(&format!("{fault:?}"))));
    }
    way(&format!("{} {kinds}", "|".repeat(batch.orders.len().min(3))))
}

/// Links to order files. The input is read as the parameter, as the JSON inside one, and as a URL.
///
/// - A link that is read is written and read to the same, in no more characters.
/// - A URL that may be used leads an HTTP client to TLS or to this machine, and has no user name in it.
pub fn order_link(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    let mut ways = Vec::new();
    for parameter in [text.clone().into_owned(), BASE64URL_NOPAD.encode(data)] {
        let link = OrderLink::decode(&parameter);
        match &link {
            Ok(link) => {
                let again = link.encode().expect("a link that was read is written");
                assert!(again.len() <= parameter.len() && parameter.len() <= MAX_LINK_CHARS);
                assert_eq!(OrderLink::decode(&again).as_ref(), Ok(link), "written and read");
                assert!(link.sha256.len() == 64 && !format!("{link:?}").contains(&link.url));
                leads_where_it_seems(&link.url);
            }
            Err(error) => assert_one_line(&error.to_string()),
        }
        ways.push(link.err());
    }
    let url = check_url(&text);
    if url.is_ok() {
        leads_where_it_seems(&text);
    }
    way(&format!("{ways:?} {url:?}"))
}

/// How the HTTP client reads a URL that may be used. It may refuse it, and nothing else.
fn leads_where_it_seems(url: &str) {
    let Ok(read) = Url::parse(url) else { return };
    assert!(read.username().is_empty() && read.password().is_none(), "{url:?} has a user name");
    let host = read.host_str().unwrap_or_default();
    assert!(!host.is_empty(), "{url:?} has no host");
    let is_loopback = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback());
    assert!(read.scheme() == "https" || read.scheme() == "http" && is_loopback, "{url:?} leads to {read}");
}

/// What a batch without faults is, order by order.
fn sound(batch: &OrderBatch, now: Timestamp) {
    assert!(is_relay_name(&batch.relay) && (1..=MAX_ORDERS).contains(&batch.orders.len()));
    let life = batch.expires_at.duration_since(batch.issued_at);
    assert!(now < batch.expires_at && life <= SignedDuration::from_hours(7 * 24), "valid at {now}");
    let (mut tries, mut places) = (HashSet::new(), HashSet::new());
    for RelayOrder { order, effect, attempt, timeout_seconds, upload } in &batch.orders {
        assert!(tries.insert((&order.case_id, effect, attempt)), "an order is there twice");
        let mut parts = Path::new(&order.case_id).components();
        assert!(matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)));
        assert!((1..=86_400).contains(timeout_seconds));
        if let Task::Collect { artifacts, .. } = &order.task {
            let kinds: HashSet<_> = artifacts.iter().collect();
            assert!(!kinds.is_empty() && kinds.len() == artifacts.len());
        }
        leads_where_it_seems(&upload.url);
        assert!(places.insert(upload.url.split(['?', '#']).next()), "two bundles in one place");
        for (name, value) in &upload.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            assert!(HeaderValue::from_str(value).is_ok_and(|read| read.as_bytes() == value.as_bytes()));
            assert!(!["host", "content-length", "transfer-encoding", "connection"].contains(&name.as_str()));
        }
    }
}

/// The debug form is the same whatever the URLs are; what is said of the batch quotes none that nothing else holds.
fn tells_no_url(batch: &OrderBatch, told: &str) {
    let mut blank = batch.clone();
    blank.orders.iter_mut().for_each(|order| order.upload.url.clear());
    let without = format!("{blank:?}");
    assert_eq!(without, format!("{batch:?}"));
    for url in batch.orders.iter().map(|order| order.upload.url.as_str()).filter(|url| url.len() > 20) {
        assert!(without.contains(url) || !told.contains(url), "{told:?} quotes {url:?}");
    }
}

/// JSON with one more field in any of these places is not taken.
#[track_caller]
pub(super) fn nothing_rides_along(written: &[u8], places: &[&str], refused: impl Fn(&[u8]) -> bool) {
    let value: Value = serde_json::from_slice(written).expect("JSON");
    for place in places {
        let mut value = value.clone();
        let Some(object) = value.pointer_mut(place).and_then(Value::as_object_mut) else { continue };
        object.insert("command".to_owned(), "id".into());
        assert!(refused(value.to_string().as_bytes()), "more in {place:?} is taken");
    }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

fn one(case_id: &str, effect: usize) -> Value {
    json!({
        "order": {"case_id": case_id, "target": "10.0.0.5", "task": {"kind": "identify"}},
        "effect": effect, "attempt": 1, "timeout_seconds": 60,
        "upload": {
            "url": format!("https://b.example/staging/{case_id}/{effect}-1/bundle.zip?X-Amz-Signature=5ec3e7"),
            "headers": {"content-type": "application/zip", "if-none-match": "*"},
        },
    })
}

fn batch_of(orders: &[Value]) -> Vec<u8> {
    let batch = json!({
        "format": "peerhound-orders/1", "relay": "site-1", "issued_at": "2026-03-01T11:59:00Z",
        "expires_at": "2026-03-01T13:00:00Z", "orders": orders,
    });
    batch.to_string().into_bytes()
}

pub(super) fn batch_seeds() -> Vec<Vec<u8>> {
    let with = |pointer: &str, value: Value| {
        let mut order = one("ph-1", 1);
        *order.pointer_mut(pointer).expect("a field") = value;
        batch_of(&[order])
    };
    let collect = |artifacts: Value| {
        with("/order/task", json!({"kind": "collect", "artifacts": artifacts, "limits": {}}))
    };
    let many_headers: serde_json::Map<String, Value> =
        (0..60_000).map(|n| (format!("x-{n}"), Value::from("y"))).collect();
    vec![
        batch_of(&[one("ph-1", 1), one("ph-1", 2), one("ph-2", 1)]),
        collect(json!(["identity", "dns_cache", "neighbors", "prefetch", "programs", "torrents"])),
        batch_of(&[]),
        batch_of(&[one("ph-1", 1), one("ph-1", 1)]),
        with("/order/case_id", "../../etc".into()),
        with("/timeout_seconds", u64::MAX.into()),
        with("/upload/url", "http://127.0.0.1\\@evil.example/".into()),
        with("/upload/url", "http://[::1]:4566/b/k".into()),
        with("/upload/headers", json!({"x-a": "a\r\nb: c", "host": "x", "\u{1b}[2J": "y"})),
        br#"{"format":"peerhound-orders/2\u001b[2J","more":[1]}"#.to_vec(),
        // Hostile by design: as many orders as are allowed, and as fit; headers, kinds and one name that fill the file.
        batch_of(&(0..MAX_ORDERS).map(|n| one("ph-1", n)).collect::<Vec<_>>()),
        batch_of(&(0..8000).map(|n| one("ph-1", n)).collect::<Vec<_>>()),
        batch_of(&vec![one(&"\u{1b}".repeat(2000), 1); MAX_ORDERS]),
        with("/upload/headers", many_headers.into()),
        with("/order/case_id", "\u{202e}".repeat(1 << 20).into()),
        with("/upload/url", format!("https://a/{}", "?".repeat(3 << 20)).into()),
        collect(vec!["torrents"; 300_000].into()),
        [br#"{"format":"peerhound-orders/1","orders":"#.to_vec(), given::many(b"[", 256 << 10)].concat(),
        given::many(b" ", (4 << 20) + 1),
    ]
}

pub(super) fn link_seeds() -> Vec<Vec<u8>> {
    let link = |url: &str| json!({"url": url, "sha256": "0a".repeat(32)}).to_string().into_bytes();
    let presigned =
        "https://b.s3.eu-central-1.amazonaws.com/orders/1.json?X-Amz-Expires=60&X-Amz-Signature=ab%2F";
    let mut seeds = vec![link(presigned), BASE64URL_NOPAD.encode(&link(presigned)).into_bytes()];
    for url in [
        "https://10.0.0.1:8443/",
        "https://[2001:db8::1]/k",
        "http://127.0.0.1:4566/b/k",
        "http://localhost:4566/b/k#x",
        "http://[::1]:4566/b/k",
        "http://127.1/k",
        "http://0x7f.0.0.1/k",
        "http://[::ffff:127.0.0.1]/k",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1\\@evil.example/",
        "https://a:443@b/",
        "https:///k",
        "https://a/\tb",
    ] {
        seeds.extend([url.as_bytes().to_vec(), link(url)]);
    }
    seeds.extend([
        link(&format!("https://a/{}", "a".repeat(2900))),
        link(&format!("https://a/{}", "a".repeat(9000))),
        given::many(b"A", MAX_LINK_CHARS),
        given::many(b"A", 1 << 20),
        given::many(b"[", 3000),
        [b"https://a/".to_vec(), given::many(b"b", 1 << 20)].concat(),
    ]);
    seeds
}

pub(super) const BATCH_TOKENS: &[&[u8]] = &[
    b"\"format\":\"peerhound-orders/1\"",
    b"\"relay\":",
    b"\"issued_at\":",
    b"\"expires_at\":",
    b"\"2026-03-01T12:00:00Z\"",
    b"\"9999-12-30T22:00:00.999999999Z\"",
    b"\"-009999-01-02T01:59:59Z\"",
    b"\"orders\":[",
    b"\"effect\":",
    b"\"attempt\":",
    b"\"timeout_seconds\":",
    b"\"upload\":",
    b"\"headers\":{",
    b"\"content-type\":",
    b"\"host\":",
    b"{\"kind\":\"identify\"}",
    b"\"command\":\"id\",",
    b"https://",
    b"http://",
    b"localhost",
    b"127.0.0.1",
    b"[::1]",
    b"@",
    b"\\\\",
    b"\\u001b",
    b"\\r\\n",
    b"?",
    b"#",
    b"null",
    b"{}",
    b",",
];

pub(super) const LINK_TOKENS: &[&[u8]] = &[
    b"{\"url\":\"",
    b"\",\"sha256\":\"",
    b"\"}",
    b"https://",
    b"http://",
    b"localhost",
    b"127.0.0.1",
    b"127.1",
    b"0x7f000001",
    b"2130706433",
    b"[::1]",
    b"[::ffff:127.0.0.1]",
    b"[::1%25lo]",
    b":4566",
    b":",
    b"@",
    b"/",
    b"\\",
    b"?",
    b"#",
    b"%00",
    b"%2e",
    b"..",
    b".",
    b"xn--",
    b"\xe3\x80\x82",
    b"\xc2\xad",
    b"\t",
    b"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
];
