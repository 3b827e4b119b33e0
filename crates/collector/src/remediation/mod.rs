//! Changing an endpoint: what is run for each measure, and what its answer means.
//!
//! A measure is a constant script with values. Values come from the endpoint's own evidence and are hostile: a POSIX
//! shell gets them as octal digits and PowerShell as numbers ([`values`]), so that none of them can ever be read as a
//! command, and scripts name files from within their folder, so that no link leads them elsewhere. Each script looks
//! again whether everything is as it was seen, right before it changes anything, and says afterwards whether it worked.
//!
//! What is made on an endpoint is named after the case and the number of the measure, and what it takes to undo it lies
//! there, in a folder of that name. Whoever carries out the same order again finds it.

pub(crate) mod answer;
pub(crate) mod entry;
pub(crate) mod posix;
pub(crate) mod rules;
pub(crate) mod script;
pub(crate) mod values;
pub(crate) mod windows;

use data_encoding::HEXLOWER;
use investigation::remediation::{Measure, MeasureStatus, Undo};
use investigation::text::one_line;
use sha2::{Digest as _, Sha256};

/// Longest detail, in characters.
const DETAIL_CHARS: usize = 400;

/// What is done: a measure, or its undo.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// Do it.
    Measure(Measure),
    /// Take it back.
    Undo(Undo),
}

impl Work {
    /// The word for it in records.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Measure(Measure::StopProcess { .. }) => "StopProcess",
            Self::Measure(Measure::DisableAutostart { .. }) => "DisableAutostart",
            Self::Measure(Measure::BlockTraffic { .. }) => "BlockTraffic",
            Self::Measure(Measure::QuarantineFile { .. }) => "QuarantineFile",
            Self::Measure(Measure::Isolate { .. }) => "Isolate",
            Self::Undo(Undo::RestoreAutostart { .. }) => "RestoreAutostart",
            Self::Undo(Undo::UnblockTraffic) => "UnblockTraffic",
            Self::Undo(Undo::RestoreFile { .. }) => "RestoreFile",
            Self::Undo(Undo::EndIsolation) => "EndIsolation",
        }
    }

    /// Its turn: services first, whose manager would start an ended process again; then processes, so that nothing writes
    /// anew what is switched off or moved; the network last, so that the rest is done by then. What is taken back goes the
    /// other way.
    pub(crate) fn turn(&self) -> u8 {
        match self {
            Self::Measure(Measure::DisableAutostart { mechanism, .. })
                if ["systemd", "service"].contains(&mechanism.as_str()) =>
            {
                0
            }
            Self::Measure(Measure::StopProcess { .. }) | Self::Undo(Undo::EndIsolation) => 1,
            Self::Measure(Measure::DisableAutostart { .. }) | Self::Undo(Undo::UnblockTraffic) => 2,
            Self::Measure(Measure::BlockTraffic { .. }) | Self::Undo(Undo::RestoreFile { .. }) => 3,
            Self::Measure(Measure::QuarantineFile { .. }) | Self::Undo(Undo::RestoreAutostart { .. }) => 4,
            Self::Measure(Measure::Isolate { .. }) => 5,
        }
    }

    /// Whether it has to do with the connection that the order comes over.
    pub(crate) fn is_about_the_network(&self) -> bool {
        matches!(self, Self::Measure(Measure::BlockTraffic { .. } | Measure::Isolate { .. }))
    }

    /// What tells it from another measure that got the same number. An isolation may be ordered again with another end.
    pub(crate) fn fingerprint(&self) -> String {
        let text = match self {
            Self::Measure(Measure::Isolate { .. }) => "isolate".to_owned(),
            Self::Measure(measure) => serde_json::to_string(measure).unwrap_or_default(),
            Self::Undo(_) => return String::new(),
        };
        HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
    }
}

/// One piece of work under the names that it has on the endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Case.
    pub(crate) case_id: String,
    /// Number within the case.
    pub(crate) n: u32,
    /// What.
    pub(crate) work: Work,
}

impl Task {
    /// What things on the endpoint are called.
    pub(crate) fn name(&self) -> String {
        format!("peerhound-{}-{}", self.case_id, self.n)
    }
}

/// How the collector's own connection comes to the endpoint, as that sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnConnection {
    /// Where it comes from; nothing for work on this machine, or where it cannot be told.
    pub(crate) peer: Option<std::net::IpAddr>,
    /// The ports of the endpoint that it must not lose.
    pub(crate) ports: Vec<u16>,
    /// Whether there is a connection at all.
    pub(crate) remote: bool,
}

/// How one piece of work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) status: MeasureStatus,
    pub(crate) detail: String,
    pub(crate) undo: Option<Undo>,
}

impl Ending {
    /// Outside text in a detail becomes one line here.
    pub(crate) fn new(status: MeasureStatus, detail: impl AsRef<str>) -> Self {
        Self { status, detail: one_line(detail.as_ref(), DETAIL_CHARS), undo: None }
    }

    /// Nothing was touched.
    pub(crate) fn refused(detail: impl AsRef<str>) -> Self {
        Self::new(MeasureStatus::Refused, detail)
    }

    /// It was tried.
    pub(crate) fn failed(detail: impl AsRef<str>) -> Self {
        Self::new(MeasureStatus::Failed, detail)
    }

    /// Names the undo of what is in force.
    pub(crate) fn with_undo(mut self, undo: Undo) -> Self {
        if matches!(self.status, MeasureStatus::Done | MeasureStatus::Already) {
            self.undo = Some(undo);
        }
        self
    }
}
