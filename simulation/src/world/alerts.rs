//! Alerts, in storms about one machine.

use std::net::{IpAddr, Ipv4Addr};

use casework::backend::{Received, Unread};
use investigation::alert::Alert;

use super::{Truth, World};
use crate::scenario::{DAY, HOUR, Scenario};

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One of our addresses.
    Ours(Ipv4Addr),
    /// Nobody of ours.
    Outside,
    /// Two of our addresses.
    Both,
    /// It cannot be read.
    Unreadable,
}

/// An alert before it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// When it is sent.
    pub at: i64,
    machine: u32,
    dice: u64,
}

/// Alerts of one storm.
const STORM: u32 = 8;

/// Draws an alert by its number.
pub fn drawn(scenario: &Scenario, number: u32) -> Drawn {
    let mut storm = scenario.random("storm", &[u64::from(number / STORM)]);
    let start = storm.between(0, i64::from(scenario.days) * DAY);
    // Some machines are in the news more than others.
    let machine = storm.below(1 + storm.clone().below(u64::from(scenario.endpoints))) as u32;
    let mut random = scenario.random("alert", &[u64::from(number)]);
    let after = match (number % STORM, random.below(10)) {
        (0, _) => 0,
        (_, 0..=4) => random.between(0, 20_000),
        (_, 5..=7) => random.between(0, 2 * HOUR),
        _ => random.between(0, 4 * DAY),
    };
    Drawn { at: start + after, machine, dice: random.below(1000) }
}

/// The alert as the queue gets it now, and the truth about it.
pub fn alert(world: &World, number: u32, drawn: &Drawn) -> (Received, Truth) {
    let mut random = world.scenario.random("alert's content", &[u64::from(number)]);
    let id = format!("{:016x}{number:08x}", random.draw());
    // What a user does on one machine, that user often does on another at the same time.
    let elsewhere = world.sibling(drawn.machine).filter(|_| random.chance(500));
    let machine = &world.machines[elsewhere.unwrap_or(drawn.machine) as usize];
    let names_one = random.chance(300);
    let named =
        machine.users.get(random.below(machine.users.len() as u64) as usize).filter(|_| names_one).cloned();
    let peer = Ipv4Addr::new(203, 0, 113, 7);
    let (subject, source, destination) = match drawn.dice {
        0..=9 => (Subject::Unreadable, machine.ip, peer),
        10..=29 => (Subject::Outside, Ipv4Addr::new(198, 51, 100, 9), peer),
        30..=39 => (Subject::Both, machine.ip, Ipv4Addr::new(10, 199, 0, 1)),
        _ => (Subject::Ours(machine.ip), machine.ip, peer),
    };
    let origin = "simulated".to_owned();
    let truth = Truth { id: id.clone(), subject, named: named.clone() };
    if subject == Subject::Unreadable {
        let content = Err(Unread { reason: "no format fits".to_owned(), original: "?".to_owned() });
        return (Received { id, origin, content }, truth);
    }
    let alert = Alert {
        id: id.clone(),
        format: "simulated".to_owned(),
        source_ip: Some(IpAddr::V4(source)),
        source_port: Some(51413),
        destination_ip: Some(IpAddr::V4(destination)),
        destination_port: Some(6881),
        user_domain: named.as_ref().map(|_| "CORP".to_owned()),
        user_name: named,
        original: String::new(),
        ..Alert::default()
    };
    (Received { id, origin, content: Ok(alert) }, truth)
}
