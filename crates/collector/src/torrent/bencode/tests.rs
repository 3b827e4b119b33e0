use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn parse(input: &[u8]) -> Result<Document<'_>, BencodeError> {
    Document::parse(input, &Limits::default())
}

fn oddities(input: &[u8]) -> Vec<(Oddity, usize, usize)> {
    parse(input).unwrap().notes().map(|n| (n.oddity, n.offset, n.count)).collect()
}

#[test]
fn every_kind_of_value_is_read_with_its_span() {
    let input = b"d4:infod1:ai-7e1:bl2:\xff\x00i3eee4:name0:e";
    let document = parse(input).unwrap();
    let root = document.root();
    let info = root.get(b"info").unwrap();
    assert_eq!(info.raw(), b"d1:ai-7e1:bl2:\xff\x00i3eee");
    assert_eq!(info.offset(), 7);
    assert_eq!(info.get(b"a").unwrap().as_int(), Some(-7));
    let list: Vec<_> = info.get(b"b").unwrap().items().collect();
    assert_eq!(list[0].as_bytes(), Some(&b"\xff\x00"[..]));
    assert_eq!(list[1].as_int(), Some(3));
    assert_eq!(list.len(), 2);
    assert_eq!(root.get(b"name").unwrap().as_bytes(), Some(&b""[..]));
    assert!(root.get(b"b").is_none(), "a nested key is not a key of the root");
    assert_eq!(document.notes().count(), 0);
}

#[test]
fn a_value_of_another_kind_has_no_members() {
    let document = parse(b"l1:ai1ee").unwrap();
    assert_eq!(document.root().entries().count(), 0);
    for item in document.root().items() {
        assert_eq!(item.items().count() + item.entries().count(), 0);
    }
}

#[test]
fn deep_nesting_stops_at_the_cap() {
    for open in [&b"l"[..], b"d1:a"] {
        let bomb = open.repeat(100_000);
        assert_eq!(parse(&bomb).unwrap_err(), BencodeError::TooDeep { offset: 64 * open.len(), cap: 64 });
    }
    let at_the_cap = [b"l".repeat(64), b"e".repeat(64)].concat();
    assert!(parse(&at_the_cap).is_ok());
}

#[test]
fn a_claimed_length_allocates_nothing() {
    let error = parse(b"4294967296:abc").unwrap_err();
    assert_eq!(error, BencodeError::StringTooLong { offset: 0, claimed: 4_294_967_296, remaining: 3 });
    assert_eq!(error.to_string(), "string at byte 0 claims 4294967296 bytes where 3 remain");
    let endless = ["9".repeat(1000), ":".into()].concat();
    assert_eq!(
        parse(endless.as_bytes()).unwrap_err(),
        BencodeError::StringTooLong { offset: 0, claimed: u64::MAX, remaining: 0 }
    );
}

#[test]
fn too_many_values_and_too_many_bytes_are_refused() {
    let limits = Limits { bytes: 100, depth: 8, items: 3 };
    assert!(Document::parse(b"li1ei2ee", &limits).is_ok());
    assert_eq!(
        Document::parse(b"li1ei2ei3ee", &limits).unwrap_err(),
        BencodeError::TooManyItems { offset: 7, cap: 3 }
    );
    assert_eq!(
        Document::parse(&[b'i'; 101], &limits).unwrap_err(),
        BencodeError::TooLarge { size: 101, cap: 100 }
    );
}

#[test]
fn huge_integers_are_noted_and_read_as_nothing() {
    let input = [b"d1:ai".to_vec(), b"9".repeat(100_000), b"e1:bi5ee".to_vec()].concat();
    let document = parse(&input).unwrap();
    assert_eq!(document.root().get(b"a").unwrap().as_int(), None);
    assert_eq!(document.root().get(b"b").unwrap().as_int(), Some(5));
    assert_eq!(document.notes().next().unwrap().oddity, Oddity::IntegerOutOfRange);
    let edge = b"li9223372036854775807ei-9223372036854775808ei9223372036854775808ee";
    let document = parse(edge).unwrap();
    let numbers: Vec<_> = document.root().items().map(Value::as_int).collect();
    assert_eq!(numbers, [Some(i64::MAX), Some(i64::MIN), None]);
}

#[test]
fn untidy_input_is_read_and_noted() {
    assert_eq!(oddities(b"d1:bi1e1:ai2ee"), [(Oddity::UnsortedKeys, 7, 1)]);
    assert_eq!(oddities(b"d1:ai1e1:ai2ee"), [(Oddity::DuplicateKey, 7, 1)]);
    assert_eq!(
        oddities(b"d1:bi1e1:ai2e1:bi3ee"),
        [(Oddity::UnsortedKeys, 7, 1), (Oddity::DuplicateKey, 13, 1)],
        "equal keys that are not neighbours"
    );
    assert_eq!(oddities(b"li007ei-0ei0ee"), [(Oddity::NonCanonicalInteger, 1, 2)]);
    assert_eq!(oddities(b"02:ab"), [(Oddity::NonCanonicalLength, 0, 1)]);
    assert_eq!(oddities(b"le\r\n"), [(Oddity::TrailingBytes, 2, 2)]);
    let document = parse(b"d1:ai1e1:ai2ee").unwrap();
    assert_eq!(document.root().get(b"a").unwrap().as_int(), Some(1), "the first of two");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases: [(&[u8], &str); 12] = [
        (b"", "ends at byte 0 where a value (a digit, i, l or d) should follow"),
        (b"x", "byte 0x78 at 0 where a value (a digit, i, l or d) should be"),
        (b"e", "byte 0x65 at 0 where a value (a digit, i, l or d) should be"),
        (b"ie", "byte 0x65 at 1 where the digits or the end of an integer should be"),
        (b"i-e", "byte 0x65 at 2 where the digits or the end of an integer should be"),
        (b"i12", "ends at byte 3 where the digits or the end of an integer should follow"),
        (b"5", "ends at byte 1 where a digit or the colon of a string length should follow"),
        (b"5x", "byte 0x78 at 1 where a digit or the colon of a string length should be"),
        (b"l", "ends at byte 1 where a value or the list's end should follow"),
        (b"d1:ae", "byte 0x65 at 4 where the value of a key should be"),
        (b"di1ei2ee", "byte 0x69 at 1 where a key or the dictionary's end should be"),
        (b"d1:a1:b", "ends at byte 7 where a key or the dictionary's end should follow"),
    ];
    for (input, message) in cases {
        assert_eq!(parse(input).unwrap_err().to_string(), message, "{:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn every_truncation_is_an_error() {
    let input = b"d8:announce3:url4:infod6:lengthi5e4:name1:x6:pieces2:abee";
    assert!(parse(input).is_ok());
    for length in 0..input.len() {
        assert!(parse(&input[..length]).is_err(), "cut at {length}");
    }
}

/// The values that bencode can hold, for the round trip.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Dictionary(BTreeMap<Vec<u8>, Tree>),
}

fn encode(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Int(n) => out.extend(format!("i{n}e").bytes()),
        Tree::Bytes(b) => {
            out.extend(format!("{}:", b.len()).bytes());
            out.extend(b);
        }
        Tree::List(items) => {
            out.push(b'l');
            items.iter().for_each(|item| encode(item, out));
            out.push(b'e');
        }
        Tree::Dictionary(entries) => {
            out.push(b'd');
            for (key, value) in entries {
                encode(&Tree::Bytes(key.clone()), out);
                encode(value, out);
            }
            out.push(b'e');
        }
    }
}

fn decode(value: Value<'_>) -> Tree {
    if let Some(n) = value.as_int() {
        Tree::Int(n)
    } else if let Some(b) = value.as_bytes() {
        Tree::Bytes(b.to_vec())
    } else if value.is_dictionary() {
        Tree::Dictionary(value.entries().map(|(k, v)| (k.to_vec(), decode(v))).collect())
    } else {
        Tree::List(value.items().map(decode).collect())
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..12);
    let leaf = prop_oneof![any::<i64>().prop_map(Tree::Int), bytes().prop_map(Tree::Bytes)];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::List),
            prop::collection::btree_map(prop::collection::vec(any::<u8>(), 0..6), inner, 0..6)
                .prop_map(Tree::Dictionary),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back_without_notes(tree in tree()) {
        let mut encoded = Vec::new();
        encode(&tree, &mut encoded);
        let document = parse(&encoded).unwrap();
        prop_assert_eq!(document.root().raw(), &encoded[..]);
        prop_assert_eq!(document.notes().count(), 0);
        prop_assert_eq!(decode(document.root()), tree);
    }

    /// Bytes that are likely to be nearly bencode.
    #[test]
    fn nothing_panics(input in prop::collection::vec(prop::sample::select(b"0123459:-ilde\xffab".to_vec()), 0..64)) {
        if let Ok(document) = Document::parse(&input, &Limits { bytes: 60, depth: 5, items: 9 }) {
            decode(document.root());
            prop_assert!(document.root().raw().len() <= input.len());
        }
    }
}
