//! Microsoft Defender XDR's advanced hunting: its tables as the streaming API and Event Hubs send them (`category` and
//! `properties`), as hunting queries return them, and as Sentinel keeps them.
//!
//! Source: Microsoft Defender XDR, "Understand the advanced hunting schema"; "Streaming API".

use std::collections::BTreeMap;

use serde_json::Value;

use super::endpoint::Sides;
use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "ms_defender",
    description: "Microsoft Defender XDR advanced hunting rows and streams (AlertInfo, AlertEvidence, DeviceNetworkEvents, …)",
    example: "alerts/ms_defender-network.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["AlertId", "ReportId"]),
    (Field::Timestamp, &["Timestamp", "TimeGenerated"]),
    (Field::RuleName, &["Title", "ActionType"]),
    (Field::Severity, &["Severity"]),
    (Field::Transport, &["Protocol"]),
    (Field::UserName, &["AccountName", "RequestAccountName", "InitiatingProcessAccountName", "AccountUpn"]),
    (Field::UserDomain, &["AccountDomain", "RequestAccountDomain", "InitiatingProcessAccountDomain"]),
    (Field::UserEmail, &["AccountUpn", "InitiatingProcessAccountUpn"]),
    (Field::HostName, &["DeviceName"]),
    // What Defender's own service sees of the machine.
    (Field::SourceNatIp, &["PublicIP"]),
];

const SIDES: Sides<&str> = Sides {
    local_ip: &["LocalIP"],
    local_port: &["LocalPort"],
    remote_ip: &["RemoteIP"],
    remote_port: &["RemotePort"],
};

/// Whom events of identities, of applications and of mail are from, and files over the network.
const OTHERS: Mapping = &[
    (Field::SourceIp, &["RequestSourceIP", "SenderIPv4", "SenderIPv6", "InitiatingProcessRemoteSessionIP"]),
    (Field::SourcePort, &["Port", "RequestSourcePort"]),
    (Field::DestinationIp, &["DestinationIPAddress"]),
    (Field::DestinationPort, &["DestinationPort"]),
];

fn detects(record: &Record) -> bool {
    let Some(whole) = Lookup::of(record) else { return false };
    let streamed = whole.get("category").is_some_and(|category| category.starts_with("AdvancedHunting-"));
    let row = |row: Lookup<'_>| {
        row.has_any(&["Timestamp", "TimeGenerated"])
            && (row.has_all(&["DeviceId", "DeviceName", "ActionType"])
                || row.has_all(&["AlertId", "ServiceSource", "Title"])
                || row.has_all(&["AlertId", "EntityType", "EvidenceRole"]))
    };
    streamed && whole.has("properties") || row(whole)
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(whole) = Lookup::of(record) else { return Ok(Vec::new()) };
    let row = whole.objects("properties").first().copied().unwrap_or(whole);
    let table = whole.get("category").or_else(|| whole.get("Type")).unwrap_or_default();
    let table = table.trim_start_matches("AdvancedHunting-");
    let mut fields = AlertFields::default();
    fields.fill(row, MAPPING)?;
    let mut times = BTreeMap::new();
    if fields.timestamp.is_none() {
        fields.fill_one(whole, Field::Timestamp, &["time"])?;
        times.extend(
            fields.origins.get_key_value(&Field::Timestamp).map(|(field, origin)| (*field, origin.clone())),
        );
    }
    if let Some(names) = own_account(&fields)
        && let Some(domain) = row.get(names)
    {
        fields.set(Field::UserDomain, (names, &domain))?;
    }
    let action = row.get("ActionType").unwrap_or_default();
    // A log-on tells who came; so does a connection that was accepted.
    let inbound = table == "DeviceLogonEvents" || action.starts_with("InboundConnection");
    fields.set_connection(row, SIDES, inbound)?;
    if !fields.has_end() {
        // Azure lists the proxies behind the caller.
        if let Some(addresses) = row.get("IPAddress") {
            let caller = addresses.split(',').next().unwrap_or_default();
            fields.set(Field::SourceIp, ("IPAddress", caller))?;
        }
        if fields.has_end() {
            fields.fill(row, &OTHERS[1..])?;
        } else {
            fields.fill(row, OTHERS)?;
        }
    }
    for url in ["RemoteUrl", "Url"] {
        if let Some(value) = row.get(url) {
            fields.set_infohash_from_url((url, &value));
        }
    }
    within_text(&mut fields, row)?;
    if whole.has("properties") {
        fields.within("properties", &times);
    }
    Ok(vec![fields])
}

/// A name and a domain are of the same account, or the domain is nobody's.
fn own_account(fields: &AlertFields) -> Option<&'static str> {
    match fields.origins.get(&Field::UserName)?.as_str() {
        "RequestAccountName" => Some("RequestAccountDomain"),
        "InitiatingProcessAccountName" => Some("InitiatingProcessAccountDomain"),
        _ => None,
    }
}

/// What a row holds as JSON in a text: the addresses of a machine that is evidence, and who is logged on at it.
fn within_text(fields: &mut AlertFields, row: Lookup<'_>) -> Result<(), Reject> {
    let parsed = |path: &str| row.get(path).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    if row.get("EntityType").is_some_and(|kind| kind == "Machine")
        && fields.source_ip.is_none()
        && let Some(more) = parsed("AdditionalFields")
    {
        let own = ["LastIpAddress.Address", "LastIpAddress", "IpInterfaces.Address"];
        let before = fields.origins.clone();
        fields.set_own_address(Lookup::Json(&more), &own)?;
        fields.within("AdditionalFields", &before);
    }
    if fields.user_name.is_none()
        && let Some(users) = parsed("LoggedOnUsers")
        && let [user] = Lookup::Json(&users).objects("")[..]
    {
        let before = fields.origins.clone();
        fields.fill_one(user, Field::UserName, &["UserName"])?;
        fields.fill_one(user, Field::UserDomain, &["DomainName"])?;
        fields.within("LoggedOnUsers", &before);
    }
    Ok(())
}
