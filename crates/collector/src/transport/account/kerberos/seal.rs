//! Sealed messages (RFC 4121, 4.2): each with its number, so that none is left out, repeated or turned back.

use picky_krb::constants::key_usages::{ACCEPTOR_SEAL, INITIATOR_SEAL};

use super::{KerberosError, Key};

/// Length of a token's header.
const HEADER: usize = 16;

/// By how much we rotate: the header's copy and the checksum, so that they come before the message.
const ROTATION: u16 = 16 + 12;

/// Length of what stands before a message: the header, the copy of it, the checksum, and a block of random bytes.
const SIGNATURE: usize = HEADER + ROTATION as usize + 16;

const BY_ACCEPTOR: u8 = 1;
const IS_SEALED: u8 = 2;
const ACCEPTORS_KEY: u8 = 4;

/// What seals messages to an endpoint, and opens its.
pub(in crate::transport) struct Sealed {
    key: Key,
    /// Whether the endpoint has chosen the key.
    is_theirs: bool,
    /// Number of our next message.
    next: u64,
    /// Number that the endpoint's next one has to have.
    expected: u64,
}

impl Sealed {
    pub(super) fn new(key: Key, is_theirs: bool, ours: u32, theirs: u32) -> Self {
        Self { key, is_theirs, next: u64::from(ours), expected: u64::from(theirs) }
    }

    /// With a key that everybody knows, for the fuzz harness.
    pub(super) fn of_zeroes() -> Self {
        let key =
            Key { suite: picky_krb::crypto::CipherSuite::Aes256CtsHmacSha196, bytes: vec![0; 32].into() };
        Self::new(key, true, 0, 0)
    }

    fn key_flag(&self) -> u8 {
        if self.is_theirs { ACCEPTORS_KEY } else { 0 }
    }

    /// Seals a message in its place, and hands out what stands before it.
    pub(in crate::transport) fn seal(&mut self, message: &mut [u8]) -> Result<Vec<u8>, KerberosError> {
        let failed = || KerberosError::Internal("a message cannot be sealed".to_owned());
        let header = header(IS_SEALED | self.key_flag(), 0, 0, self.next);
        let mut plain = message.to_vec();
        plain.extend_from_slice(&header);
        let mut sealed = self.key.seal(INITIATOR_SEAL, &plain).ok_or_else(failed)?;
        if sealed.len() + HEADER != message.len() + SIGNATURE {
            return Err(failed());
        }
        sealed.rotate_right(usize::from(ROTATION));
        let mut signature = self::header(IS_SEALED | self.key_flag(), 0, ROTATION, self.next).to_vec();
        let (before, rest) = sealed.split_at(SIGNATURE - HEADER);
        signature.extend_from_slice(before);
        message.copy_from_slice(rest);
        self.next += 1;
        Ok(signature)
    }

    /// Opens a message, if it is the next one of who holds the key and nobody has changed it.
    pub(in crate::transport) fn open(
        &mut self,
        signature: &[u8],
        message: &mut Vec<u8>,
    ) -> Result<(), KerberosError> {
        let wrong = KerberosError::Unproven;
        let (given, before) = signature
            .split_first_chunk::<HEADER>()
            .ok_or(wrong("what stands before the message is cut off"))?;
        let extra = u16::from_be_bytes([given[4], given[5]]);
        let rotation = u16::from_be_bytes([given[6], given[7]]);
        if given[2] & IS_SEALED == 0 {
            return Err(wrong("the message is signed only, and anybody can read it"));
        }
        let flags = BY_ACCEPTOR | IS_SEALED | self.key_flag();
        if *given != header(flags, extra, rotation, self.expected) {
            return Err(wrong("the message is not the endpoint's next one"));
        }
        let sealed = [before, message.as_slice()].concat();
        // RFC 4121 counts the filler into the rotation, and MS-KILE has a form that leaves it out.
        let opened =
            [u32::from(rotation), u32::from(rotation) + u32::from(extra)].into_iter().find_map(|by| {
                let mut turned = sealed.clone();
                let by = (by as usize).checked_rem(turned.len())?;
                turned.rotate_left(by);
                self.key.open(ACCEPTOR_SEAL, &turned)
            });
        let plain = opened.ok_or(wrong("the message was altered"))?;
        let plain = plain.as_ref();
        let length = plain.len().checked_sub(HEADER + usize::from(extra));
        let length = length.ok_or(wrong("the message is cut off"))?;
        if plain[plain.len() - HEADER..] != header(flags, extra, 0, self.expected) {
            return Err(wrong("what stands before the message was altered"));
        }
        message.clear();
        message.extend_from_slice(&plain[..length]);
        self.expected += 1;
        Ok(())
    }
}

/// A token's header: identity, flags, extra count, rotation, number.
fn header(flags: u8, extra: u16, rotation: u16, number: u64) -> [u8; HEADER] {
    let mut header = [5, 4, flags, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header[4..6].copy_from_slice(&extra.to_be_bytes());
    header[6..8].copy_from_slice(&rotation.to_be_bytes());
    header[8..].copy_from_slice(&number.to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use picky_krb::crypto::CipherSuite;
    use proptest::prelude::*;

    use super::*;

    fn key() -> Key {
        Key::new(CipherSuite::Aes256CtsHmacSha196, vec![7; 32]).unwrap()
    }

    /// What an endpoint sends, with so many extra bytes.
    fn sent(number: u64, text: &[u8], extra: u16, flags: u8) -> (Vec<u8>, Vec<u8>) {
        let mut plain = text.to_vec();
        plain.resize(text.len() + usize::from(extra), 0);
        plain.extend_from_slice(&header(flags, extra, 0, number));
        let mut sealed = key().seal(ACCEPTOR_SEAL, &plain).unwrap();
        sealed.rotate_right(usize::from(ROTATION + extra));
        // As in RFC 4121, or for odd numbers as in MS-KILE.
        let rotation = if number.is_multiple_of(2) { ROTATION + extra } else { ROTATION };
        let mut signature = header(flags, extra, rotation, number).to_vec();
        let message = sealed.split_off(SIGNATURE - HEADER + usize::from(extra));
        signature.append(&mut sealed);
        (signature, message)
    }

    fn open(sealed: &mut Sealed, (signature, message): &(Vec<u8>, Vec<u8>)) -> Result<Vec<u8>, String> {
        let mut message = message.clone();
        sealed.open(signature, &mut message).map(|()| message).map_err(|error| error.to_string())
    }

    #[test]
    fn messages_come_one_after_the_other_and_each_once() {
        let mut endpoint = Sealed::new(key(), true, 1, u32::MAX);
        let first = sent(u64::from(u32::MAX), b"one", 0, 7);
        // Windows may send a block of filler.
        let second = sent(u64::from(u32::MAX) + 1, b"two, and longer than a block", 16, 7);
        let third = sent(u64::from(u32::MAX) + 2, b"three", 16, 7);
        assert_eq!(open(&mut endpoint, &first).unwrap(), b"one");
        assert!(open(&mut endpoint, &first).unwrap_err().contains("next one"));
        assert_eq!(open(&mut endpoint, &second).unwrap(), b"two, and longer than a block");
        assert_eq!(open(&mut endpoint, &third).unwrap(), b"three");
        assert!(open(&mut endpoint, &sent(7, b"x", 0, 7)).unwrap_err().contains("next one"));
    }

    #[test]
    fn what_is_not_sealed_by_the_endpoint_with_the_agreed_key_is_refused() {
        for (flags, says) in [(5, "anybody can read"), (6, "next one"), (3, "next one")] {
            let mut endpoint = Sealed::new(key(), true, 1, 5);
            let error = open(&mut endpoint, &sent(5, b"x", 0, flags)).unwrap_err();
            assert!(error.contains(says), "{flags}: {error}");
        }
        // A number that was changed to be the expected one.
        let mut replayed = sent(4, b"x", 0, 7);
        replayed.0[..HEADER].copy_from_slice(&header(7, 0, ROTATION, 5));
        let error = open(&mut Sealed::new(key(), true, 1, 5), &replayed).unwrap_err();
        assert!(error.contains("altered"), "{error}");
    }

    #[test]
    fn ours_are_as_long_as_before_and_numbered() {
        let mut ours = Sealed::new(key(), false, 9, 1);
        for number in [9, 10] {
            let mut message = b"hello".to_vec();
            let signature = ours.seal(&mut message).unwrap();
            assert_eq!((signature.len(), message.len()), (60, 5));
            assert_eq!(signature[..HEADER], header(IS_SEALED, 0, ROTATION, number));
        }
    }

    #[test]
    fn a_whole_turn_more_is_the_same_message() {
        let (mut signature, message) = sent(5, b"a message of some length, and a bit more", 0, 7);
        let whole = signature.len() - HEADER + message.len();
        let turns = u16::try_from(usize::from(ROTATION) + 192 * whole).unwrap();
        signature[6..8].copy_from_slice(&turns.to_be_bytes());
        let opened = open(&mut Sealed::new(key(), true, 1, 5), &(signature, message)).unwrap();
        assert_eq!(opened, b"a message of some length, and a bit more");
    }

    proptest! {
        #[test]
        fn any_change_is_noticed_and_none_makes_it_panic(at in 0_usize..100, change in 1_u8.., cut in 0_usize..100) {
            let (mut signature, mut message) = sent(5, b"a message of some length, and a bit more", 0, 7);
            let place = at % (signature.len() + message.len());
            match signature.get_mut(place) {
                Some(byte) => *byte ^= change,
                None => { let at = place - signature.len(); message[at] ^= change }
            }
            // By how much it is turned is not protected, and a whole turn more changes nothing (RFC 4121, section 4.2.5).
            let turned = (6..8).contains(&place);
            match open(&mut Sealed::new(key(), true, 1, 5), &(signature, message)) {
                Err(_) => {}
                Ok(opened) => prop_assert!(turned && opened == b"a message of some length, and a bit more"),
            }
            let (mut signature, message) = sent(5, b"a message of some length", 0, 7);
            signature.truncate(cut.min(59));
            prop_assert!(open(&mut Sealed::new(key(), true, 1, 5), &(signature, message.clone())).is_err());
            let (signature, _) = sent(5, b"", 0, 7);
            let mut short = message;
            short.truncate(cut % 20 + 1);
            prop_assert!(open(&mut Sealed::new(key(), true, 1, 5), &(signature, short)).is_err());
        }
    }
}
