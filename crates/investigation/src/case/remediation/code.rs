//! The code that a person gives along with a link: each counts once, over all cases, and few wrong ones are heard.
//!
//! Whether a code is right is looked up elsewhere: it takes the person's secret. Here is what follows from it, as claims
//! that are written with the case, so that two workers cannot take one code for two cases.

use jiff::{SignedDuration, Timestamp};

use super::super::{Case, Step};
use crate::claim::{Claim, ClaimKey, ClaimOp};
use crate::text::one_line;

/// Wrong codes of one person in [`WRONG_LASTS`], over all cases. Whoever guesses six digits, of which three are right at
/// any time, gets on in one of 66,000 such days.
const WRONG: u32 = 5;
/// How long a wrong code is held against its person.
const WRONG_LASTS: SignedDuration = SignedDuration::from_hours(24);
/// How long a right code is used up: longer than a word may be on its way and its code good, together.
const USED: SignedDuration = SignedDuration::from_mins(60);
/// Longest name of a person in the history.
const NAME: usize = 200;

/// What a code was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeGiven {
    /// The one of this step of time.
    Right {
        /// Number of the step since 1970.
        step: u64,
    },
    /// Another one.
    Wrong,
}

/// Why a code is not heard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefused {
    /// Guessing ends here.
    #[error(
        "{0} gave {WRONG} wrong codes within a day: approve with `peerhound approve`, and ask who has that link"
    )]
    TooMany(String),
}

impl Case {
    /// The claims that count a person's wrong codes. Whoever takes a code tells which of them are in force.
    pub fn code_slots(by: &str) -> Vec<ClaimKey> {
        let by = one_line(by, NAME);
        (0..WRONG).map(|slot| ClaimKey::limit("wrong-code", &by, slot)).collect()
    }

    /// The step by which a code is used up, or a wrong one is held against its person, and how many wrong ones are heard
    /// after it. `held` are those of [`Case::code_slots`] that are in force, whoever owns them. Fits a case in any state;
    /// whoever writes it holds the case, or the case is closed. Where the store says that another case holds the claim of a
    /// right code, that code was used before.
    ///
    /// # Errors
    /// Where there were too many wrong ones: then a right one counts no more either.
    pub fn code_given(
        &self,
        by: &str,
        given: CodeGiven,
        held: &[Claim],
        now: Timestamp,
    ) -> Result<(Step, usize), CodeRefused> {
        let by = one_line(by, NAME);
        let is_free = |key: &ClaimKey| !held.iter().any(|claim| &claim.key == key && claim.in_force(now));
        let free: Vec<ClaimKey> = Self::code_slots(&by).into_iter().filter(is_free).collect();
        let Some(slot) = free.first().cloned() else { return Err(CodeRefused::TooMany(by)) };
        let mut step = self.next_step(now);
        let (claim, left) = match given {
            CodeGiven::Right { step: of_time } => {
                let key = ClaimKey::limit("code", &format!("{by}#{of_time}"), 0);
                (Claim::lease(key, &self.id, now, USED), free.len())
            }
            CodeGiven::Wrong => (Claim::lease(slot, &self.id, now, WRONG_LASTS), free.len() - 1),
        };
        step.claims.push(ClaimOp::Take(claim));
        Ok((step, left))
    }
}
