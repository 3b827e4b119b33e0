//! Where PAN-OS puts what in a line of comma-separated values, by type of log.
//!
//! Releases only ever add columns at the end, so a column has one place or is not there. Names are those that the same
//! fields have in JSON, but for the precise time, which there has no zone of its own.
//!
//! Source: Palo Alto Networks, "PAN-OS Administrator's Guide", "Syslog Field Descriptions", 9.1 to 11.2.

/// A column: its name, and its place counted from 0.
pub(super) type Column = (&'static str, usize);

/// The columns of a log of type `kind` that are read; `None` where there is no such type.
pub(super) fn of(kind: &str) -> Option<&'static [&'static [Column]]> {
    Some(match kind {
        "TRAFFIC" | "START" | "END" | "TUNNEL" => &[FLOW, TRAFFIC],
        "THREAT" => &[FLOW, THREAT],
        "DECRYPTION" => &[FLOW, DECRYPTION],
        "GTP" | "SCTP" => &[FLOW],
        "USERID" => &[USERID],
        "GLOBALPROTECT" => &[GLOBALPROTECT],
        "SYSTEM" => &[SYSTEM],
        "CONFIG" => &[CONFIG],
        "AUTH" | "AUTHENTICATION" => &[AUTH],
        "HIPMATCH" | "HIP-MATCH" => &[HIPMATCH],
        "CORRELATION" => &[CORRELATION],
        "IPTAG" => &[IPTAG],
        _ => return None,
    })
}

/// When, in every type.
pub(super) const GENERATED: usize = 6;

const FLOW: &[Column] = &[
    ("SourceAddress", 7),
    ("DestinationAddress", 8),
    ("NATSource", 9),
    ("NATDestination", 10),
    ("Rule", 11),
    ("SourceUser", 12),
    ("DestinationUser", 13),
    ("Application", 14),
    ("SessionID", 22),
    ("SourcePort", 24),
    ("DestinationPort", 25),
    ("NATSourcePort", 26),
    ("NATDestinationPort", 27),
    ("Protocol", 29),
];
const TRAFFIC: &[Column] = &[
    ("SequenceNo", 39),
    ("DeviceName", 52),
    ("RuleUUID", 65),
    ("XFFAddress", 75),
    ("SourceDeviceHost", 82),
    ("HighResolutionTimestamp", 102),
];
const THREAT: &[Column] = &[
    ("URL", 31),
    ("ThreatID", 32),
    ("VendorSeverity", 34),
    ("SequenceNo", 36),
    ("X-Forwarded-For", 48),
    ("DeviceName", 59),
    ("RuleUUID", 76),
    ("XFFAddress", 79),
    ("SourceDeviceHost", 86),
    ("HighResolutionTimestamp", 107),
];
const DECRYPTION: &[Column] = &[
    ("RuleUUID", 36),
    ("HighResolutionTimestamp", 72),
    ("SourceDeviceHost", 79),
    ("SequenceNo", 89),
    ("DeviceName", 96),
];
const USERID: &[Column] = &[
    ("SourceIP", 8),
    ("User", 9),
    ("SourcePort", 14),
    ("DestinationPort", 15),
    ("SequenceNo", 18),
    ("DeviceName", 25),
    ("HighResolutionTimestamp", 33),
];
const GLOBALPROTECT: &[Column] = &[
    ("EventID", 8),
    ("SourceUser", 12),
    ("MachineName", 14),
    ("PublicIPv4", 15),
    ("PublicIPv6", 16),
    ("PrivateIPv4", 17),
    ("PrivateIPv6", 18),
    ("Reason", 25),
    ("ConnectionError", 26),
    ("EventDescription", 27),
    ("SequenceNo", 34),
    ("HighResolutionTimestamp", 36),
    ("DeviceName", 47),
];
const SYSTEM: &[Column] = &[
    ("EventID", 8),
    ("VendorSeverity", 13),
    ("EventDescription", 14),
    ("SequenceNo", 15),
    ("DeviceName", 22),
    ("HighResolutionTimestamp", 25),
];
/// As it comes without the two columns of custom formats that say what changed.
const CONFIG: &[Column] = &[
    ("SourceAddress", 7),
    ("EventID", 9),
    ("SourceUser", 10),
    ("SequenceNo", 14),
    ("DeviceName", 21),
    ("HighResolutionTimestamp", 25),
];
const AUTH: &[Column] = &[
    ("SourceIP", 8),
    ("User", 9),
    ("NormalizeUser", 10),
    ("AuthenticationPolicy", 12),
    ("EventDescription", 18),
    ("EventID", 20),
    ("SequenceNo", 22),
    ("DeviceName", 29),
    ("RuleUUID", 32),
    ("HighResolutionTimestamp", 33),
    ("SourceDeviceHost", 40),
];
const HIPMATCH: &[Column] = &[
    ("SourceUser", 7),
    ("MachineName", 9),
    ("SourceIP", 11),
    ("HipMatchName", 12),
    ("SequenceNo", 17),
    ("DeviceName", 24),
    ("SourceIPv6", 26),
    ("HighResolutionTimestamp", 30),
];
const CORRELATION: &[Column] = &[
    ("SourceAddress", 7),
    ("SourceUser", 8),
    ("VendorSeverity", 11),
    ("DeviceName", 17),
    ("Rule", 19),
    ("RuleUUID", 20),
    ("EventDescription", 21),
];
const IPTAG: &[Column] = &[
    ("SourceIP", 8),
    ("EventID", 10),
    ("SequenceNo", 16),
    ("DeviceName", 23),
    ("HighResolutionTimestamp", 26),
];
