//! Who held which claim when, and whom it silenced.

use std::collections::HashMap;

use super::{Court, Invariant, LEASE, TOLERANCE, WINDOW, when};
use crate::history::{CaseNo, Fact, Moment, Settled, Writer};

/// One case's hold on a key, without a break.
struct Held {
    case: CaseNo,
    since: Moment,
    /// From when its cooldown counts: a case that takes again what was taken from it did not begin anew.
    claimed: Moment,
    renewed: Moment,
    end: Option<Moment>,
    /// It was given up, and not taken over when it had run out.
    given_up: bool,
}

impl<'a> Court<'a> {
    pub(super) fn claims(&mut self) {
        let held = self.held();
        self.silenced(&held);
        self.without_evidence(&held);
        self.windows(&held);
    }

    fn held(&self) -> HashMap<&'a str, Vec<Held>> {
        let mut held: HashMap<&'a str, Vec<Held>> = HashMap::new();
        for (at, fact) in &self.record.history.facts {
            match fact {
                Fact::Took { key, case, by } => {
                    let holds = held.entry(key).or_default();
                    match holds.last_mut() {
                        Some(last) if last.case == *case && last.end.is_none() => last.renewed = *at,
                        last => {
                            if let Some(last) = last {
                                last.end.get_or_insert(*at);
                            }
                            let earlier = holds.iter().rfind(|hold| hold.case == *case && !hold.given_up);
                            holds.push(Held {
                                case: *case,
                                since: *at,
                                claimed: earlier.map_or(self.decided(*by, *at), |hold| hold.claimed),
                                renewed: *at,
                                end: None,
                                given_up: false,
                            });
                        }
                    }
                }
                Fact::Released { key, case } => {
                    let holds = held.entry(key).or_default();
                    if let Some(last) = holds.last_mut().filter(|last| last.case == *case) {
                        last.end.get_or_insert(*at);
                    }
                    // Whoever else took it away before: what its case claims next, it claims anew.
                    holds.iter_mut().filter(|hold| hold.case == *case).for_each(|hold| hold.given_up = true);
                }
                Fact::ReleasedByHand { key, .. } => {
                    if let Some(last) = held.entry(key).or_default().last_mut() {
                        last.end.get_or_insert(*at);
                    }
                }
                _ => {}
            }
        }
        held
    }

    /// Each alert that was put down to a claim met that claim in force, or a case that was open.
    fn silenced(&mut self, held: &HashMap<&str, Vec<Held>>) {
        let record = self.record;
        for (at, fact) in &record.history.facts {
            let Fact::Settled { alert, how, key, case, by } = fact else { continue };
            let decided = self.decided(*by, *at);
            let justified = match (how, key) {
                (Settled::Opened, _) => true,
                (Settled::Folded, _) => self.closed.get(case).is_none_or(|closed| decided <= *closed),
                (Settled::Suppressed, key) => {
                    let holds = key.as_deref().and_then(|key| held.get(key)).map_or(&[][..], Vec::as_slice);
                    holds.iter().any(|hold| {
                        let expiry = if self.sealed(*case) {
                            hold.since + WINDOW.max(hold.renewed - hold.since + LEASE)
                        } else {
                            hold.renewed + LEASE
                        };
                        hold.case == *case
                            && hold.since <= *at
                            && decided <= expiry + TOLERANCE
                            && hold.end.is_none_or(|end| decided <= end)
                    })
                }
            };
            if !justified {
                let mut facts = vec![format!(
                    "{}: alert {alert} was {how:?} by {} ({})",
                    when(*at),
                    self.id(*case),
                    key.as_deref().unwrap_or("it waits for the machine")
                )];
                for hold in key.as_deref().and_then(|key| held.get(key)).into_iter().flatten() {
                    let end =
                        hold.end.map_or("never given up".to_owned(), |end| format!("until {}", when(end)));
                    facts.push(format!(
                        "{} held it from {} (renewed {}), {end}",
                        self.id(hold.case),
                        when(hold.since),
                        when(hold.renewed)
                    ));
                }
                if let Some(closed) = self.closed.get(case) {
                    facts.push(format!("{} was closed {}", self.id(*case), when(*closed)));
                }
                self.convict(Invariant::SilencedWithoutCause, facts);
            }
        }
    }

    /// A case that ended without evidence keeps no claim, and nobody stays silenced by it whom it has not looked at.
    fn without_evidence(&mut self, held: &HashMap<&str, Vec<Held>>) {
        let record = self.record;
        for claim in &record.dump.claims {
            let owner = record.history.known(&claim.case_id).and_then(|number| self.cases.get(&number));
            if owner.is_some_and(|owner| owner.status == "failed") {
                let facts = vec![format!("{} failed and still has {}", claim.case_id, claim.key)];
                self.convict(Invariant::FailedSilences, facts);
            }
        }
        let last_settled: HashMap<&str, (Moment, Writer)> = record
            .history
            .facts
            .iter()
            .filter_map(|(at, fact)| match fact {
                Fact::Settled { alert, by, .. } => Some((alert.as_str(), (*at, *by))),
                _ => None,
            })
            .collect();
        for row in self.rows() {
            let ("suppressed" | "folded", Some(id)) = (row.disposition, &row.case_id) else { continue };
            let Some(number) = record.history.known(id) else { continue };
            let (settled, by) = last_settled.get(row.id.as_str()).copied().unwrap_or((0, 0));
            let decided = self.decided(by, settled);
            let failed = self.cases.get(&number).is_some_and(|owner| owner.status == "failed");
            let closed = self.closed.get(&number).copied();
            // Of a user, another machine was looked for. If the claim was given up, it was looked for in vain.
            let user = row.key.as_deref().filter(|key| key.starts_with("user#"));
            let in_vain = user.and_then(|key| held.get(key)).is_some_and(|holds| {
                let mut then = holds.iter().filter(|hold| hold.case == number && hold.since <= settled);
                then.all(|hold| hold.given_up)
            });
            let never = user.is_some() && !self.sealed(number);
            if in_vain || never || (failed && closed.is_some_and(|closed| decided > closed)) {
                let mut facts = vec![format!(
                    "alert {} is {} by {id} ({}), written {}",
                    row.id,
                    row.disposition,
                    row.key.as_deref().unwrap_or("its machine"),
                    when(settled)
                )];
                for hold in user.and_then(|key| held.get(key)).into_iter().flatten() {
                    let (id, end) = (self.id(hold.case), hold.end.map_or("now".to_owned(), when));
                    facts.push(format!(
                        "{id} held it from {} until {end}, given up: {}",
                        when(hold.since),
                        hold.given_up
                    ));
                }
                facts.extend(closed.map(|closed| format!("{id} was closed {}", when(closed))));
                self.convict(Invariant::FailedSilences, facts);
            }
        }
    }

    /// Sealed cases on one key are a window apart, counted from the claims.
    fn windows(&mut self, held: &HashMap<&str, Vec<Held>>) {
        let mut keys: Vec<&&str> = held.keys().collect();
        keys.sort();
        for key in keys {
            let mut last: HashMap<CaseNo, (Moment, Moment)> = HashMap::new();
            for hold in held.get(*key).into_iter().flatten() {
                last.insert(hold.case, (hold.since, hold.claimed));
            }
            let mut since: Vec<(Moment, Moment, CaseNo)> = last
                .into_iter()
                .filter(|(case, _)| self.claims_at_the_end(*case, key))
                .map(|(case, (since, claimed))| (since, claimed, case))
                .collect();
            since.sort_unstable();
            for pair in since.windows(2) {
                let ((_, first, a), (second, _, b)) = (pair[0], pair[1]);
                if second < first + WINDOW - TOLERANCE && !self.given_up_by_hand(key, first, second) {
                    let invariant =
                        if key.starts_with("user#") { Invariant::UserTwice } else { Invariant::SealedTwice };
                    let facts = vec![
                        format!("{} claimed {key} {} and sealed", self.id(a), when(first)),
                        format!("{} claimed {key} {} and sealed", self.id(b), when(second)),
                    ];
                    self.convict(invariant, facts);
                }
            }
        }
    }

    /// Whether a case sealed evidence under this claim.
    fn claims_at_the_end(&self, case: CaseNo, key: &str) -> bool {
        self.cases.get(&case).is_some_and(|case| case.sealed && case.claims.iter().any(|claim| claim == key))
    }
}
