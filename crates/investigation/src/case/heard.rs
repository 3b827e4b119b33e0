//! What became of the words of people that came from elsewhere: who sent one looks here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Case, Step};
use crate::text::one_line;

/// Words that are kept whose person is known.
const KNOWN: usize = 40;
/// Words that are kept for which nobody vouched: anybody who reaches the queue can send those.
const UNKNOWN: usize = 10;
/// Longest line that is kept, in characters.
const LINE: usize = 400;

/// One person's word, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The word's own id.
    pub id: String,
    /// Whose it is, as the policy spells that person; empty where nobody vouched for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// What was said: `approve`, `reject` or `undo`.
    pub word: String,
    /// Numbers of the measures, as they were named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<u32>,
    /// When it was taken, or not.
    pub at: Timestamp,
    /// Why it was not taken, in one line. `None` where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Case {
    /// What became of a word, if it was heard.
    pub fn heard(&self, id: &str) -> Option<&Heard> {
        self.heard.iter().find(|heard| heard.id == id)
    }

    /// Keeps what became of a word. Those that nobody vouched for never push out those of people.
    pub fn hear(&mut self, heard: Heard) {
        let known = !heard.by.is_empty();
        let most = if known { KNOWN } else { UNKNOWN };
        let alike = |kept: &Heard| kept.by.is_empty() != known;
        if self.heard.iter().filter(|kept| alike(kept)).count() >= most
            && let Some(oldest) = self.heard.iter().position(alike)
        {
            self.heard.remove(oldest);
        }
        let refused = heard.refused.map(|why| one_line(&why, LINE));
        self.heard.push(Heard { refused, by: one_line(&heard.by, LINE), ..heard });
    }

    /// The step by which it is noted that a word was not taken, in any state of the case. `None` where that word was heard
    /// before. Whoever writes it holds the case, or the case is closed.
    pub fn word_refused(&self, heard: Heard, now: Timestamp) -> Option<Step> {
        if self.heard(&heard.id).is_some() {
            return None;
        }
        let mut step = self.next_step(now);
        let case = &mut step.case;
        let strangers = self.heard.iter().filter(|kept| kept.by.is_empty()).count();
        // The history is for what people did: strangers cannot push that out of it.
        if !heard.by.is_empty() || strangers < UNKNOWN {
            let who = if heard.by.is_empty() { "somebody" } else { &heard.by };
            let why = heard.refused.as_deref().unwrap_or("no reason is known");
            let said = format!("{who} said {}, which was not taken: {why}", heard.word);
            case.note(now, one_line(&said, LINE));
        }
        case.hear(heard);
        Some(step)
    }
}
