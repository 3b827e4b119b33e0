//! The registry: how it is asked, and what its values hold.

use std::io;

use investigation::evidence::ArtifactStatus;

use crate::artifact::tally::Tally;

/// Most bytes of one value that are looked at.
#[cfg(windows)]
const VALUE_CAP: usize = 64 << 10;

/// Most values or subkeys of one key that are listed.
#[cfg(windows)]
const LIST_CAP: usize = 50_000;

const REG_SZ: u32 = 1;
const REG_EXPAND_SZ: u32 = 2;
const REG_DWORD: u32 = 4;
const REG_MULTI_SZ: u32 = 7;

/// A root of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hive {
    /// `HKEY_LOCAL_MACHINE`.
    Machine,
    /// `HKEY_USERS`: the hives of the accounts that are logged on. `HKEY_CURRENT_USER` is the collector's own.
    Users,
}

impl Hive {
    /// As administrators write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Machine => "HKLM",
            Self::Users => "HKU",
        }
    }
}

/// One value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// Empty for the key's default value.
    pub(crate) name: String,
    /// `REG_SZ` and so on, as a number.
    pub(crate) kind: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Value {
    /// The text of a value that holds text. Texts of a list are parted by spaces.
    pub(crate) fn text(&self) -> Option<String> {
        if !matches!(self.kind, REG_SZ | REG_EXPAND_SZ | REG_MULTI_SZ) {
            return None;
        }
        let units = self.bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let text: String =
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        // What hides behind a zero is evidence as well, so only zeros at the end go.
        let text = text.trim_end_matches('\0');
        Some(if self.kind == REG_MULTI_SZ { text.replace('\0', " ") } else { text.to_owned() })
    }

    /// The number of a value that holds one.
    pub(crate) fn number(&self) -> Option<u32> {
        let bytes = self.bytes.first_chunk::<4>().filter(|_| self.kind == REG_DWORD)?;
        Some(u32::from_le_bytes(*bytes))
    }
}

/// A list that may lack something.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    pub(crate) items: Vec<T>,
    /// There are more than are listed.
    pub(crate) cut: bool,
}

/// Where keys and values come from.
pub(crate) trait Registry {
    /// Names of the keys below a key.
    fn keys(&self, hive: Hive, path: &str) -> io::Result<Listing<String>>;
    /// Values of a key.
    fn values(&self, hive: Hive, path: &str) -> io::Result<Listing<Value>>;
}

/// Asks, and notes what was not to be had. A key that is not there holds nothing, which is no failure.
pub(crate) fn keys(registry: &dyn Registry, hive: Hive, path: &str, tally: &mut Tally) -> Vec<String> {
    listed(registry.keys(hive, path), tally)
}

/// As [`keys`], for values.
pub(crate) fn values(registry: &dyn Registry, hive: Hive, path: &str, tally: &mut Tally) -> Vec<Value> {
    listed(registry.values(hive, path), tally)
}

fn listed<T>(listing: io::Result<Listing<T>>, tally: &mut Tally) -> Vec<T> {
    match listing {
        Ok(listing) => {
            if listing.cut {
                tally.count(ArtifactStatus::Truncated, "registry keys hold more than is listed");
            }
            listing.items
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            tally.count(ArtifactStatus::Truncated, "registry keys were not read: the time for it was up");
            Vec::new()
        }
        Err(_) => {
            tally.count(ArtifactStatus::Partial, "registry keys are closed to this account");
            Vec::new()
        }
    }
}

/// The value of this name; names know no case.
pub(crate) fn find<'a>(values: &'a [Value], name: &str) -> Option<&'a Value> {
    values.iter().find(|value| value.name.eq_ignore_ascii_case(name))
}

/// The registry of this machine.
#[cfg(windows)]
#[derive(Debug)]
pub(crate) struct ThisRegistry;

#[cfg(windows)]
impl ThisRegistry {
    fn open(hive: Hive, path: &str) -> io::Result<windows_registry::Key> {
        /// `KEY_WOW64_64KEY`: a 32-bit build would otherwise be shown the view for 32-bit programs alone.
        const WHOLE_VIEW: u32 = 0x100;
        let root = match hive {
            Hive::Machine => windows_registry::LOCAL_MACHINE,
            Hive::Users => windows_registry::USERS,
        };
        root.options().read().access(WHOLE_VIEW).open(path).map_err(failed)
    }
}

/// The error as the standard library knows it: the low half of the code is that of the system.
#[cfg(windows)]
fn failed(error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code & 0xffff),
        None => error,
    }
}

#[cfg(windows)]
impl Registry for ThisRegistry {
    fn keys(&self, hive: Hive, path: &str) -> io::Result<Listing<String>> {
        let key = Self::open(hive, path)?;
        Ok(gather(key.keys().map_err(failed)?))
    }

    fn values(&self, hive: Hive, path: &str) -> io::Result<Listing<Value>> {
        let key = Self::open(hive, path)?;
        let values = key.values().map_err(failed)?;
        Ok(gather(values.map(|(name, value)| Value {
            name,
            kind: value.ty().into(),
            bytes: value[..value.len().min(VALUE_CAP)].to_vec(),
        })))
    }
}

#[cfg(windows)]
fn gather<T>(items: impl Iterator<Item = T>) -> Listing<T> {
    let mut items: Vec<T> = items.take(LIST_CAP + 1).collect();
    let cut = items.len() > LIST_CAP;
    items.truncate(LIST_CAP);
    Listing { items, cut }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A registry out of a list.

    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Default)]
    pub(crate) struct Made {
        pub(crate) keys: BTreeMap<String, Vec<Value>>,
        pub(crate) closed: Vec<String>,
    }

    impl Made {
        /// Sets a value, as `HKLM\path`, a name and a text.
        pub(crate) fn text(&mut self, path: &str, name: &str, text: &str) {
            let mut bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            bytes.extend([0, 0]);
            self.set(path, Value { name: name.into(), kind: REG_SZ, bytes });
        }

        pub(crate) fn number(&mut self, path: &str, name: &str, number: u32) {
            let bytes = number.to_le_bytes().to_vec();
            self.set(path, Value { name: name.into(), kind: REG_DWORD, bytes });
        }

        pub(crate) fn set(&mut self, path: &str, value: Value) {
            self.keys.entry(path.to_ascii_lowercase()).or_default().push(value);
        }

        fn path(&self, hive: Hive, path: &str) -> io::Result<String> {
            let full = format!("{}\\{path}", hive.name()).trim_end_matches('\\').to_ascii_lowercase();
            if self.closed.iter().any(|closed| full.eq_ignore_ascii_case(closed)) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            Ok(full)
        }
    }

    impl Registry for Made {
        fn keys(&self, hive: Hive, path: &str) -> io::Result<Listing<String>> {
            let above = format!("{}\\", self.path(hive, path)?);
            let below = self.keys.keys().filter_map(|key| key.strip_prefix(&above));
            let mut items: Vec<String> =
                below.filter_map(|rest| rest.split('\\').next()).map(str::to_uppercase).collect();
            items.dedup();
            Ok(Listing { items, cut: false })
        }

        fn values(&self, hive: Hive, path: &str) -> io::Result<Listing<Value>> {
            let full = self.path(hive, path)?;
            let items = self.keys.get(&full).ok_or(io::ErrorKind::NotFound)?.clone();
            Ok(Listing { items, cut: false })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(kind: u32, bytes: &[u8]) -> Value {
        Value { name: String::new(), kind, bytes: bytes.to_vec() }
    }

    #[test]
    fn texts_are_read_however_they_end() {
        assert_eq!(value(REG_SZ, b"a\0b\0\0\0").text().unwrap(), "ab");
        assert_eq!(value(REG_EXPAND_SZ, b"a\0b\0").text().unwrap(), "ab");
        assert_eq!(value(REG_SZ, b"a\0b\0c").text().unwrap(), "ab", "half a character at the end");
        assert_eq!(value(REG_SZ, b"").text().unwrap(), "");
        assert_eq!(value(REG_SZ, b"a\0\0\0b\0\0\0").text().unwrap(), "a\0b", "what hides behind a zero");
        assert_eq!(value(REG_SZ, b"\x00\xd8").text().unwrap(), "\u{fffd}", "half a pair");
        assert_eq!(value(REG_MULTI_SZ, b"a\0\0\0b\0\0\0\0\0").text().unwrap(), "a b");
        assert_eq!(value(3, b"a\0b\0").text(), None);
    }

    #[test]
    fn numbers_are_read_whole_or_not_at_all() {
        assert_eq!(value(REG_DWORD, &[2, 1, 0, 0]).number(), Some(258));
        assert_eq!(value(REG_DWORD, &[2]).number(), None);
        assert_eq!(value(REG_SZ, &[2, 1, 0, 0]).number(), None);
    }
}
