//! A record that was cut off costs only itself.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const SAMPLE: &str = r#"{"event_type": "alert", "n":[-1.5e+3,0, [true,{"k":null}],[]], "u":"m\u00fcller \"ü€\" {[\\", "o" : {"p":{}, "f":false},"z":7}"#;

/// How `lines` are read, each ended by `end`, in reads of `size` bytes.
fn frame_lines(lines: &[&[u8]], end: &str, size: usize) -> Vec<(u64, String)> {
    let input: Vec<u8> = lines.iter().flat_map(|line| [line, end.as_bytes()].concat()).collect();
    Framing::new(BufReader::with_capacity(size, &input[..])).map(outline).collect()
}

fn is_error((_, content): &(u64, String)) -> bool {
    content.starts_with('!')
}

/// Cuts `SAMPLE` at every byte and expects `followers` behind it unharmed, each ended by `end`.
fn expect_after_every_cut(indent: &str, followers: &[&str], end: &str) {
    let whole = format!("{indent}{SAMPLE}");
    for cut in 0..=whole.len() {
        let lines: Vec<&[u8]> = std::iter::once(&whole.as_bytes()[..cut])
            .chain(followers.iter().map(|line| line.as_bytes()))
            .collect();
        let mut read = frame_lines(&lines, end, 4096);
        let context = format!("{:?} before {followers:?}: {read:?}", String::from_utf8_lossy(lines[0]));
        if cut == whole.len() {
            assert_eq!(read.remove(0), (1, SAMPLE.to_owned()), "{context}");
        } else if cut > indent.len() {
            let first = read.remove(0);
            assert!(first.0 == 1 && is_error(&first), "{context}");
        }
        let step = end.matches('\n').count();
        let texts = followers.iter().map(|line| line.trim().to_owned());
        let expected: Vec<_> = (1 + step as u64..).step_by(step).zip(texts).collect();
        assert_eq!(read, expected, "{context}");
    }
}

#[test]
fn a_line_of_ndjson_may_be_cut_at_any_byte() {
    for end in ["\n", "\r\n", "\n\n"] {
        expect_after_every_cut("", &[r#"{"b": {"c":[1,{}]}}"#, "{}", r#"{"d":"x"}"#], end);
    }
    expect_after_every_cut("  ", &[r#"  {"b":1}"#, r#"  {"c":[{"d":2}]}"#], "\n");
}

#[test]
fn lines_of_text_follow_a_cut_line() {
    let cef = "CEF:0|a|b|c|d|e|5|src=10.0.0.5 msg={\"x\": [\"y\",";
    let syslog = "<134>Mar  4 05:06:07 h CEF:0|a|b|c|d|e|5|msg=\"";
    for text in [
        cef,
        syslog,
        "Mar  4 05:06:07 h CEF:0|a",
        "2026-03-04T05:06:07Z h CEF:0|a",
        "10.0.0.5",
        "2001:db8::1",
        "::1",
        "dead::beef",
        "fe80::1 anna",
        "\"10.0.0.5\"",
        "nul",
        "t",
    ] {
        expect_after_every_cut("", &[text, r#"{"b":2}"#], "\n");
        expect_after_every_cut("", &[text, text, r#"{"b":2}"#, text], "\n");
        expect_after_every_cut("", &[r#"{"b":2}"#, text, r#"{"c":3}"#], "\n");
    }
}

#[test]
fn elements_of_a_list_follow_a_cut_one() {
    // The lines of an array, with and without its brackets, with the commas on either side.
    expect(
        "[\n{\"a\":1},\n{\"b\":\n{\"c\":3},\n{\"d\":4}\n]\n{}",
        &[(2, "{\"a\":1}"), (3, "!cut_off"), (4, "{\"c\":3}"), (5, "{\"d\":4}"), (7, "{}")],
    );
    expect("{\"b\":[\n{\"c\":3},\n{\"d\":4},\n", &[(1, "!cut_off"), (2, "{\"c\":3}"), (3, "{\"d\":4}")]);
    for cut in ["{\"b\":", "{\"b\":1", "{\"b\":[", "{\"b\":[1", "{", "{\"b\""] {
        expect(
            &format!("[{cut}\n,{{\"c\":3}}\n, {{\"d\":4}}\n]\n"),
            &[(1, "!cut_off"), (2, "{\"c\":3}"), (3, "{\"d\":4}")],
        );
    }
    // An array that was cut between its elements.
    expect(
        "[{\"a\":1},\n10.0.0.5\nCEF:0|a [\"\n{}",
        &[(1, "{\"a\":1}"), (1, "!cut_off"), (2, "10.0.0.5"), (3, "CEF:0|a [\""), (4, "{}")],
    );
    expect("[1,\n2,\n \"x\"\n,true]", &[(1, "1"), (2, "2"), (3, "\"x\""), (4, "true")]);
}

#[test]
fn elements_over_several_lines_follow_a_broken_one() {
    for (array, lines) in [
        ("[\n  {\n    \"a\": \"cut\n  },\n  {\n    \"b\": 2\n  }\n]", (2, 5)),
        ("[{\n  \"a\": \"cut\n}, {\n  \"b\": 2\n}]", (1, 3)),
        ("[{\n  \"a\": \"cut\n}\n,{\n  \"b\": 2\n}]", (1, 4)),
    ] {
        let read = frame(array);
        let parsed = read.get(1).and_then(|(_, text)| serde_json::from_str::<Value>(text).ok());
        assert_eq!(parsed, Some(json!({"b": 2})), "{read:?}");
        assert_eq!((read.len(), read[0].0, read[1].0), (2, lines.0, lines.1), "{read:?}");
    }
}

#[test]
fn a_document_may_follow_a_cut_one_whatever_their_layout() {
    let pretty =
        "{\n  \"a\": {\n    \"b\": [\n      1,\n      {\n        \"c\": \"x\"\n      }\n    ]\n  }\n}";
    let flat = pretty.replace("  ", "");
    let next = serde_json::to_string_pretty(&json!({"n": {"m": [{}, 1]}})).expect("JSON");
    for whole in [pretty, &flat, SAMPLE] {
        for cut in 1..whole.len() {
            for next in ["{\"n\":1}", &next, "10.0.0.5"] {
                let Some(cut_off) = whole.get(..cut) else { continue };
                let read = frame(&format!("{cut_off}\n{next}\n{{}}\n"));
                let of_cut_off = cut_off.matches('\n').count() as u64 + 1;
                let expected = [(of_cut_off + 1, next), (of_cut_off + 1 + next.lines().count() as u64, "{}")];
                let expected = expected.map(|(line, text)| (line, text.to_owned()));
                assert!(read.ends_with(&expected), "{cut_off:?} {read:?}");
                assert_eq!(read[0].0, 1);
                assert!(is_error(&read[0]), "{cut_off:?} {read:?}");
            }
        }
    }
}

#[test]
fn documents_over_several_lines_stay_whole() {
    let value =
        json!({"a": {"b": [1, {"c": [[], {}], "d": ["x", "y"]}, 10, -1.5]}, "e": [{"f": 1}, {"f": 2}]});
    let pretty = serde_json::to_string_pretty(&value).expect("JSON");
    let flat = pretty.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
    let own_lines = flat.replace('{', "\n{\n").replace('[', "\n[\n");
    let own_lines = own_lines.trim_start().to_owned();
    let rows = "{\"total\":2,\"rows\":[\n{\"id\":1},\n{\"id\":2,\n\"x\":3}\n]}".to_owned();
    let commas_first =
        "{ \"a\": 1\n, \"b\":\n  {\"c\": 2}\n, \"d\": [ {\"x\":1}\n, {\"x\":2}\n]\n}".to_owned();
    let flat_and_last = "{\n\"a\":\n{\n\"b\": [\n1\n]\n}\n}".to_owned();
    for document in [pretty, flat, own_lines, flat_and_last, rows, commas_first] {
        for ends in ["\n", "\r\n"] {
            let document = document.replace('\n', ends);
            let after = document.lines().count() as u64 + 1;
            expect(&format!("{document}{ends}{{}}"), &[(1, &document), (after, "{}")]);
            expect(&format!("[{document},{ends}{{}}]"), &[(1, &document), (after, "{}")]);
        }
    }
}

#[test]
fn a_broken_document_is_one_error_whatever_its_layout() {
    for document in
        ["{\n\"a\": [\n1,\n2\n],\n\"b\": tru\n}", "{\n  \"a\": [\n    {},\n    2\n  ],\n  \"b\" 5\n}"]
    {
        expect(&format!("{document}\n{{}}"), &[(1, "!broken_json"), (8, "{}")]);
    }
}

#[test]
fn what_was_swallowed_is_read_when_the_input_fails_or_the_cap_is_reached() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let input = "{\"x\":[\n{\"a\":1},\n{\"b\":2},\n".as_bytes().chain(Fails);
    let read: Vec<_> = Framing::new(BufReader::new(input)).map(|framed| outline(framed).1).collect();
    assert_eq!(read, ["!cut_off", "{\"a\":1}", "{\"b\":2}", "!read_failed"]);

    let count = MAX_RECORD_BYTES / 8 + 1000;
    let read = frame(&format!("{{\"x\":[\n{}{{}}", "{\"a\":1},\n".repeat(count)));
    assert_eq!(read.len(), count + 2);
    assert_eq!(
        (read[0].clone(), &read[count]),
        ((1, "!too_long".to_owned()), &(count as u64 + 1, "{\"a\":1}".into()))
    );
    assert!(read[1..].iter().all(|item| !is_error(item)));

    // A cut line over the cap.
    let long = format!("{{\"x\":\"{}\",\"y\":", "x".repeat(MAX_RECORD_BYTES));
    expect(&format!("{long}\n{{\"a\":1}}\n{{}}"), &[(1, "!too_long"), (2, "{\"a\":1}"), (3, "{}")]);
    expect(&format!("{long}\n10.0.0.5\n{{}}"), &[(1, "!too_long"), (2, "10.0.0.5"), (3, "{}")]);
}

/// Lines that each look like the start of all that follows are not read over and over.
#[test]
fn reading_anew_is_bounded() {
    let count = 5_000;
    for start in ["{\"a\":[", "[{\"a\":", "{\"a\":{\"b\":["] {
        let errors = frame(&format!("{start}\n").repeat(count)).len();
        assert!(errors >= count / 2, "{start} {errors}");
        let read = frame(&format!("{}{}", format!("{start}\n").repeat(20), "{},\n".repeat(count)));
        assert_eq!(read.iter().filter(|item| item.1 == "{}").count(), count, "{start}");
    }
}

#[test]
fn no_record_waits_behind_a_cut_one() {
    struct Open<'a>(&'a [u8]);
    impl Read for Open<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert!(!self.0.is_empty(), "read on although a record was complete");
            self.0.read(buffer)
        }
    }
    for next in [SAMPLE, "10.0.0.5", "CEF:0|a|b|c|d|e|5|", "{\n  \"a\": {}\n}"] {
        for cut in 1..SAMPLE.len() {
            let input = [&SAMPLE.as_bytes()[..cut], b"\n", next.as_bytes(), b"\n"].concat();
            let mut framing = Framing::new(BufReader::new(Open(&input)));
            assert!(framing.next().expect("an item").content.is_err());
            assert_eq!(framing.next().map(outline), Some((2, next.to_owned())));
        }
    }
}

fn json_line() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        (-1e9..1e9).prop_map(|n: f64| json!(n)),
        "[ -~äß€\n\"\\\\{}\\[\\],:]{0,6}".prop_map(|text| json!(text)),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| json!(values)),
            prop::collection::btree_map("[a-c\"{]{0,2}", inner, 0..4).prop_map(|members| json!(members)),
        ]
    });
    prop::collection::btree_map("[a-d]{1,2}", value, 0..5).prop_map(|members| json!(members).to_string())
}

/// A line, and whether it is whole.
fn line() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let cut = (json_line(), any::<prop::sample::Index>())
        .prop_map(|(line, at)| (line.as_bytes()[..1 + at.index(line.len() - 1)].to_vec(), false));
    prop_oneof![
        3 => json_line().prop_map(|line| (line.into_bytes(), true)),
        3 => cut,
        1 => "CEF:0\\|[ -~]{0,20}x".prop_map(|line| (line.into_bytes(), true)),
        1 => any::<std::net::IpAddr>().prop_map(|ip| (ip.to_string().into_bytes(), true)),
    ]
}

proptest! {
    #[test]
    fn every_line_has_its_own_outcome(
        lines in prop::collection::vec(line(), 1..8),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        size in prop::sample::select(vec![1, 2, 7, 64, 4096]),
    ) {
        let texts: Vec<&[u8]> = lines.iter().map(|(line, _)| &line[..]).collect();
        let read = frame_lines(&texts, end, size);
        prop_assert_eq!(read.len(), lines.len(), "{:?}", read);
        for (index, (item, (line, whole))) in read.iter().zip(&lines).enumerate() {
            prop_assert_eq!(item.0, index as u64 + 1);
            if *whole {
                prop_assert_eq!(item.1.as_bytes(), &line[..]);
            } else {
                prop_assert!(is_error(item), "{:?}", item);
            }
        }
    }

    #[test]
    fn the_size_of_reads_changes_nothing(
        input in "([{}\\[\\],:]|\n|\r\n|  |\"a\"|\"a\":|\"x|\\\\|10|true|10[.]0[.]0[.]5|CEF:0[|]|[{]\"a\":1[}]|é){0,40}",
        size in 1_usize..9,
    ) {
        let read: Vec<_> = Framing::new(BufReader::with_capacity(size, input.as_bytes())).collect();
        let at_once: Vec<_> = Framing::new(input.as_bytes()).collect();
        prop_assert_eq!(read, at_once);
    }
}
