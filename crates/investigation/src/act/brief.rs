//! What the renderers are told of a case, and the facts that all of them show.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::message::short;
use crate::alert::Alert;
use crate::assess::{Assessment, Verdict};
use crate::evidence::{Identity, TransportProtocol};

/// Longest single value in a message, in characters.
pub(super) const MAX_VALUE: usize = 300;
/// Most values of one kind (users, addresses) in a message.
const MAX_LIST: usize = 10;

/// What a message can say of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    /// Case.
    pub case_id: String,
    /// What started it.
    pub alert: Alert,
    /// Address that was investigated.
    pub target: IpAddr,
    /// Who the machine says it is, where it was asked.
    pub identity: Option<Identity>,
    /// Users that the case is about: claim keys without `user#`, as in `corp\alice`.
    pub suspects: Vec<String>,
    /// What the evidence says, once it was read.
    pub assessment: Option<Assessment>,
    /// Where the container lies; empty before it is sealed.
    pub evidence_location: String,
    /// The container's SHA-256, lower-case hex; empty before it is sealed.
    pub evidence_sha256: String,
    /// When the case was opened.
    pub opened_at: Timestamp,
    /// When the evidence was sealed.
    pub sealed_at: Option<Timestamp>,
    /// Until when machine and users are left alone.
    pub cooldown_until: Option<Timestamp>,
    /// Where the second container lies, and its SHA-256, once there is one.
    pub second: Option<(String, String)>,
    /// How many measures wait for an approval, and until when, where some do.
    pub waiting: Option<(usize, Timestamp)>,
    /// The case's page in the case browser, where that has an address.
    pub page: Option<String>,
    /// Name of the company.
    pub organisation: Option<String>,
    /// Whom a user can ask: an address, a number, a page.
    pub soc_contact: Option<String>,
}

impl Brief {
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.assessment.as_ref().map(|assessment| assessment.verdict)
    }

    /// The machine as people call it, with its address, in one safe line.
    pub(super) fn machine(&self) -> String {
        match self.host_name() {
            Some(name) => format!("{} ({})", short(name, 80), self.target),
            None => self.target.to_string(),
        }
    }

    /// The name that the machine gave itself, or the alert's.
    pub(super) fn host_name(&self) -> Option<&str> {
        let own = self.identity.as_ref().map(|identity| identity.host_name.as_str());
        own.filter(|name| !name.is_empty()).or(self.alert.suspect_host())
    }

    /// Everything worth a row in a table: what it is, and its value, which is outside text and not escaped yet.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let identity = self.identity.as_ref();
        let users = identity.map(|identity| {
            identity.users.iter().map(|user| match &user.domain {
                Some(domain) => format!("{domain}\\{}", user.name),
                None => user.name.clone(),
            })
        });
        let system = identity.and_then(|identity| identity.os.clone());
        let rows = [
            ("Case", Some(self.case_id.clone())),
            (
                "Verdict",
                self.assessment
                    .as_ref()
                    .map(|a| format!("{} ({} confidence)", a.verdict.words(), a.confidence)),
            ),
            ("Machine", Some(self.machine())),
            ("Domain", identity.and_then(|identity| identity.domain.clone())),
            ("System", system),
            ("Logged in", users.map(list).filter(|users| !users.is_empty())),
            ("User", Some(list(self.suspects.iter().cloned())).filter(|users| !users.is_empty())),
            ("Alert", Some(self.alert_words())),
            ("Alert id", self.alert.event_id.clone()),
            ("Flow", self.flow()),
            ("Infohash", self.alert.infohash.clone()),
            ("Seen", self.alert.timestamp.map(minute)),
            ("Opened", Some(minute(self.opened_at))),
            ("Sealed", self.sealed_at.map(minute)),
            ("Evidence", Some(self.evidence_location.clone()).filter(|location| !location.is_empty())),
            ("SHA-256", Some(self.evidence_sha256.clone()).filter(|sha256| !sha256.is_empty())),
            ("Deeper look", self.second.as_ref().map(|(location, _)| location.clone())),
            ("Its SHA-256", self.second.as_ref().map(|(_, sha256)| sha256.clone())),
            ("Left alone until", self.cooldown_until.map(minute)),
            (
                "Approval wanted",
                self.waiting.map(|(count, until)| {
                    let what = if count == 1 { "measure" } else { "measures" };
                    format!("{count} {what}, until {}", minute(until))
                }),
            ),
            ("Case page", self.page.clone()),
        ];
        rows.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }

    fn alert_words(&self) -> String {
        match (&self.alert.rule_name, &self.alert.rule_id) {
            (Some(name), Some(id)) => format!("{name} ({id})"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => self.alert.id.clone(),
        }
    }

    /// `10.0.0.5:51413 → 203.0.113.9:6881 tcp`, as far as the alert says.
    fn flow(&self) -> Option<String> {
        let end = |ip: Option<IpAddr>, port: Option<u16>| match (ip, port) {
            (Some(IpAddr::V6(ip)), Some(port)) => format!("[{ip}]:{port}"),
            (Some(ip), Some(port)) => format!("{ip}:{port}"),
            (Some(ip), None) => ip.to_string(),
            (None, _) => "?".to_owned(),
        };
        let alert = &self.alert;
        alert.source_ip.or(alert.destination_ip)?;
        let transport = match alert.transport {
            Some(TransportProtocol::Tcp) => " tcp",
            Some(TransportProtocol::Udp) => " udp",
            None => "",
        };
        let source = end(alert.source_ip, alert.source_port);
        Some(format!("{source} → {}{transport}", end(alert.destination_ip, alert.destination_port)))
    }
}

/// Values side by side, capped; the rest is counted.
fn list(values: impl ExactSizeIterator<Item = String>) -> String {
    let rest = values.len().saturating_sub(MAX_LIST);
    let mut text = values.take(MAX_LIST).collect::<Vec<_>>().join(", ");
    if rest > 0 {
        text.push_str(&format!(" and {rest} more"));
    }
    text
}

/// A time in UTC, RFC 3339, to the minute.
pub(super) fn minute(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}Z", at.year(), at.month(), at.day(), at.hour(), at.minute())
}
