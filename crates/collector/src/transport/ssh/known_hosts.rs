//! Pinned host keys in OpenSSH's format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): hashed names, `[host]:port`,
//! patterns, negation, `@revoked`. Endpoints are contacted by address, so that only entries for addresses match.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::IpAddr;
use std::path::Path;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::{PublicKey, parse_public_key_base64};
use sha1::Sha1;

/// Larger files are refused: nobody pins that many machines in one.
const FILE_CAP: u64 = 64 << 20;

/// The entries for one address.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// From 1.
    line: usize,
    key: PublicKey,
    revoked: bool,
}

/// What the entries say of a key.
#[derive(Debug, PartialEq)]
pub(crate) enum Match<'a> {
    /// It is pinned.
    Pinned,
    /// It is revoked.
    Revoked { line: usize },
    /// Another is pinned; of the same kind where there is one.
    Other { pinned: &'a PublicKey, line: usize },
    /// Nothing is known of this address.
    Unknown,
}

impl KnownHosts {
    /// Reads the entries for an address. A file that does not exist has none.
    pub(crate) fn read(file: &Path, target: IpAddr, port: u16) -> io::Result<Self> {
        let mut bytes = Vec::new();
        match File::open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
            Ok(file) => file.take(FILE_CAP + 1).read_to_end(&mut bytes)?,
        };
        if bytes.len() as u64 > FILE_CAP {
            return Err(io::Error::other("larger than 64 MiB"));
        }
        Ok(Self::parse(&String::from_utf8_lossy(&bytes), target, port))
    }

    /// Parses the entries for an address. Lines that cannot be read are skipped, as ssh(1) does.
    pub(crate) fn parse(text: &str, target: IpAddr, port: u16) -> Self {
        let name = spelled(target, port);
        let lines = text.lines().enumerate();
        Self { entries: lines.filter_map(|(at, line)| entry(line, at + 1, &name)).collect() }
    }

    /// The pinned keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.entries.iter().filter(|entry| !entry.revoked).map(|entry| &entry.key)
    }

    /// What the entries say of a key. An address with any pinned key is known: another key, of whatever kind, is a
    /// change, or an impostor would only have to show another kind.
    pub(crate) fn check(&self, key: &PublicKey) -> Match<'_> {
        let same = |entry: &&Entry| entry.key.key_data() == key.key_data();
        if let Some(entry) = self.entries.iter().filter(same).find(|entry| entry.revoked) {
            return Match::Revoked { line: entry.line };
        }
        let pinned = || self.entries.iter().filter(|entry| !entry.revoked);
        if pinned().any(|entry| same(&entry)) {
            return Match::Pinned;
        }
        let of_kind = pinned().find(|entry| entry.key.algorithm() == key.algorithm());
        match of_kind.or_else(|| pinned().next()) {
            Some(entry) => Match::Other { pinned: &entry.key, line: entry.line },
            None => Match::Unknown,
        }
    }

    /// Appends an entry, and makes sure that it is on disk.
    pub(crate) fn append(file: &Path, target: IpAddr, port: u16, key: &PublicKey) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(file)?;
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(-1)).is_ok() {
            file.read_exact(&mut last)?;
        }
        let break_line = if last == [b'\n'] { "" } else { "\n" };
        let key = key.to_openssh().map_err(io::Error::other)?;
        // In one write, so that a reader never sees half a line.
        file.write_all(format!("{break_line}{} {key}\n", spelled(target, port)).as_bytes())?;
        file.sync_all()
    }
}

/// How OpenSSH spells an address: with the port where it is not 22.
fn spelled(target: IpAddr, port: u16) -> String {
    match port {
        22 => target.to_string(),
        port => format!("[{target}]:{port}"),
    }
}

fn entry(line: &str, at: usize, name: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let mut hosts = words.next().filter(|word| !word.starts_with('#'))?;
    let mut revoked = false;
    if hosts.starts_with('@') {
        // A certificate authority's key is not a host's own.
        revoked = hosts == "@revoked";
        if !revoked {
            return None;
        }
        hosts = words.next()?;
    }
    if !matches(hosts, name) {
        return None;
    }
    let _algorithm = words.next()?;
    let key = parse_public_key_base64(words.next()?).ok()?;
    Some(Entry { line: at, key, revoked })
}

fn matches(hosts: &str, name: &str) -> bool {
    if let Some(hashed) = hosts.strip_prefix("|1|") {
        return matches_hash(hashed, name).unwrap_or(false);
    }
    let mut found = false;
    for pattern in hosts.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= glob(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// `salt|HMAC-SHA1(salt, name)`, both in base64.
fn matches_hash(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let salt = BASE64.decode(salt.as_bytes()).ok()?;
    let hash = BASE64.decode(hash.as_bytes()).ok()?;
    let mac = Hmac::<Sha1>::new_from_slice(&salt).ok()?;
    Some(mac.chain_update(name).verify_slice(&hash).is_ok())
}

/// `*` and `?`, in time that grows with the product of both lengths at worst.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c.eq_ignore_ascii_case(&name[n]) => {
                p += 1;
                n += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    (p, n) = (*at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests;
