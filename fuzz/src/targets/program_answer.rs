//! What a program that was sent to an endpoint says, or whatever the endpoint has put in its place.

use collector::fuzzing::{PROGRAM_HELLO, ProgramAnswer, read_program};
use investigation::evidence::{ArtifactKind, ArtifactStatus};
use investigation::order::Limits;

use super::script_output::rows::rows;
use super::seeds::many;
use super::{assert_one_line, way};

/// What it is asked for.
const KINDS: [ArtifactKind; 6] = [
    ArtifactKind::Connections,
    ArtifactKind::Processes,
    ArtifactKind::Firewall,
    ArtifactKind::Torrents,
    ArtifactKind::Autostart,
    ArtifactKind::RecentExecutables,
];

/// Longest answer whose rows are looked at one by one.
const LOOKED_AT: usize = 64 << 10;

/// An answer. The first byte says what was asked, and whether the answer stands as it is or behind its first two lines.
///
/// - The same answer read twice is the same.
/// - No more rows than the cap; a cap that was reached shows: never `ok`.
/// - An answer that is whole is not whole any more without its last byte.
/// - Reasons are capped and one line each, and so is why it is none.
/// - Every text of a row is capped, whatever the endpoint sends.
pub fn program_answer(data: &[u8]) -> u64 {
    let [first, rest @ ..] = data else { return 0 };
    let kind = KINDS[usize::from(first & 0x7f) % KINDS.len()];
    let begin = format!("{{\"kind\":\"{}\"}}", kind.as_str());
    let before = match first & 0x80 {
        0 => String::new(),
        _ => format!("{PROGRAM_HELLO}begin {} {begin}\n", begin.len()),
    };
    let answer = [before.as_bytes(), rest].concat();
    let limits = Limits { rows: 3, ..Limits::default() };
    let read = |answer: &[u8]| read_program(kind, answer, &limits).expect("memory is read");
    match read(&answer) {
        ProgramAnswer::None(why) => {
            assert_one_line(&why);
            assert!(why.len() < 1024, "{} bytes of why", why.len());
            way(&format!("none {}", why.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default()))
        }
        ProgramAnswer::Read { reading, whole } => {
            assert!(reading.items <= limits.rows, "{} rows", reading.items);
            assert!(reading.reasons.len() <= 70, "{} reasons", reading.reasons.len());
            assert_eq!(reading.status == ArtifactStatus::Ok, reading.reasons.is_empty(), "{reading:?}");
            reading.reasons.iter().for_each(|reason| assert_one_line(reason));
            if whole {
                let cut = read(&answer[..answer.len() - 1]);
                assert!(!matches!(cut, ProgramAnswer::Read { whole: true, .. }), "whole without its end");
            }
            if rest.len() <= LOOKED_AT {
                rows(kind, &reading);
                let ProgramAnswer::Read { reading: again, .. } = read(&answer) else {
                    panic!("none when it is read again")
                };
                assert_eq!(reading.json().expect("JSON"), again.json().expect("JSON"), "read twice");
            }
            way(&format!("{kind:?} {whole} {:?} {} {:?}", reading.status, reading.items, reading.reasons))
        }
    }
}

fn line(word: &str, json: &str) -> String {
    format!("{word} {} {json}\n", json.len())
}

/// Whole answers of each kind, and hostile ones.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let samples = [
        r#"{"transport":"tcp","local_ip":"::ffff:10.0.0.1","local_port":1,"remote_ip":"10.0.0.2","remote_port":6881,"state":"established","pid":7,"process":"a","path":"/a","user":"u"}"#,
        r#"{"pid":7,"parent_pid":1,"name":"a","path":"/a","command_line":"a -b","user":"u","start_time":"2026-03-02T09:00:00Z","sha256":null}"#,
        r#"{"engine":"windows","chain":"in","action":"accept","program":"C:\\a.exe","ports":[6881],"text":"v2"}"#,
        r#"{"path":"/a.torrent","kind":"metainfo","size":1,"modified":null,"owner":null,"infohash_v1":"0123456789abcdef0123456789abcdef01234567"}"#,
        r#"{"mechanism":"run_key","location":"HKU","name":"a","command":"a","user":null,"enabled":true}"#,
    ];
    let mut seeds = Vec::new();
    for (index, (kind, row)) in KINDS.iter().zip(samples).enumerate() {
        let index = u8::try_from(index).unwrap_or_default();
        let begin = line("begin", &format!(r#"{{"kind":"{}"}}"#, kind.as_str()));
        let done = line("done", r#"{"status":"partial","reasons":["x"],"rows":2}"#);
        let row = line("row", row);
        seeds.push([&[index], format!("{PROGRAM_HELLO}{begin}{row}{row}{done}").as_bytes()].concat());
        seeds.push([&[index | 0x80], format!("{row}{row}{done}").as_bytes()].concat());
        // A great many rows, and one that is long.
        seeds.push([&[index | 0x80], many(row.as_bytes(), 512 << 10).as_slice()].concat());
        let long = format!("[\"{}\"]", "x".repeat(1 << 20));
        seeds.push([&[index | 0x80], line("row", &long).as_bytes()].concat());
    }
    let state = line("state", r#"{"engines":["windows"],"active":true,"rules":[]}"#);
    seeds.push([&[0x82], state.as_bytes()].concat());
    seeds.push([&[0x80], line("row", &"[".repeat(100_000)).as_bytes()].concat());
    seeds.push(many(b"motd\n", 1 << 20));
    seeds
}

/// Words of the format.
pub(super) const TOKENS: &[&[u8]] = &[
    b"peerhound-collect/1 ",
    b"begin ",
    b"row ",
    b"state ",
    b"done ",
    b"{\"kind\":\"processes\"}",
    b"\"rows\":0",
    b"\"status\":\"ok\"",
    b"\"reasons\":[]",
    b" 2 {}\n",
    b"\r\n",
    b"4194304",
];
