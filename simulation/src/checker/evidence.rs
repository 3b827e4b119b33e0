//! What was sealed, and of whom.

use std::collections::HashMap;

use super::{Court, Invariant, TOLERANCE, WINDOW, when};
use crate::history::{CaseNo, Contact, Fact, Moment};
use crate::world::EXEMPT_USER;

/// A sealed collection of a machine with one suspect.
struct Collected {
    case: CaseNo,
    identified: Moment,
    collected: Moment,
}

impl<'a> Court<'a> {
    pub(super) fn evidence(&mut self) {
        let record = self.record;
        let mut identified: HashMap<CaseNo, (Moment, u32)> = HashMap::new();
        // Answers that a worker without a hold was given, which may count all the same.
        let mut late: HashMap<CaseNo, Vec<(Moment, u32)>> = HashMap::new();
        let mut collected: HashMap<CaseNo, Moment> = HashMap::new();
        let mut whole: HashMap<CaseNo, u32> = HashMap::new();
        let mut of_user: HashMap<&'a str, Vec<Collected>> = HashMap::new();
        for (at, fact) in &record.history.facts {
            match fact {
                Fact::Identified { case, machine, late: is_late } if !whole.contains_key(case) => {
                    if *is_late {
                        late.entry(*case).or_default().push((*at, *machine));
                    } else {
                        identified.insert(*case, (*at, *machine));
                    }
                }
                Fact::ContactBegan { case, what: Contact::Collect, .. } if !whole.contains_key(case) => {
                    collected.insert(*case, *at);
                }
                Fact::Sealed { case, parts, of, machine } => {
                    let id = self.id(*case);
                    if parts < of {
                        let facts = vec![format!("{}: {id} sealed {parts} of {of} artifacts", when(*at))];
                        self.convict(Invariant::SealedNotWhole, facts);
                    }
                    if whole.insert(*case, *machine).is_some() {
                        let facts = vec![format!("{}: {id} sealed a second container", when(*at))];
                        self.convict(Invariant::SealedNotWhole, facts);
                    }
                    let others = late.get(case).into_iter().flatten();
                    let mut answers = others.chain(identified.get(case));
                    let asked =
                        answers.clone().find(|(_, asked)| asked == machine).or(answers.next()).copied();
                    if asked.is_none_or(|(_, asked)| asked != *machine) {
                        let facts = vec![
                            format!("{id} asked machine {:?} who it is", asked.map(|(_, machine)| machine)),
                            format!("{}: it sealed what machine {machine} gave", when(*at)),
                        ];
                        self.convict(Invariant::WrongMachine, facts);
                    }
                    let users = &record.machines[*machine as usize].users;
                    let suspects = self.suspects(*case, *machine);
                    if suspects.is_empty() && users.iter().any(|user| user == EXEMPT_USER) {
                        let facts = vec![format!("{}: {id} sealed evidence on {EXEMPT_USER}", when(*at))];
                        self.convict(Invariant::OutOfScope, facts);
                    }
                    if let ([user], Some((identified, _)), Some(collected)) =
                        (suspects.as_slice(), asked, collected.get(case))
                    {
                        let one = Collected { case: *case, identified, collected: *collected };
                        of_user.entry(user).or_default().push(one);
                    }
                }
                Fact::Accepted { case, action, .. } if !whole.contains_key(case) => {
                    let facts =
                        vec![format!("{}: {action} of {} before its evidence", when(*at), self.id(*case))];
                    self.convict(Invariant::SealedNotWhole, facts);
                }
                _ => {}
            }
        }
        for (number, case) in &self.cases.clone() {
            if case.sealed && !whole.contains_key(number) {
                let facts = vec![format!("{} says that evidence is sealed, and there is none", case.id)];
                self.convict(Invariant::SealedNotWhole, facts);
            }
        }
        self.users(of_user);
    }

    /// Two sealed collections of machines with one and the same suspect are a window apart. The claim of the first is
    /// not older than its question who the machine is; the claim of the second is older than its collection.
    fn users(&mut self, of_user: HashMap<&'a str, Vec<Collected>>) {
        let mut of_user: Vec<_> = of_user.into_iter().collect();
        of_user.sort_by_key(|(user, _)| *user);
        for (user, mut collections) in of_user {
            collections.retain(|collection| self.sealed(collection.case));
            collections.sort_by_key(|collection| collection.collected);
            for pair in collections.windows(2) {
                let (first, second) = (&pair[0], &pair[1]);
                let key = format!("user#corp\\{user}");
                if second.collected < first.identified + WINDOW - TOLERANCE
                    && !self.given_up_by_hand(&key, first.identified, second.collected)
                {
                    let facts = vec![
                        format!(
                            "{} met {user} alone {} and sealed",
                            self.id(first.case),
                            when(first.identified)
                        ),
                        format!(
                            "{} collected {user} alone {} and sealed",
                            self.id(second.case),
                            when(second.collected)
                        ),
                    ];
                    self.convict(Invariant::UserTwice, facts);
                }
            }
        }
    }
}
