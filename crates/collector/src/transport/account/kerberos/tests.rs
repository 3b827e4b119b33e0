use picky_krb::constants::key_usages::AP_REP_ENC;
use picky_krb::crypto::CipherSuite;
use picky_krb::data_types::{EncApRepPart, KerberosTime};
use proptest::prelude::*;

use super::*;
use crate::transport::account::der::wrapped as tlv;

fn session() -> Key {
    Key::new(CipherSuite::Aes256CtsHmacSha196, vec![1; 32]).unwrap()
}

const TIME: &[u8] = b"20261130153400Z";

/// What an endpoint proves itself by: the time and the microseconds of our request, its key, its first number.
fn proof(
    time: &[u8],
    microseconds: u8,
    key: Option<(u8, usize)>,
    number: Option<&[u8]>,
    sealed_by: &Key,
) -> Vec<u8> {
    let key = key.map(|(kind, length)| {
        let key = [tlv(0xa0, &tlv(2, &[kind])), tlv(0xa1, &tlv(4, &vec![2; length]))].concat();
        tlv(0xa2, &tlv(0x30, &key))
    });
    let number = number.map(|number| tlv(0xa3, &tlv(2, number)));
    let plain = [
        tlv(0xa0, &tlv(0x18, time)),
        tlv(0xa1, &tlv(2, &[microseconds])),
        key.unwrap_or_default(),
        number.unwrap_or_default(),
    ];
    let plain = tlv(0x7b, &tlv(0x30, &plain.concat()));
    let cipher = sealed_by.seal(AP_REP_ENC, &plain).unwrap();
    let sealed = tlv(0x30, &[tlv(0xa0, &tlv(2, &[18])), tlv(0xa2, &tlv(4, &cipher))].concat());
    let reply = [tlv(0xa0, &tlv(2, &[5])), tlv(0xa1, &tlv(2, &[15])), tlv(0xa2, &sealed)].concat();
    let reply = tlv(0x6f, &tlv(0x30, &reply));
    let mechanism = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
    tlv(0x60, &[&mechanism[..], &[2, 0], &reply].concat())
}

/// An exchange of that time.
fn exchange() -> Exchange {
    let part = [tlv(0xa0, &tlv(0x18, TIME)), tlv(0xa1, &tlv(2, &[7]))].concat();
    let part: EncApRepPart = picky_asn1_der::from_bytes(&tlv(0x7b, &tlv(0x30, &part))).unwrap();
    let time: KerberosTime = part.0.ctime.0;
    Exchange::of(session(), Key::new(CipherSuite::Aes256CtsHmacSha196, vec![3; 32]).unwrap(), time, 7, 9)
}

fn says(answer: &[u8]) -> String {
    exchange().finish(answer).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn an_endpoint_proves_itself_by_the_time_of_this_very_exchange() {
    let (key, number) = (Some((18, 32)), Some(&[0x7f][..]));
    assert_eq!(says(&proof(TIME, 7, key, number, &session())), "");
    assert_eq!(says(&proof(TIME, 7, None, number, &session())), "", "our own key is used then");
    for (answer, why) in [
        (proof(b"20261130153401Z", 7, key, number, &session()), "another exchange"),
        (proof(TIME, 8, key, number, &session()), "another exchange"),
        (proof(TIME, 7, Some((23, 16)), number, &session()), "none for AES"),
        (proof(TIME, 7, Some((18, 16)), number, &session()), "none for AES"),
        (proof(TIME, 7, key, None, &session()), "does not number"),
        (
            proof(TIME, 7, key, number, &Key::random(CipherSuite::Aes256CtsHmacSha196).unwrap()),
            "ticket's key",
        ),
        (b"NTLMSSP\0".to_vec(), "none of Kerberos"),
        (vec![0; 5000], "none of Kerberos"),
    ] {
        assert!(says(&answer).contains(why), "{why}: {}", says(&answer));
    }
}

#[test]
fn keys_are_aes_of_the_right_length_and_made_as_rfc_3962_has_it() {
    let aes = CipherSuite::Aes128CtsHmacSha196;
    assert!(Key::new(aes.clone(), vec![0; 32]).is_none() && Key::new(aes.clone(), vec![0; 16]).is_some());
    assert!(suite(&[23]).is_none() && suite(&[16]).is_none() && suite(&[]).is_none());
    let one = Key::random(aes.clone()).unwrap();
    assert_ne!(one.bytes.as_ref(), Key::random(aes).unwrap().bytes.as_ref());
}

/// A reply of a KDC, for nobody: AS-REP or TGS-REP.
fn reply(tag: u8, kind: u8) -> Vec<u8> {
    let sealed = |number: u8| {
        let part = [tlv(0xa0, &tlv(2, &[18])), tlv(0xa2, &tlv(4, &[7; 64]))].concat();
        tlv(0xa0 | number, &tlv(0x30, &part))
    };
    let name = |number: u8| {
        let names = tlv(0x30, &[tlv(0x1b, b"krbtgt"), tlv(0x1b, b"CORP")].concat());
        tlv(0xa0 | number, &tlv(0x30, &[tlv(0xa0, &tlv(2, &[2])), tlv(0xa1, &names)].concat()))
    };
    let ticket = [tlv(0xa0, &tlv(2, &[5])), tlv(0xa1, &tlv(0x1b, b"CORP")), name(2), sealed(3)].concat();
    let parts = [
        tlv(0xa0, &tlv(2, &[5])),
        tlv(0xa1, &tlv(2, &[kind])),
        tlv(0xa3, &tlv(0x1b, b"CORP")),
        name(4),
        tlv(0xa5, &tlv(0x61, &tlv(0x30, &ticket))),
        sealed(6),
    ];
    tlv(tag, &tlv(0x30, &parts.concat()))
}

#[test]
fn a_message_is_one_thing_and_no_other() {
    let kinds = [reply(0x6b, 11), reply(0x6d, 13)].map(|message| read_anything(&message));
    assert!(kinds[0] != kinds[1] && kinds.iter().all(|kinds| kinds.count_ones() == 1), "{kinds:?}");
    assert_eq!(read_anything(&proof(TIME, 7, None, None, &session())), 0, "wrapped, and no error");
    assert_eq!(read_anything(b""), 0);
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..400, to: u8) {
        read_anything(&bytes);
        let mut whole = proof(TIME, 7, Some((18, 32)), Some(&[5]), &session());
        let at = at % whole.len();
        whole[at] = to;
        let _ = exchange().finish(&whole);
        read_anything(&whole);
        let mut whole = reply(0x6b, 11);
        let at = at % whole.len();
        whole[at] = to;
        prop_assert!(read_anything(&whole).count_ones() <= 1);
    }
}
