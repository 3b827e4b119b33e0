//! Darktrace: model breaches (alerts), AI Analyst incident events and Antigena (RESPOND) actions.
//!
//! Source: Darktrace Threat Visualizer API guide, `/modelbreaches`, `/aianalyst/incidentevents`, `/antigena`.

use super::framing::Record;
use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Format, Reject};
use crate::scope::parse_address;

pub(super) const FORMAT: Format = Format {
    name: "darktrace",
    description: "Darktrace model breaches, AI Analyst incident events and Antigena actions",
    example: "alerts/darktrace-modelbreach.json",
    detects,
    parse,
};

const MAPPING: Mapping = &[
    (Field::EventId, &["pbid", "id", "codeid", "uuid"]),
    (Field::Timestamp, &["time", "createdAt", "start"]),
    (
        Field::RuleName,
        &["model.then.name", "model.now.name", "model.name", "title", "model", "name", "reason", "action"],
    ),
    (Field::RuleId, &["model.then.uuid", "model.uuid", "model.then.pid", "model.pid"]),
    (Field::Severity, &["model.then.category", "model.category", "category", "score", "priority"]),
    (Field::UserName, &["username"]),
];

/// The machine of a breach, and each of an AI Analyst's event.
const HOST: [&str; 2] = ["hostname", "identifier"];
const OWN: [&str; 3] = ["ip", "ip6", "ips.ip"];

fn detects(record: &Record) -> bool {
    let Some(whole) = Lookup::of(record) else { return false };
    let breach = whole.has("pbid") && whole.has_any(&["triggeredComponents", "breachUrl", "commentCount"]);
    let analyst = whole.has_all(&["title", "summary"])
        && whole.has_any(&["breachDevices", "summariser", "relatedBreaches"]);
    let action = whole.has("iris-event-type") || whole.has_all(&["codeid", "did", "action"]);
    breach || analyst || action
}

fn parse(record: &Record) -> Result<Vec<AlertFields>, Reject> {
    let Some(whole) = Lookup::of(record) else { return Ok(Vec::new()) };
    let mut base = AlertFields::default();
    base.fill(whole, MAPPING)?;
    let group = ["device", "breachDevices", "devices"].into_iter().find(|group| whole.has(group));
    let group = group.unwrap_or_default();
    let mut alerts = Vec::new();
    for device in whole.objects(group).into_iter().take(64).filter(|_| !group.is_empty()) {
        let mut fields = base.clone();
        set_name(&mut fields, device)?;
        fields.set_own_address(device, &OWN)?;
        fields.within(group, &base.origins);
        set_peer(&mut fields, whole)?;
        alerts.push(fields);
    }
    if alerts.is_empty() {
        set_peer(&mut base, whole)?;
        alerts.push(base);
    }
    Ok(alerts)
}

/// What stands for a user of a cloud service, `SaaS::Service: alice@example.com`, is no machine's name.
fn set_name(fields: &mut AlertFields, device: Lookup<'_>) -> Result<(), Reject> {
    for path in HOST {
        match device.get(path) {
            Some(name) if name.starts_with("SaaS::") => {
                let user = name.split_whitespace().last().unwrap_or_default();
                if fields.user_name.is_none() {
                    fields.set(Field::UserName, (path, user))?;
                }
                return Ok(());
            }
            Some(name) => return fields.set(Field::HostName, (path, &name)).map(drop),
            None => {}
        }
    }
    Ok(())
}

/// The other end, where what triggered the model names one address, as a network of that address alone. The ends
/// change places where the model looked at connections that came in.
fn set_peer(fields: &mut AlertFields, whole: Lookup<'_>) -> Result<(), Reject> {
    for component in whole.objects("triggeredComponents") {
        let Some(network) = component.get("ip") else { continue };
        let ip = network.trim_end_matches("/32").trim_end_matches("/128");
        let Some(peer) = parse_address(ip).filter(|peer| Some(*peer) != fields.source_ip) else { continue };
        let came_in = component.objects("triggeredFilters").into_iter().any(|filter| {
            filter.get("filterType").is_some_and(|kind| kind == "Direction")
                && filter.get("trigger.value").is_some_and(|value| value.eq_ignore_ascii_case("in"))
        });
        let port = component.get("port").unwrap_or_default();
        if came_in && let Some(own) = fields.source_ip.take() {
            let origin = fields.origins.remove(&Field::SourceIp).unwrap_or_default();
            fields.set(Field::DestinationIp, (&origin, &own.to_string()))?;
            fields.set(Field::SourceIp, ("triggeredComponents.ip", &peer.to_string()))?;
        } else {
            fields.set(Field::DestinationIp, ("triggeredComponents.ip", &peer.to_string()))?;
        }
        fields.set(Field::DestinationPort, ("triggeredComponents.port", &port))?;
        return Ok(());
    }
    // AI Analyst lists whom a device talked to in its details.
    let hosts = whole
        .objects("details.contents")
        .into_iter()
        .filter(|content| content.get("type").is_some_and(|kind| kind == "externalHost" || kind == "host"));
    let peers: Vec<Lookup<'_>> = hosts.flat_map(|content| content.objects("values")).collect();
    if let [peer] = peers[..] {
        let before = fields.origins.clone();
        fields.fill_one(peer, Field::DestinationIp, &["ip", "hostname"])?;
        fields.within("details.contents.values", &before);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alert::framing::Content;

    #[test]
    fn a_user_of_a_cloud_service_is_no_machine() {
        let event = json!({
            "summariser": "SaasSummary", "title": "T", "summary": "S", "createdAt": 1772600767123_u64,
            "breachDevices": [{ "hostname": "SaaS::Office365: alice@example.com", "ip": null }],
        });
        let record = Record { text: event.to_string(), content: Content::Json(event) };
        assert!(detects(&record));
        let alert = parse(&record).expect("alerts").remove(0);
        assert_eq!((alert.user_name.as_deref(), alert.host_name), (Some("alice@example.com"), None));
    }
}
