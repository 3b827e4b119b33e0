//! The keys of a session: what signs each message and, from SMB 3.0 on, seals it.
//!
//! MS-SMB2 3.1.4.1 (signing), 3.1.4.2 (keys), 3.1.4.3 (sealing).

use aes::Aes128;
use aes_gcm::AesGcm;
use aes_gcm::aead::consts::{U11, U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use ccm::Ccm;
use cmac::{Cmac, Mac};
use hmac::Hmac;
use sha2::{Digest, Sha256, Sha512};

use super::header;

type Gcm = AesGcm<Aes128, U12, U16>;
type Ccm128 = Ccm<Aes128, U16, U11>;

/// Length of the header of a sealed message.
const SEAL: usize = 52;

/// The versions of SMB that are spoken. SMB 1 is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dialect {
    Smb21,
    Smb30,
    Smb302,
    Smb311,
}

impl Dialect {
    pub(super) const ALL: [Self; 4] = [Self::Smb21, Self::Smb30, Self::Smb302, Self::Smb311];

    /// Its number on the wire.
    pub(super) fn number(self) -> u16 {
        match self {
            Self::Smb21 => 0x0210,
            Self::Smb30 => 0x0300,
            Self::Smb302 => 0x0302,
            Self::Smb311 => 0x0311,
        }
    }

    pub(super) fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.number() == number)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Smb21 => "2.1",
            Self::Smb30 => "3.0",
            Self::Smb302 => "3.0.2",
            Self::Smb311 => "3.1.1",
        }
    }
}

/// What seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Ccm,
    Gcm,
}

impl Cipher {
    pub(super) fn number(self) -> u16 {
        match self {
            Self::Ccm => 1,
            Self::Gcm => 2,
        }
    }
}

/// The hash over everything that was said before the session had a key (3.1.1).
#[derive(Clone, Debug)]
pub(super) struct Transcript([u8; 64]);

impl Transcript {
    pub(super) fn new() -> Self {
        Self([0; 64])
    }

    pub(super) fn add(&mut self, message: &[u8]) {
        self.0 = Sha512::new().chain_update(self.0).chain_update(message).finalize().into();
    }
}

/// A message was not made by who holds the key, or was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Forged(pub(super) &'static str);

enum Signer {
    Hmac([u8; 16]),
    Cmac([u8; 16]),
}

struct Sealer {
    cipher: Cipher,
    ours: [u8; 16],
    theirs: [u8; 16],
    /// Never twice with the same key.
    nonce: u64,
}

/// The keys of one session.
pub(super) struct Keys {
    signer: Signer,
    sealer: Option<Sealer>,
}

impl Keys {
    /// Derives them from the key that the logon came to.
    pub(super) fn derive(
        key: &[u8; 16],
        dialect: Dialect,
        cipher: Option<Cipher>,
        transcript: &Transcript,
    ) -> Self {
        let said: &[u8] = &transcript.0;
        let derive = |label: &[u8], context: &[u8]| derived(key, label, context);
        let signer = match dialect {
            Dialect::Smb21 => Signer::Hmac(*key),
            Dialect::Smb30 | Dialect::Smb302 => Signer::Cmac(derive(b"SMB2AESCMAC\0", b"SmbSign\0")),
            Dialect::Smb311 => Signer::Cmac(derive(b"SMBSigningKey\0", said)),
        };
        let sealer = cipher.map(|cipher| {
            let (ours, theirs) = match dialect {
                Dialect::Smb311 => (derive(b"SMBC2SCipherKey\0", said), derive(b"SMBS2CCipherKey\0", said)),
                _ => (derive(b"SMB2AESCCM\0", b"ServerIn \0"), derive(b"SMB2AESCCM\0", b"ServerOut\0")),
            };
            Sealer { cipher, ours, theirs, nonce: 0 }
        });
        Self { signer, sealer }
    }

    /// Whether messages are sealed and not only signed.
    pub(super) fn seal(&self) -> bool {
        self.sealer.is_some()
    }

    /// Signs a message in its place.
    pub(super) fn sign(&self, message: &mut [u8]) {
        if let Some(place) = message.get_mut(header::SIGNATURE) {
            place.fill(0);
        }
        let signature = self.signature(message);
        if let Some(place) = message.get_mut(header::SIGNATURE) {
            place.copy_from_slice(&signature);
        }
    }

    /// Whether a message was signed with the key of this session.
    pub(super) fn verify(&self, message: &[u8]) -> Result<(), Forged> {
        let mut plain = message.to_vec();
        let Some(place) = plain.get_mut(header::SIGNATURE) else { return Err(Forged("it is cut off")) };
        let shown: Vec<u8> = place.to_vec();
        place.fill(0);
        let expected = self.signature(&plain);
        // In constant time: the answer says nothing of the signature that would have been right.
        let differs = expected.iter().zip(&shown).fold(0, |differs, (a, b)| differs | (a ^ b));
        if differs == 0 { Ok(()) } else { Err(Forged("its signature is wrong")) }
    }

    fn signature(&self, message: &[u8]) -> [u8; 16] {
        let mut signature = [0; 16];
        match &self.signer {
            Signer::Hmac(key) => signature.copy_from_slice(&hmac(key, &[message])[..16]),
            Signer::Cmac(key) => {
                let mut mac = <Cmac<Aes128> as cmac::KeyInit>::new(&(*key).into());
                mac.update(message);
                signature.copy_from_slice(&mac.finalize().into_bytes());
            }
        }
        signature
    }

    /// Seals a message, if there is a key for it.
    pub(super) fn sealed(&mut self, message: &[u8], session: u64) -> Option<Vec<u8>> {
        let sealer = self.sealer.as_mut()?;
        sealer.nonce += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&sealer.nonce.to_le_bytes());
        let mut sealed = vec![0xfd, b'S', b'M', b'B'];
        sealed.extend([0; 16]);
        sealed.extend(nonce);
        sealed.extend(u32::try_from(message.len()).ok()?.to_le_bytes());
        // Reserved, and the flag that it is encrypted.
        sealed.extend([0, 0, 1, 0]);
        sealed.extend(session.to_le_bytes());
        let mut body = message.to_vec();
        let tag = match sealer.cipher {
            Cipher::Gcm => encrypt::<Gcm>(&sealer.ours, &nonce, &sealed[20..], &mut body),
            Cipher::Ccm => encrypt::<Ccm128>(&sealer.ours, &nonce, &sealed[20..], &mut body),
        }?;
        sealed[4..20].copy_from_slice(&tag);
        sealed.extend(body);
        Some(sealed)
    }

    /// Opens a sealed message.
    pub(super) fn open(&self, sealed: &[u8], session: u64) -> Result<Vec<u8>, Forged> {
        let (Some(sealer), Some((head, body))) = (&self.sealer, sealed.split_first_chunk::<SEAL>()) else {
            return Err(Forged("it is sealed, and not with a key of this session"));
        };
        if head[44..] != session.to_le_bytes() {
            return Err(Forged("it is sealed for another session"));
        }
        let (tag, nonce) = (&head[4..20], &head[20..36]);
        let mut message = body.to_vec();
        let opened = match sealer.cipher {
            Cipher::Gcm => decrypt::<Gcm>(&sealer.theirs, nonce, &head[20..], &mut message, tag),
            Cipher::Ccm => decrypt::<Ccm128>(&sealer.theirs, nonce, &head[20..], &mut message, tag),
        };
        opened.map(|()| message).ok_or(Forged("its seal is broken"))
    }
}

fn encrypt<C: AeadInOut + KeyInit>(
    key: &[u8; 16],
    nonce: &[u8; 16],
    about: &[u8],
    body: &mut [u8],
) -> Option<[u8; 16]> {
    let cipher = C::new_from_slice(key).ok()?;
    let length = Nonce::<C>::default().len();
    let nonce = Nonce::<C>::try_from(nonce.get(..length)?).ok()?;
    let tag = cipher.encrypt_inout_detached(&nonce, about, body.into()).ok()?;
    tag.as_slice().try_into().ok()
}

fn decrypt<C: AeadInOut + KeyInit>(
    key: &[u8; 16],
    nonce: &[u8],
    about: &[u8],
    body: &mut [u8],
    tag: &[u8],
) -> Option<()> {
    let cipher = C::new_from_slice(key).ok()?;
    let length = Nonce::<C>::default().len();
    let nonce = Nonce::<C>::try_from(nonce.get(..length)?).ok()?;
    let tag = aes_gcm::aead::Tag::<C>::try_from(tag).ok()?;
    cipher.decrypt_inout_detached(&nonce, about, body.into(), &tag).ok()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // A key of any length is one, so there always is a MAC.
    let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        hmac::Mac::update(&mut mac, part);
    }
    hmac::Mac::finalize(mac).into_bytes().into()
}

/// SP 800-108 in counter mode, one block of HMAC-SHA256.
fn derived(key: &[u8; 16], label: &[u8], context: &[u8]) -> [u8; 16] {
    let block = hmac(key, &[&[0, 0, 0, 1], label, &[0], context, &[0, 0, 0, 0x80]]);
    let mut derived = [0; 16];
    derived.copy_from_slice(&block[..16]);
    derived
}
