//! Microsoft's alert interfaces: Graph security alerts (`alerts_v2` and the legacy ones) and incidents, and the
//! interface of Defender for Endpoint.
//!
//! Source: Microsoft Graph, resource types `alert`, `incident` and `alertEvidence` of `microsoft.graph.security` and
//! the legacy `alert`; Microsoft Defender for Endpoint, "Alert resource type".

use super::endpoint::{Sides, each_machine};
use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::ms_entities::{Entities, Words, listed};
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "ms_graph",
    description: "Microsoft Graph security alerts and incidents, and Defender for Endpoint's alert API",
    example: "alerts/ms_graph-network.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["id", "incidentId"]),
    (
        Field::Timestamp,
        &[
            "firstActivityDateTime",
            "eventDateTime",
            "firstEventTime",
            "firstActivity",
            "alerts.firstActivity",
            "alerts.firstActivityDateTime",
            "createdDateTime",
            "alertCreationTime",
            "createdTime",
            "creationTime",
        ],
    ),
    (Field::RuleName, &["title", "incidentName", "displayName", "threatName", "description"]),
    (Field::RuleId, &["alertPolicyId", "detectorId"]),
    (Field::Severity, &["severity"]),
    (Field::UserName, &["relatedUser.userName"]),
    (Field::UserDomain, &["relatedUser.domainName"]),
    (Field::HostName, &["computerDnsName"]),
];

const WORDS: Words = Words {
    kind: &["@odata.type", "at_sign_odata_type", "odata_type", "entityType", "evidenceType"],
    address: &["ipAddress", "ipAddress.ipAddress"],
    host: &["deviceDnsName", "hostName", "deviceName", "device.deviceDnsName"],
    host_domain: &["dnsDomain"],
    own: &["lastIpAddress", "ipInterfaces", "ipAddress"],
    user: &["userAccount.accountName", "accountName", "loggedOnUsers.accountName"],
    user_domain: &["userAccount.domainName", "domainName", "loggedOnUsers.domainName"],
    email: &["userAccount.userPrincipalName", "userPrincipalName"],
};

const EVIDENCE: Sides<&str> = Sides {
    local_ip: &["sourceAddress.ipAddress"],
    local_port: &["sourcePort"],
    remote_ip: &["destinationAddress.ipAddress"],
    remote_port: &["destinationPort"],
};
const LEGACY: Sides<&str> = Sides {
    local_ip: &["sourceAddress"],
    local_port: &["sourcePort"],
    remote_ip: &["destinationAddress", "destinationDomain"],
    remote_port: &["destinationPort"],
};
const TRANSPORT: Mapping = &[(Field::Transport, &["protocol"])];

const LEGACY_MAPPING: Mapping = &[
    (Field::HostName, &["hostStates.fqdn", "hostStates.netBiosName"]),
    (Field::UserName, &["userStates.accountName", "userStates.userPrincipalName"]),
    (Field::UserDomain, &["userStates.domainName"]),
    (Field::UserEmail, &["userStates.userPrincipalName"]),
];

fn detects(record: &Record) -> bool {
    let Some(alert) = Lookup::of(record) else { return false };
    let of_graph = ["@odata.type", "at_sign_odata_type", "odata_type"].iter().any(|path| {
        let kind = alert.get(path);
        kind.is_some_and(|kind| kind.starts_with("#microsoft.graph.security."))
    });
    let v2 =
        alert.has_all(&["id", "title", "serviceSource"]) && alert.has_any(&["evidence", "createdDateTime"]);
    let legacy = alert.has_all(&["vendorInformation.provider", "title"])
        && alert.has_any(&["eventDateTime", "createdDateTime"]);
    let endpoint = alert.has_all(&["id", "machineId", "title"])
        && alert.has_any(&["alertCreationTime", "detectionSource"]);
    // An incident whose alerts are not there to be read each for itself.
    let incident = alert.has_all(&["incidentId", "incidentName"])
        || alert.has_all(&["alertId", "serviceSource", "title"]);
    of_graph || v2 || legacy || endpoint || incident
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(alert) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut base = AlertFields::default();
    base.fill(alert, MAPPING)?;
    let connections = each_machine(
        &base,
        "networkConnections",
        alert.objects("networkConnections"),
        LEGACY,
        |_| false,
        TRANSPORT,
    )?;
    if alert.has_any(&["hostStates", "userStates", "networkConnections"]) {
        return legacy(alert, base, connections);
    }
    let found = ["evidence", "alerts.evidence", "entities", "devices", "alerts.entities", "alerts.devices"];
    let entities = Entities::sort(listed(alert, &found), WORDS);
    let connections = each_machine(
        &base,
        "evidence",
        entities.connections.iter().map(|(_, connection)| *connection),
        EVIDENCE,
        |_| false,
        TRANSPORT,
    )?;
    if connections.is_empty() {
        return entities.alerts(&base, WORDS);
    }
    // The machine's name and user are in evidences of their own.
    let about = entities.alerts(&base, WORDS)?;
    let [one] = &about[..] else { return Ok(connections) };
    let single = connections.len() == 1;
    Ok(connections.into_iter().map(|fields| if single { with_names(fields, one) } else { fields }).collect())
}

/// Takes over the names of the machine and of its user, and where they are from.
fn with_names(mut fields: AlertFields, of: &AlertFields) -> AlertFields {
    fields.host_name.clone_from(&of.host_name);
    fields.user_name.clone_from(&of.user_name);
    fields.user_domain.clone_from(&of.user_domain);
    fields.user_email.clone_from(&of.user_email);
    for field in [Field::HostName, Field::UserName, Field::UserDomain, Field::UserEmail] {
        if let Some(origin) = of.origins.get(&field) {
            fields.came_from(field, origin);
        }
    }
    fields
}

/// The legacy alert lists the states of hosts and users, and connections.
fn legacy(
    alert: Lookup<'_>,
    mut base: AlertFields,
    connections: Vec<AlertFields>,
) -> Result<Vec<AlertFields>, Reject> {
    let one_host = alert.objects("hostStates").len() < 2;
    if one_host {
        base.fill(alert, LEGACY_MAPPING)?;
        base.fill_one(alert, Field::SourceNatIp, &["hostStates.publicIpAddress"])?;
    }
    if !connections.is_empty() {
        let single = connections.len() == 1;
        let with = |fields| if single { with_names(fields, &base) } else { fields };
        return Ok(connections.into_iter().map(with).collect());
    }
    if one_host {
        base.set_own_address(alert, &["hostStates.privateIpAddress", "userStates.logonIp"])?;
        return Ok(vec![base]);
    }
    let values = alert.all("hostStates.privateIpAddress");
    let values: Vec<String> = values.into_iter().map(std::borrow::Cow::into_owned).collect();
    base.with_addresses("hostStates.privateIpAddress", &values)
}
