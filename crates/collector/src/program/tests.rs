use investigation::evidence::{FirewallRule, FirewallState, Process, RecentExecutable, TorrentFile};
use proptest::prelude::*;

use super::answer::written;
use super::reading::{Reading, read};
use super::*;
use crate::artifact::Parsed;
use crate::artifact::tally::Tally;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn reading(mut bytes: &[u8], kind: ArtifactKind) -> Reading {
    read(&mut bytes, kind, VERSION, &Limits::default()).unwrap()
}

fn processes() -> Parsed {
    let process = |pid: u32, name: &str| Process { pid, name: name.into(), ..Process::default() };
    Parsed::Processes(vec![process(1, "init"), process(2, "Grüße \u{1f600}\u{85}\n")])
}

fn answer_of(parsed: Parsed, kind: ArtifactKind) -> Vec<u8> {
    let mut tally = Tally::default();
    tally.partial("ä was closed");
    written(parsed, tally, kind)
}

fn none(bytes: &[u8]) -> String {
    match reading(bytes, ArtifactKind::Processes) {
        Reading::None(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_said_is_read_again_in_whole() {
    let bytes = answer_of(processes(), ArtifactKind::Processes);
    assert!(bytes.is_ascii());
    // A login shell's words come first, and line ends may have been changed on the way.
    let noisy = [b"Welcome\npeerhound-collect/1 \n", &bytes[..]].concat();
    let windows = String::from_utf8(noisy.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    for bytes in [bytes, noisy, windows] {
        let Reading::Whole(Parsed::Processes(rows), tally) = reading(&bytes, ArtifactKind::Processes) else {
            panic!("not whole")
        };
        let Parsed::Processes(expected) = processes() else { unreachable!() };
        assert_eq!(rows, expected);
        assert_eq!(tally.settle(), (ArtifactStatus::Partial, vec!["ä was closed".to_owned()]));
    }
}

#[test]
fn a_recent_program_is_read_within_its_bounds() {
    let kind = ArtifactKind::RecentExecutables;
    let row = RecentExecutable {
        path: "p".repeat(10_000),
        mode: "AH".into(),
        size: 9,
        sha256: Some("no hash".into()),
        zone: Some(3),
        ..RecentExecutable::default()
    };
    let bytes = answer_of(Parsed::RecentExecutables(vec![row]), kind);
    let Reading::Whole(Parsed::RecentExecutables(rows), tally) = reading(&bytes, kind) else {
        panic!("not whole")
    };
    assert_eq!((rows[0].path.len() < 4200, &rows[0].sha256, rows[0].zone), (true, &None, Some(3)));
    assert!(tally.settle().1.iter().any(|reason| reason.contains("called hashes")));
}

#[test]
fn a_firewall_keeps_its_state_and_its_rules() {
    let rule = FirewallRule {
        engine: "windows".into(),
        chain: None,
        action: Some("accept".into()),
        program: None,
        ports: vec![6881],
        text: "v2.30|…".into(),
    };
    let state = FirewallState {
        engines: vec!["windows".into()],
        active: Some(true),
        rules: vec![rule.clone(), rule],
    };
    let bytes = answer_of(Parsed::Firewall(state.clone()), ArtifactKind::Firewall);
    match reading(&bytes, ArtifactKind::Firewall) {
        Reading::Whole(Parsed::Firewall(read), _) => assert_eq!(read, state),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whatever_is_cut_off_shows() {
    let bytes = answer_of(processes(), ArtifactKind::Processes);
    for end in 0..bytes.len() {
        let cut = &bytes[..end];
        match reading(cut, ArtifactKind::Processes) {
            Reading::Whole(..) => panic!("{} of {} bytes are whole", end, bytes.len()),
            Reading::Cut(Parsed::Processes(rows), _) => assert!(rows.len() <= 2),
            Reading::Cut(..) => panic!("another kind"),
            Reading::None(why) => assert!(end < HELLO.len(), "{end}: {why}"),
        }
    }
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let bytes = answer_of(Parsed::Torrents(Vec::new()), ArtifactKind::Torrents);
    assert!(none(&bytes).contains("torrents where processes was asked"), "{}", none(&bytes));
    assert!(none(b"").contains("said nothing"));
    assert!(none(&b"x\n".repeat(1 << 20)).contains("said nothing"));
    assert!(none(&[b'x'; 3 << 20]).contains("said nothing"));
    assert!(none(b"peerhound-collect/1 66.6\nbegin").contains("66.6"));
}

#[test]
fn an_answer_that_the_program_does_not_write_is_none() {
    let begin = format!("{HELLO}begin 20 {{\"kind\":\"processes\"}}\n");
    let row = r#"{"pid":1,"parent_pid":null,"name":"x","path":null,"command_line":null,"user":null,"start_time":null,"sha256":null}"#;
    let line = |word: &str, json: &str| format!("{word} {} {json}\n", json.len());
    let done = |rows| line("done", &format!(r#"{{"status":"ok","reasons":[],"rows":{rows}}}"#));
    let whole = format!("{begin}{}{}", line("row", row), done(1));
    assert!(matches!(reading(whole.as_bytes(), ArtifactKind::Processes), Reading::Whole(..)));
    for (tail, why) in [
        (format!("{}{}", line("row", row), done(2)), "counts 2 rows"),
        (format!("{}{}x", line("row", row), done(1)), "goes on"),
        (
            format!("{begin_again}{}", done(0), begin_again = line("begin", r#"{"kind":"processes"}"#)),
            "twice",
        ),
        (line("row", "[]"), "row cannot be read"),
        (line("row", &format!("{}{}", "[".repeat(5000), "]".repeat(5000))), "row cannot be read"),
        (line("state", "{}"), "has none"),
        (line("rows", "{}"), "line 3"),
        (line("done", "{}"), "last line"),
        (line("done", r#"{"status":"ok","reasons":["x"],"rows":0}"#), "reasons"),
        (line("done", r#"{"status":"failed","reasons":[],"rows":0}"#), "reasons"),
        (format!("row 1{}", "0".repeat(100)), "line 3"),
        ("row 999999999 {}".to_owned(), "line 3"),
        ("row +5 {}   \n".to_owned(), "line 3"),
        ("row 2 {}{}\n".to_owned(), "line 3"),
    ] {
        let found = none(format!("{begin}{tail}").as_bytes());
        assert!(found.contains(why), "{tail:.60}: {found}");
    }
    assert!(none(format!("{HELLO}row 2 {{}}\n").as_bytes()).contains("line 2"));
}

#[test]
fn rows_and_values_are_kept_in_bounds() {
    let process = Process {
        pid: 1,
        name: "n".repeat(10_000),
        command_line: Some("ä".repeat(100_000)),
        sha256: Some("xyz".into()),
        ..Process::default()
    };
    let bytes = written(Parsed::Processes(vec![process; 5]), Tally::default(), ArtifactKind::Processes);
    let limits = Limits { rows: 3, ..Limits::default() };
    let read = read(&mut bytes.as_slice(), ArtifactKind::Processes, VERSION, &limits).unwrap();
    let Reading::Whole(Parsed::Processes(rows), tally) = read else { panic!("{read:?}") };
    assert_eq!(rows.len(), 3);
    assert!(rows[0].name.len() < 300 && rows[0].command_line.as_ref().unwrap().len() < 33 << 10);
    assert_eq!(rows[0].sha256, None);
    let (status, reasons) = tally.settle();
    assert_eq!((status, reasons.len()), (ArtifactStatus::Truncated, 3), "{reasons:?}");
}

#[test]
fn a_row_that_is_too_long_to_say_is_counted() {
    let long = Process { command_line: Some("x".repeat(FRAME_CAP)), ..Process::default() };
    let bytes = written(Parsed::Processes(vec![long]), Tally::default(), ArtifactKind::Processes);
    let Reading::Whole(Parsed::Processes(rows), tally) = reading(&bytes, ArtifactKind::Processes) else {
        panic!("not whole")
    };
    assert!(rows.is_empty());
    assert_eq!(tally.settle().0, ArtifactStatus::Truncated);
}

#[test]
fn an_order_is_strict_and_short() {
    let (ask, time) = read_ask(br#"{"kind":"processes","limits":{"artifact_seconds":7}}"#).unwrap();
    assert_eq!((ask.kind, time.as_secs()), (ArtifactKind::Processes, 7));
    // The catalogue's own cap holds whatever is asked.
    let (_, time) = read_ask(br#"{"kind":"processes","limits":{"artifact_seconds":99999}}"#).unwrap();
    assert_eq!(time.as_secs(), 300);
    for wrong in [
        &b""[..],
        b"{}",
        br#"{"kind":"processes"}"#,
        br#"{"kind":"processes","limits":{},"path":"/"}"#,
        br#"{"kind":"processes","limits":{"command":"id"}}"#,
        br#"{"kind":"processes","limits":{}}{}"#,
        br#"{"kind":"thoughts","limits":{}}"#,
    ] {
        assert!(
            matches!(read_ask(wrong), Err(AskError::Unreadable(_))),
            "{}",
            String::from_utf8_lossy(wrong)
        );
    }
    assert!(matches!(read_ask(&[b' '; ASK_CAP + 1]), Err(AskError::TooLong)));
    let identity = read_ask(br#"{"kind":"identity","limits":{}}"#).unwrap_err();
    assert!(identity.to_string().contains("identity"), "{identity}");
}

#[test]
fn hashes_of_torrents_are_hashes() {
    let line = |hash: &str| {
        let json = format!(
            r#"{{"path":"/a.torrent","kind":"metainfo","size":1,"modified":null,"owner":null,"infohash_v1":"{hash}"}}"#
        );
        let done = r#"{"status":"ok","reasons":[],"rows":1}"#;
        let begin = r#"{"kind":"torrents"}"#;
        format!(
            "{HELLO}begin {} {begin}\nrow {} {json}\ndone {} {done}\n",
            begin.len(),
            json.len(),
            done.len()
        )
    };
    let read = |text: String| -> TorrentFile {
        match reading(text.as_bytes(), ArtifactKind::Torrents) {
            Reading::Whole(Parsed::Torrents(mut rows), _) => rows.remove(0),
            other => panic!("{other:?}"),
        }
    };
    let hash = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(read(line(hash)).infohash_v1.as_deref(), Some(hash));
    assert_eq!(read(line("<script>")).infohash_v1, None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_an_end(tail: Vec<u8>, words in "(row|done|state|begin| |[0-9]{1,7}|\\{\\}|\n){0,40}") {
        for bytes in [tail.clone(), [HELLO.as_bytes(), &tail].concat(), [HELLO.as_bytes(), words.as_bytes()].concat()] {
            for kind in ArtifactKind::ALL {
                let _ = reading(&bytes, kind);
            }
        }
    }

    #[test]
    fn one_changed_byte_never_makes_it_panic(at in 0usize..400, byte: u8) {
        let mut bytes = answer_of(processes(), ArtifactKind::Processes);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = reading(&bytes, ArtifactKind::Processes);
    }
}
