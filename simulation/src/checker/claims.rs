//! Who held which claim when, and whom it silenced.

use std::collections::HashMap;

use super::{Court, Invariant, LEASE, TOLERANCE, WINDOW, when};
use crate::history::{CaseNo, Fact, Moment, Settled};
use crate::scenario::SECOND;

/// A decision is written this long after it was made at most: calls of the store take their time.
const GRACE: Moment = 5 * SECOND;

/// One case's hold on a key, without a break.
struct Held {
    case: CaseNo,
    since: Moment,
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
                Fact::Took { key, case } => {
                    let holds = held.entry(key).or_default();
                    match holds.last_mut() {
                        Some(last) if last.case == *case && last.end.is_none() => last.renewed = *at,
                        last => {
                            if let Some(last) = last {
                                last.end.get_or_insert(*at);
                            }
                            holds.push(Held {
                                case: *case,
                                since: *at,
                                renewed: *at,
                                end: None,
                                given_up: false,
                            });
                        }
                    }
                }
                Fact::Released { key, case } => {
                    if let Some(last) = held.entry(key).or_default().last_mut()
                        && last.case == *case
                        && last.end.is_none()
                    {
                        (last.end, last.given_up) = (Some(*at), true);
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
            let Fact::Settled { alert, how, key, case } = fact else { continue };
            let justified = match (how, key) {
                (Settled::Opened, _) => true,
                (Settled::Folded, _) => self.closed.get(case).is_none_or(|closed| *at <= closed + GRACE),
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
                            && *at <= expiry + TOLERANCE
                            && hold.end.is_none_or(|end| *at <= end + GRACE)
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
        let last_settled: HashMap<&str, Moment> = record
            .history
            .facts
            .iter()
            .filter_map(|(at, fact)| match fact {
                Fact::Settled { alert, .. } => Some((alert.as_str(), *at)),
                _ => None,
            })
            .collect();
        for row in &record.dump.alerts {
            let ("suppressed" | "folded", Some(id)) = (row.disposition, &row.case_id) else { continue };
            let Some(number) = record.history.known(id) else { continue };
            let settled = last_settled.get(row.id.as_str()).copied().unwrap_or(0);
            let failed = self.cases.get(&number).is_some_and(|owner| owner.status == "failed");
            let closed = self.closed.get(&number).copied();
            // Of a user, another machine was looked for. If the claim was given up, it was looked for in vain.
            let user = row.key.as_deref().filter(|key| key.starts_with("user#"));
            let in_vain = user.and_then(|key| held.get(key)).is_some_and(|holds| {
                let mut then = holds.iter().filter(|hold| hold.case == number && hold.since <= settled);
                then.all(|hold| hold.given_up)
            });
            if in_vain || (failed && closed.is_some_and(|closed| settled > closed + GRACE)) {
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
            let mut last: HashMap<CaseNo, Moment> = HashMap::new();
            for hold in held.get(*key).into_iter().flatten() {
                last.insert(hold.case, hold.since);
            }
            let mut since: Vec<(Moment, CaseNo)> = last
                .into_iter()
                .filter(|(case, _)| self.claims_at_the_end(*case, key))
                .map(|(c, s)| (s, c))
                .collect();
            since.sort_unstable();
            for pair in since.windows(2) {
                let ((first, a), (second, b)) = (pair[0], pair[1]);
                if second < first + WINDOW - TOLERANCE {
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
