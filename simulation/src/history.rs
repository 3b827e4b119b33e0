//! What happened, as the world, the servers, the queue and the store saw it. The checker reads nothing else.

use std::collections::HashMap;
use std::net::Ipv4Addr;

/// Milliseconds since the simulation began, by a clock that is always right.
pub type Moment = i64;

/// A case, by the order in which it was first heard of.
pub type CaseNo = u32;

/// A worker, by its number.
pub type Writer = u32;

/// What a contact is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// To learn who it is.
    Identify,
    /// To collect.
    Collect,
    /// To look deeper.
    LookDeeper,
    /// To change something, or to take that back.
    Change,
}

/// What became of an alert, as told to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It opened this case.
    Opened,
    /// This case's claim stood in its way.
    Suppressed,
    /// This case waits for its machine.
    Folded,
}

/// One fact.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The queue has the alert of this number.
    Sent {
        /// Its number.
        alert: u32,
    },
    /// The store granted or renewed a claim.
    Took {
        /// The key.
        key: String,
        /// For this case.
        case: CaseNo,
        /// By this worker.
        by: Writer,
    },
    /// A case gave a claim up.
    Released {
        /// The key.
        key: String,
        /// The case.
        case: CaseNo,
    },
    /// An operator gave a claim up.
    ReleasedByHand {
        /// The key.
        key: String,
        /// Whose it was.
        case: CaseNo,
    },
    /// A settled alert was forgotten, as it was old.
    Forgotten {
        /// The alert's id.
        alert: String,
        /// It was the alert of a case that was open.
        of_open_case: bool,
    },
    /// A worker was stopped until this moment, unless it is killed before.
    Stopped {
        /// The worker.
        worker: Writer,
        /// When it goes on.
        until: Moment,
    },
    /// The store settled an alert on a case.
    Settled {
        /// The alert's id.
        alert: String,
        /// How.
        how: Settled,
        /// The claim in its way.
        key: Option<String>,
        /// The case.
        case: CaseNo,
        /// By this worker.
        by: Writer,
    },
    /// A suppressed alert waits again, as the claim in its way was given up.
    WaitsAgain {
        /// The alert's id.
        alert: String,
    },
    /// A worker died.
    Died {
        /// The worker.
        worker: Writer,
    },
    /// A worker began a new life.
    Restarted {
        /// The worker.
        worker: Writer,
    },
    /// A case was closed.
    Closed {
        /// The case.
        case: CaseNo,
    },
    /// An address is being contacted.
    ContactBegan {
        /// Number of the contact.
        contact: u32,
        /// For this case.
        case: CaseNo,
        /// The address.
        ip: Ipv4Addr,
        /// Which machine has it, if any.
        machine: Option<u32>,
        /// What for.
        what: Contact,
        /// By this worker, or by the relay that has its order from it.
        by: Writer,
    },
    /// The contact ended, whichever way.
    ContactEnded {
        /// Number of the contact.
        contact: u32,
    },
    /// A machine said who it is.
    Identified {
        /// To this case.
        case: CaseNo,
        /// The machine.
        machine: u32,
        /// The worker was stopped while it asked and had lost its hold, so that the answer counts for nothing.
        late: bool,
    },
    /// A container was written.
    Sealed {
        /// Of this case.
        case: CaseNo,
        /// Artifacts in it.
        parts: u32,
        /// Artifacts that a whole collection has.
        of: u32,
        /// The machine that they were collected from.
        machine: u32,
    },
    /// A server accepted a delivery.
    Accepted {
        /// Of this case.
        case: CaseNo,
        /// Which action, and to whom: each user has a mail of their own.
        action: String,
        /// Under this key.
        key: String,
        /// Whether the server folds repeats of a key.
        folds: bool,
    },
    /// A second container was written.
    SealedDeeper {
        /// Of this case.
        case: CaseNo,
        /// Artifacts in it.
        parts: u32,
        /// The machine that they were collected from.
        machine: u32,
    },
    /// A person ordered that everything which is sealed of a case is held, or not any more, and it was taken.
    HoldOrdered {
        /// The case.
        case: CaseNo,
        /// Held, or not any more.
        on: bool,
    },
    /// A container was put under hold, or its hold was lifted.
    Held {
        /// The case.
        case: CaseNo,
        /// The first or the second container.
        container: u8,
        /// Held, or not any more.
        on: bool,
        /// By this worker.
        by: Writer,
    },
    /// One of the site's own actions was tried.
    Tried {
        /// Which.
        action: String,
        /// By this worker.
        by: Writer,
    },
    /// A person said yes to measures of a case, on the evidence that it has. Whether it was heard is not known here.
    Said {
        /// Who.
        by: &'static str,
        /// Of this case.
        case: CaseNo,
        /// Numbers of the measures; none for all.
        measures: Vec<u32>,
    },
    /// A person said no to measures of a case, and it was heard.
    SaidNo {
        /// Of this case.
        case: CaseNo,
        /// Numbers of the measures.
        measures: Vec<u32>,
    },
    /// A person said that what was done is to be taken back, on the evidence that the case has.
    SaidUndo {
        /// Of this case.
        case: CaseNo,
    },
    /// Something was changed on a machine.
    Changed {
        /// For this case.
        case: CaseNo,
        /// Number of the measure.
        measure: u32,
        /// Number of the effect whose order it was.
        effect: u32,
        /// The machine.
        machine: u32,
        /// It was found as an earlier try had left it.
        again: bool,
        /// By this worker, or by the relay that has its order from it.
        by: Writer,
    },
    /// What was changed was taken back.
    Restored {
        /// For this case.
        case: CaseNo,
        /// Number of the measure.
        measure: u32,
        /// The machine.
        machine: u32,
        /// By this worker, or by the relay that has its order from it.
        by: Writer,
    },
    /// A machine was cut off, until it ends that by itself.
    Isolated {
        /// For this case.
        case: CaseNo,
        /// The machine.
        machine: u32,
        /// Until when.
        until: Moment,
        /// By this worker, or by the relay that has its order from it.
        by: Writer,
    },
    /// The program broke a rule of its own, or panicked.
    Broken {
        /// What it said.
        what: String,
    },
}

/// When it was taken, and the open cases with when something is due.
pub type Snapshot = (Moment, Vec<(CaseNo, Option<Moment>)>);

/// The facts in order of time.
#[derive(Debug, Default)]
pub struct History {
    /// When, and what.
    pub facts: Vec<(Moment, Fact)>,
    /// Ids of the cases by number.
    pub case_ids: Vec<String>,
    /// Every so often: the open cases with when something is due.
    pub snapshots: Vec<Snapshot>,
    /// Cases that ended because one effect was begun too often, as each time its worker or the store failed.
    pub given_up: u32,
    /// When it was over.
    pub ended: Moment,
    numbers: HashMap<String, CaseNo>,
    contacts: u32,
}

impl History {
    /// The number of a case.
    pub fn case(&mut self, id: &str) -> CaseNo {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.case_ids.len() as CaseNo;
        self.case_ids.push(id.to_owned());
        self.numbers.insert(id.to_owned(), number);
        number
    }

    /// The number of a case that was heard of.
    pub fn known(&self, id: &str) -> Option<CaseNo> {
        self.numbers.get(id).copied()
    }

    /// The next contact's number.
    pub fn contact(&mut self) -> u32 {
        self.contacts += 1;
        self.contacts
    }

    /// Writes a fact down.
    pub fn record(&mut self, at: Moment, fact: Fact) {
        self.facts.push((at, fact));
    }
}
