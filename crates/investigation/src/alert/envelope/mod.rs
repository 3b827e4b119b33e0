//! What alerts travel in: queues, topics, event buses, HTTP bodies, log shippers, compressed and encoded text.
//!
//! A record is opened until something in it is of a known format. How deep that goes, how much it unpacks to and how
//! many records come out is bounded, whatever the record says.

mod carriers;
mod packed;

use std::borrow::Cow;

use serde_json::Value;

use super::format::{self, Reader};
use super::framing::{Content, Framing, Record, Unreadable};
use super::{Reject, SiteFormat};

/// Most envelopes around each other.
const MAX_DEPTH: usize = 8;
/// Most records that one record holds.
const MAX_RECORDS: usize = 10_000;
/// Most bytes that all layers of one record unpack to.
const MAX_BYTES: usize = 32 << 20;

/// What a record that is no alert itself holds.
#[derive(Debug)]
enum Inner {
    /// Text, to be framed anew.
    Texts(Vec<String>),
    /// JSON values.
    Values(Vec<Value>),
}

/// What a record turned out to be.
#[derive(Debug)]
pub(super) enum Opened<'a> {
    /// A record, and what reads it.
    Alert(Cow<'a, Record>, Reader<'a>),
    /// Something that could not be read, with its text.
    Unreadable(Reject, String),
}

/// Opens `record` down to what is of a known format. Gives at least one item.
pub(super) fn open<'a>(record: &'a Record, site: &'a [SiteFormat]) -> Vec<Opened<'a>> {
    let mut opening = Opening { site, bytes: MAX_BYTES, found: Vec::new() };
    opening.record(Cow::Borrowed(record), 0);
    opening.found
}

struct Opening<'a> {
    site: &'a [SiteFormat],
    /// Bytes that may still be unpacked.
    bytes: usize,
    found: Vec<Opened<'a>>,
}

impl<'a> Opening<'a> {
    fn record(&mut self, record: Cow<'a, Record>, depth: usize) {
        if self.found.len() >= MAX_RECORDS {
            let most = MAX_RECORDS;
            return self.unreadable(Reject::TooMany { what: "records", most }, &record);
        }
        if depth > MAX_DEPTH {
            return self.unreadable(Reject::TooDeep { most: MAX_DEPTH }, &record);
        }
        match carriers::carried(&record) {
            Ok(Some(inner)) => return self.inner(inner, &record, depth),
            Ok(None) => {}
            Err(reject) => return self.unreadable(reject, &record),
        }
        let reader = Reader::of(&record, self.site);
        let keeps = reader.is_some() && carriers::keeps_another(&record);
        if let Some(reader) = reader.filter(|_| !keeps) {
            return self.found.push(Opened::Alert(record, reader));
        }
        match packed::unpacked(&record, self.bytes) {
            Ok(Some(text)) => {
                self.bytes = self.bytes.saturating_sub(text.len());
                return self.inner(Inner::Texts(vec![text]), &record, depth);
            }
            Ok(None) => {}
            Err(reject) => return self.unreadable(reject, &record),
        }
        // Nobody knows this one; a shipper may have put the sensor's words into one of its fields.
        for inner in carriers::perhaps_carried(&record) {
            let mut trial = Opening { site: self.site, bytes: self.bytes, found: Vec::new() };
            trial.inner(inner, &record, depth);
            let found = trial.found.iter().any(|opened| match opened {
                // A line that begins with an address says less than the document around it.
                Opened::Alert(_, reader) => !keeps || reader.is_telling(),
                Opened::Unreadable(..) => false,
            });
            if found {
                self.bytes = trial.bytes;
                self.found.append(&mut trial.found);
                return;
            }
        }
        match reader {
            Some(reader) => self.found.push(Opened::Alert(record, reader)),
            None => self.unreadable(format::unknown(&record, self.site), &record),
        }
    }

    fn inner(&mut self, inner: Inner, outer: &Record, depth: usize) {
        let before = self.found.len();
        match inner {
            Inner::Values(values) => {
                for value in values {
                    match self.bytes.checked_sub(size(&value)) {
                        Some(left) => self.bytes = left,
                        None => return self.unreadable(too_large(), outer),
                    }
                    let record = match value {
                        Value::String(text) if !text.trim_start().starts_with('"') => {
                            self.text(&text, outer, depth);
                            continue;
                        }
                        value => Record { text: value.to_string(), content: Content::Json(value) },
                    };
                    self.record(Cow::Owned(record), depth + 1);
                }
            }
            Inner::Texts(texts) => texts.iter().for_each(|text| self.text(text, outer, depth)),
        }
        if self.found.len() == before {
            self.unreadable(Reject::Unreadable(Unreadable::EmptyList), outer);
        }
    }

    fn text(&mut self, text: &str, outer: &Record, depth: usize) {
        for framed in Framing::new(text.as_bytes()) {
            match framed.content {
                Ok(record) => self.record(Cow::Owned(record), depth + 1),
                Err(unreadable) => self.unreadable(Reject::Unreadable(unreadable), outer),
            }
            if self.found.len() > MAX_RECORDS {
                return;
            }
        }
    }

    fn unreadable(&mut self, reject: Reject, record: &Record) {
        // Past the cap one refusal stands for all that follow.
        if self.found.len() <= MAX_RECORDS {
            self.found.push(Opened::Unreadable(reject, record.text.clone()));
        }
    }
}

fn too_large() -> Reject {
    Reject::TooLarge { most: MAX_BYTES >> 20 }
}

/// About how many bytes a value is written in.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(object) => {
            object.iter().map(|(key, value)| key.len() + size(value) + 4).sum::<usize>() + 2
        }
        _ => 5,
    }
}

#[cfg(test)]
mod tests;
