//! What became of each alert, and of each case.

use std::collections::{HashMap, HashSet};

use casework::backend::simulated::AlertDump;

use super::{Court, Invariant, when};
use crate::history::Fact;
use crate::world::{EXEMPT_USER, Subject, may_be_contacted};

impl<'a> Court<'a> {
    pub(super) fn alerts(&mut self) {
        let rows: HashMap<&str, _> = self.rows().map(|row| (row.id.as_str(), row)).collect();
        let exempt = self.exempt();
        for truth in self.record.sent.iter().flatten() {
            let Some(row) = rows.get(truth.id.as_str()) else {
                let facts =
                    vec![format!("alert {} was sent ({:?}) and is not stored", truth.id, truth.subject)];
                self.convict(Invariant::AlertLost, facts);
                continue;
            };
            let owner = row.case_id.as_deref().map(|id| (id, self.record.history.known(id)));
            let fits = match (truth.subject, row.disposition) {
                (Subject::Unreadable, "unreadable")
                | (Subject::Outside, "refused")
                | (Subject::Both, "review") => true,
                (Subject::Ours(ip), "exempt") => !may_be_contacted(ip) || exempt.contains(truth.id.as_str()),
                (Subject::Ours(ip), "opened") if may_be_contacted(ip) => owner.is_some_and(|(_, number)| {
                    let case = number.and_then(|number| self.cases.get(&number));
                    case.is_some_and(|case| case.alert_id == truth.id)
                }),
                (Subject::Ours(ip), "suppressed" | "folded") if may_be_contacted(ip) => {
                    owner.is_some_and(|(_, number)| number.is_some_and(|n| self.cases.contains_key(&n)))
                }
                _ => false,
            };
            if !fits {
                let owner = owner.map_or(String::new(), |(id, _)| format!(" by {id}"));
                let what = format!(
                    "alert {} about {:?} ends as {}{owner}",
                    truth.id, truth.subject, row.disposition
                );
                self.convict(Invariant::AlertLost, vec![what]);
            }
        }
        for row in self.rows() {
            if !self.truths.contains_key(row.id.as_str()) {
                self.convict(
                    Invariant::AlertLost,
                    vec![format!("alert {} is stored and was never sent", row.id)],
                );
            }
        }
        for case in &self.record.dump.cases {
            let row = rows.get(case.alert_id.as_str());
            if case.sealed
                && row.is_none_or(|row| row.disposition != "opened" || row.case_id.as_ref() != Some(&case.id))
            {
                let says =
                    row.map_or("is not stored".to_owned(), |row| format!("ends as {}", row.disposition));
                let facts = vec![format!(
                    "case {} sealed evidence for alert {}, which {says}",
                    case.id, case.alert_id
                )];
                self.convict(Invariant::AlertLost, facts);
            }
            if !case.closed {
                let facts = vec![format!("case {} is {} at the end", case.id, case.status)];
                self.convict(Invariant::LeftOpen, facts);
            }
        }
        if let Some(unfinished) = &self.record.unfinished
            && self.violations.is_empty()
        {
            self.convict(Invariant::LeftOpen, vec![unfinished.clone()]);
        }
        self.forgotten();
        self.counts();
    }

    /// What is stored of every alert, or was when it was forgotten.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'a AlertDump> + use<'a> {
        self.record.dump.alerts.iter().chain(&self.record.forgotten)
    }

    /// An alert is forgotten only when it is decided on, once, and not while its own case is open.
    fn forgotten(&mut self) {
        let record = self.record;
        let mut gone: HashSet<&str> = HashSet::new();
        for (at, fact) in &record.history.facts {
            if let Fact::Forgotten { alert, of_open_case } = fact
                && (!gone.insert(alert) || *of_open_case)
            {
                let facts = vec![format!("{}: alert {alert} is forgotten too early", when(*at))];
                self.convict(Invariant::AlertLost, facts);
            }
        }
    }

    /// Alerts with a case that found only users whom the policy leaves alone.
    fn exempt(&self) -> HashSet<&'a str> {
        let mut exempt = HashSet::new();
        for (_, fact) in &self.record.history.facts {
            if let Fact::Identified { case, machine, .. } = fact
                && let Some(stored) = self.cases.get(case)
                && stored.status == "exempt"
                && self.record.machines[*machine as usize].users.iter().any(|user| user == EXEMPT_USER)
                && self.suspects(*case, *machine).is_empty()
            {
                exempt.insert(stored.alert_id.as_str());
            }
        }
        exempt
    }

    /// The alerts that a case counts are those that say that they are counted on it.
    fn counts(&mut self) {
        let mut told: HashMap<&str, HashSet<&str>> = HashMap::new();
        for row in self.rows() {
            if let ("suppressed" | "folded", Some(case)) = (row.disposition, &row.case_id) {
                told.entry(case).or_default().insert(&row.id);
            }
        }
        for case in &self.record.dump.cases {
            let told = told.remove(case.id.as_str()).unwrap_or_default();
            let listed: HashSet<&str> = case.suppressed.iter().map(|s| s.alert_id.as_str()).collect();
            if case.suppressed.len() == told.len() && listed == told {
                continue;
            }
            let mut facts = vec![format!(
                "case {} counts {} alerts, and {} alerts say that they are counted on it",
                case.id,
                case.suppressed.len(),
                told.len()
            )];
            facts.extend(listed.symmetric_difference(&told).take(3).map(|id| {
                let row = self.rows().find(|row| row.id == *id);
                let says = row.map_or("is not stored".to_owned(), |row| {
                    format!("says {} {}", row.disposition, row.case_id.as_deref().unwrap_or(""))
                });
                format!("only one side knows alert {id}, which {says}")
            }));
            let settled = self.record.history.facts.iter().filter_map(|(at, fact)| match fact {
                Fact::Settled { alert, how, case, key, .. }
                    if listed.contains(alert.as_str()) != told.contains(alert.as_str()) =>
                {
                    let key = key.as_deref().unwrap_or("its machine");
                    Some(format!("{}: {alert} was {how:?} by {} ({key})", when(*at), self.id(*case)))
                }
                _ => None,
            });
            facts.extend(settled.take(10));
            self.convict(Invariant::CountWrong, facts);
        }
    }
}
