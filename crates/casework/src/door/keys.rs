//! Who may knock: whoever knows a key, and shows it or signs with it.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The header with the moment of a signed request, in seconds of Unix time.
pub const TIMESTAMP: &str = "x-peerhound-timestamp";
/// The header with the signature: `sha256=` and the HMAC-SHA256 of timestamp, a dot and the body, in hexadecimal.
pub const SIGNATURE: &str = "x-peerhound-signature";

/// Shortest key, in characters: shorter ones can be guessed.
const MIN_KEY: usize = 32;
/// Most keys: two while one is replaced, and one for each sender.
const MAX_KEYS: usize = 64;

/// The keys. Never shown.
pub struct Keys(Vec<Vec<u8>>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

/// Why a text holds no keys. Says nothing of what it holds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// None.
    #[error("there is no key in it: write one a line, for example from `openssl rand -hex 32`")]
    None,
    /// One that can be guessed.
    #[error(
        "the key on line {line} is shorter than {MIN_KEY} characters: make one with `openssl rand -hex 32`"
    )]
    Short {
        /// Its line.
        line: usize,
    },
    /// One that no header holds.
    #[error(
        "the key on line {line} has other characters than printable ASCII: make one with `openssl rand -hex 32`"
    )]
    Characters {
        /// Its line.
        line: usize,
    },
    /// Too many.
    #[error("there are more than {MAX_KEYS} keys in it: take those out that nobody uses")]
    Many,
}

/// Why somebody was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Neither a key nor a signature.
    #[error("no key and no signature")]
    Nothing,
    /// A key or a signature that is none of ours.
    #[error("a wrong key or signature")]
    Wrong,
    /// A signature without its moment.
    #[error("a signature without a timestamp")]
    NoTimestamp,
    /// A good signature from another time: a clock that is wrong, or a recorded request that is sent again.
    #[error("a good signature whose timestamp is outside the window")]
    Stale,
}

impl Keys {
    /// Reads keys, one a line; empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// Where a key is unfit, or there is none.
    pub fn read(text: &str) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        for (line, key) in (1..).zip(text.lines().map(str::trim)) {
            if key.is_empty() || key.starts_with('#') {
                continue;
            }
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(KeysError::Characters { line });
            }
            if key.len() < MIN_KEY {
                return Err(KeysError::Short { line });
            }
            if keys.len() == MAX_KEYS {
                return Err(KeysError::Many);
            }
            keys.push(key.as_bytes().to_vec());
        }
        if keys.is_empty() { Err(KeysError::None) } else { Ok(Self(keys)) }
    }

    /// Says whether a request may come in: by a signature that is not older or newer than `window`, or by a key as a
    /// bearer token, as Splunk writes it, or as the password of basic authentication. Takes as long for a key that is
    /// nearly right as for any other.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(
        &self,
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        window: SignedDuration,
        now: Timestamp,
    ) -> Result<(), Denied> {
        match (header(SIGNATURE), header("authorization")) {
            (Some(signature), _) => self.signed(&signature, header(TIMESTAMP), body, window, now),
            (None, Some(authorization)) => self.shown(&authorization),
            (None, None) => Err(Denied::Nothing),
        }
    }

    fn signed(
        &self,
        signature: &str,
        timestamp: Option<String>,
        body: &[u8],
        window: SignedDuration,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let timestamp = timestamp.ok_or(Denied::NoTimestamp)?;
        let signature = signature.trim().strip_prefix("sha256=").unwrap_or(signature.trim());
        let signature = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()).map_err(|_| Denied::Wrong)?;
        let signs = |key: &Vec<u8>| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
            mac.update(timestamp.as_bytes());
            mac.update(b".");
            mac.update(body);
            mac.verify_slice(&signature).is_ok()
        };
        // Every key is tried, so that time does not tell which one it was.
        if self.0.iter().filter(|key| signs(key)).count() == 0 {
            return Err(Denied::Wrong);
        }
        let moment =
            timestamp.trim().parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let apart = moment.ok_or(Denied::Stale)?.duration_since(now).abs();
        if apart > window { Err(Denied::Stale) } else { Ok(()) }
    }

    fn shown(&self, authorization: &str) -> Result<(), Denied> {
        let (scheme, value) = authorization.trim().split_once(' ').ok_or(Denied::Wrong)?;
        let value = value.trim();
        let shown = match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "splunk" => value.as_bytes().to_vec(),
            "basic" => {
                let pair = BASE64.decode(value.as_bytes()).map_err(|_| Denied::Wrong)?;
                let colon = pair.iter().position(|byte| *byte == b':').ok_or(Denied::Wrong)?;
                pair[colon + 1..].to_vec()
            }
            _ => return Err(Denied::Wrong),
        };
        // Digests are of one length, so that a comparison tells not even how long a key is.
        let shown = Sha256::digest(&shown);
        let same = |key: &&Vec<u8>| bool::from(Sha256::digest(key).as_slice().ct_eq(shown.as_slice()));
        if self.0.iter().filter(same).count() == 0 { Err(Denied::Wrong) } else { Ok(()) }
    }
}
