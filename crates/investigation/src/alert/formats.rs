//! The formats that alerts are read in. A new one is a file beside this one and a line in [`FORMATS`].

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::envelope::{self, Opened};
use super::framing::{Content, Record};
use super::{Alert, AlertFields, Reject, SiteFormat};
use super::{
    address, arcsight_cef, aws_vpcflow, checkpoint, cisco, fortigate, juniper, paloalto, peerhound_json,
    reject, snort, suricata_eve, zscaler,
};
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
pub static FORMATS: &[Format] = &[
    suricata_eve::FORMAT,
    arcsight_cef::FORMAT,
    fortigate::FORMAT,
    cisco::FORMAT,
    juniper::FORMAT,
    zscaler::FORMAT,
    checkpoint::FORMAT,
    paloalto::FORMAT,
    snort::FORMAT,
    aws_vpcflow::FORMAT,
    peerhound_json::FORMAT,
    address::FORMAT,
];

/// What could not be read, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// Why.
    pub reject: Reject,
    /// The text that it is about, capped: the record, or what it held.
    pub original: String,
}

/// Reads the alerts of one record, out of whatever envelopes are around them. Gives at least one item; what cannot be
/// read spoils nothing beside it. The formats that the `site` describes come first.
///
/// An alert's id is taken from its content and from `discriminator`, so that the same record under the same
/// discriminator is the same alert, whenever and wherever it is read, and whatever it travelled in. Where a sender's
/// records repeat and each counts, the discriminator tells them apart.
pub fn read(record: &Record, discriminator: &str, site: &[SiteFormat]) -> Vec<Result<Alert, Rejected>> {
    let mut alerts = Vec::new();
    let mut seen = HashMap::<String, usize>::new();
    for opened in envelope::open(record, site) {
        match opened {
            Opened::Unreadable(reject, text) => alerts.push(Err(Rejected { reject, original: cut(&text) })),
            Opened::Alert(record) => {
                // The same text twice in one envelope is two alerts, as it would be on two lines.
                let times = seen.entry(record.text.clone()).or_default();
                *times += 1;
                read_opened(&record, discriminator, *times - 1, site, &mut alerts);
            }
        }
    }
    alerts
}

fn read_opened(
    record: &Record,
    discriminator: &str,
    times: usize,
    site: &[SiteFormat],
    alerts: &mut Vec<Result<Alert, Rejected>>,
) {
    let (name, parsed) = match site.iter().find(|format| format.detects(record)) {
        Some(format) => (format.name.as_str(), format.parse(record)),
        None => match FORMATS.iter().find(|format| (format.detects)(record)) {
            Some(format) => (format.name, (format.parse)(record)),
            None => ("", Err(unknown(record, site))),
        },
    };
    match parsed {
        Ok(parsed) if parsed.is_empty() => {
            let reject = Reject::NoAlert { format: name.to_owned() };
            alerts.push(Err(Rejected { reject, original: cut(&record.text) }));
        }
        Ok(parsed) => alerts.extend(parsed.into_iter().enumerate().map(|(index, fields)| {
            let id = id(discriminator, &record.text, index, times);
            Ok(fields.into_alert(id, name, cut(&record.text)))
        })),
        Err(reject) => alerts.push(Err(Rejected { reject, original: cut(&record.text) })),
    }
}

/// Whether any format reads `record`.
pub(super) fn is_known(record: &Record, site: &[SiteFormat]) -> bool {
    site.iter().any(|format| format.detects(record)) || FORMATS.iter().any(|format| (format.detects)(record))
}

/// The first 80 bits of a SHA-256, in hexadecimal.
fn id(discriminator: &str, text: &str, index: usize, times: usize) -> String {
    let mut hash = Sha256::new();
    let again = format!("again {times}");
    let parts = [discriminator, text, &index.to_string(), &again];
    for part in &parts[..if times == 0 { 3 } else { 4 }] {
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

/// Why a record is of no format.
pub(super) fn unknown(record: &Record, site: &[SiteFormat]) -> Reject {
    match &record.content {
        Content::Json(value) if !value.is_object() && !value.is_string() => Reject::WrongShape {
            field: "an alert".to_owned(),
            expected: "a JSON object",
            found: reject::kind(value),
        },
        _ => {
            let known = FORMATS.len() + site.len();
            Reject::UnknownFormat { start: one_line(&record.text, 60), known }
        }
    }
}
