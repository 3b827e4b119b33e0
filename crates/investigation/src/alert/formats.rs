//! The formats that alerts are read in. A new one is a file beside this one and a line in [`FORMATS`].

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::framing::{Content, Record};
use super::{Alert, AlertFields, Reject, address, arcsight_cef, peerhound_json, reject, suricata_eve};
use crate::text::one_line;

/// Most of a record that its alerts keep as `event.original`, in bytes.
const MAX_ORIGINAL: usize = 64 << 10;

/// One format that alerts come in.
#[derive(Debug)]
pub struct Format {
    /// Stable name, as alerts carry it.
    pub name: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// An example, as a path below `events/`.
    pub example: &'static str,
    /// Whether a record is of this format. By content; the first in the table that says yes reads the record.
    pub detects: fn(&Record) -> bool,
    /// The alerts of a record that `detects` said yes to.
    pub parse: fn(&Record) -> Result<Vec<AlertFields>, Reject>,
}

/// Every format, the most telling ones first.
pub static FORMATS: &[Format] =
    &[suricata_eve::FORMAT, arcsight_cef::FORMAT, peerhound_json::FORMAT, address::FORMAT];

/// Reads the alerts of one record.
///
/// An alert's id is taken from its content and from `discriminator`, so that the same record under the same
/// discriminator is the same alert, whenever and wherever it is read. Where a sender's records repeat and each counts,
/// the discriminator tells them apart.
pub fn read(record: &Record, discriminator: &str) -> Result<Vec<Alert>, Reject> {
    let format = FORMATS.iter().find(|format| (format.detects)(record)).ok_or_else(|| unknown(record))?;
    let alerts = (format.parse)(record)?;
    let alert = |(index, fields): (usize, AlertFields)| {
        fields.into_alert(id(discriminator, &record.text, index), format.name, cut(&record.text))
    };
    Ok(alerts.into_iter().enumerate().map(alert).collect())
}

/// The first 80 bits of a SHA-256, in hexadecimal.
fn id(discriminator: &str, text: &str, index: usize) -> String {
    let mut hash = Sha256::new();
    for part in [discriminator, text, &index.to_string()] {
        hash.update(part);
        hash.update([0]);
    }
    HEXLOWER.encode(&hash.finalize()[..10])
}

fn cut(text: &str) -> String {
    match text.len() {
        ..=MAX_ORIGINAL => text.to_owned(),
        _ => format!("{}…", &text[..text.floor_char_boundary(MAX_ORIGINAL)]),
    }
}

fn unknown(record: &Record) -> Reject {
    match &record.content {
        Content::Json(value) if !value.is_object() && !value.is_string() => Reject::WrongShape {
            field: "an alert".to_owned(),
            expected: "a JSON object",
            found: reject::kind(value),
        },
        _ => {
            let names: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
            Reject::UnknownFormat { start: one_line(&record.text, 60), known: names.join(", ") }
        }
    }
}
