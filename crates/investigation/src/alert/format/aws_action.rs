//! What GuardDuty says that a resource did or suffered. A finding says it three times over: as an event with names in
//! camelCase, from the API in PascalCase, and in Security Hub in PascalCase under `Action` or with slashes.
//!
//! Source: GuardDuty API Reference, "Action" and its types; Security Hub user guide, "ASFF optional attributes".

use std::borrow::Cow;

use super::endpoint::is_private;
use super::lookup::Lookup;
use super::{AlertFields, Field, Reject};
use crate::scope::parse_address;

/// How a sender writes names, and what it puts before them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Names {
    /// `service.action.networkConnectionAction`.
    Camel,
    /// `Service.Action.NetworkConnectionAction`.
    Pascal,
    /// `ProductFields.aws/guardduty/service/action/networkConnectionAction`.
    Slashes,
}

impl Names {
    /// A path that is written in camelCase, as this sender writes it.
    pub(super) fn path(self, path: &str) -> String {
        match self {
            Self::Camel => path.to_owned(),
            Self::Pascal => {
                let capital = |part: &str| match part.split_at_checked(1) {
                    Some((first, rest)) => first.to_ascii_uppercase() + rest,
                    None => part.to_owned(),
                };
                path.split('.').map(capital).collect::<Vec<_>>().join(".")
            }
            Self::Slashes => format!("ProductFields.aws/guardduty/{}", path.replace('.', "/")),
        }
    }
}

/// An action below `prefix`, and where its resource's addresses are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action<'a> {
    pub(super) finding: Lookup<'a>,
    pub(super) names: Names,
    /// `service.action` or `action`.
    pub(super) prefix: &'static str,
    /// Addresses of the machine that the finding is about, as paths that are complete.
    pub(super) own: &'a [String],
}

/// Calls of an interface, from where somebody made them.
const CALLS: [&str; 3] = ["awsApiCallAction", "kubernetesApiCallAction", "rdsLoginAttemptAction"];
/// What each kind of action has at least one of.
const LEAVES: [&str; 7] = [
    "remoteIpDetails.ipAddressV4",
    "remoteIpDetails.ipAddressV6",
    "connectionDirection",
    "portProbeDetails.remoteIpDetails.ipAddressV4",
    "domain",
    "api",
    "verb",
];
const IPS: [&str; 2] = ["ipAddressV4", "ipAddressV6"];

impl<'a> Action<'a> {
    /// The alerts that it makes of `base`; none where it has no action.
    pub(super) fn alerts(self, base: &AlertFields) -> Result<Vec<AlertFields>, Reject> {
        if self.has("networkConnectionAction") {
            return self.connection(base).map(|fields| vec![fields]);
        }
        if self.has("portProbeAction") {
            return self.probes(base);
        }
        for call in CALLS {
            if self.has(call) {
                let mut fields = base.clone();
                fields.fill_one(self.finding, Field::SourceIp, &self.ips(call, "remoteIpDetails"))?;
                return Ok(vec![fields]);
            }
        }
        if self.has("dnsRequestAction") {
            let mut fields = base.clone();
            self.set_own(&mut fields, Field::SourceIp)?;
            let domain = [self.path("dnsRequestAction.domain")];
            fields.fill_one(self.finding, Field::DestinationIp, &domain)?;
            fields.fill_one(self.finding, Field::Transport, &[self.path("dnsRequestAction.protocol")])?;
            return Ok(vec![fields]);
        }
        Ok(Vec::new())
    }

    /// Whether the action is a call, which no machine of ours makes, but whoever holds a key.
    pub(super) fn is_call(self) -> bool {
        CALLS.iter().any(|call| self.has(call))
    }

    fn connection(self, base: &AlertFields) -> Result<AlertFields, Reject> {
        let of = |name: &str| [self.path(&format!("networkConnectionAction.{name}"))];
        let direction = self.finding.get(&of("connectionDirection")[0]);
        let inbound = direction.is_some_and(|direction| direction.to_ascii_uppercase().starts_with("IN"));
        let (own, other) = match inbound {
            true => (Field::DestinationIp, Field::SourceIp),
            false => (Field::SourceIp, Field::DestinationIp),
        };
        let (own_port, other_port) = match inbound {
            true => (Field::DestinationPort, Field::SourcePort),
            false => (Field::SourcePort, Field::DestinationPort),
        };
        let mut fields = base.clone();
        fields.fill_one(self.finding, own, &self.ips("networkConnectionAction", "localIpDetails"))?;
        if (if inbound { fields.destination_ip } else { fields.source_ip }).is_none() {
            self.set_own(&mut fields, own)?;
        }
        fields.fill_one(self.finding, other, &self.ips("networkConnectionAction", "remoteIpDetails"))?;
        fields.fill_one(self.finding, own_port, &of("localPortDetails.port"))?;
        fields.fill_one(self.finding, other_port, &of("remotePortDetails.port"))?;
        fields.fill_one(self.finding, Field::Transport, &of("protocol"))?;
        Ok(fields)
    }

    /// Who probed a port, and which one: the first of them stands for all that reach the same machine.
    fn probes(self, base: &AlertFields) -> Result<Vec<AlertFields>, Reject> {
        let details = self.finding.objects(&self.path("portProbeAction.portProbeDetails"));
        let details = if details.is_empty() { vec![self.finding] } else { details };
        let mut alerts: Vec<AlertFields> = Vec::new();
        for detail in details.into_iter().take(64) {
            let of = |name: &str| {
                let camel = if self.names == Names::Slashes {
                    format!("{}.portProbeAction.portProbeDetails.{name}", self.prefix)
                } else {
                    name.to_owned()
                };
                [self.names.path(&camel)]
            };
            let mut fields = base.clone();
            fields.fill_one(detail, Field::SourceIp, &of("remoteIpDetails.ipAddressV4"))?;
            fields.fill_one(detail, Field::DestinationIp, &of("localIpDetails.ipAddressV4"))?;
            fields.fill_one(detail, Field::DestinationPort, &of("localPortDetails.port"))?;
            if self.names != Names::Slashes {
                fields.within(&self.path("portProbeAction.portProbeDetails"), &base.origins);
            }
            if fields.destination_ip.is_none() {
                self.set_own(&mut fields, Field::DestinationIp)?;
            }
            if fields.has_end() && alerts.iter().all(|alert| alert.destination_ip != fields.destination_ip) {
                alerts.push(fields);
            }
        }
        Ok(alerts)
    }

    /// The address of the resource itself, where it has one only; beside a public one, that is its private one.
    pub(super) fn set_own(self, fields: &mut AlertFields, field: Field) -> Result<(), Reject> {
        for path in self.own {
            let values = self.finding.all(path);
            let is_own = |value: &&Cow<'_, str>| parse_address(value).is_some_and(is_private);
            let private: Vec<_> = values.iter().filter(is_own).collect();
            let value = match (&private[..], &values[..]) {
                ([one], _) => one,
                ([], [one]) => one,
                _ => continue,
            };
            fields.set(field, (path, value))?;
            return Ok(());
        }
        Ok(())
    }

    /// Whether there is such an action that says something: some senders write all kinds, and leave all but one empty.
    fn has(self, name: &str) -> bool {
        LEAVES.iter().any(|leaf| self.finding.has(&self.path(&format!("{name}.{leaf}"))))
    }

    fn path(self, name: &str) -> String {
        self.names.path(&format!("{}.{name}", self.prefix))
    }

    fn ips(self, action: &str, details: &str) -> [String; 2] {
        IPS.map(|ip| self.path(&format!("{action}.{details}.{ip}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_is_written_in_three_ways() {
        let path = "service.action.networkConnectionAction.localIpDetails.ipAddressV4";
        assert_eq!(Names::Camel.path(path), path);
        assert_eq!(
            Names::Pascal.path(path),
            "Service.Action.NetworkConnectionAction.LocalIpDetails.IpAddressV4"
        );
        assert_eq!(
            Names::Slashes.path(path),
            "ProductFields.aws/guardduty/service/action/networkConnectionAction/localIpDetails/ipAddressV4"
        );
    }
}
