//! What was changed on machines, held against what people had said by then.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Court, Invariant, TOLERANCE, when};
use crate::history::{CaseNo, Fact, Moment};
use crate::scenario::HOUR;
use crate::world::{APPROVERS, Machine, approvals_needed, never_changed};

/// How long a word counts, and how long an order lives after the first word that it rests on.
const LIFE: Moment = 8 * HOUR;
/// The longest that an order is on its way to a machine, and under way there.
const UNDER_WAY: Moment = HOUR;

/// When somebody said yes, who, and to which measures.
type Yes<'a> = (Moment, &'a str, &'a [u32]);

/// What people have said by a moment.
#[derive(Default)]
struct Words<'a> {
    yes: HashMap<CaseNo, Vec<Yes<'a>>>,
    no: HashMap<(CaseNo, u32), Moment>,
    undo: HashMap<CaseNo, Vec<Moment>>,
    /// The machine that each case's evidence is of.
    evidence: HashMap<CaseNo, u32>,
}

impl Court<'_> {
    pub(super) fn changes(&mut self) {
        let record = self.record;
        let mut orders: BTreeMap<(CaseNo, u32), BTreeSet<u32>> = BTreeMap::new();
        let mut carried_out: BTreeMap<(CaseNo, u32), Vec<Moment>> = BTreeMap::new();
        let mut restored: HashMap<(CaseNo, u32), Moment> = HashMap::new();
        let mut words = Words::default();
        for (at, fact) in &record.history.facts {
            match fact {
                Fact::Said { by, case, measures } => {
                    words.yes.entry(*case).or_default().push((*at, by, measures));
                }
                Fact::SaidNo { case, measures } => {
                    words.no.extend(measures.iter().map(|n| ((*case, *n), *at)));
                }
                Fact::SaidUndo { case } => words.undo.entry(*case).or_default().push(*at),
                Fact::Sealed { case, machine, .. } => drop(words.evidence.insert(*case, *machine)),
                Fact::Changed { case, measure, effect, machine, again, by } => {
                    let of = (*case, *measure);
                    // A worker that was stopped goes on with what it had decided.
                    let decided = self.decided(*by, *at);
                    orders.entry(of).or_default().insert(*effect);
                    if !*again && restored.get(&of).is_none_or(|restored| decided > *restored) {
                        carried_out.entry(of).or_default().push(*at);
                    }
                    self.approved(*at, decided, of, &words);
                    self.right_machine(*at, *case, *machine, &words);
                }
                Fact::Restored { case, measure, machine, by } => {
                    restored.insert((*case, *measure), *at);
                    let since = self.decided(*by, *at) - LIFE - UNDER_WAY - TOLERANCE;
                    let said = words.undo.get(case).map_or(&[][..], Vec::as_slice);
                    if !said.iter().any(|then| (since..=*at).contains(then)) {
                        let facts = vec![format!(
                            "{}: measure {measure} of {} was taken back, and nobody had said so",
                            when(*at),
                            self.id(*case)
                        )];
                        self.convict(Invariant::ChangedUnapproved, facts);
                    }
                    self.right_machine(*at, *case, *machine, &words);
                }
                _ => {}
            }
        }
        for ((case, measure), effects) in orders {
            if effects.len() > 1 {
                let facts =
                    vec![format!("measure {measure} of {} was ordered by {effects:?}", self.id(case))];
                self.convict(Invariant::ChangedTwice, facts);
            }
        }
        for ((case, measure), moments) in carried_out {
            if moments.len() > 1 {
                let mut facts = vec![format!("measure {measure} of {} was carried out anew", self.id(case))];
                facts.extend(moments.iter().map(|at| when(*at)));
                self.convict(Invariant::ChangedTwice, facts);
            }
        }
    }

    /// As many persons as it needs said yes, and none said no.
    fn approved(&mut self, at: Moment, decided: Moment, (case, measure): (CaseNo, u32), words: &Words<'_>) {
        let since = decided - LIFE - UNDER_WAY - TOLERANCE;
        let yes = words.yes.get(&case).map_or(&[][..], Vec::as_slice);
        let is_meant = |measures: &[u32]| measures.is_empty() || measures.contains(&measure);
        let counted: BTreeSet<&str> = yes
            .iter()
            .filter(|(then, by, measures)| {
                (since..=at).contains(then) && APPROVERS.contains(by) && is_meant(measures)
            })
            .map(|(_, by, _)| *by)
            .collect();
        if counted.len() < approvals_needed(measure) {
            let mut facts = vec![format!(
                "{}: measure {measure} of {} was carried out by the word of {counted:?}",
                when(at),
                self.id(case)
            )];
            facts.extend(
                yes.iter()
                    .map(|(then, by, measures)| format!("{} {by} said yes to {measures:?}", when(*then))),
            );
            self.convict(Invariant::ChangedUnapproved, facts);
        }
        if let Some(no) = words.no.get(&(case, measure)).filter(|no| **no < decided) {
            let facts = vec![format!(
                "{}: measure {measure} of {} was carried out after the no of {}",
                when(at),
                self.id(case),
                when(*no)
            )];
            self.convict(Invariant::ChangedUnapproved, facts);
        }
    }

    /// It is the machine of the evidence, and one that may be changed.
    fn right_machine(&mut self, at: Moment, case: CaseNo, machine: u32, words: &Words<'_>) {
        let of = words.evidence.get(&case).copied();
        let never = self.record.machines.get(machine as usize).is_some_and(never_changed);
        if of != Some(machine) || never {
            let what = if never { "which is never changed" } else { "and its evidence is of another" };
            let facts = vec![format!(
                "{}: {} was changed for {}, {what}: {}",
                when(at),
                Machine::host_name(machine),
                self.id(case),
                of.map_or("none".to_owned(), Machine::host_name)
            )];
            self.convict(Invariant::ChangedElsewhere, facts);
        }
    }
}
