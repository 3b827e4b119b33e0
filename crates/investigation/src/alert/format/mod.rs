//! The formats that alerts are read in. A new one is a file beside this one and a line in [`FORMATS`].

pub(super) mod address;
mod arcsight_cef;
mod arcsight_esm;
mod aws_action;
mod aws_guardduty;
mod aws_security_hub;
mod aws_vpcflow;
mod carbonblack;
pub(super) mod cef;
mod cef_dialects;
mod checkpoint;
mod chronicle_udm;
mod cisco;
mod cortex_xdr;
mod crowdstrike;
mod cyberark_audit;
mod darktrace;
mod ecs;
mod elastalert;
mod elastic_alert;
mod endpoint;
mod fortigate;
mod gatewatcher;
mod graylog;
mod juniper;
mod leef;
mod ms_defender;
mod ms_entities;
mod ms_graph;
mod ms_sentinel;
mod ocsf;
mod osquery;
mod ossec_syslog;
mod paloalto;
mod peerhound_json;
mod qradar_leef;
mod qradar_offense;
mod sentinelone;
mod snort;
mod sonicwall;
mod sophos_central;
mod sophos_firewall;
mod splunk_alert;
mod splunk_row;
mod stormshield;
mod suricata_eve;
mod symantec_sep;
#[cfg(test)]
mod testing;
mod wazuh;
mod wording;
mod zeek;
mod zscaler;

use std::borrow::Cow;
use std::collections::HashMap;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::envelope::{self, Opened};
use super::framing::{self, Content, Record};
use super::{Alert, AlertFields, Field, Kind, Reject, SiteFormat};
// What formats are made of: each names it as `super::lookup` and so on.
use super::{fields, lookup, mapping, pairs, reject, syslog, time};
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
    // Each of these knows its records by what no other product writes.
    gatewatcher::FORMAT,
    splunk_alert::FORMAT,
    elastic_alert::FORMAT,
    wazuh::FORMAT,
    ossec_syslog::FORMAT,
    suricata_eve::FORMAT,
    zeek::FORMAT,
    osquery::FORMAT,
    chronicle_udm::FORMAT,
    arcsight_cef::FORMAT,
    qradar_leef::FORMAT,
    qradar_offense::FORMAT,
    arcsight_esm::FORMAT,
    graylog::FORMAT,
    cyberark_audit::FORMAT,
    sonicwall::FORMAT,
    stormshield::FORMAT,
    sophos_firewall::FORMAT,
    symantec_sep::FORMAT,
    fortigate::FORMAT,
    cisco::FORMAT,
    juniper::FORMAT,
    zscaler::FORMAT,
    checkpoint::FORMAT,
    paloalto::FORMAT,
    snort::FORMAT,
    aws_vpcflow::FORMAT,
    ocsf::FORMAT,
    aws_guardduty::FORMAT,
    aws_security_hub::FORMAT,
    ms_sentinel::FORMAT,
    ms_defender::FORMAT,
    ms_graph::FORMAT,
    crowdstrike::FORMAT,
    sentinelone::FORMAT,
    darktrace::FORMAT,
    carbonblack::FORMAT,
    cortex_xdr::FORMAT,
    sophos_central::FORMAT,
    elastalert::FORMAT,
    // Lenient about any document, and so behind those that know theirs.
    ecs::FORMAT,
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
    read_told_apart(record, site, &|_| Cow::Borrowed(discriminator))
}

/// The same, with a discriminator for each alert, which is asked for when all but its id is known.
pub fn read_told_apart<'d>(
    record: &Record,
    site: &[SiteFormat],
    discriminator: &dyn Fn(&Alert) -> Cow<'d, str>,
) -> Vec<Result<Alert, Rejected>> {
    let opened = envelope::open(record, site);
    let mut alerts = Vec::with_capacity(opened.len());
    let mut seen = HashMap::<&str, usize>::new();
    for opened in &opened {
        match opened {
            Opened::Unreadable(reject, text) => {
                alerts.push(Err(Rejected { reject: reject.clone(), original: cut(text) }));
            }
            Opened::Alert(record, reader) => {
                // The same text twice in one envelope is two alerts, as it would be on two lines.
                let times = seen.entry(&record.text).or_default();
                read_opened(record, *reader, *times, discriminator, &mut alerts);
                *times += 1;
            }
        }
    }
    alerts
}

fn read_opened<'d>(
    record: &Record,
    reader: Reader<'_>,
    times: usize,
    discriminator: &dyn Fn(&Alert) -> Cow<'d, str>,
    alerts: &mut Vec<Result<Alert, Rejected>>,
) {
    let reject = match reader.parse(record) {
        Ok(parsed) if parsed.is_empty() => Reject::NoAlert { format: reader.name().to_owned() },
        Ok(parsed) => {
            return alerts.extend(parsed.into_iter().enumerate().map(|(index, fields)| {
                let mut alert = fields.into_alert(String::new(), reader.name(), cut(&record.text));
                alert.id = id(&discriminator(&alert), &record.text, index, times);
                Ok(alert)
            }));
        }
        Err(reject) => reject,
    };
    alerts.push(Err(Rejected { reject, original: cut(&record.text) }));
}

/// What reads a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reader<'a> {
    /// A format that the site describes.
    Site(&'a SiteFormat),
    /// One of [`FORMATS`].
    Known(&'static Format),
}

impl<'a> Reader<'a> {
    /// The first that knows `record`.
    pub(super) fn of(record: &Record, site: &'a [SiteFormat]) -> Option<Self> {
        let described = site.iter().find(|format| format.detects(record)).map(Self::Site);
        described.or_else(|| FORMATS.iter().find(|format| (format.detects)(record)).map(Self::Known))
    }

    /// Whether it tells more than a bare address, or a word that begins like one.
    pub(super) fn is_telling(self) -> bool {
        self.name() != address::FORMAT.name
    }

    fn name(self) -> &'a str {
        match self {
            Self::Site(format) => &format.name,
            Self::Known(format) => format.name,
        }
    }

    fn parse(self, record: &Record) -> Result<Vec<AlertFields>, Reject> {
        match self {
            Self::Site(format) => format.parse(record),
            Self::Known(format) => (format.parse)(record),
        }
    }
}

/// Whether a format that comes before the one called `name` reads `record`. What is lenient or strict about any
/// document asks this, so that it takes none that another format knows.
pub(super) fn is_known_before(name: &str, record: &Record) -> bool {
    FORMATS.iter().take_while(|format| format.name != name).any(|format| (format.detects)(record))
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
