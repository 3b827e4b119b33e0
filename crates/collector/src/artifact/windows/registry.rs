//! Values of the registry: as `reg query` prints them, and as the scripts do.

use std::io;

use super::super::tally::Tally;
use super::answers::Answers;
use super::rows::Row;

/// Longest data that is kept, in bytes.
const DATA_CAP: usize = 8 << 10;
/// Longest key that is kept, in bytes: the registry has none above 255 characters a level.
const KEY_CAP: usize = 2048;

/// One value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// Full key, from `HKEY_…` on.
    pub(super) key: String,
    /// Name; empty for the key's own value.
    pub(super) name: String,
    /// Data as text.
    pub(super) data: String,
}

impl Value {
    /// From a row of the scripts.
    pub(super) fn from_row(row: &mut Row) -> Self {
        let mut value = Self { key: row.take("key"), name: row.take("name"), data: row.take("data") };
        value.trim();
        value
    }

    /// The data as a number: `0x1` of `reg`, or decimal.
    pub(super) fn number(&self) -> Option<u64> {
        match self.data.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => self.data.parse().ok(),
        }
    }

    /// The first byte of binary data: in hexadecimal digits of `reg`, or in the lines of numbers of the scripts.
    pub(super) fn first_byte(&self) -> Option<u8> {
        match self.data.split_once('\n') {
            Some((first, _)) => first.trim().parse().ok(),
            None => self.data.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()),
        }
    }

    fn trim(&mut self) {
        super::super::record::cut_text(&mut self.key, KEY_CAP);
        super::super::record::cut_text(&mut self.name, super::PATH_CAP);
        super::super::record::cut_text(&mut self.data, DATA_CAP);
    }
}

/// Hands on every value in these outputs of `reg query`, and says of each output whether it had any.
pub(super) fn read_values(
    answers: &Answers,
    names: &[&str],
    code_page: Option<u16>,
    tally: &mut Tally,
    mut take: impl FnMut(Value, &mut Tally),
) -> io::Result<()> {
    for name in names {
        let mut listing = Listing::default();
        let mut found = 0;
        answers.lines(name, code_page, tally, |line, tally| {
            if let Some(value) = listing.line(line) {
                found += 1;
                take(value, tally);
            }
        })?;
        answers.expect(name, found, tally);
    }
    Ok(())
}

/// Reads `reg query` line by line: a key at the margin, its values below it, parted by blanks or, before Windows Vista,
/// by tabs. Only names of types are looked for, which are the same in every language.
#[derive(Debug, Default)]
pub(super) struct Listing {
    key: String,
}

impl Listing {
    pub(super) fn line(&mut self, line: &str) -> Option<Value> {
        if line.starts_with("HKEY_") {
            line.trim_end().clone_into(&mut self.key);
            return None;
        }
        let value =
            line.strip_prefix("    ").or_else(|| line.strip_prefix('\t')).filter(|_| !self.key.is_empty())?;
        let (name, data) = split(value)?;
        // The name of a key's own value is in the language of the endpoint, in parentheses; that of others may be too.
        let name = if name.starts_with('(') && name.ends_with(')') { "" } else { name };
        let mut value = Value { key: self.key.clone(), name: name.to_owned(), data: data.to_owned() };
        value.trim();
        Some(value)
    }
}

/// Name and data around the first `REG_…` that stands between separators.
fn split(value: &str) -> Option<(&str, &str)> {
    const TYPES: [&str; 12] = [
        "REG_SZ",
        "REG_EXPAND_SZ",
        "REG_MULTI_SZ",
        "REG_DWORD",
        "REG_DWORD_BIG_ENDIAN",
        "REG_QWORD",
        "REG_BINARY",
        "REG_NONE",
        "REG_LINK",
        "REG_RESOURCE_LIST",
        "REG_FULL_RESOURCE_DESCRIPTOR",
        "REG_RESOURCE_REQUIREMENTS_LIST",
    ];
    for gap in ["    ", "\t"] {
        for (at, _) in value.match_indices(gap).take(64) {
            let rest = &value[at + gap.len()..];
            let end = rest.find(gap).unwrap_or(rest.len());
            if TYPES.contains(&rest[..end].trim_end()) {
                let data = rest[end..].strip_prefix(gap).unwrap_or_default();
                return Some((&value[..at], data.trim_end()));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, String, String)> {
        let mut listing = Listing::default();
        text.lines().filter_map(|line| listing.line(line)).map(|v| (v.key, v.name, v.data)).collect()
    }

    #[test]
    fn keys_and_their_values() {
        let text = "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Run\n    (Standard)    REG_SZ    (Wert nicht gesetzt)\n    My    App    REG_SZ    \"C:\\My    App\\a.exe\"    -x\n    n    REG_DWORD    0x10\n    e    REG_SZ\n\nHKEY_USERS\\S-1-5-21-1\\Run\n    t    REG_EXPAND_SZ    %TEMP%\\t.exe\n\nEnd of search: 3 match(es) found.\n";
        let key = r"HKEY_LOCAL_MACHINE\SOFTWARE\Run";
        assert_eq!(
            read(text),
            [
                (key, "", "(Wert nicht gesetzt)"),
                (key, "My    App", "\"C:\\My    App\\a.exe\"    -x"),
                (key, "n", "0x10"),
                (key, "e", ""),
                (r"HKEY_USERS\S-1-5-21-1\Run", "t", r"%TEMP%\t.exe"),
            ]
            .map(|(k, n, d)| (k.to_owned(), n.to_owned(), d.to_owned()))
        );
        assert_eq!(Value { data: "0x10".into(), ..Value::default() }.number(), Some(16));
        assert_eq!(Value { data: "4".into(), ..Value::default() }.number(), Some(4));
        for (data, first) in [
            ("03000000A1", Some(3)),
            ("1000", Some(16)),
            ("12\n0\n0", Some(12)),
            ("", None),
            ("0", None),
            ("zz", None),
            ("é", None),
        ] {
            assert_eq!(Value { data: data.into(), ..Value::default() }.first_byte(), first, "{data}");
        }
    }

    #[test]
    fn older_systems_part_by_tabs() {
        let text = "! REG.EXE VERSION 3.0\n\nHKEY_LOCAL_MACHINE\\A\n    Shell\tREG_SZ\tExplorer.exe\n";
        assert_eq!(read(text), [(r"HKEY_LOCAL_MACHINE\A".to_owned(), "Shell".into(), "Explorer.exe".into())]);
        assert!(read("    x    REG_SZ    before any key\n").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            read(&format!("HKEY_A\n    {text}"));
        }
    }
}
