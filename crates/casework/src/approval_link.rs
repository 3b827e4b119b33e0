//! A link by which one person approves one case's measures: signed, for that person, on that evidence, for a time.
//!
//! `<payload>.<signature>`: the payload is JSON in base64url, the signature is HMAC-SHA256 over it, in hexadecimal. Whoever
//! has the key file can make links for anybody; whoever has a link can approve as its person, and so each goes to its person
//! alone.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What the signature is for. A signature that the same key made for something else is none.
const PURPOSE: &[u8] = b"peerhound-approval-link/1\n";
/// The same for the names of words that come by links.
const WORD: &[u8] = b"peerhound-approval-word/1\n";
/// Shortest key, in characters: shorter ones can be guessed.
const MIN_KEY: usize = 32;
/// Longest key file, in bytes.
const MAX_KEY: u64 = 4 << 10;
/// Longest link, in characters.
const MAX_LINK: usize = 2_000;

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The case.
    pub case_id: String,
    /// SHA-256 of the sealed evidence, lower-case hex.
    pub evidence_sha256: String,
    /// Numbers of the measures.
    pub measures: Vec<u32>,
    /// The person that it is made for, as the policy names that person.
    pub by: String,
    /// From this moment on it is worth nothing.
    pub expires_at: Timestamp,
}

/// Why a link is worth nothing. Says nothing of what the key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Not one of ours, changed, or cut.
    #[error("the link is not whole, or was not made here: open it from the mail once more")]
    Unsigned,
    /// Its time is over.
    #[error("the link's time is over")]
    Expired,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// It cannot be read.
    #[error("cannot be read")]
    Read(#[from] std::io::Error),
    /// Others can read it.
    #[error("others may read it too: chmod 600 it, or make a new one")]
    Open,
    /// It can be guessed.
    #[error(
        "its first line is no key of {MIN_KEY} or more printable characters: make one with `openssl rand -hex 32`"
    )]
    Short,
}

/// The key. Never shown.
#[derive(Clone)]
pub struct LinkKey(Vec<u8>);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey")
    }
}

impl LinkKey {
    /// Reads the key off the first line of a file that nobody else may be able to read.
    ///
    /// # Errors
    /// See [`KeyFault`].
    pub fn read(path: &Path) -> Result<Self, KeyFault> {
        let file = File::open(path)?;
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o077 != 0 {
            return Err(KeyFault::Open);
        }
        let mut text = String::new();
        file.take(MAX_KEY).read_to_string(&mut text)?;
        Self::of(text.lines().next().unwrap_or_default().trim())
    }

    /// A key.
    ///
    /// # Errors
    /// Where it can be guessed.
    pub fn of(text: &str) -> Result<Self, KeyFault> {
        let sound = text.len() >= MIN_KEY && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sound { Ok(Self(text.as_bytes().to_vec())) } else { Err(KeyFault::Short) }
    }

    fn mac(&self, purpose: &[u8], payload: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(purpose);
        mac.update(payload.as_bytes());
        Some(mac)
    }

    /// Names the word that comes by a link with a code: two clicks are one word. 32 digits of lower-case hex, of which neither
    /// can be read.
    pub fn word(&self, link: &str, code: &str) -> Option<String> {
        let digest = self.mac(WORD, &format!("{link}\n{code}"))?.finalize().into_bytes();
        digest.get(..16).map(|half| HEXLOWER.encode(half))
    }

    /// Signs what a link says.
    pub fn sign(&self, offer: &Offer) -> Option<String> {
        let payload = BASE64URL_NOPAD.encode(&serde_json::to_vec(offer).ok()?);
        let signature = HEXLOWER.encode(&self.mac(PURPOSE, &payload)?.finalize().into_bytes());
        Some(format!("{payload}.{signature}"))
    }

    /// What a link says, if it was made with this key and its time is not over. Takes as long for a signature that is nearly
    /// right as for any other.
    ///
    /// # Errors
    /// See [`LinkFault`].
    pub fn open(&self, link: &str, now: Timestamp) -> Result<Offer, LinkFault> {
        let (payload, signature) =
            link.split_once('.').filter(|_| link.len() <= MAX_LINK).ok_or(LinkFault::Unsigned)?;
        let signature = HEXLOWER.decode(signature.as_bytes()).map_err(|_| LinkFault::Unsigned)?;
        let mac = self.mac(PURPOSE, payload).ok_or(LinkFault::Unsigned)?;
        mac.verify_slice(&signature).map_err(|_| LinkFault::Unsigned)?;
        let bytes = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| LinkFault::Unsigned)?;
        let offer: Offer = serde_json::from_slice(&bytes).map_err(|_| LinkFault::Unsigned)?;
        if now < offer.expires_at { Ok(offer) } else { Err(LinkFault::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_442_000 + second).unwrap()
    }

    fn offer() -> Offer {
        Offer {
            case_id: "ph-20260302-kq3v7a2m".to_owned(),
            evidence_sha256: "ab".repeat(32),
            measures: vec![1, 3],
            by: "CORP\\anna".to_owned(),
            expires_at: at(100),
        }
    }

    fn key(text: &str) -> LinkKey {
        LinkKey::of(&text.repeat(32)).unwrap()
    }

    #[test]
    fn a_link_says_what_was_signed_until_its_time_is_over() {
        let link = key("k").sign(&offer()).unwrap();
        assert_eq!(key("k").open(&link, at(99)).unwrap(), offer());
        assert_eq!(key("k").open(&link, at(100)), Err(LinkFault::Expired));
        assert_eq!(key("x").open(&link, at(99)), Err(LinkFault::Unsigned), "another key");
        let word = |code| key("k").word(&link, code).unwrap();
        assert!(word("1") == word("1") && word("1") != word("2") && word("1").len() == 32);
        assert_ne!(key("x").word(&link, "1").unwrap(), word("1"));
        assert!(link.len() < 500 && link.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
    }

    #[test]
    fn not_one_character_of_a_link_can_be_changed() {
        let link = key("k").sign(&offer()).unwrap();
        for position in 0..link.len() {
            let mut bytes = link.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(key("k").open(&changed, at(1)), Err(LinkFault::Unsigned), "{position}");
        }
        // Another person's name in a payload of one's own, under a signature that was made for this one.
        let forged = Offer { by: "CORP\\mallory".to_owned(), ..offer() };
        let payload = BASE64URL_NOPAD.encode(&serde_json::to_vec(&forged).unwrap());
        let signature = link.split_once('.').unwrap().1;
        assert_eq!(key("k").open(&format!("{payload}.{signature}"), at(1)), Err(LinkFault::Unsigned));
        for odd in ["", ".", "a", "a.b", &"a".repeat(10_000)] {
            assert_eq!(key("k").open(odd, at(1)), Err(LinkFault::Unsigned));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_private_and_cannot_be_guessed() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let put = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        put(&"k".repeat(32), 0o600);
        assert!(LinkKey::read(&path).is_ok());
        put(&"k".repeat(32), 0o640);
        assert!(matches!(LinkKey::read(&path), Err(KeyFault::Open)));
        put(&"k".repeat(31), 0o600);
        assert!(matches!(LinkKey::read(&path), Err(KeyFault::Short)));
        assert!(matches!(LinkKey::read(&folder.path().join("none")), Err(KeyFault::Read(_))));
        assert_eq!(format!("{:?}", key("k")), "LinkKey");
    }
}
