//! People: who approves, says no and takes back, and who orders what follows a case. They come at odd times, say things twice,
//! look at other evidence, and some of them are not asked.

use std::sync::Arc;

use casework::backend::Backend;
use casework::follow_up::{FollowUp, order};
use casework::remediate::{Word, decide, waiting};
use investigation::case::Case;
use investigation::claim::ClaimKey;
use investigation::remediation::{Decision, Stage, Way};

use super::Conductor;
use super::operator::at_once;
use crate::broken::Variant;
use crate::field::evidence_of;
use crate::history::Fact;
use crate::world::APPROVERS;

/// Who is on no list.
const STRANGER: &str = "mallory";
/// Cases that people still think of.
const RECENT: usize = 80;

impl Conductor {
    /// Somebody looks at what waits and says yes, mostly, on the evidence that is there, mostly. Whether it is taken is for
    /// the core to say; what was said is written down before.
    pub(super) fn decide(&mut self) {
        let now = crate::life::stamp(self.shared.now());
        let Some(Ok(waiting)) = at_once(waiting(&self.store, now)) else { return };
        for case in waiting.iter().rev().take(3) {
            let word = if self.shared.between(0, 1000) >= 930 { Word::Reject } else { Word::Approve };
            let by = self.somebody();
            self.speak(case, by, word);
            match self.shared.between(0, 10) {
                0 => self.speak(case, by, word),
                1..=3 => self.speak(case, self.somebody(), word),
                _ => {}
            }
        }
        if let Some(case) = self.some_case()
            && case
                .remediation
                .iter()
                .flat_map(|kept| &kept.measures)
                .any(|proposed| proposed.undo().is_some())
            && self.shared.between(0, 10) < 3
        {
            self.speak(&case, self.somebody(), Word::Undo);
        }
    }

    /// Somebody orders a hold, its end, or a deeper look.
    pub(super) fn order(&mut self) {
        let Some(case) = self.some_case() else { return };
        let reason = "counsel".to_owned();
        let what = match self.shared.between(0, 4) {
            0 => FollowUp::Forensics,
            1 => FollowUp::Hold { reason },
            _ => FollowUp::Release { reason },
        };
        let now = crate::life::stamp(self.shared.now());
        // Whatever the answer is: what counts is whether it was written.
        let _ = at_once(order(&self.store, &case.id, &what, "counsel", now));
        let on = match what {
            FollowUp::Forensics => return,
            FollowUp::Hold { .. } => true,
            FollowUp::Release { .. } => false,
        };
        if self.case(&case.id).is_some_and(|after| after.hold != case.hold) {
            self.shared.record(|history| Fact::HoldOrdered { case: history.case(&case.id), on });
        }
    }

    fn somebody(&self) -> &'static str {
        let each = self.shared.between(0, 5) as usize;
        if each == 4 { STRANGER } else { APPROVERS[each % APPROVERS.len()] }
    }

    fn some_case(&self) -> Option<Case> {
        let id = {
            let history = self.shared.history();
            let recent = &history.case_ids[history.case_ids.len().saturating_sub(RECENT)..];
            let chosen = self.shared.between(0, recent.len() as i64) as usize;
            recent.get(chosen).cloned()
        };
        self.case(&id?)
    }

    /// The case as it is stored. A store that is throttled is asked again.
    fn case(&self, id: &str) -> Option<Case> {
        (0..20).find_map(|_| at_once(self.store.case(id))?.ok())?
    }

    fn speak(&self, case: &Case, by: &'static str, word: Word) {
        let listed = APPROVERS.contains(&by);
        let (looked_at, named) = (self.shared.between(0, 7), self.shared.between(0, 10));
        // Some look at the second container, or at none.
        let (seen, sha256) = match looked_at {
            0 => (false, "0".repeat(64)),
            1 => (false, evidence_of(&format!("{}-forensics.zip", case.id))),
            _ => (true, evidence_of(&case.id)),
        };
        let measures = if named < 7 { Vec::new() } else { vec![self.shared.between(1, 4) as u32] };
        match word {
            Word::Approve if listed && seen => self.shared.record(|history| Fact::Said {
                by,
                case: history.case(&case.id),
                measures: measures.clone(),
            }),
            Word::Undo if listed && seen => {
                self.shared.record(|history| Fact::SaidUndo { case: history.case(&case.id) });
            }
            _ => {}
        }
        let sha256 = match self.variant {
            Some(Variant::EvidenceNotCompared) => evidence_of(&case.id),
            _ => sha256,
        };
        let stands = |case: &Case, stages: &[Stage]| -> Vec<u32> {
            let all = case.remediation.iter().flat_map(|kept| &kept.measures);
            all.filter(|proposed| stages.contains(&proposed.stage)).map(|proposed| proposed.n).collect()
        };
        let stood = stands(case, &[Stage::Proposed, Stage::Ordered]);
        if word == Word::Reject && self.variant == Some(Variant::NoForgotten) {
            return self.said_no(case, stood);
        }
        let decision =
            Decision { by: by.to_owned(), how: Way::CommandLine, evidence_sha256: sha256, measures };
        let (policy, shared) = (Arc::clone(&self.policy), Arc::clone(&self.shared));
        let clock = || crate::life::stamp(shared.now());
        // Refused or not: what counts is what comes of it.
        let _ = at_once(decide(&self.store, &case.id, word, &decision, &policy, clock));
        if let (Some(Variant::IsolationUnclaimed), Some(kept)) = (self.variant, &case.remediation) {
            let _ = at_once(self.store.release(&ClaimKey::isolation(&kept.host_name), clock()));
        }
        if let (Word::Reject, Some(after)) = (word, self.case(&case.id)) {
            let gone = stands(&after, &[Stage::Rejected, Stage::Failed]);
            self.said_no(case, stood.into_iter().filter(|n| gone.contains(n)).collect());
        }
    }

    fn said_no(&self, case: &Case, measures: Vec<u32>) {
        self.shared.record(|history| Fact::SaidNo { case: history.case(&case.id), measures });
    }
}
