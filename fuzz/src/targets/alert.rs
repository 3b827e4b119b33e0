//! Alerts: framing, formats, and whom an alert may send us to.

use std::collections::HashSet;
use std::io::BufReader;
use std::sync::LazyLock;

use investigation::alert::framing::{Content, Framed, Framing, MAX_RECORD_BYTES, Record};
use investigation::alert::{self, Alert};
use investigation::scope::{Scope, Suspect, suspect};

use super::{assert_one_line, reference, seeds as given, way};

/// Longest text field of an alert, in characters, with what marks the cut.
const TEXT: usize = 1025;

/// Records of one input that are read as alerts.
const READ: usize = 10_000;

/// The networks that are ours here.
static SCOPE: LazyLock<Scope> = LazyLock::new(|| {
    toml::from_str(
        "networks = ['10.0.0.0/8', '192.168.0.0/16', '172.16.0.0/12', 'fd00::/16', '203.0.113.0/24']",
    )
    .expect("a scope")
});

/// Alerts in every format.
///
/// - Every input gives at least one item, and none after the last. Lines that are named exist.
/// - Records and errors do not depend on how much of the input comes at a time.
/// - Records are stretches of the input (but for CEF that was broken over lines), one behind the other, not empty, and at most [`MAX_RECORD_BYTES`] long.
/// - The same record read twice is the same alerts; alerts of one record have ids of their own, and another
///   discriminator gives others. An alert survives being written and read.
/// - Fields are capped, what is said of errors is one line, and nobody is suspected whose address is not ours.
pub fn alert(data: &[u8]) -> u64 {
    let whole: Vec<Framed> = Framing::new(data).collect();
    assert!(!whole.is_empty(), "an input gives at least one item");
    let step = 1 + data.first().copied().unwrap_or(0) as usize % 13 + data.len() / 4096;
    let mut pieces = Framing::new(BufReader::with_capacity(step, data));
    let mut header = None;
    for framed in &whole {
        let piece = pieces.next();
        same(framed, piece.as_ref(), &mut header, step);
    }
    assert!(pieces.next().is_none() && pieces.next().is_none(), "the end is the end");

    let lines = data.iter().filter(|&&b| b == b'\n').count() as u64;
    let mut said = String::new();
    let (mut before, mut rest) = (1, data);
    for framed in whole.iter().take(READ) {
        let line = framed.line;
        assert!((1..=lines + 1).contains(&line), "line {line} of {lines}");
        // What broke is told of where it began.
        if framed.content.is_ok() {
            assert!(line >= before, "line {line} after {before}");
            before = line;
        }
        let what = match &framed.content {
            Ok(record) => {
                let text = record.text.as_bytes();
                assert!(!text.is_empty(), "an empty record");
                match rest.windows(text.len()).position(|window| window == text) {
                    Some(found) => rest = &rest[found + text.len()..],
                    // A message of CEF that somebody broke over lines is joined.
                    None => {
                        let (text, rest) = (joined(text), joined(rest));
                        let found = rest.windows(text.len()).any(|window| window == text);
                        assert!(found, "the text is not in the input behind the last record's");
                    }
                }
                read(record)
            }
            Err(unreadable) => {
                assert_one_line(&unreadable.to_string());
                unreadable.code().to_owned()
            }
        };
        if said.len() < 400 && !said.contains(&what) {
            said.push_str(&what);
        }
    }
    way(&said)
}

/// Without what lines are broken with.
fn joined(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'\\').collect()
}

/// Rows of one table share their header, which is compared once.
fn same<'w>(whole: &'w Framed, piece: Option<&Framed>, header: &mut Option<&'w [String]>, step: usize) {
    let rows = |framed: Option<&Framed>| match framed.map(|framed| (&framed.line, &framed.content)) {
        Some((line, Ok(Record { text, content: Content::Row { cells, .. } }))) => {
            Some((*line, text.clone(), cells.clone()))
        }
        _ => None,
    };
    if let Ok(Record { content: Content::Row { header: of_row, .. }, .. }) = &whole.content
        && header.replace(of_row).is_some_and(|before| std::ptr::eq(before, &**of_row))
    {
        assert_eq!(rows(Some(whole)), rows(piece), "read {step} bytes at a time");
    } else {
        assert_eq!(Some(whole), piece, "read {step} bytes at a time");
    }
}

fn read(record: &Record) -> String {
    // A line may be as long, and its end does not count.
    assert!(record.text.len() <= MAX_RECORD_BYTES + 2, "{} bytes in one record", record.text.len());
    let once = alert::read(record, "one", &[]);
    assert_eq!(once, alert::read(record, "one", &[]), "read twice");
    assert!(!once.is_empty(), "neither an alert nor a rejection");
    for rejected in once.iter().filter_map(|alert| alert.as_ref().err()) {
        assert_one_line(&rejected.reject.to_string());
        assert!(rejected.reject.to_string().len() < 4096, "an endless rejection");
    }
    let alerts: Vec<Alert> = once.iter().flatten().cloned().collect();
    if let (true, Some(Err(rejected))) = (alerts.is_empty(), once.first()) {
        return format!("{:?}", rejected.reject).chars().take(60).collect();
    }
    let other: Vec<Alert> = alert::read(record, "two", &[]).into_iter().flatten().collect();
    let ids: HashSet<&str> = alerts.iter().chain(&other).map(|alert| alert.id.as_str()).collect();
    assert_eq!(ids.len(), 2 * alerts.len(), "ids are unique");
    alerts.iter().for_each(check);
    let first = &alerts[0];
    let given = [
        first.timestamp.is_some(),
        first.source_ip.is_some(),
        first.destination_ip.is_some(),
        first.user_name.is_some(),
        first.infohash.is_some(),
    ];
    format!("{} {given:?} {:?}", first.format, first.notes.first())
}

fn check(alert: &Alert) {
    let texts = [
        &alert.event_id,
        &alert.rule_name,
        &alert.rule_id,
        &alert.user_name,
        &alert.user_domain,
        &alert.user_email,
        &alert.host_name,
        &alert.severity,
        &alert.source_address,
        &alert.destination_address,
    ];
    for text in texts.into_iter().flatten() {
        assert!(!text.is_empty() && text.chars().count() <= TEXT, "a field of {} bytes", text.len());
    }
    if let Some(infohash) = &alert.infohash {
        let hex = infohash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        assert!(hex && matches!(infohash.len(), 40 | 64), "infohash {infohash:?}");
    }
    assert!(alert.notes.len() <= 17, "{} notes", alert.notes.len());
    alert.notes.iter().for_each(|note| assert_one_line(note));
    assert!(alert.original.len() <= (64 << 10) + 3, "{} bytes of the original", alert.original.len());

    let written = serde_json::to_string(alert).expect("an alert is written");
    let again: Alert = serde_json::from_str(&written).expect("what was written is read");
    assert_eq!(*alert, again, "written and read");

    if let Suspect::One { ip, .. } = suspect(alert, &SCOPE) {
        let named = [alert.source_ip, alert.destination_ip, alert.destination_nat_ip].contains(&Some(ip));
        let ours = SCOPE.networks.iter().any(|network| reference::holds(network, ip));
        assert!(named && ours && !reference::never(ip), "{ip} is suspected");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = given::events();
    seeds.push(br#"{"event_type":"alert","src_ip":"10.0.0.5","src_port":51413,"dest_ip":"198.51.100.7","dest_port":6881,"proto":"UDP","timestamp":"2026-11-24T10:00:00.123456+0100","alert":{"signature":"ET P2P BitTorrent DHT ping","signature_id":2008581,"severity":1},"flow_id":1}"#.to_vec());
    seeds.push(b"<134>Nov 24 10:00:00 fw CEF:0|V\\|endor|P|1|100|P2P \\= x|5|src=10.0.0.5 dst=198.51.100.7 spt=51413 dpt=6881 proto=UDP suser=CORP\\\\\\\\alice rt=1764000000000 msg=a\\=b c".to_vec());
    seeds.push(b"{\"source.ip\":\"::ffff:10.0.0.5\",\"@timestamp\":-9223372036854775808,\"torrent.infohash\":\"0123456789abcdef0123456789abcdef01234567\"}".to_vec());
    seeds.push(b"ip;user;comment\n10.0.0.5;alice;\"two\nlines\"\n;;\n\"10.0.0.6\";bob;x;y\n".to_vec());
    seeds.push(
        b"\xef\xbb\xbf[\n{\"source\":{\"ip\":\"10.0.0.5\"}},\n{\"source\":{\"ip\":\"10.0.0.6\"}}\n]".to_vec(),
    );
    // Hostile by design.
    seeds.push(given::many(b"[", 1 << 20));
    seeds.push(given::many(b"{\"a\":", 1 << 20));
    seeds.push(given::many(b"10.0.0.5\n", 256 << 10));
    seeds.push(
        [b"{\"source.ip\":\"10.0.0.5\",\"x\":\"".to_vec(), given::many(b"x", 3 << 20), b"\"}".to_vec()]
            .concat(),
    );
    seeds.push([b"{\"source.ip\":[".to_vec(), given::many(b"1,", 99_000), b"1]}".to_vec()].concat());
    seeds.push(
        [b"ip,".to_vec(), given::many(b"a,", 1000), b"\n\"".to_vec(), given::many(b"\"\"\n", 1200 << 10)]
            .concat(),
    );
    seeds.push([b"CEF:0|a|b|c|d|e|f|".to_vec(), given::many(b"src=10.0.0.5 ", 900 << 10)].concat());
    seeds.push([b"CEF:0|a|b|c|d|e|f|src=10.0.0.5 msg=".to_vec(), given::many(b"\\\\=", 900 << 10)].concat());
    seeds.push([b"<1>a: ".to_vec(), given::many(b"{\"", 900 << 10), b"}".to_vec()].concat());
    seeds
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"\"source.ip\":",
    b"\"destination.ip\":",
    b"\"source\":{",
    b"\"ip\":",
    b"\"@timestamp\":",
    b"\"event_type\":\"alert\"",
    b"\"src_ip\":",
    b"\"dest_ip\":",
    b"\"alert\":{",
    b"\"timestamp\":",
    b"\"flow\":{",
    b"\"torrent.infohash\":",
    b"\"user.name\":",
    b"\"10.0.0.5\"",
    b"\"::ffff:10.0.0.5\"",
    b"169.254.169.254",
    b"127.0.0.1",
    b"010.0.0.1",
    b"fe80::1%eth0",
    b"CEF:0|",
    b"CEF:1|a|b|c|d|e|f|",
    b" src=",
    b" dst=",
    b" rt=",
    b" suser=",
    b" cs1Label=",
    b"\\=",
    b"\\|",
    b"\\\\",
    b"\\n",
    b"|",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"\\u0000\"",
    b"\"\\ud800\"",
    b"1e400",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe2\x80\xa8",
    b"\xed\xa0\x80",
    b"\r\n",
    b"\n",
    b",",
    b"\"",
    b"\"\"",
    b";",
    b"\t",
    b"#",
    b"ip,user\n",
    b"source.ip;x\n",
    b"2026-11-24T10:00:00Z",
    b"Nov 24 2026 10:00:00",
    b"1764000000",
    b"info_hash=%01",
];
