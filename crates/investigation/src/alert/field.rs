//! The fields of a normalised alert, by their ECS names.

use serde::{Deserialize, Serialize};

/// One field of a normalised alert. Shown and written by its ECS name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each field is described on Alert")]
pub enum Field {
    #[serde(rename = "event.id")]
    EventId,
    #[serde(rename = "@timestamp")]
    Timestamp,
    #[serde(rename = "rule.name")]
    RuleName,
    #[serde(rename = "rule.id")]
    RuleId,
    #[serde(rename = "source.ip")]
    SourceIp,
    #[serde(rename = "source.port")]
    SourcePort,
    #[serde(rename = "source.nat.ip")]
    SourceNatIp,
    #[serde(rename = "source.nat.port")]
    SourceNatPort,
    #[serde(rename = "destination.ip")]
    DestinationIp,
    #[serde(rename = "destination.port")]
    DestinationPort,
    #[serde(rename = "destination.nat.ip")]
    DestinationNatIp,
    #[serde(rename = "destination.nat.port")]
    DestinationNatPort,
    #[serde(rename = "network.forwarded_ip")]
    ForwardedIp,
    #[serde(rename = "network.transport")]
    Transport,
    #[serde(rename = "user.name")]
    UserName,
    #[serde(rename = "user.domain")]
    UserDomain,
    #[serde(rename = "user.email")]
    UserEmail,
    #[serde(rename = "host.name")]
    HostName,
    #[serde(rename = "observer.name")]
    ObserverName,
    #[serde(rename = "event.severity")]
    Severity,
    #[serde(rename = "torrent.infohash")]
    Infohash,
}

impl Field {
    /// Every field, in the order in which alerts show them.
    pub const ALL: [Self; 21] = [
        Self::EventId,
        Self::Timestamp,
        Self::RuleName,
        Self::RuleId,
        Self::SourceIp,
        Self::SourcePort,
        Self::SourceNatIp,
        Self::SourceNatPort,
        Self::DestinationIp,
        Self::DestinationPort,
        Self::DestinationNatIp,
        Self::DestinationNatPort,
        Self::ForwardedIp,
        Self::Transport,
        Self::UserName,
        Self::UserDomain,
        Self::UserEmail,
        Self::HostName,
        Self::ObserverName,
        Self::Severity,
        Self::Infohash,
    ];

    /// The ECS name; `torrent.infohash` is Peerhound's own, as ECS has none.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventId => "event.id",
            Self::Timestamp => "@timestamp",
            Self::RuleName => "rule.name",
            Self::RuleId => "rule.id",
            Self::SourceIp => "source.ip",
            Self::SourcePort => "source.port",
            Self::SourceNatIp => "source.nat.ip",
            Self::SourceNatPort => "source.nat.port",
            Self::DestinationIp => "destination.ip",
            Self::DestinationPort => "destination.port",
            Self::DestinationNatIp => "destination.nat.ip",
            Self::DestinationNatPort => "destination.nat.port",
            Self::ForwardedIp => "network.forwarded_ip",
            Self::Transport => "network.transport",
            Self::UserName => "user.name",
            Self::UserDomain => "user.domain",
            Self::UserEmail => "user.email",
            Self::HostName => "host.name",
            Self::ObserverName => "observer.name",
            Self::Severity => "event.severity",
            Self::Infohash => "torrent.infohash",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_written_by_the_name_that_it_shows() {
        for field in Field::ALL {
            assert_eq!(serde_json::to_value(field).expect("written"), field.name());
        }
    }
}
