//! `[[relay]]`: which relay reaches which part of the network.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Policy;
use super::check::{Remark, error, warning};
use crate::order::{MAX_ORDERS, is_relay_name};
use crate::scope::{fold, networks};

/// The system that a relay runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Linux.
    #[default]
    Linux,
    /// Windows.
    Windows,
}

/// One relay, or several machines that stand in for one another under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// 1 to 32 of `a-z`, `0-9` and `-`: the value of the tag `PeerhoundRelay` of its machines.
    pub name: String,
    /// The networks that it reaches.
    #[serde(default, with = "networks")]
    pub networks: Vec<IpNet>,
    /// Stands in for every relay that does not answer, and for networks that no relay lists.
    #[serde(default)]
    pub fallback: bool,
    /// What it runs on.
    #[serde(default)]
    pub platform: Platform,
    /// Orders that it gets at a time.
    #[serde(default = "max_orders")]
    pub max_orders: usize,
}

fn max_orders() -> usize {
    50
}

impl Policy {
    /// The relays that may reach an address, the one to ask first first: the narrowest network that holds it, then
    /// the wider ones, then the fallbacks.
    pub fn relays_for(&self, ip: IpAddr) -> Vec<&Relay> {
        let ip = fold(ip);
        let narrowest = |relay: &Relay| {
            let holding = relay.networks.iter().filter(|network| network.contains(&ip));
            holding.map(|network| network.prefix_len()).max()
        };
        let mut listed: Vec<(u8, &Relay)> =
            self.relay.iter().filter_map(|relay| Some((narrowest(relay)?, relay))).collect();
        listed.sort_by_key(|(prefix, _)| std::cmp::Reverse(*prefix));
        let mut relays: Vec<&Relay> = listed.into_iter().map(|(_, relay)| relay).collect();
        let fallbacks = self.relay.iter().filter(|relay| relay.fallback && narrowest(relay).is_none());
        relays.extend(fallbacks);
        relays
    }

    pub(super) fn check_relays(&self, remarks: &mut Vec<Remark>) {
        let mut names = BTreeSet::new();
        for relay in &self.relay {
            let name = crate::text::one_line(&relay.name, 40);
            if !is_relay_name(&relay.name) {
                remarks.push(error(format!("[[relay]] name = \"{name}\": 1 to 32 of a-z, 0-9 and -")));
            }
            if !names.insert(&relay.name) {
                remarks.push(error(format!(
                    "[[relay]] name = \"{name}\" is there twice: machines under one name stand in for one another"
                )));
            }
            if relay.networks.is_empty() && !relay.fallback {
                remarks.push(error(format!(
                    "[[relay]] \"{name}\" reaches nothing: list its networks, or set fallback = true"
                )));
            }
            if relay.max_orders == 0 || relay.max_orders > MAX_ORDERS {
                remarks.push(error(format!("[[relay]] \"{name}\" max_orders: between 1 and {MAX_ORDERS}")));
            }
            for network in &relay.networks {
                if !self.scope.networks.iter().any(|ours| ours.contains(network) || network.contains(ours)) {
                    remarks.push(warning(format!(
                        "[[relay]] \"{name}\" networks: {network} lies outside [scope] networks and is never asked for"
                    )));
                }
            }
        }
        if self.relay.is_empty() {
            return;
        }
        for network in &self.scope.networks {
            if self.relays_for(network.addr()).is_empty() {
                remarks.push(warning(format!(
                    "[scope] networks: no relay reaches {network}; add it to one, or set fallback = true on one"
                )));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(relays: &str) -> Result<Policy, crate::policy::PolicyError> {
        Policy::parse(&format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n{relays}"))
    }

    fn asked(policy: &Policy, ip: &str) -> Vec<String> {
        policy.relays_for(ip.parse().unwrap()).iter().map(|relay| relay.name.clone()).collect()
    }

    #[test]
    fn the_nearest_relay_is_asked_first_and_the_fallback_last() {
        let policy = policy(
            "[[relay]]\nname = 'hq'\nnetworks = ['10.0.0.0/8']\n\
             [[relay]]\nname = 'spare'\nfallback = true\n\
             [[relay]]\nname = 'plant'\nnetworks = ['10.7.0.0/16']\nplatform = 'windows'\n",
        )
        .unwrap();
        assert_eq!(asked(&policy, "10.7.1.2"), ["plant", "hq", "spare"]);
        assert_eq!(asked(&policy, "::ffff:10.8.1.2"), ["hq", "spare"]);
        assert_eq!(asked(&policy, "192.0.2.1"), ["spare"]);
    }

    #[test]
    fn a_relay_that_cannot_be_meant_is_refused() {
        for (relays, why) in [
            ("[[relay]]\nname = 'HQ'\nnetworks = ['10.0.0.0/8']\n", "name"),
            ("[[relay]]\nname = 'hq'\n", "reaches nothing"),
            ("[[relay]]\nname = 'hq'\nfallback = true\nmax_orders = 0\n", "max_orders"),
            ("[[relay]]\nname = 'a'\nfallback = true\n[[relay]]\nname = 'a'\nfallback = true\n", "twice"),
            ("[[relay]]\nname = 'hq'\nnetworks = ['10.0.0.1/8']\n", "10.0.0.1/8"),
        ] {
            let error = policy(relays).unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
    }

    #[test]
    fn a_network_that_no_relay_reaches_is_remarked() {
        let policy = policy("[[relay]]\nname = 'plant'\nnetworks = ['10.7.0.0/16']\n").unwrap();
        assert!(policy.remarks().iter().any(|remark| remark.text.contains("no relay reaches 10.0.0.0/8")));
    }
}
