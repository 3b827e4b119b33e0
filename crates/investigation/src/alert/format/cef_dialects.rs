//! What vendors mean by the fields of CEF, where they differ from its specification or from each other.
//!
//! Sources: the vendors' own guides for CEF: Palo Alto Networks "CEF Configuration Guide", Fortinet "FortiOS Log Message
//! Reference, CEF support", SonicWall "SonicOS Log Events Reference", Check Point "Log Exporter CEF mapping",
//! Trend Micro "Deep Security syslog message formats", CrowdStrike "Falcon SIEM Connector", Imperva "Cloud WAF log
//! configuration", Forcepoint "NGFW log fields", Vectra "Syslog guide", Darktrace "Syslog CEF".

use super::Field;
use super::cef::Cef;
use super::mapping::Mapping;

/// What one vendor's fields mean.
#[derive(Debug)]
pub(super) struct Dialect {
    /// How the device vendor starts, in lower case.
    vendor: &'static str,
    /// How the product or the event class id starts, in lower case, where that matters.
    what: &'static str,
    /// Fields that are looked at before [`GENERIC`]'s. See [`Cef::all`] for how a path reads.
    pub(super) mapping: Mapping,
    /// Keys of the user and of the user's domain.
    pub(super) users: &'static [(&'static str, &'static str)],
    /// Whether the device that reports is the machine that the event is about, as an agent is.
    pub(super) is_endpoint: bool,
}

/// What the specification says, and what most write.
pub(super) const GENERIC: Mapping = &[
    (Field::SourcePort, &["spt", "sourcePort"]),
    (Field::DestinationPort, &["dpt", "destinationPort"]),
    (Field::SourceNatIp, &["sourceTranslatedAddress"]),
    (Field::SourceNatPort, &["sourceTranslatedPort"]),
    (Field::DestinationNatIp, &["destinationTranslatedAddress"]),
    (Field::DestinationNatPort, &["destinationTranslatedPort"]),
    (Field::ForwardedIp, &["xff", "~x-forwarded-for", "~xff", "~true client ip"]),
    (Field::Transport, &["proto", "transportProtocol"]),
    (Field::EventId, &["externalId", "eventId"]),
    (
        Field::RuleName,
        &[
            "~rule",
            "~rule name",
            "~rulename",
            "~policy name",
            "~policyname",
            "~policy",
            "~signature name",
            "|name",
        ],
    ),
    (Field::RuleId, &["|deviceEventClassId"]),
    (Field::Severity, &["|severity"]),
    (Field::ObserverName, &["dvchost", "deviceHostName", "dvc", "deviceAddress"]),
    (Field::Infohash, &["~infohash", "~info hash", "~info_hash"]),
];

/// The address of an end, the short name and the long one that the specification explains it with.
pub(super) const SOURCE: &[&str] = &["src", "sourceAddress", "~source ipv6 address"];
pub(super) const DESTINATION: &[&str] = &["dst", "destinationAddress", "~destination ipv6 address"];
/// When the activity started, or what comes nearest to it.
pub(super) const TIME: &[&str] =
    &["start", "startTime", "rt", "deviceReceiptTime", "end", "endTime", "*eventtime", "*EventTime"];
/// The source's user; some sensors write who is logged in at the source as the destination's.
const USERS: &[(&str, &str)] = &[
    ("suser", "sntdom"),
    ("sourceUserName", "sourceNtDomain"),
    ("susr", ""),
    ("duser", "dntdom"),
    ("destinationUserName", "destinationNtDomain"),
];

const OTHERS: Dialect = Dialect { vendor: "", what: "", mapping: &[], users: USERS, is_endpoint: false };

const PALO_ALTO: Mapping = &[
    // GlobalProtect: the address inside the tunnel is the machine's in our network.
    (Field::SourceIp, &["src", "~source ipv6 address", "PanOSPrivateIPv4"]),
    (Field::SourceNatIp, &["sourceTranslatedAddress", "PanOSNATSource"]),
    (Field::SourceNatPort, &["sourceTranslatedPort", "PanOSNATSourcePort"]),
    (Field::DestinationNatIp, &["destinationTranslatedAddress", "PanOSNATDestination"]),
    (Field::DestinationNatPort, &["destinationTranslatedPort", "PanOSNATDestinationPort"]),
    (Field::ForwardedIp, &["PanOSX-Forwarded-ForIP", "PanOSX-Forwarded-For"]),
    (Field::RuleName, &["~rule", "PanOSRuleMatched", "msg", "PanOSConnectionError", "PanOSDescription"]),
    (Field::HostName, &["PanOSEndpointDeviceName"]),
    (Field::ObserverName, &["dvchost", "PanOSDeviceName"]),
];
/// The destination's user is not the source's here.
const PALO_ALTO_USERS: &[(&str, &str)] = &[
    ("suser", "sntdom"),
    ("suser0", ""),
    ("PanOSSourceUser", ""),
    ("PanOSSourceUserName", "PanOSSourceUserDomain"),
];

const FORTINET: Mapping = &[
    (Field::Timestamp, &["*eventtime"]),
    (Field::RuleName, &["msg", "*attack", "*policyname"]),
    (Field::ObserverName, &["dvchost", "*devname", "deviceExternalId"]),
    (Field::ForwardedIp, &["*forwardedfor"]),
];
/// Whom FortiOS calls `user`, it writes as the destination's, though it is the source's.
const FORTINET_USERS: &[(&str, &str)] =
    &[("suser", ""), ("duser", ""), ("FTNTFGTunauthuser", ""), ("FortinetFortiGateunauthuser", "")];

const CHECK_POINT: Mapping = &[
    (Field::RuleName, &["~rule name", "rule_name", "~protection name", "~attack information"]),
    (Field::ObserverName, &["dvchost", "origin"]),
    (Field::ForwardedIp, &["proxy_src_ip"]),
];

/// The order of looking; the first that fits is taken.
static DIALECTS: &[Dialect] = &[
    Dialect {
        vendor: "palo alto networks",
        what: "auth",
        mapping: PALO_ALTO,
        users: USERS,
        is_endpoint: false,
    },
    Dialect {
        vendor: "palo alto networks",
        what: "userid",
        mapping: PALO_ALTO,
        users: USERS,
        is_endpoint: false,
    },
    Dialect { vendor: "palo alto networks", mapping: PALO_ALTO, users: PALO_ALTO_USERS, ..OTHERS },
    Dialect {
        vendor: "fortinet",
        what: "fortideceptor",
        mapping: &[
            (Field::SourceIp, &["src", "\"AttackerIP"]),
            (Field::SourcePort, &["spt", "AttackerPort"]),
            (Field::DestinationIp, &["dst", "VictimIP"]),
            (Field::DestinationPort, &["dpt", "VictimPort"]),
            (Field::RuleName, &["Operation", "action"]),
        ],
        // `user` is who is logged in at the console.
        users: USERS,
        is_endpoint: false,
    },
    Dialect { vendor: "fortinet", mapping: FORTINET, users: FORTINET_USERS, ..OTHERS },
    Dialect { vendor: "check point", mapping: CHECK_POINT, ..OTHERS },
    Dialect {
        vendor: "sonicwall",
        // SonicOS writes translated addresses where labels belong.
        mapping: &[
            (Field::SourceIp, &["src", "srcV6"]),
            (Field::DestinationIp, &["dst", "dstV6"]),
            (Field::SourceNatIp, &["cs1Label", "natSrcV6", "sourceTranslatedAddress"]),
            (Field::SourceNatPort, &["snpt", "sourceTranslatedPort"]),
            (Field::DestinationNatIp, &["cs2Label", "natDstV6", "destinationTranslatedAddress"]),
            (Field::DestinationNatPort, &["dnpt", "destinationTranslatedPort"]),
            (Field::RuleName, &["cs1", "msg"]),
        ],
        ..OTHERS
    },
    Dialect {
        vendor: "forcepoint",
        mapping: &[
            (Field::RuleName, &["~rule", "msg"]),
            (Field::ObserverName, &["deviceExternalId", "dvchost", "dvc"]),
        ],
        ..OTHERS
    },
    Dialect { vendor: "watchguard", mapping: &[(Field::RuleName, &["~rule", "~policy", "msg"])], ..OTHERS },
    // The appliances for mail: the policy that handled the message.
    Dialect {
        vendor: "cisco",
        mapping: &[(Field::RuleName, &["~mailpolicy", "ESAMailFlowPolicy"])],
        ..OTHERS
    },
    Dialect { vendor: "incapsula", mapping: &[(Field::RuleName, &["~rule name"])], ..OTHERS },
    Dialect { vendor: "trend micro", what: "deep security agent", is_endpoint: true, ..OTHERS },
    Dialect {
        vendor: "trend micro",
        what: "deep discovery",
        mapping: &[(Field::RuleName, &["~rulename", "~detectionname", "|name"])],
        ..OTHERS
    },
    Dialect {
        vendor: "crowdstrike",
        mapping: &[(Field::RuleName, &["~detectname", "~detect name", "DetectName"])],
        is_endpoint: true,
        ..OTHERS
    },
    Dialect { vendor: "sentinelone", is_endpoint: true, ..OTHERS },
    Dialect { vendor: "carbon black", is_endpoint: true, ..OTHERS },
    Dialect { vendor: "symantec", what: "endpoint protection", is_endpoint: true, ..OTHERS },
    Dialect {
        vendor: "darktrace",
        mapping: &[(Field::RuleName, &["~modelname", "~model name", "|name"])],
        ..OTHERS
    },
];

/// The dialect that `cef` is written in.
pub(super) fn of(cef: &Cef<'_>) -> &'static Dialect {
    let starts = |text: &str, start: &str| {
        text.trim().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    let fits = |dialect: &&Dialect| {
        starts(&cef.vendor, dialect.vendor)
            && (starts(&cef.product, dialect.what) || starts(&cef.class_id, dialect.what))
    };
    DIALECTS.iter().find(fits).unwrap_or(&OTHERS)
}

impl Dialect {
    /// The paths of `field`, this vendor's first.
    pub(super) fn paths(&self, field: Field, generic: &'static [&'static str]) -> Vec<&'static str> {
        let own = self.mapping.iter().find(|(of, _)| *of == field).map_or(&[][..], |(_, paths)| paths);
        own.iter().chain(generic).copied().collect()
    }

    /// The fields that only this vendor has.
    pub(super) fn own(&self, field: Field) -> Vec<&'static str> {
        self.paths(field, &[])
    }
}
