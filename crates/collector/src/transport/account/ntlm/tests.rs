use std::io::Write as _;

use proptest::prelude::*;

use super::*;

fn password() -> Password {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"Password").unwrap();
    Password::read(file.path()).unwrap()
}

fn info(pairs: &[(u16, &str)]) -> Vec<u8> {
    let mut info = Vec::new();
    for (kind, text) in pairs {
        let value: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        info.extend(kind.to_le_bytes());
        info.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        info.extend(value);
    }
    info.extend([0; 4]);
    info
}

/// A challenge with these names. 0xE28A8235 are the flags of MS-NLMP 4.2.4 and its TargetInfo bit.
fn challenge(info: &[u8]) -> Vec<u8> {
    let mut bytes = b"NTLMSSP\0\x02\0\0\0".to_vec();
    bytes.extend([0, 0, 0, 0, 56, 0, 0, 0]);
    bytes.extend(0xe28a_8235_u32.to_le_bytes());
    bytes.extend([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
    bytes.extend([0; 8]);
    let length = u16::try_from(info.len()).unwrap().to_le_bytes();
    bytes.extend([length, length].concat());
    bytes.extend(56_u32.to_le_bytes());
    bytes.extend([6, 0, 0x70, 0x17, 0, 0, 0, 0x0f]);
    bytes.extend(info);
    bytes
}

#[test]
fn names_are_read_from_a_challenge() {
    let names = |pairs: &[(u16, &str)]| names(&challenge(&info(pairs))).unwrap();
    let both = names(&[(2, "CORP"), (1, "WS1"), (3, "ws1.corp.example.com"), (4, "corp.example.com")]);
    assert_eq!((both.best(), both.netbios.as_deref()), (Some("ws1.corp.example.com"), Some("WS1")));
    assert_eq!(names(&[(1, "WS1")]).best(), Some("WS1"));
    assert_eq!(names(&[]).best(), None);
    let hostile = names(&[(3, "a\nb\u{1b}[2J")]);
    assert!(!hostile.best().unwrap().contains(char::is_control));
}

#[test]
fn what_is_no_challenge_is_refused() {
    let whole = challenge(&info(&[(1, "WS1")]));
    for cut in 0..whole.len() - 4 {
        assert!(names(&whole[..cut]).is_err(), "{cut}");
    }
    let mut beyond = whole.clone();
    beyond[44] = 0xff;
    assert!(names(&beyond).is_err());
    assert!(names(&[whole, vec![0; 5000]].concat()).is_err());
}

#[test]
fn the_first_message_says_nothing_of_the_account() {
    let (_, first) = Ntlm::begin(r"CORP\svc-peerhound", &password(), None).unwrap();
    assert!(first.starts_with(b"NTLMSSP\0\x01"));
    let text = String::from_utf8_lossy(&first).to_lowercase().replace('\0', "");
    assert!(!text.contains("svc-peerhound") && !text.contains("corp"), "{text}");
}

#[test]
fn the_answer_is_ntlmv2_with_integrity_and_the_channel_it_goes_through() {
    let challenge = challenge(&info(&[(1, "WS1"), (2, "CORP")]));
    let answer = |binding: Option<&[u8]>| {
        let (mut ntlm, _) = Ntlm::begin(r"CORP\svc", &password(), binding).unwrap();
        ntlm.answer(&challenge).unwrap()
    };
    let (bare, bound) = (answer(None), answer(Some(b"tls-server-end-point:x")));
    for message in [&bare, &bound] {
        assert!(message.starts_with(b"NTLMSSP\0\x03"));
        assert!(message[72..88].iter().any(|byte| *byte != 0), "a MIC");
        // MsvAvFlags: the message carries a MIC.
        assert!(message.windows(8).any(|part| part == [6, 0, 4, 0, 2, 0, 0, 0]));
        assert!(u16::from_le_bytes([message[20], message[21]]) > 24, "not NTLMv1");
    }
    let binds = |message: &[u8]| message.windows(4).any(|part| part == [10, 0, 16, 0]);
    assert!(binds(&bound) && !binds(&bare));
    let text = String::from_utf8_lossy(&bare).into_owned();
    assert!(!text.contains("Password") && !text.contains("P\0a\0s\0s\0w"));
}

#[test]
fn only_the_next_message_of_the_right_key_opens() {
    let challenge = challenge(&info(&[(1, "WS1")]));
    let (mut ntlm, _) = Ntlm::begin("svc", &password(), None).unwrap();
    ntlm.answer(&challenge).unwrap();
    let mut message = b"<a/>".to_vec();
    let signature = ntlm.seal(&mut message).unwrap();
    assert_ne!(message, b"<a/>");
    // Our own words, played back.
    assert!(ntlm.open(&signature, &mut message).is_err());
    assert!(ntlm.open(&[0; SIGNATURE], &mut [1; 100]).is_err());
    assert!(ntlm.open(&signature, &mut []).is_err());
}

/// What is logged of it at any level shows none of it.
#[test]
fn the_password_is_not_shown_for_debugging() {
    let identity = AuthIdentity {
        username: Username::parse(r"CORP\svc").unwrap(),
        password: "hunter2".to_owned().into(),
    };
    let shown = format!("{identity:?} {:?}", AuthIdentityBuffers::from(identity.clone()));
    assert!(shown.contains("svc") && !shown.contains("hunter2") && !shown.contains("104, 0, 117"), "{shown}");
}

proptest! {
    #[test]
    fn no_challenge_makes_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at in 12_usize..100,
        with in any::<u8>(),
    ) {
        let (mut ntlm, _) = Ntlm::begin("svc", &password(), None).unwrap();
        let _ = names(&bytes);
        let _ = ntlm.answer(&bytes);
        let mut nearly = challenge(&info(&[(1, "WS1"), (3, "ws1.corp.example.com")]));
        let at = at.min(nearly.len() - 1);
        nearly[at] = with;
        let _ = names(&nearly);
        let (mut ntlm, _) = Ntlm::begin("svc", &password(), None).unwrap();
        let _ = ntlm.answer(&nearly);
        let (mut ntlm, _) = Ntlm::begin("svc", &password(), None).unwrap();
        let _ = ntlm.answer(&challenge(&bytes));
        let _ = ntlm.open(&[with; SIGNATURE], &mut bytes.clone());
    }
}
