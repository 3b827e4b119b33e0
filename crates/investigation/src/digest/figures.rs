//! What a digest says, in the shape in which it is written as JSON. Names are ECS's where ECS has one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

/// The version of the JSON.
pub const VERSION: u32 = 1;

/// What came in over a time, what became of it, and what is left to people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Digest {
    /// Of this layout, see [`VERSION`]. Fields may be added without a change of it.
    pub version: u32,
    /// When it was written.
    pub written_at: Timestamp,
    /// The beginning of its time.
    pub from: Timestamp,
    /// The end of its time, which is not part of it.
    pub to: Timestamp,
    /// Name of the company.
    #[serde(rename = "organization.name", skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Alerts that were received.
    pub alerts: Alerts,
    /// Cases that were opened.
    pub cases: Cases,
    /// What needed a person.
    pub people: People,
    /// From the alert's arrival to the sealed evidence.
    pub time_to_evidence: TimeToEvidence,
    /// Users who were seen more than once, those seen most first.
    pub users: Vec<Offender>,
    /// Machines that were seen more than once, those seen most first.
    pub hosts: Vec<Offender>,
    /// Why machines were not reached or read.
    pub unreached: Vec<Unreached>,
    /// What was done.
    pub actions: Actions,
    /// What was proposed for machines, and what came of it.
    pub measures: Measures,
    /// Deeper looks into machines, by how they stand: `ordered`, `collected`, `sealed`, `given_up`.
    pub forensics: BTreeMap<String, u64>,
    /// Legal holds, by how they stand: `setting`, `held`, `releasing`, `released`, `failed`.
    pub holds: BTreeMap<String, u64>,
    /// Every case that is open now, whenever it was opened.
    pub open: OpenCases,
    /// The rules that the verdicts rest on, the most frequent first.
    pub rules: Vec<Rule>,
    /// What this digest does not know or had to leave out. Empty: it is whole.
    pub notes: Vec<String>,
    /// The last digest that was mailed, or tried to.
    pub last_sent: Option<LastSent>,
}

impl Digest {
    /// Whether nothing happened and nothing is left to do.
    pub fn is_quiet(&self) -> bool {
        self.alerts.received == 0
            && self.cases.opened == 0
            && self.open.cases == 0
            && self.actions.not_done.is_empty()
    }
}

/// Alerts of the time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Alerts {
    /// All of them.
    pub received: u64,
    /// By what became of them: `opened`, `suppressed`, `folded`, `exempt`, `refused`, `withdrawn`, `review`, `unreadable`,
    /// `waiting`.
    pub by_outcome: BTreeMap<String, u64>,
    /// Why those were left alone that were.
    pub why: Vec<Why>,
    /// Length of a step of [`Alerts::over_time`], in seconds.
    pub step_seconds: i64,
    /// Step by step, from the beginning.
    pub over_time: Vec<Slot>,
}

/// Why alerts were left alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// What became of them.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub alerts: u64,
}

/// Alerts of one step of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// When the step begins.
    #[serde(rename = "@timestamp")]
    pub at: Timestamp,
    /// They opened a case.
    pub opened: u64,
    /// They were counted on a case: suppressed or folded.
    pub repeats: u64,
    /// Exempt or withdrawn.
    pub left_alone: u64,
    /// For a person to look at: unreadable, unclear or refused.
    pub for_a_person: u64,
    /// Not decided yet.
    pub waiting: u64,
}

impl Slot {
    /// All of them.
    pub fn alerts(&self) -> u64 {
        self.opened + self.repeats + self.left_alone + self.for_a_person + self.waiting
    }
}

/// Cases of the time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cases {
    /// All of them.
    pub opened: u64,
    /// Those that have a verdict, by it.
    pub by_verdict: BTreeMap<String, u64>,
    /// By state or, once closed, by how they ended: `investigated`, `suppressed`, `exempt`, `failed`.
    pub by_state: BTreeMap<String, u64>,
}

/// What needed a person and what did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct People {
    /// Alerts that nobody had to look at: repeats, what policy leaves alone, and cases that ended in a policy violation or a
    /// false positive with every action done.
    pub alerts_without: u64,
    /// Alerts that somebody has to look at: unreadable, unclear, refused, and cases that are compromised, inconclusive,
    /// failed, or have an action that failed or is uncertain.
    pub alerts_with: u64,
    /// Alerts of which it is not known yet: they wait, or their case is open.
    pub undecided: u64,
    /// `alerts_without` of the two, from 0 to 1; none where there are neither.
    pub share_without: Option<f64>,
}

/// From the alert's arrival to the sealed evidence, over the cases of the time that have some.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TimeToEvidence {
    /// Cases with evidence.
    pub cases: u64,
    /// Half of them were faster.
    pub median_seconds: Option<u64>,
    /// Nine of ten were faster.
    pub p90_seconds: Option<u64>,
    /// The slowest.
    pub max_seconds: Option<u64>,
    /// How many took less than so many seconds, and not less than the entry before; the last is every other.
    pub histogram: Vec<(Option<u64>, u64)>,
}

/// A user or a machine that was seen more than once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Offender {
    /// `domain\name` of a user; the host name of a machine, or its address where it did not say.
    pub name: String,
    /// Cases.
    pub cases: u64,
    /// Alerts that were counted on cases: suppressed or folded.
    pub repeats: u64,
}

/// Cases whose machine was not reached or read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unreached {
    /// Why, as a stable word.
    #[serde(rename = "error.code")]
    pub code: String,
    /// How many.
    pub cases: u64,
    /// Some of the machines.
    pub hosts: Vec<String>,
}

/// What was done for the cases of the time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Actions {
    /// Kind of action → status → how many.
    pub by_kind: BTreeMap<String, BTreeMap<String, u64>>,
    /// Those that failed or may or may not have arrived, by name.
    pub not_done: Vec<NotDone>,
    /// How many more of them there are.
    pub not_listed: u64,
}

/// Measures of the cases of the time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Those that were put before people.
    pub proposed: u64,
    /// Those of them that got every approval that they needed.
    pub approved: u64,
    /// All of them by how far they came: `proposed` (they wait), `ordered`, `done`, `gone`, `refused`, `failed`, `expired`,
    /// `rejected`, `undoing`, `undone`.
    pub by_stage: BTreeMap<String, u64>,
}

/// An action that failed, or of which it is not known whether it arrived.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotDone {
    /// The case.
    pub case_id: String,
    /// Which action.
    #[serde(rename = "event.action")]
    pub action: String,
    /// `failed` or `uncertain`.
    pub status: String,
    /// What is known.
    #[serde(rename = "error.message")]
    pub detail: String,
}

/// The open cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OpenCases {
    /// How many.
    pub cases: u64,
    /// The oldest of them, the oldest first.
    pub oldest: Vec<OldCase>,
}

/// A case that is open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OldCase {
    /// Its id.
    pub case_id: String,
    /// The machine.
    #[serde(rename = "host.ip")]
    pub target: IpAddr,
    /// Its name, once it is known.
    #[serde(rename = "host.name", skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// Where it stands.
    pub state: String,
    /// Why it waits.
    #[serde(rename = "error.code", skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// How long ago that is.
    pub age_seconds: i64,
}

/// A rule that verdicts rest on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Its id.
    #[serde(rename = "rule.id")]
    pub id: String,
    /// What it says.
    #[serde(rename = "rule.name")]
    pub title: String,
    /// Cases that it decided, alone or with others.
    pub cases: u64,
}

/// The last digest that was mailed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastSent {
    /// The day, in the policy's time zone.
    pub day: String,
    /// `sent`, `skipped`, `failed`, `uncertain`, or what it is doing.
    pub status: String,
    /// The server's answer, or why it was not sent.
    pub detail: String,
    /// When that was.
    pub at: Timestamp,
}
