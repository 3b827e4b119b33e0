//! Machines and their users.

use std::net::Ipv4Addr;

use super::EXEMPT_USER;
use crate::scenario::{Scenario, Trouble};

/// One machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its number.
    pub index: u32,
    /// Its address now.
    pub ip: Ipv4Addr,
    /// It lies in an exempt network, and stays there.
    pub exempt: bool,
    /// Somebody else is at work on it.
    pub compromised: bool,
    /// Accounts that are logged in, without their domain.
    pub users: Vec<String>,
}

impl Machine {
    pub(super) fn drawn(scenario: &Scenario, index: u32) -> Self {
        let mut random = scenario.random("machine", &[u64::from(index)]);
        let exempt = random.chance(30);
        let [_, high, middle, low] = index.to_be_bytes();
        let ip = Ipv4Addr::new(10, if exempt { 200 } else { 1 + high }, middle, low);
        let contended = scenario.contended;
        let (nobody, shared, roams, scanned) = (
            random.chance(50),
            random.chance(200),
            random.chance(if contended { 900 } else { 300 }),
            random.chance(60),
        );
        let other = if contended { u64::from(index / 2) } else { random.below(u64::from(index.max(1))) };
        let primary = if roams && scenario.has(Trouble::RoamingUser) {
            format!("user{other}")
        } else {
            format!("user{index}")
        };
        let mut users = if nobody { Vec::new() } else { vec![primary] };
        if shared && scenario.has(Trouble::SharedMachine) {
            users.push(format!("guest{}", index / 3));
        }
        if scanned {
            users.truncate(usize::from(index.is_multiple_of(2)));
            users.push(EXEMPT_USER.to_owned());
        }
        let compromised = scenario.random("intruder", &[u64::from(index)]).chance(250);
        Self { index, ip, exempt, compromised, users }
    }

    /// Its host name.
    pub fn host_name(index: u32) -> String {
        format!("ws-{index}")
    }

    /// Users whom the policy does not leave alone.
    pub fn suspects(&self) -> Vec<&str> {
        self.users.iter().map(String::as_str).filter(|user| *user != EXEMPT_USER).collect()
    }
}
