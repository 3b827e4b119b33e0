//! Counts alerts and cases as they come.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;

use super::figures::{
    Actions, Alerts, Cases, Digest, LastSent, Measures, NotDone, Offender, OldCase, OpenCases, People, Rule,
    Slot, TimeToEvidence, Unreached, VERSION, Why,
};
use super::window::Window;
use crate::assess::{Bearing, Verdict};
use crate::case::{ActionStatus, Case, Disposition, Outcome, State};
use crate::remediation::{Proposed, Remediation};
use crate::text::one_line;

/// Cases, users and machines that are told apart. What comes beyond is counted, and the digest says so.
const MAX_KEYS: usize = 200_000;
/// Reasons for leaving alerts alone that are told apart.
const MAX_REASONS: usize = 100;
/// Entries of a list: offenders, rules, reasons.
const LISTED: usize = 10;
/// Machines named for one reason.
const HOSTS: usize = 10;
/// Actions that are named.
const NAMED: usize = 50;
/// Open cases that a digest names.
pub const OLDEST: usize = 10;
/// Cases from before the window that are read to say whom repeats were about.
pub const OWNERS: usize = 500;
/// Longest outside text of a digest, in characters.
const MAX_TEXT: usize = 160;
/// Ends of the classes of times, in seconds.
const CLASSES: [u64; 6] = [60, 300, 900, 3_600, 4 * 3_600, 86_400];

/// Alerts of one moment and outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertLine {
    /// When they were received; for repeats of a storm, of which only their number is kept, when they were counted.
    pub received_at: Timestamp,
    /// What became of them.
    pub disposition: Disposition,
    /// How many.
    pub alerts: u64,
}

/// What is counted so far. Alerts come first, then the cases of the window, then the owners.
#[derive(Debug)]
pub struct Fold {
    window: Window,
    step: i64,
    slots: Vec<Slot>,
    outcomes: BTreeMap<&'static str, u64>,
    whys: BTreeMap<(&'static str, String), u64>,
    /// When the alert of each case came.
    arrived: HashMap<String, Timestamp>,
    /// Repeats by the case that they were counted on.
    repeats: HashMap<String, u64>,
    cases: Cases,
    people: People,
    seconds: Vec<u32>,
    users: HashMap<String, Seen>,
    hosts: HashMap<String, Seen>,
    unreached: BTreeMap<String, Unreached>,
    actions: Actions,
    measures: Measures,
    forensics: BTreeMap<String, u64>,
    holds: BTreeMap<String, u64>,
    open: OpenCases,
    rules: BTreeMap<String, Rule>,
    /// Alerts and cases for which there was no room.
    crowded_out: u64,
    /// Repeats whose case is not known.
    unowned: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    cases: u64,
    repeats: u64,
}

impl Fold {
    /// Nothing yet.
    pub fn new(window: Window) -> Self {
        let (step, count) = window.steps();
        let at = |index: usize| {
            let seconds = step.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX));
            window.from.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(window.to)
        };
        let slots = (0..count).map(|index| Slot { at: at(index), ..Slot::default() }).collect();
        Self {
            window,
            step,
            slots,
            outcomes: BTreeMap::new(),
            whys: BTreeMap::new(),
            arrived: HashMap::new(),
            repeats: HashMap::new(),
            cases: Cases::default(),
            people: People::default(),
            seconds: Vec::new(),
            users: HashMap::new(),
            hosts: HashMap::new(),
            unreached: BTreeMap::new(),
            actions: Actions::default(),
            measures: Measures::default(),
            forensics: BTreeMap::new(),
            holds: BTreeMap::new(),
            open: OpenCases::default(),
            rules: BTreeMap::new(),
            crowded_out: 0,
            unowned: 0,
        }
    }

    /// Counts alerts. Those from outside the window are passed over.
    pub fn alert(&mut self, line: AlertLine) {
        if !self.window.holds(line.received_at) || line.alerts == 0 {
            return;
        }
        let AlertLine { received_at, disposition, alerts } = line;
        *self.outcomes.entry(disposition.as_str()).or_default() += alerts;
        let passed = received_at.duration_since(self.window.from).as_secs() / self.step;
        let last = self.slots.len().saturating_sub(1);
        let slot = &mut self.slots[usize::try_from(passed).unwrap_or(last).min(last)];
        match disposition {
            Disposition::Waiting => {
                slot.waiting += alerts;
                self.people.undecided += alerts;
            }
            Disposition::Opened { case_id } => {
                slot.opened += alerts;
                if self.arrived.len() < MAX_KEYS {
                    self.arrived.insert(case_id, received_at);
                } else {
                    self.crowded_out += alerts;
                }
            }
            Disposition::Suppressed { key, case_id, .. } => {
                slot.repeats += alerts;
                let why = match key.is_user() {
                    true => "the user is being, or was, looked at",
                    false => "the machine is being, or was, looked at",
                };
                self.left_alone("suppressed", why, alerts);
                self.repeated(case_id, alerts);
            }
            Disposition::Folded { case_id, .. } => {
                slot.repeats += alerts;
                self.left_alone("folded", "a case waits for the machine", alerts);
                self.repeated(case_id, alerts);
            }
            Disposition::Exempt { reason, .. } => {
                slot.left_alone += alerts;
                self.left_alone("exempt", &reason, alerts);
            }
            Disposition::Withdrawn { .. } => {
                slot.left_alone += alerts;
                self.left_alone("withdrawn", "gone from the list that named it", alerts);
            }
            Disposition::Refused { .. } | Disposition::Review { .. } | Disposition::Unreadable { .. } => {
                slot.for_a_person += alerts;
                self.people.alerts_with += alerts;
            }
        }
    }

    fn left_alone(&mut self, outcome: &'static str, reason: &str, alerts: u64) {
        self.people.alerts_without += alerts;
        let mut key = (outcome, one_line(reason, MAX_TEXT));
        if self.whys.len() >= MAX_REASONS && !self.whys.contains_key(&key) {
            key.1 = "other reasons".to_owned();
        }
        *self.whys.entry(key).or_default() += alerts;
    }

    fn repeated(&mut self, case_id: String, alerts: u64) {
        if let Some(known) = self.repeats.get_mut(&case_id) {
            *known += alerts;
        } else if self.repeats.len() < MAX_KEYS {
            self.repeats.insert(case_id, alerts);
        } else {
            self.unowned += alerts;
        }
    }

    /// Counts a case. Those that were opened outside the window are passed over.
    pub fn case(&mut self, case: &Case) {
        if !self.window.holds(case.opened_at) {
            return;
        }
        self.cases.opened += 1;
        *self.cases.by_state.entry(state_word(case).to_owned()).or_default() += 1;
        if let Some(verdict) = case.verdict() {
            *self.cases.by_verdict.entry(verdict.as_str().to_owned()).or_default() += 1;
        }
        self.people_of(case);
        self.evidence_of(case);
        self.contact_of(case);
        self.actions_of(case);
        self.follow_up_of(case);
        self.rules_of(case);
        self.seen(case, true);
    }

    /// Takes a case from before the window, on which repeats inside of it were counted.
    pub fn owner(&mut self, case: &Case) {
        self.seen(case, false);
    }

    /// The cases that [`Fold::owner`] is still to be told of: those with the most repeats first, [`OWNERS`] at most.
    pub fn owners_wanted(&self) -> Vec<String> {
        let mut wanted: Vec<(&String, &u64)> = self.repeats.iter().collect();
        wanted.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
        wanted.into_iter().take(OWNERS).map(|(case_id, _)| case_id.clone()).collect()
    }

    /// Says how many cases are open, and which are the oldest.
    pub fn open(&mut self, cases: u64, oldest: &[Case], now: Timestamp) {
        let old = |case: &Case| OldCase {
            case_id: case.id.clone(),
            target: case.target,
            host_name: case.identity.as_ref().map(|identity| one_line(&identity.host_name, MAX_TEXT)),
            state: case.state.as_str().to_owned(),
            code: match &case.state {
                State::Waiting { code, .. } => Some(one_line(code, MAX_TEXT)),
                _ => None,
            },
            opened_at: case.opened_at,
            age_seconds: now.duration_since(case.opened_at).as_secs(),
        };
        self.open = OpenCases { cases, oldest: oldest.iter().take(OLDEST).map(old).collect() };
    }

    fn people_of(&mut self, case: &Case) {
        let to_do = |action: &crate::case::ActionRecord| {
            matches!(action.status, ActionStatus::Failed | ActionStatus::Uncertain)
        };
        match &case.state {
            // The alert itself is counted as what it became.
            State::Closed { outcome: Outcome::Suppressed { .. } | Outcome::Exempt { .. } } => {}
            State::Closed { outcome: Outcome::Failed { .. } } => self.people.alerts_with += 1,
            State::Closed { outcome: Outcome::Investigated { verdict } } => {
                let settled = matches!(verdict, Verdict::PolicyViolation | Verdict::FalsePositive);
                if settled && !case.actions.iter().any(to_do) {
                    self.people.alerts_without += 1;
                } else {
                    self.people.alerts_with += 1;
                }
            }
            _ => self.people.undecided += 1,
        }
    }

    fn evidence_of(&mut self, case: &Case) {
        let Some(sealed) = &case.evidence else { return };
        let arrived = self.arrived.get(&case.id).copied().unwrap_or(case.opened_at).min(case.opened_at);
        let seconds = sealed.sealed_at.duration_since(arrived).as_secs().max(0);
        if self.seconds.len() < MAX_KEYS {
            self.seconds.push(u32::try_from(seconds).unwrap_or(u32::MAX));
        } else {
            self.crowded_out += 1;
        }
    }

    fn contact_of(&mut self, case: &Case) {
        let (State::Waiting { code, .. } | State::Closed { outcome: Outcome::Failed { code, .. } }) =
            &case.state
        else {
            return;
        };
        let code = one_line(code, MAX_TEXT);
        let entry = self.unreached.entry(code.clone()).or_insert_with(|| Unreached {
            code,
            cases: 0,
            hosts: Vec::new(),
        });
        entry.cases += 1;
        let host = host_of(case);
        if entry.hosts.len() < HOSTS && !entry.hosts.contains(&host) {
            entry.hosts.push(host);
        }
    }

    fn actions_of(&mut self, case: &Case) {
        for action in &case.actions {
            let (kind, status) = (action.kind.as_str(), word(&action.status));
            let of_kind = self.actions.by_kind.entry(kind.to_owned()).or_default();
            *of_kind.entry(status.clone()).or_default() += 1;
            if !matches!(action.status, ActionStatus::Failed | ActionStatus::Uncertain) {
                continue;
            }
            if self.actions.not_done.len() == NAMED {
                self.actions.not_listed += 1;
                continue;
            }
            self.actions.not_done.push(NotDone {
                case_id: case.id.clone(),
                action: kind.to_owned(),
                status,
                detail: one_line(&action.detail, MAX_TEXT),
            });
        }
    }

    /// What was proposed for the machine, the deeper look and the hold. A preview was put before nobody.
    fn follow_up_of(&mut self, case: &Case) {
        let offered = |kept: &&Remediation| !kept.dry_run && !kept.evidence_sha256.is_empty();
        for kept in case.remediation.iter().filter(offered) {
            for proposed in &kept.measures {
                self.measures.proposed += 1;
                self.measures.approved += u64::from(was_approved(kept, proposed));
                *self.measures.by_stage.entry(proposed.stage.as_str().to_owned()).or_default() += 1;
            }
        }
        if let Some(look) = &case.forensics {
            *self.forensics.entry(word(&look.status)).or_default() += 1;
        }
        if let Some(hold) = &case.hold {
            *self.holds.entry(word(&hold.status)).or_default() += 1;
        }
    }

    /// The findings that the verdict follows from are those of the strongest bearing.
    fn rules_of(&mut self, case: &Case) {
        let Some(assessment) = &case.assessment else { return };
        let strongest = assessment.findings.iter().map(|finding| finding.bearing).max();
        let Some(strongest) = strongest.filter(|bearing| *bearing > Bearing::Context) else { return };
        let mut counted: Vec<&str> = Vec::new();
        for finding in assessment.findings.iter().filter(|finding| finding.bearing == strongest) {
            if counted.contains(&finding.rule.as_str()) {
                continue;
            }
            counted.push(&finding.rule);
            if self.rules.len() >= MAX_KEYS && !self.rules.contains_key(&finding.rule) {
                self.crowded_out += 1;
                continue;
            }
            let rule = self.rules.entry(finding.rule.clone()).or_insert_with(|| Rule {
                id: one_line(&finding.rule, MAX_TEXT),
                title: one_line(&finding.title, MAX_TEXT),
                cases: 0,
            });
            rule.cases += 1;
        }
    }

    fn seen(&mut self, case: &Case, in_window: bool) {
        let repeats = self.repeats.remove(&case.id).unwrap_or(0);
        let of_another = matches!(
            &case.state,
            State::Closed { outcome: Outcome::Suppressed { .. } | Outcome::Exempt { .. } }
        );
        let as_case = u64::from(in_window && !of_another);
        // A case that found its user in another's hands says that this machine was seen again; the user's repeat is
        // counted on the other.
        let host_repeats = repeats + u64::from(in_window && of_another);
        let mut crowded = add(&mut self.hosts, host_of(case), as_case, host_repeats);
        for user in case.suspects() {
            crowded += add(&mut self.users, user.to_lowercase(), as_case, repeats);
        }
        self.crowded_out += crowded;
    }

    /// What came of it.
    pub fn finish(mut self, now: Timestamp) -> Digest {
        self.unowned += self.repeats.values().sum::<u64>();
        let mut notes = Vec::new();
        if self.unowned > 0 {
            notes.push(format!(
                "{} repeats were counted on cases that are not known any more, or are too many to look up: they are missing \
                 among the users and machines",
                self.unowned
            ));
        }
        if self.crowded_out > 0 {
            notes.push(format!(
                "{} entries beyond {MAX_KEYS} were counted but not told apart: ask for a shorter time",
                self.crowded_out
            ));
        }
        if self.window.to > now {
            notes.push("the time is not over: what comes until its end is not in here".to_owned());
        }
        let decided = self.people.alerts_without + self.people.alerts_with;
        if decided > 0 {
            // A share of whole numbers that people read: four digits are plenty.
            #[expect(clippy::cast_precision_loss, reason = "no count of alerts comes near 2^52")]
            let share = self.people.alerts_without as f64 / decided as f64;
            self.people.share_without = Some((share * 10_000.0).round() / 10_000.0);
        }
        let mut why: Vec<Why> = self
            .whys
            .into_iter()
            .map(|((outcome, reason), alerts)| Why { outcome: outcome.to_owned(), reason, alerts })
            .collect();
        why.sort_by_key(|why| std::cmp::Reverse(why.alerts));
        let mut rules: Vec<Rule> = self.rules.into_values().collect();
        rules.sort_by(|a, b| (b.cases, &a.id).cmp(&(a.cases, &b.id)));
        rules.truncate(LISTED);
        let mut unreached: Vec<Unreached> = self.unreached.into_values().collect();
        unreached.sort_by(|a, b| (b.cases, &a.code).cmp(&(a.cases, &b.code)));
        Digest {
            version: VERSION,
            written_at: now,
            from: self.window.from,
            to: self.window.to,
            organisation: None,
            alerts: Alerts {
                received: self.outcomes.values().sum(),
                by_outcome: self.outcomes.into_iter().map(|(word, n)| (word.to_owned(), n)).collect(),
                why,
                step_seconds: self.step,
                over_time: self.slots,
            },
            cases: self.cases,
            people: self.people,
            time_to_evidence: times(self.seconds),
            users: offenders(self.users),
            hosts: offenders(self.hosts),
            unreached,
            actions: self.actions,
            measures: self.measures,
            forensics: self.forensics,
            holds: self.holds,
            open: self.open,
            rules,
            notes,
            last_sent: None,
        }
    }
}

impl Digest {
    /// The same with the company's name, and the last digest that was mailed.
    #[must_use]
    pub fn with(mut self, organisation: Option<&str>, last_sent: Option<LastSent>) -> Self {
        self.organisation = organisation.map(|name| one_line(name, MAX_TEXT));
        self.last_sent = last_sent;
        self
    }
}

/// Adds to what was seen; returns how many entries found no room.
fn add(seen: &mut HashMap<String, Seen>, name: String, cases: u64, repeats: u64) -> u64 {
    if cases + repeats == 0 {
        return 0;
    }
    if seen.len() >= MAX_KEYS && !seen.contains_key(&name) {
        return 1;
    }
    let entry = seen.entry(name).or_default();
    entry.cases += cases;
    entry.repeats += repeats;
    0
}

/// Those that were seen more than once.
fn offenders(seen: HashMap<String, Seen>) -> Vec<Offender> {
    let again = seen.into_iter().filter(|(_, seen)| seen.cases + seen.repeats > 1);
    let mut offenders: Vec<Offender> = again
        .map(|(name, seen)| Offender {
            name: one_line(&name, MAX_TEXT),
            cases: seen.cases,
            repeats: seen.repeats,
        })
        .collect();
    let weight = |offender: &Offender| offender.cases + offender.repeats;
    offenders.sort_by(|a, b| (weight(b), b.cases, &a.name).cmp(&(weight(a), a.cases, &b.name)));
    offenders.truncate(LISTED);
    offenders
}

/// By the nearest rank: a figure that was really measured, not one between two.
fn times(mut seconds: Vec<u32>) -> TimeToEvidence {
    seconds.sort_unstable();
    let rank = |percent: usize| {
        let rank = (seconds.len() * percent).div_ceil(100).max(1);
        seconds.get(rank - 1).map(|seconds| u64::from(*seconds))
    };
    let mut histogram = Vec::with_capacity(CLASSES.len() + 1);
    let mut from = 0;
    for end in CLASSES.into_iter().map(Some).chain([None]) {
        let below = seconds.partition_point(|took| end.is_none_or(|end| u64::from(*took) < end));
        histogram.push((end, (below - from) as u64));
        from = below;
    }
    TimeToEvidence {
        cases: seconds.len() as u64,
        median_seconds: rank(50),
        p90_seconds: rank(90),
        max_seconds: seconds.last().map(|seconds| u64::from(*seconds)),
        histogram,
    }
}

/// State or, once closed, how it ended.
fn state_word(case: &Case) -> &'static str {
    match &case.state {
        State::Closed { outcome: Outcome::Investigated { .. } } => "investigated",
        State::Closed { outcome: Outcome::Suppressed { .. } } => "suppressed",
        State::Closed { outcome: Outcome::Exempt { .. } } => "exempt",
        State::Closed { outcome: Outcome::Failed { .. } } => "failed",
        open => open.as_str(),
    }
}

/// The name of the machine in lower case, or its address.
fn host_of(case: &Case) -> String {
    let name =
        case.identity.as_ref().map(|identity| identity.host_name.trim()).filter(|name| !name.is_empty());
    name.map_or_else(|| case.target.to_string(), |name| one_line(&name.to_lowercase(), MAX_TEXT))
}

/// Whether a measure got every approval that it needed, as far as the case keeps them.
fn was_approved(kept: &Remediation, proposed: &Proposed) -> bool {
    let mut by: Vec<&str> = kept.given(proposed.n, false).map(|approval| approval.by.as_str()).collect();
    by.sort_unstable();
    by.dedup();
    by.len() as u64 >= u64::from(proposed.needs.max(1))
}

/// The word under which a status is stored.
fn word(status: &impl Serialize) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}
