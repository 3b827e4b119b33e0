//! The simulated company: machines with their users and addresses, alerts about them, and what is true about both.

mod alerts;
mod machines;

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use tokio::task::AbortHandle;

use crate::history::CaseNo;
use crate::scenario::{DAY, HOUR, Scenario, Trouble};

pub use alerts::{Drawn, Subject, alert, drawn};
pub use machines::Machine;

/// Artifacts of a whole collection.
pub const PARTS: u32 = 6;

/// Who may approve, as the policy says too.
pub const APPROVERS: [&str; 3] = ["anna", "bert", "carl"];

/// Persons who have to approve a measure of this number, as the policy says too: the second one stops a process, the third
/// isolates the machine.
pub fn approvals_needed(measure: u32) -> usize {
    if measure == 1 { 1 } else { 2 }
}

/// The measure that isolates a machine.
pub const ISOLATES: u32 = 3;

/// How long that lasts, as the policy says too.
pub const ISOLATED_FOR: i64 = 2 * DAY;

/// The site's own actions, with how often an hour each may be tried, as the policy says too. The first one's server knows
/// a case when it comes again.
pub const OWN_ACTIONS: [(&str, usize); 2] = [("action:soar", 2), ("action:cleanup", 1)];

/// What has to be said of a compromised machine, as the policy says too.
pub const COMPROMISED: [&str; 4] = ["mail_soc soc@example.com", "ticket", "action:soar", "action:cleanup"];

/// Whether nothing is ever changed on a machine, as the policy says too.
pub fn never_changed(machine: &Machine) -> bool {
    Machine::host_name(machine.index).ends_with('3') || machine.users.iter().any(|user| user == "guest0")
}

/// A user who is never investigated, as the policy says too.
pub const EXEMPT_USER: &str = "svc-scan";

/// The policy that the workers have.
pub fn policy(scenario: &Scenario) -> String {
    format!(
        "version = 1
[scope]
networks = ['10.0.0.0/8']
exempt = [{{ network = '10.200.0.0/16', reason = 'scanners' }}]
[users]
mail = '{{user}}@example.com'
exempt = [{{ name = 'CORP\\{EXEMPT_USER}', reason = 'scan account' }}]
[mail]
soc = ['soc@example.com']
[mail.smtp]
host = 'mail.example.com'
[ticket.webhook]
url = 'https://tickets.example.com/new'
honours_idempotency_key = {}
[actions]
policy_violation = ['mail_user', 'mail_soc', 'ticket', 'action:soar']
compromised = ['mail_soc', 'ticket', 'action:soar', 'action:cleanup']
[[action]]
name = 'soar'
kind = 'http'
url = 'https://soar.example.com/case'
idempotent = true
per_hour = 2
[[action]]
name = 'cleanup'
kind = 'http'
url = 'https://cleanup.example.com/case'
per_hour = 1
[forensics]
timeout = '1h'
retry_for = '1d'
[remediation]
policy_violation = ['disable_autostart', 'stop_process']
compromised = ['disable_autostart', 'stop_process', 'isolate']
approvers = ['anna', 'bert', 'carl']
two_persons = ['stop_process', 'isolate']
expires = '8h'
per_hour = 200
per_day = 200
never = [{{ host = 'ws-*3', reason = 'plant' }}, {{ user = 'CORP\\guest0', reason = 'board' }}]
[remediation.isolate]
for = '2d'
keep = ['10.0.0.0/24']
",
        scenario.folds_tickets()
    )
}

/// Whether an address may be contacted: the checker's own reading of the policy above.
pub fn may_be_contacted(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 10 && second != 200
}

/// An alert that was sent, as far as it is known from outside.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub subject: Subject,
    /// The user that it names.
    pub named: Option<String>,
}

/// What a case has staged.
#[derive(Clone, Copy, Debug)]
pub struct Staging {
    /// Artifacts that are there.
    pub parts: u32,
    /// The collection is recorded as whole.
    pub whole: bool,
    /// The machine that it came from.
    pub machine: u32,
    /// The effect that staged it. What a later one stages is another collection.
    pub effect: u32,
}

/// The world as it is now.
pub struct World {
    scenario: Scenario,
    /// The machines.
    pub machines: Vec<Machine>,
    by_ip: HashMap<Ipv4Addr, u32>,
    siblings: HashMap<u32, u32>,
    next_address: u32,
    /// The alerts that were sent, by number.
    pub sent: Vec<Option<Truth>>,
    /// Staging areas of the cases.
    pub staging: HashMap<CaseNo, Staging>,
    /// Cases with a container that is whole and in its place.
    pub containers: HashSet<CaseNo>,
    /// Staging areas of deeper looks.
    pub deeper: HashMap<CaseNo, Staging>,
    /// Cases with a second container that is whole and in its place.
    pub second: HashSet<CaseNo>,
    /// Measures that are in effect, by case and number.
    pub changed: HashSet<(CaseNo, u32)>,
    /// Until when machines are cut off, each by the case that ordered it: they count that themselves.
    pub isolated: HashMap<(u32, CaseNo), i64>,
    /// The contact that a relay has for each case: to look, and to change something. A newer order of the case ends an older
    /// one of its kind.
    pub relayed: HashMap<(CaseNo, bool), AbortHandle>,
    /// Keys that the ticket server has seen.
    pub ticket_keys: HashSet<String>,
}

impl World {
    /// The company on the first day.
    pub fn new(scenario: Scenario) -> Self {
        let machines: Vec<Machine> =
            (0..scenario.endpoints).map(|index| Machine::drawn(&scenario, index)).collect();
        let by_ip = machines.iter().map(|machine| (machine.ip, machine.index)).collect();
        let mut first_of: HashMap<&str, u32> = HashMap::new();
        let mut siblings = HashMap::new();
        for machine in &machines {
            for user in machine.suspects() {
                if let Some(first) = first_of.insert(user, machine.index) {
                    siblings.insert(first, machine.index);
                    siblings.insert(machine.index, first);
                }
            }
        }
        Self {
            scenario,
            siblings,
            machines,
            by_ip,
            next_address: 0,
            sent: vec![None; scenario.alerts as usize],
            staging: HashMap::new(),
            containers: HashSet::new(),
            deeper: HashMap::new(),
            second: HashSet::new(),
            changed: HashSet::new(),
            isolated: HashMap::new(),
            relayed: HashMap::new(),
            ticket_keys: HashSet::new(),
        }
    }

    /// Another machine with a user of this one.
    pub fn sibling(&self, machine: u32) -> Option<u32> {
        self.siblings.get(&machine).copied()
    }

    /// The machine that has this address.
    pub fn holder(&self, ip: Ipv4Addr) -> Option<u32> {
        self.by_ip.get(&ip).copied()
    }

    /// The machine that would answer at this address at `at`: none has it, or it is off.
    pub fn answering(&self, ip: Ipv4Addr, at: i64) -> Option<u32> {
        self.holder(ip).filter(|machine| !self.is_off(*machine, at))
    }

    /// Whether a machine is off: for some hours of a quarter of a day, or for five days.
    fn is_off(&self, machine: u32, at: i64) -> bool {
        if !self.scenario.has(Trouble::Offline) {
            return false;
        }
        let period = |length: i64| (u64::from(machine), at.div_euclid(length).unsigned_abs());
        let (machine, long) = period(120 * HOUR);
        if self.scenario.random("off for days", &[machine, long]).chance(30) {
            return true;
        }
        let (machine, short) = period(6 * HOUR);
        let mut random = self.scenario.random("off for hours", &[machine, short]);
        let (off, from) = (random.chance(120), random.between(0, 6 * HOUR));
        off && at.rem_euclid(6 * HOUR) >= from
    }

    /// Moves some machine to another address, which another machine may have had.
    pub fn move_one(&mut self, nth: u64) {
        let mut random = self.scenario.random("move", &[nth]);
        let machine = random.below(self.machines.len() as u64) as u32;
        let dice = random.draw();
        self.move_machine(machine, dice);
    }

    /// Moves this machine to another address.
    pub fn move_machine(&mut self, a: u32, dice: u64) {
        let b = (dice % self.machines.len().max(1) as u64) as u32;
        let (machine_a, machine_b) = (&self.machines[a as usize], &self.machines[b as usize]);
        let (old_a, old_b) = (machine_a.ip, machine_b.ip);
        if machine_a.exempt {
            return;
        }
        if a != b && !machine_b.exempt {
            self.put(a, old_b);
            self.put(b, old_a);
        } else {
            self.by_ip.remove(&old_a);
            let [_, high, middle, low] = self.next_address.to_be_bytes();
            self.next_address += 1;
            self.put(a, Ipv4Addr::new(10, 150 + (high % 40), middle, low));
        }
    }

    fn put(&mut self, machine: u32, ip: Ipv4Addr) {
        self.machines[machine as usize].ip = ip;
        self.by_ip.insert(ip, machine);
    }
}
