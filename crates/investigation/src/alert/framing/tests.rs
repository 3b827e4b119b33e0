use std::io::{BufReader, Read};

use super::*;

mod cut;

/// Line, and the record's text or the error's code.
fn frame(input: &str) -> Vec<(u64, String)> {
    Framing::new(input.as_bytes()).map(outline).collect()
}

fn outline(framed: Framed) -> (u64, String) {
    let content =
        framed.content.map_or_else(|unreadable| format!("!{}", unreadable.code()), |record| record.text);
    (framed.line, content)
}

fn expect(input: &str, expected: &[(u64, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
    assert_eq!(frame(input), expected, "{input:?}");
}

#[test]
fn documents_are_found_however_they_are_laid_out() {
    expect("{\"a\":1}\n{\"b\":2}\n", &[(1, "{\"a\":1}"), (2, "{\"b\":2}")]);
    expect("{\"a\":1}{\"b\":2},\n{}", &[(1, "{\"a\":1}"), (1, "{\"b\":2}"), (2, "{}")]);
    expect("\n\n{\n \"a\": \"}{\\\"\"\n}\r\n", &[(3, "{\n \"a\": \"}{\\\"\"\n}")]);
    expect(
        "[{\"a\":1},\n {\"b\":[{}]}\n, \"10.0.0.5\", 7]",
        &[(1, "{\"a\":1}"), (2, "{\"b\":[{}]}"), (3, "\"10.0.0.5\""), (3, "7")],
    );
    expect("\u{feff}[{\"a\":1}]\n[2]", &[(1, "{\"a\":1}"), (2, "2")]);
}

#[test]
fn what_breaks_off_costs_no_other_record() {
    expect("{\"a\":\"x\n{\"b\":2}", &[(1, "!broken_json"), (2, "{\"b\":2}")]);
    expect("{\"a\":1\n{\"b\":2}", &[(1, "!cut_off"), (2, "{\"b\":2}")]);
    expect("{\"a\":1,\n{\"b\":2}", &[(1, "!cut_off"), (2, "{\"b\":2}")]);
    expect("{\"a\":1]\n{\"b\":2}", &[(1, "!broken_json"), (2, "{\"b\":2}")]);
    expect("{\"a\":1 {\"x\"\n{\"b\":2}", &[(1, "!broken_json"), (2, "{\"b\":2}")]);
    expect("{\n \"a\": [\n }\n \"c\": 3\n}\n{\"b\":2}", &[(1, "!broken_json"), (6, "{\"b\":2}")]);
    expect("{\n \"a\": 1 {\"x\": 2}\n}\n{\"b\":2}", &[(1, "!broken_json"), (4, "{\"b\":2}")]);
    expect("{\"a\" 1}\n{\"b\":2}", &[(1, "!broken_json"), (2, "{\"b\":2}")]);
    expect(
        "[{\"a\":1},\n{\"b\":\"x\n},\n{\"c\":3}\n]\n{}",
        &[(1, "{\"a\":1}"), (2, "!broken_json"), (4, "{\"c\":3}"), (6, "{}")],
    );
    expect("[{\"a\":1}, {\"b\":", &[(1, "{\"a\":1}"), (1, "!cut_off")]);
    expect("[{\"a\":1}, ", &[(1, "{\"a\":1}"), (1, "!cut_off")]);
    expect("[2026-03-04 05:06:07] words\n10.0.0.5", &[(1, "!broken_json"), (2, "10.0.0.5")]);
}

#[test]
fn lines_are_records_and_comments_are_not() {
    expect("# c\n\n  10.0.0.5 \r\n\t#x\n10.0.0.6", &[(3, "10.0.0.5"), (5, "10.0.0.6")]);
    expect("\u{ffee} words", &[(1, "\u{ffee} words")]);
    // Blanks that are no ASCII ones.
    expect("\u{2028}\n\u{a0}\u{3000}\n10.0.0.5", &[(3, "10.0.0.5")]);
    expect("\u{2028}", &[(1, "!empty")]);
}

#[test]
fn json_behind_a_header_of_syslog_is_json() {
    let json = |input: &str| {
        let record = Framing::new(input.as_bytes()).next().expect("an item").content.expect("a record");
        matches!(record.content, Content::Json(_))
    };
    assert!(json("<134>Mar  4 05:06:07 sensor suricata[8]: {\"a\":1}"));
    assert!(json("@cee: {\"a\":1}"));
    assert!(!json("CEF:0|a|b|c|d|e|5|msg= {\"a\":1}"));
    assert!(!json("words {\"a\":1} words"));
    assert!(!json("words {\"a\":}"));
}

#[test]
fn what_broke_a_message_goes_and_its_own_characters_stay() {
    let cef = "CEF:0|a|b|c|d|e|5|msg=x";
    expect(&format!("{cef} \\\n  src=10.0.0.5\n"), &[(1, &format!("{cef} src=10.0.0.5"))]);
    // A line separator of Unicode is none of a file: it is part of the value.
    expect(&format!("{cef}\u{2028} \\\n src=10.0.0.5"), &[(1, &format!("{cef}\u{2028} src=10.0.0.5"))]);
}

#[test]
fn tables_are_read_by_their_header() {
    let cells = |input: &str| -> Vec<Vec<String>> {
        let rows =
            Framing::new(input.as_bytes()).map(|framed| match framed.content.expect("a row").content {
                Content::Row { cells, .. } => cells,
                other => panic!("{other:?}"),
            });
        rows.collect()
    };
    assert_eq!(cells("IP;user\n10.0.0.5;\"a;b\"\n"), [["10.0.0.5", "a;b"]]);
    assert_eq!(
        cells("\"Source IP\",note\r\n10.0.0.5,\"a\r\nb \"\"c\"\"\"\r\n"),
        [["10.0.0.5", "a\r\nb \"c\""]]
    );
    assert_eq!(cells("user\tip\na\t10.0.0.5"), [["a", "10.0.0.5"]]);
    assert_eq!(cells("ip\n10.0.0.5\n10.0.0.6"), [["10.0.0.5"], ["10.0.0.6"]]);
    expect(
        "ip,user\n10.0.0.5,a\n\n# c\n10.0.0.6,b,c\n10.0.0.7,\"x",
        &[(2, "10.0.0.5,a"), (5, "!broken_row"), (6, "!broken_row")],
    );
    expect("10.0.0.5,ip\n", &[(1, "10.0.0.5,ip")]);
}

#[test]
fn an_input_without_records_is_one_error() {
    for input in ["", "\n \r\n", "# c\n", "\u{feff}", "ip,user\n", "ip\n\n# c\n"] {
        expect(input, &[(1, "!empty")]);
    }
    expect("[ ]", &[(1, "!empty_list")]);
}

#[test]
fn what_is_no_text_is_one_error() {
    let codes =
        |input: &[u8]| -> Vec<String> { Framing::new(input).map(|framed| outline(framed).1).collect() };
    assert_eq!(codes(b"\x7fELF\x02\x01\n10.0.0.5\n"), ["!not_text"]);
    assert_eq!(codes(b"\x89PNG\r\n\x1a\n\0\0\n10.0.0.5\n"), ["!not_utf8"]);
    assert_eq!(codes(b"\x1f\x8b\x08\0\n\n"), ["!not_text"]);
    assert_eq!(codes(b"\xff\xfe1\0\n\0"), ["!utf16"]);
    assert_eq!(codes(b"\xff\xd8\xff\xe0"), ["!not_text"]);
    assert_eq!(codes(b"\xef\xbb"), ["!not_utf8"]);
    // Among readable records, one that is not costs only itself.
    assert_eq!(
        codes(b"10.0.0.5\nm\xfcller\na\0b\n10.0.0.6"),
        ["10.0.0.5", "!not_utf8", "!not_text", "10.0.0.6"]
    );
    assert_eq!(codes(b"{\"a\":\"m\xfcller\"}\n{}"), ["!not_utf8", "{}"]);
}

#[test]
fn a_record_may_be_as_long_as_the_cap_and_no_longer() {
    let json = |len: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(len - 8));
    let cap = MAX_RECORD_BYTES;
    let outline =
        |text: String| frame(&text).into_iter().map(|(line, text)| (line, text.len())).collect::<Vec<_>>();
    let too_long = "!too_long".len();
    assert_eq!(outline(format!("{}\n{{}}", json(cap))), [(1, cap), (2, 2)]);
    assert_eq!(outline(format!("{}\n{{}}", json(cap + 1))), [(1, too_long), (2, 2)]);
    assert_eq!(outline(format!("[{},{{}}]", json(cap + 1))), [(1, too_long), (1, 2)]);
    assert_eq!(outline(format!("{}\r\n{{}}", "x".repeat(cap))), [(1, cap), (2, 2)]);
    assert_eq!(outline(format!("{}\n{{}}", "x".repeat(cap + 3))), [(1, too_long), (2, 2)]);
    assert_eq!(outline(format!("ip\n{}\n10.0.0.5", "x".repeat(cap + 3))), [(2, too_long), (3, 8)]);
    assert_eq!(outline(format!("{{\"a\":\"{}\n{{}}", "x".repeat(cap))), [(1, "!broken_json".len()), (2, 2)]);
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let depth = MAX_DEPTH as usize;
    assert_eq!(frame(&format!("{}\n{{}}", nested(depth))), [(1, nested(depth)), (2, "{}".to_owned())]);
    expect(&format!("{}\n{{}}", nested(depth + 1)), &[(1, "!too_deep"), (2, "{}")]);
    expect(&format!("{}\n{{}}", "[".repeat(100_000)), &[(1, "!too_deep"), (2, "{}")]);
    expect(
        &format!("{{\"a\":[{}0]}}\n{{}}", "0,".repeat(MAX_VALUES as usize)),
        &[(1, "!too_many_values"), (2, "{}")],
    );
}

/// `count` times `byte`, made as it is read.
fn endless(byte: u8, count: u64) -> impl Read {
    std::io::repeat(byte).take(count)
}

#[test]
fn a_line_of_100_megabytes_is_one_error_and_reading_goes_on() {
    let input = "10.0.0.5\n".as_bytes().chain(endless(b'x', 100_000_000)).chain("\n10.0.0.6\n".as_bytes());
    let items: Vec<_> = Framing::new(BufReader::new(input)).map(outline).collect();
    let expected = [(1, "10.0.0.5"), (2, "!too_long"), (3, "10.0.0.6")];
    assert_eq!(items, expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn a_document_of_100_megabytes_is_one_error_and_reading_goes_on() {
    let document = |end: &'static str| {
        let input = "[{\"a\":\"".as_bytes().chain(endless(b'x', 100_000_000)).chain(end.as_bytes());
        Framing::new(BufReader::new(input)).map(outline).collect::<Vec<_>>()
    };
    assert_eq!(document("\"},{}]"), [(1, "!too_long".to_owned()), (1, "{}".to_owned())]);
    assert_eq!(document("\n{}"), [(1, "!broken_json".to_owned()), (2, "{}".to_owned())]);
}

#[test]
fn a_failed_read_is_the_last_item() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk\nis gone"))
        }
    }
    let items: Vec<_> = Framing::new(BufReader::new("10.0.0.5\n10.0".as_bytes().chain(Fails))).collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].content.as_ref().map_err(Unreadable::code), Err("read_failed"));
    let said = items[1].content.as_ref().expect_err("an error").to_string();
    assert!(said.contains("the disk\\nis gone"), "{said}");
}

/// A pipe that stays open gives a record when it is complete, and not when the next one comes.
#[test]
fn no_record_waits_for_the_next() {
    struct Open(&'static [u8]);
    impl Read for Open {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert!(!self.0.is_empty(), "read on although a record was complete");
            self.0.read(buffer)
        }
    }
    for input in [
        "{\"a\":1}",
        "{\"a\":1}\n",
        "[{\"a\":1}",
        "10.0.0.5\n",
        "ip,user\n10.0.0.5,\"a\"\n",
        "CEF:0|a|b|c|d|e|5|\n",
    ] {
        let mut framing = Framing::new(BufReader::new(Open(input.as_bytes())));
        assert!(framing.next().expect("an item").content.is_ok(), "{input:?}");
    }
}

#[test]
fn a_log_names_its_fields_and_the_next_one_joined_to_it_others() {
    let log = "#separator \\x09\n#fields\tts\tid.orig_h\tmsg\n#types\ttime\taddr\tstring\n1.5\t10.0.0.5\tsaid \"x\n\
               #close\n#fields\tts\tsrc\n2.5\t10.0.0.6\n#fields of a table, in words\n3.5\t10.0.0.7\t-\n";
    let rows: Vec<_> = Framing::new(log.as_bytes())
        .map(|framed| match framed.content {
            Ok(Record { content: Content::Row { header, cells }, .. }) => (header.len(), cells.join("|")),
            other => panic!("{other:?}"),
        })
        .take(2)
        .collect();
    assert_eq!(rows, [(3, "1.5|10.0.0.5|said \"x".to_owned()), (2, "2.5|10.0.0.6".to_owned())]);
    // A row of more cells than there are fields is no row.
    let last = Framing::new(log.as_bytes()).last().expect("an item");
    assert!(last.content.is_err(), "{last:?}");
}
