use proptest::prelude::*;

use super::failure::Failure;
use super::header::{Command, Header, Question, Status};
use super::keys::{Cipher, Dialect, Keys, Transcript};
use super::message::{self, Control, Opening};
use super::ndr::{Arguments, Results};
use super::rpc::{Assembly, Win32};
use super::{fuzzing, listing, services, winreg};

const KEY: [u8; 16] = *b"0123456789abcdef";

fn question() -> Vec<u8> {
    let question = Question {
        command: Command::Read,
        charge: 1,
        credits: 1,
        signed: true,
        message: 7,
        tree: 3,
        session: 9,
    };
    question.message(b"body of it")
}

fn keys(dialect: Dialect, cipher: Option<Cipher>) -> Keys {
    let mut transcript = Transcript::new();
    transcript.add(b"what was said");
    Keys::derive(&KEY, dialect, cipher, &transcript)
}

#[test]
fn a_signature_holds_for_every_bit() {
    for dialect in Dialect::ALL {
        let mut message = question();
        keys(dialect, None).sign(&mut message);
        assert!(keys(dialect, None).verify(&message).is_ok());
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert!(keys(dialect, None).verify(&changed).is_err(), "{dialect:?} {at}");
        }
        assert!(keys(dialect, None).verify(&message[..40]).is_err());
    }
    // Each version has a key of its own.
    let mut message = question();
    keys(Dialect::Smb30, None).sign(&mut message);
    assert!(keys(Dialect::Smb311, None).verify(&message).is_err());
}

/// AES-CMAC and the key derivation, by an independent implementation (Python's `cryptography`).
#[test]
fn signatures_are_those_of_others() {
    for (dialect, expected) in [
        (Dialect::Smb21, "ccc08e80022a4834e68a8ce3628fde05"),
        (Dialect::Smb302, "fccff84213144cdb610c2744fca1bbd2"),
        (Dialect::Smb311, "ea60c2e6f639c8f7bf9b4556f43eb854"),
    ] {
        let mut message = question();
        keys(dialect, None).sign(&mut message);
        assert_eq!(data_encoding::HEXLOWER.encode(&message[48..64]), expected, "{dialect:?}");
    }
}

#[test]
fn a_seal_opens_with_the_other_sides_key_only_and_nonces_differ() {
    let mut ours = keys(Dialect::Smb311, Some(Cipher::Gcm));
    let (first, second) = (ours.sealed(&question(), 9).unwrap(), ours.sealed(&question(), 9).unwrap());
    assert_ne!(first[20..36], second[20..36]);
    assert!(!first.windows(4).any(|part| part == b"body"));
    // Our own words, played back.
    assert!(ours.open(&first, 9).is_err());
    assert!(ours.open(&first[..51], 9).is_err() && ours.open(&first, 8).is_err());
    assert!(keys(Dialect::Smb21, None).open(&first, 9).is_err());
}

#[test]
fn statuses_that_turn_an_account_away_are_told_from_others() {
    assert!(Status::LOGON_FAILURE.refuses_account() && Status::ACCOUNT_LOCKED.refuses_account());
    assert!(!Status::SUCCESS.refuses_account() && !Status::REQUEST_NOT_ACCEPTED.refuses_account());
    assert_eq!(Status(0xC000_0001).to_string(), "status 0xC0000001");
    let denied = [Failure::Refused(Status::ACCESS_DENIED), Failure::Service(Win32(5)), Failure::Fault(5)];
    assert!(denied.iter().all(Failure::is_denied));
    assert!(!Failure::Service(Win32(2)).is_denied() && Failure::Service(Win32(2)).is_absent());
}

/// Nothing that is opened can be changed: `GENERIC_*`, `DELETE`, `WRITE_*` and `MAXIMUM_ALLOWED` are never asked for.
#[test]
fn files_are_opened_for_reading_only() {
    for opening in [Opening::Folder, Opening::File, Opening::Owner] {
        let body = message::create("x", opening);
        let number = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap());
        let (access, share, disposition, options) = (number(24), number(32), number(36), number(40));
        assert_eq!(access & !0x0012_0089, 0, "{opening:?}: data, attributes, security, and waiting");
        assert_eq!((share, disposition), (7, 1), "nobody is shut out, and nothing is made");
        assert_eq!(options & 0x1000, 0, "and nothing is gone once it is closed");
        assert_eq!(options & 0x20_0000, 0x20_0000, "links are not followed");
    }
}

fn fragment(kind: u8, flags: u8, call: u32, body: &[u8]) -> Vec<u8> {
    let mut fragment = vec![5, 0, kind, flags, 0x10, 0, 0, 0];
    fragment.extend(u16::try_from(16 + body.len()).unwrap().to_le_bytes());
    fragment.extend([0, 0]);
    fragment.extend(call.to_le_bytes());
    fragment.extend(body);
    fragment
}

#[test]
fn fragments_are_put_together_and_strangers_refused() {
    let body = |text: &[u8]| [&[0; 8], text].concat();
    let (first, last) = (fragment(2, 1, 1, &body(b"one ")), fragment(2, 2, 1, &body(b"two")));
    let both = [first.clone(), last.clone()].concat();
    for cut in 0..first.len() {
        assert!(Assembly::of_call(1).fragment(&both[..cut]).unwrap().is_none(), "{cut}");
    }
    let mut whole = Assembly::of_call(1);
    assert_eq!(whole.fragment(&both).unwrap(), Some(first.len()));
    assert!(!whole.is_done);
    assert_eq!(whole.fragment(&last).unwrap(), Some(last.len()));
    assert_eq!((whole.is_done, whole.stub.as_slice()), (true, &b"one two"[..]));
    for wrong in [
        fragment(2, 3, 2, &body(b"x")),
        fragment(0, 3, 1, &body(b"x")),
        fragment(2, 3, 1, &[0; 4]),
        [&fragment(2, 3, 1, &body(b"x"))[..8], &[4, 0, 0, 0, 1, 0, 0, 0]].concat(),
    ] {
        assert!(matches!(Assembly::of_call(1).fragment(&wrong), Err(Failure::Malformed(_))), "{wrong:?}");
    }
    let fault = fragment(3, 3, 1, &[0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]);
    assert!(matches!(Assembly::of_call(1).fragment(&fault), Err(Failure::Fault(5))));
    // As many as it likes, but not as much.
    let mut endless = Assembly::of_call(1);
    let large = fragment(2, 0, 1, &body(&[0; 60_000]));
    let refused = (0..100).any(|_| endless.fragment(&large).is_err());
    assert!(refused && endless.stub.len() <= 4 << 20);
}

#[test]
fn a_list_that_announces_more_than_it_has_is_refused_before_anything_is_made() {
    let list = |count: u32| {
        let head = Arguments::default().u32(1).u32(1).pointer().u32(count).pointer().u32(count);
        head.pointer().u32(0).pointer().string("C$").string("drive").done()
    };
    let found = services::read_shares(&list(1)).unwrap();
    assert_eq!((found[0].name.as_str(), found[0].is_disk), ("C$", true));
    for count in [2, 1000, u32::MAX] {
        assert!(services::read_shares(&list(count)).is_err(), "{count}");
    }
    assert!(services::read_shares(&[0; 12]).unwrap().is_empty());
}

#[test]
fn values_and_names_are_read_as_services_write_them() {
    let name = Arguments::default().u16(8).u16(512).pointer().string("Run");
    assert_eq!(winreg::key_name(&name.done()).unwrap(), "Run");
    let value = Arguments::default().u16(4).u16(512).pointer().string("a");
    let value = value.pointer().u32(4).pointer().u32(64).u32(0).u32(4).u32(7).done();
    let value = winreg::value(&value).unwrap();
    assert_eq!((value.name.as_str(), value.number()), ("a", Some(7)));
    let hostile = Arguments::default().u16(4).u16(512).pointer().u32(1).u32(0).u32(u32::MAX).done();
    assert!(winreg::value(&hostile).is_err());
    assert!(Results::new(&[1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]).string().is_err(), "it does not begin at 0");
}

fn listed(names: &[&str]) -> Vec<u8> {
    let mut list = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let whole = (64 + name.len()).next_multiple_of(8);
        let next = if index + 1 < names.len() { whole as u32 } else { 0 };
        let mut entry = next.to_le_bytes().to_vec();
        entry.extend([0; 52]);
        entry.extend(0x20_u32.to_le_bytes());
        entry.extend((name.len() as u32).to_le_bytes());
        entry.extend(name);
        entry.resize(whole, 0);
        list.extend(entry);
    }
    list
}

#[test]
fn a_folders_list_is_read_to_its_end_and_never_in_circles() {
    let entries = listing::entries(&listed(&["a.torrent", "ä", ""])).unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!((names, entries[0].attributes), (vec!["a.torrent", "ä", ""], 0x20));
    let mut circle = listed(&["a", "b"]);
    for next in [1_u32, 8, 63, u32::MAX] {
        circle[..4].copy_from_slice(&next.to_le_bytes());
        assert!(listing::entries(&circle).is_err(), "{next}");
    }
}

#[test]
fn an_owner_is_read_out_of_a_security_descriptor() {
    let mut descriptor = vec![1, 0, 0, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    descriptor.extend([1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0]);
    assert_eq!(listing::owner(&descriptor).unwrap(), "S-1-5-32-544");
    descriptor[21] = 16;
    assert!(listing::owner(&descriptor).is_err());
    descriptor[4] = 0;
    assert!(listing::owner(&descriptor).is_err());
    assert_eq!(Control::PipeTransceive as u32, 0x0011_C017);
}

proptest! {
    #[test]
    fn nothing_that_an_endpoint_sends_makes_it_panic(
        reader in any::<u8>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        at in 0_usize..300,
        with in any::<u8>(),
    ) {
        let _ = fuzzing::read(reader, &bytes);
        let _ = Header::read(&bytes);
        // Nearly sound ones.
        let mut list = listed(&["a.torrent", "b"]);
        let mut stub = Arguments::default().u32(1).u32(1).pointer().u32(1).pointer().u32(1);
        stub = stub.pointer().u32(0).pointer().string("C$").string("drive");
        let mut stub = stub.done();
        for sound in [&mut list, &mut stub] {
            let at = at % sound.len();
            sound[at] = with;
            let _ = listing::entries(sound);
            for reader in 10..15 {
                let _ = fuzzing::read(reader, sound);
            }
        }
    }
}
