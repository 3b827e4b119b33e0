use std::collections::BTreeMap;
use std::io::Write;

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const ALERT: &[u8] = br#"{"source":{"ip":"10.0.0.5"},"rule":{"name":"P2P"}}"#;
const NOW: i64 = 1_772_600_767;

struct Knock {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Knock {
    fn with(headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { headers: headers.collect(), body: body.to_vec() }
    }

    fn bearer(body: &[u8]) -> Self {
        Self::with(&[("authorization", &format!("Bearer {KEY}"))], body)
    }

    fn signed(key: &str, at: i64, body: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(format!("{at}.").as_bytes());
        mac.update(body);
        let signature = format!("sha256={}", HEXLOWER.encode(&mac.finalize().into_bytes()));
        Self::with(&[(TIMESTAMP, &at.to_string()), (SIGNATURE, &signature)], body)
    }

    fn answer(&self) -> Answer {
        let keys = Keys::read(&format!("# the SIEM\n{KEY}\n\n{}\n", "z".repeat(40))).unwrap();
        let policy = policy::Door { max_body_kib: 1, ..policy::Door::default() };
        let door = Door { keys: &keys, policy: &policy, formats: &[] };
        let header = |name: &str| self.headers.get(name).cloned();
        let request = Request { method: "POST", header: &header, body: &self.body };
        match door.admit(&request, "r1", Timestamp::from_second(NOW).unwrap()) {
            Ok(records) => Answer::of(&records),
            Err(answer) => answer,
        }
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn whoever_shows_a_key_or_signs_with_one_is_let_in() {
    let basic = format!("Basic {}", BASE64.encode(format!("siem:{KEY}").as_bytes()));
    for knock in [
        Knock::bearer(ALERT),
        Knock::with(&[("authorization", &format!("Splunk {KEY}"))], ALERT),
        Knock::with(&[("authorization", &basic)], ALERT),
        Knock::with(&[("authorization", &format!("bearer  {}", "z".repeat(40)))], ALERT),
        Knock::signed(KEY, NOW, ALERT),
        Knock::signed(KEY, NOW - 300, ALERT),
        Knock::signed(KEY, NOW + 300, ALERT),
    ] {
        let answer = knock.answer();
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.body["alert_ids"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn nobody_else_is() {
    let mut tampered = Knock::signed(KEY, NOW, ALERT);
    tampered.body = b"10.0.0.6".to_vec();
    let mut moved = Knock::signed(KEY, NOW, ALERT);
    moved.headers.insert(TIMESTAMP.to_owned(), (NOW + 1).to_string());
    let mut bare = Knock::signed(KEY, NOW, ALERT);
    bare.headers.remove(TIMESTAMP);
    for knock in [
        Knock::with(&[], ALERT),
        Knock::with(&[("authorization", "Bearer ")], ALERT),
        Knock::with(&[("authorization", KEY)], ALERT),
        Knock::with(&[("authorization", &format!("Bearer {}", &KEY[1..]))], ALERT),
        Knock::with(&[("authorization", &format!("Bearer {KEY}x"))], ALERT),
        Knock::with(&[("authorization", "Basic !!")], ALERT),
        Knock::with(&[(SIGNATURE, "sha256=zz"), (TIMESTAMP, "1")], ALERT),
        Knock::signed("another key, which nobody gave out", NOW, ALERT),
        Knock::signed(KEY, NOW - 301, ALERT),
        Knock::signed(KEY, NOW + 301, ALERT),
        tampered,
        moved,
        bare,
    ] {
        let answer = knock.answer();
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(!answer.body.to_string().contains(KEY));
    }
}

#[test]
fn what_cannot_be_read_is_told_beside_what_can() {
    let body = [ALERT, b"\nwhat?\n"].concat();
    let answer = Knock::bearer(&body).answer();
    assert_eq!((answer.status, answer.body["alert_ids"].as_array().unwrap().len()), (202, 1));
    assert_eq!(answer.body["unreadable"][0]["where"], "request r1, line 2");
    assert_eq!(Knock::bearer(b"what?").answer().status, 422);
    assert_eq!(Knock::bearer(b" \n").answer().status, 400);
}

#[test]
fn bodies_are_bounded_packed_or_not() {
    assert_eq!(Knock::bearer(&[b'x'; 1025]).answer().status, 413);
    let mut packed = Knock::bearer(&gzip(ALERT));
    packed.headers.insert("content-encoding".to_owned(), "gzip".to_owned());
    assert_eq!(packed.answer().status, 202);
    packed.body = gzip(&[b' '; 20 << 10]);
    assert_eq!(packed.answer().status, 413);
    packed.body = ALERT.to_vec();
    assert_eq!(packed.answer().status, 400);
    packed.headers.insert("content-encoding".to_owned(), "br".to_owned());
    assert_eq!(packed.answer().status, 415);
}

#[test]
fn keys_that_can_be_guessed_are_no_keys() {
    assert_eq!(Keys::read("# nothing\n").unwrap_err(), KeysError::None);
    assert_eq!(Keys::read("short").unwrap_err(), KeysError::Short { line: 1 });
    assert_eq!(Keys::read(&"é".repeat(40)).unwrap_err(), KeysError::Characters { line: 1 });
    assert_eq!(Keys::read(&format!("{KEY}\n").repeat(65)).unwrap_err(), KeysError::Many);
    assert_eq!(format!("{:?}", Keys::read(KEY).unwrap()), "1 keys");
}
