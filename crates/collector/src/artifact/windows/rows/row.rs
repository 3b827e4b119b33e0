//! One row, and how it is read out of its line.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Most fields of a row: scripts print half as many.
const FIELD_CAP: usize = 24;

/// One row: fields by name, in the order of the line. Fields that hold lists or objects are passed over.
#[derive(Debug, Default, PartialEq)]
pub(in super::super) struct Row(Vec<(String, Scalar)>);

#[derive(Debug, PartialEq)]
enum Scalar {
    Flag(bool),
    Number(i64),
    Text(String),
    Nothing,
}

impl Row {
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        if line.first() != Some(&b'{') {
            return None;
        }
        serde_json::from_slice(line).ok().or_else(|| serde_json::from_slice(&mended(line)?).ok())
    }

    /// What the row is about.
    pub(in super::super) fn kind(&self) -> &str {
        self.text("k")
    }

    /// A text; empty where there is none.
    pub(in super::super) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Scalar::Text(text)) => text,
            _ => "",
        }
    }

    /// A number, also where it is spelled as text.
    pub(in super::super) fn number<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        match self.get(name)? {
            Scalar::Number(number) => T::try_from(*number).ok(),
            Scalar::Text(text) => text.parse().ok().and_then(|number| T::try_from(number).ok()),
            _ => None,
        }
    }

    /// Whether something is said to be so.
    pub(in super::super) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Scalar::Flag(true)))
    }

    /// A moment as ISO 8601 spells it.
    pub(in super::super) fn time(&self, name: &str) -> Option<Timestamp> {
        self.text(name).parse().ok()
    }

    /// Takes a text out of the row.
    pub(in super::super) fn take(&mut self, name: &str) -> String {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, Scalar::Text(text))) => std::mem::take(text),
            _ => String::new(),
        }
    }

    fn get(&self, name: &str) -> Option<&Scalar> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut row = Row::default();
                while let Some(field) = map.next_entry()? {
                    if row.0.len() == FIELD_CAP {
                        return Err(serde::de::Error::custom("too many fields"));
                    }
                    row.0.push(field);
                }
                Ok(row)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl<'de> Visitor<'de> for Value {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar::Flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(i64::try_from(number).map_or(Scalar::Nothing, Scalar::Number))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }
        }
        deserializer.deserialize_any(Value)
    }
}

/// The line with U+FFFD for each half of a surrogate pair: names on Windows need not be Unicode, and JSON has no other
/// way to spell them. `None` where there is none.
fn mended(line: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| {
        let digits = line.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut out = Vec::with_capacity(line.len());
    let (mut at, mut changed) = (0, false);
    while at < line.len() {
        let step = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.extend_from_slice(b"\\ufffd");
                changed = true;
                at += 6;
                continue;
            }
            // An escaped backslash is not the beginning of another escape.
            _ if line[at] == b'\\' => 2.min(line.len() - at),
            _ => 1,
        };
        out.extend_from_slice(&line[at..at + step]);
        at += step;
    }
    changed.then_some(out)
}
