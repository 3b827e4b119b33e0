//! Alerts of agents and cloud services: they speak of one machine and of what it is connected to.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::lookup::Lookup;
use super::mapping::Mapping;
use super::{AlertFields, Field, Reject};
use crate::scope::parse_address;
use crate::text::one_line;

/// Most machines that one record tells of.
const MAX_MACHINES: usize = 64;

/// The sender's names for both sides of a connection, as one machine sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides<P: 'static> {
    pub(super) local_ip: &'static [P],
    pub(super) local_port: &'static [P],
    pub(super) remote_ip: &'static [P],
    pub(super) remote_port: &'static [P],
}

impl Sides<&'static str> {
    /// The same, seen from the other side.
    pub(super) const fn turned(self) -> Self {
        Self {
            local_ip: self.remote_ip,
            local_port: self.remote_port,
            remote_ip: self.local_ip,
            remote_port: self.local_port,
        }
    }
}

impl AlertFields {
    /// Sets both ends of a connection. Whoever opens it is the source: the other side, where it is `inbound`.
    pub(super) fn set_connection(
        &mut self,
        lookup: Lookup<'_>,
        sides: Sides<&'static str>,
        inbound: bool,
    ) -> Result<(), Reject> {
        let sides = if inbound { sides.turned() } else { sides };
        self.fill_one(lookup, Field::SourceIp, sides.local_ip)?;
        self.fill_one(lookup, Field::SourcePort, sides.local_port)?;
        self.fill_one(lookup, Field::DestinationIp, sides.remote_ip)?;
        self.fill_one(lookup, Field::DestinationPort, sides.remote_port)
    }

    /// Says that what was read since `before` is from within `group`, whose fields were asked for without it.
    pub(super) fn within(&mut self, group: &str, before: &BTreeMap<Field, String>) {
        for (field, origin) in self.origins.iter_mut().filter(|_| !group.is_empty()) {
            if before.get(field) != Some(origin) {
                *origin = one_line(&format!("{group}.{origin}"), 120);
            }
        }
    }

    /// Whether an end is known, if only by a name.
    pub(super) fn has_end(&self) -> bool {
        self.source_ip.is_some()
            || self.destination_ip.is_some()
            || self.source_address.is_some()
            || self.destination_address.is_some()
    }

    /// Sets the source from the addresses of the machine that the alert is about: from the first of `paths` that has
    /// any that other machines can reach. A machine has several at home, in a tunnel or for its guests, and somebody
    /// else's machine may have the same: where none is the only one, all are noted and the machine's name stands for
    /// it, so that a person decides.
    pub(super) fn set_own_address(&mut self, lookup: Lookup<'_>, paths: &[&str]) -> Result<(), Reject> {
        for path in paths {
            let values = lookup.all(path);
            let values: Vec<&str> =
                values.iter().flat_map(|value| value.split([',', ';'])).map(str::trim).collect();
            let mut known: Vec<IpAddr> = values.iter().filter_map(|value| parse_address(value)).collect();
            if known.is_empty() {
                // Something else in place of an address.
                if let Some(value) = values.first()
                    && self.set(Field::SourceIp, (path, value))?
                {
                    return Ok(());
                }
                continue;
            }
            known.retain(|ip| is_reachable(*ip));
            known.sort_unstable();
            known.dedup();
            let of_ipv4: Vec<IpAddr> = known.iter().copied().filter(IpAddr::is_ipv4).collect();
            match (&of_ipv4[..], &known[..]) {
                (_, []) => continue,
                ([one], _) | ([], [one]) => {
                    self.set(Field::SourceIp, (path, &one.to_string()))?;
                }
                _ => {
                    let all: Vec<String> = known.iter().take(8).map(IpAddr::to_string).collect();
                    self.note(format!(
                        "`{path}` gives several addresses of one machine ({}): which of them is meant is not said",
                        one_line(&all.join(", "), 200)
                    ));
                    self.source_address = self.host_name.clone().or_else(|| Some(all.join(", ")));
                    self.came_from(Field::SourceIp, path);
                }
            }
            return Ok(());
        }
        Ok(())
    }

    /// One alert for each pair of ends among addresses of which is not said which end they are: what is private is
    /// somebody's own machine, what is not is its peer. Where all are private or none is, each may be the machine.
    pub(super) fn with_addresses(self, path: &str, values: &[String]) -> Result<Vec<Self>, Reject> {
        let is_private = |value: &&String| parse_address(value).is_some_and(is_private);
        let (own, others): (Vec<&String>, Vec<&String>) = values.iter().partition(is_private);
        // A machine that is known by its name does not need to be one of them.
        let all_may_be = own.is_empty() && self.host_name.is_none();
        let (own, others) = if all_may_be { (others, own) } else { (own, others) };
        if own.len() > MAX_MACHINES {
            return Err(Reject::TooMany { what: "machines", most: MAX_MACHINES });
        }
        let mut alerts = Vec::new();
        let each = own.iter().map(Some).chain(own.is_empty().then_some(None));
        for value in each {
            let mut fields = self.clone();
            if let Some(value) = value {
                fields.set(Field::SourceIp, (path, value))?;
            }
            if let [peer] = others[..] {
                fields.set(Field::DestinationIp, (path, peer))?;
            } else if !others.is_empty() {
                let all: Vec<&str> = others.iter().take(8).map(|value| value.as_str()).collect();
                fields.note(format!(
                    "`{path}` gives several other addresses: {}",
                    one_line(&all.join(", "), 200)
                ));
            }
            if own.len() > 1 {
                fields.forget_whose();
            }
            alerts.push(fields);
        }
        Ok(alerts)
    }
}

/// One alert for each machine that `items`, all from within `group`, tell of, on top of what `base` knows. Agents list every connection of a
/// machine, hundreds for a torrent; the first stands for them.
///
/// # Errors
/// Where an end's address looks like one and is none, and where there are too many machines.
pub(super) fn each_machine<'a>(
    base: &AlertFields,
    group: &str,
    items: impl IntoIterator<Item = Lookup<'a>>,
    sides: Sides<&'static str>,
    is_inbound: impl Fn(Lookup<'a>) -> bool,
    rest: Mapping,
) -> Result<Vec<AlertFields>, Reject> {
    let mut alerts: Vec<AlertFields> = Vec::new();
    let mut machines = Vec::new();
    let mut passed_over = 0;
    for item in items {
        let mut fields = AlertFields::default();
        let inbound = is_inbound(item);
        fields.set_connection(item, sides, inbound)?;
        if !fields.has_end() {
            continue;
        }
        let machine = match inbound {
            true => (fields.destination_ip, fields.destination_address.clone()),
            false => (fields.source_ip, fields.source_address.clone()),
        };
        if machines.contains(&machine) {
            passed_over += 1;
            continue;
        }
        if machines.len() >= MAX_MACHINES {
            return Err(Reject::TooMany { what: "machines", most: MAX_MACHINES });
        }
        machines.push(machine);
        let mut whole = base.clone();
        whole.set_connection(item, sides, inbound)?;
        whole.fill(item, rest)?;
        whole.within(group, &base.origins);
        alerts.push(whole);
    }
    if let Some(first) = alerts.first_mut().filter(|_| passed_over > 0) {
        first.note(format!("{passed_over} more connections of the same machines were left out"));
    }
    Ok(alerts)
}

/// Whether another machine could reach this one by it at all.
fn is_reachable(ip: IpAddr) -> bool {
    let local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(local || ip.is_loopback() || ip.is_unspecified() || ip.is_multicast())
}

/// Whether it is of somebody's own network.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SIDES: Sides<&str> = Sides {
        local_ip: &["local"],
        local_port: &["lport"],
        remote_ip: &["remote"],
        remote_port: &["rport"],
    };

    fn own(value: &Value) -> AlertFields {
        let mut fields = AlertFields { host_name: Some("ws-0317".to_owned()), ..AlertFields::default() };
        fields.set_own_address(Lookup::Json(value), &["ips", "ip"]).expect("fields");
        fields
    }

    #[test]
    fn the_only_address_that_others_can_reach_is_the_machines() {
        for ips in [
            json!(["127.0.0.1", "10.20.3.17", "fe80::1", "fd12:3456:789a::17"]),
            json!("169.254.7.7, 10.20.3.17"),
        ] {
            let fields = own(&json!({ "ips": ips }));
            assert_eq!(fields.source_ip.map(|ip| ip.to_string()).as_deref(), Some("10.20.3.17"));
        }
        let fields = own(&json!({ "ips": ["::1"], "ip": "fd12:3456:789a::17" }));
        assert_eq!(fields.source_ip.map(|ip| ip.to_string()).as_deref(), Some("fd12:3456:789a::17"));
    }

    #[test]
    fn several_addresses_of_one_machine_are_for_a_person() {
        let fields = own(&json!({ "ips": ["192.168.1.5", "10.20.3.17"] }));
        assert_eq!((fields.source_ip, fields.source_address.as_deref()), (None, Some("ws-0317")));
        assert!(fields.notes[0].contains("10.20.3.17, 192.168.1.5"), "{:?}", fields.notes);
    }

    #[test]
    fn a_broken_address_of_the_machine_is_no_address() {
        let fields = own(&json!({ "ip": "10.20.3.1700" }));
        assert_eq!((fields.source_ip, fields.source_address.as_deref()), (None, Some("10.20.3.1700")));
    }

    #[test]
    fn connections_give_one_alert_for_each_machine() {
        let items = [
            json!({ "local": "10.20.3.17", "lport": 51413, "remote": "203.0.113.9", "rport": 6881 }),
            json!({ "local": "10.20.3.17", "lport": 51413, "remote": "203.0.113.10", "rport": 6882 }),
            json!({ "local": "10.20.3.18", "lport": 6881, "remote": "203.0.113.11", "in": true }),
            json!({ "nothing": 1 }),
        ];
        let alerts = each_machine(
            &AlertFields::default(),
            "connections",
            items.iter().map(Lookup::Json),
            SIDES,
            |item| item.has("in"),
            &[],
        )
        .expect("alerts");
        let ends: Vec<_> = alerts.iter().map(|alert| (alert.source_ip, alert.destination_ip)).collect();
        let ip = |text: &str| parse_address(text);
        assert_eq!(ends, [(ip("10.20.3.17"), ip("203.0.113.9")), (ip("203.0.113.11"), ip("10.20.3.18")),]);
        assert_eq!(alerts[0].notes, ["1 more connections of the same machines were left out"]);
        assert_eq!(alerts[1].destination_port, Some(6881));
        assert_eq!(alerts[1].origins[&Field::DestinationPort], "connections.lport");
    }

    #[test]
    fn of_addresses_without_a_side_the_private_one_is_the_machines() {
        let values = |list: &[&str]| list.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let read =
            |list: &[&str]| AlertFields::default().with_addresses("ips", &values(list)).expect("alerts");
        let alert = read(&["203.0.113.9", "10.20.3.17"]).remove(0);
        assert_eq!(alert.source_ip, parse_address("10.20.3.17"));
        assert_eq!(alert.destination_ip, parse_address("203.0.113.9"));
        assert_eq!(read(&["10.20.3.17", "10.20.3.18", "203.0.113.9"]).len(), 2);
        assert_eq!(read(&["203.0.113.9"])[0].source_ip, parse_address("203.0.113.9"));
        assert_eq!(read(&[]), [AlertFields::default()]);
        let named = AlertFields { host_name: Some("ws-0317".to_owned()), ..AlertFields::default() };
        let alert = named.with_addresses("ips", &values(&["203.0.113.9"])).expect("alerts").remove(0);
        assert_eq!((alert.source_ip, alert.destination_ip), (None, parse_address("203.0.113.9")));
    }
}
