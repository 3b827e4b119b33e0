//! What the renderers give to whoever delivers it.

use serde::{Deserialize, Serialize};

use crate::assess::Verdict;
use crate::text::one_line;

/// Longest subject or title, in characters.
const MAX_TITLE: usize = 150;

/// A mail without its recipients: the same in plain text and, where there is one, in HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// One line without control characters: it can go into a header as it is.
    pub subject: String,
    /// Text with `\n` at the end of each line and no other control character.
    pub text: String,
    /// A whole page that loads nothing; outside text in it is escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// How soon a person should look at a ticket. Each ticket system has its own words and numbers for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When there is time.
    Low,
    /// In its turn.
    #[default]
    Normal,
    /// Now: somebody may be at work on the machine.
    High,
}

impl Priority {
    /// What a verdict calls for. A case without a verdict is looked at in its turn.
    pub fn of(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(Verdict::Compromised) => Self::High,
            Some(Verdict::FalsePositive) => Self::Low,
            Some(Verdict::PolicyViolation | Verdict::Inconclusive) | None => Self::Normal,
        }
    }

    /// The word used in fields, labels and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// A ticket, in the shape in which it is posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// One line without control characters.
    pub title: String,
    /// Body in Markdown; outside text in it is escaped.
    pub body_markdown: String,
    /// The same in plain text, for systems that read no Markdown.
    #[serde(default, skip_serializing)]
    pub body_text: String,
    /// How soon a person should look at it.
    #[serde(default)]
    pub priority: Priority,
    /// Words to sort by.
    pub labels: Vec<String>,
    /// Values for machines, under their ECS names where ECS has one.
    pub fields: serde_json::Value,
}

/// A subject or title: one line, capped.
pub(crate) fn title(text: &str) -> String {
    short(text, MAX_TITLE)
}

/// Outside text in one line of at most `max_chars` characters and the mark of the cut, whatever was escaped in it.
pub(super) fn short(text: &str, max_chars: usize) -> String {
    one_line(&one_line(text, max_chars), max_chars)
}
