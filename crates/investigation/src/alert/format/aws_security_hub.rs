//! AWS Security Hub's findings in the AWS Security Finding Format (ASFF): its own and those of other products.
//!
//! Source: Security Hub user guide, "AWS Security Finding Format (ASFF) syntax".

use super::aws_action::{Action, Names};
use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};

pub(super) const FORMAT: Format = Format {
    name: "aws_security_hub",
    description: "AWS Security Hub findings (ASFF), GuardDuty's and others' among them",
    example: "alerts/aws_security_hub-network.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["Id"]),
    (Field::Timestamp, &["LastObservedAt", "UpdatedAt", "FirstObservedAt", "CreatedAt"]),
    (Field::RuleName, &["Title", "Types"]),
    (Field::RuleId, &["GeneratorId"]),
    (Field::Severity, &["Severity.Label", "FindingProviderFields.Severity.Label", "Severity.Normalized"]),
    (
        Field::UserName,
        &[
            "Resources.Details.AwsIamAccessKey.UserName",
            "Resources.Details.AwsIamAccessKey.PrincipalName",
            "Resources.Details.AwsIamUser.UserName",
        ],
    ),
];

/// The flow itself, where the product gives it. `NetworkPath` and `Resources` tell no ends.
const NETWORK: Mapping = &[
    (Field::SourceIp, &["Network.SourceIpV4", "Network.SourceIpV6", "Network.SourceDomain"]),
    (Field::SourcePort, &["Network.SourcePort"]),
    (
        Field::DestinationIp,
        &["Network.DestinationIpV4", "Network.DestinationIpV6", "Network.DestinationDomain"],
    ),
    (Field::DestinationPort, &["Network.DestinationPort"]),
    (Field::Transport, &["Network.Protocol"]),
];
const OWN: [&str; 2] =
    ["Resources.Details.AwsEc2Instance.IpV4Addresses", "Resources.Details.AwsEc2Instance.IpV6Addresses"];

fn detects(record: &Record) -> bool {
    Lookup::of(record).is_some_and(|finding| {
        finding.has_all(&["ProductArn", "AwsAccountId", "GeneratorId"])
            && finding.has_any(&["SchemaVersion", "Resources", "Title"])
    })
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(finding) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut base = AlertFields::default();
    base.fill(finding, MAPPING)?;
    let mut flow = base.clone();
    flow.fill(finding, NETWORK)?;
    let own = OWN.map(str::to_owned);
    let pascal = Action { finding, names: Names::Pascal, prefix: "action", own: &own };
    let slashes = Action { finding, names: Names::Slashes, prefix: "service.action", own: &own };
    for fields in std::iter::once(&mut flow).chain([&mut base]) {
        if !pascal.is_call() && !slashes.is_call() {
            set_host(fields, finding)?;
        }
    }
    if flow.has_end() {
        return Ok(vec![flow]);
    }
    for action in [pascal, slashes] {
        let alerts = action.alerts(&base)?;
        if !alerts.is_empty() {
            return Ok(alerts);
        }
    }
    pascal.set_own(&mut base, Field::SourceIp)?;
    Ok(vec![base])
}

/// The instance's id: ASFF gives it as the end of an ARN. Where it names several machines, none is the one.
fn set_host(fields: &mut AlertFields, finding: Lookup<'_>) -> Result<(), Reject> {
    let ids = finding.all("Resources.Id");
    let mut instances = ids.iter().filter_map(|id| id.split_once(":instance/"));
    if let (Some((_, id)), None) = (instances.next(), instances.next()) {
        fields.set(Field::HostName, ("Resources.Id", id))?;
    }
    Ok(())
}
