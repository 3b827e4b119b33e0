//! Amazon GuardDuty's findings, as EventBridge and exports write them and as its API gives them.
//!
//! Source: GuardDuty user guide, "Finding details"; API Reference, "Finding".

use super::aws_action::{Action, Names};
use super::framing::Record;
use super::lookup::Lookup;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "aws_guardduty",
    description: "Amazon GuardDuty findings, as events (camelCase) and from the API (PascalCase)",
    example: "alerts/aws_guardduty-outbound.json",
    detects,
    parse,
};

/// In camelCase; [`Names`] writes them otherwise. When it was found comes before when it last happened, since that is
/// what AWS orders findings by and what other readers take.
const MAPPING: &[(Field, &[&str])] = &[
    (Field::EventId, &["id"]),
    (Field::Timestamp, &["updatedAt", "service.eventLastSeen", "createdAt"]),
    (Field::RuleName, &["title", "type"]),
    (Field::RuleId, &["type"]),
    (Field::Severity, &["severity"]),
    (
        Field::UserName,
        &[
            "resource.accessKeyDetails.userName",
            "resource.rdsDbUserDetails.user",
            "resource.kubernetesDetails.kubernetesUserDetails.username",
        ],
    ),
];
const HOST: [&str; 2] =
    ["resource.instanceDetails.networkInterfaces.privateDnsName", "resource.instanceDetails.instanceId"];
const OWN: [&str; 2] = [
    "resource.instanceDetails.networkInterfaces.privateIpAddress",
    "resource.instanceDetails.networkInterfaces.ipv6Addresses",
];

fn names(finding: Lookup<'_>) -> Option<Names> {
    [Names::Camel, Names::Pascal].into_iter().find(|names| {
        let names = ["type", "severity", "schemaVersion"].map(|name| names.path(name));
        names.iter().all(|name| finding.has(name))
            && finding.has_any(&["service.serviceName", "service.detectorId"])
            || finding.has_any(&["Service.ServiceName", "Service.DetectorId"]) && finding.has(&names[0])
    })
}

fn detects(record: &Record) -> bool {
    Lookup::of(record).is_some_and(|finding| names(finding).is_some())
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(finding) = Lookup::of(record) else { return Ok(Vec::new()) };
    let names = names(finding).unwrap_or(Names::Camel);
    let path = |path: &&str| names.path(path);
    let mut base = AlertFields::default();
    for (field, paths) in MAPPING {
        base.fill_one(finding, *field, &paths.iter().map(path).collect::<Vec<_>>())?;
    }
    let own = OWN.each_ref().map(path);
    let action = Action { finding, names, prefix: "service.action", own: &own };
    if !action.is_call() {
        base.fill_one(finding, Field::HostName, &HOST.each_ref().map(path))?;
    }
    let alerts = action.alerts(&base)?;
    if !alerts.is_empty() {
        return Ok(alerts);
    }
    action.set_own(&mut base, Field::SourceIp)?;
    Ok(vec![base])
}
