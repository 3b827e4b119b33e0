//! `[actions.limits]`: how much may go out.

use serde::{Deserialize, Serialize};

use super::span::Span;

/// The highest limit. What counts against one looks at as many slots.
pub(super) const HIGHEST_LIMIT: u32 = 200;

/// What becomes of what a limit holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenReached {
    /// It waits until the limit lets it through.
    #[default]
    Wait,
    /// It is skipped, and the case says why.
    Skip,
}

/// `[actions.limits]`. A limit counts what was begun, also if it did not arrive. Absent ones do not limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActionLimits {
    /// Mails in an hour, to users and to the SOC together.
    pub mails_per_hour: Option<u32>,
    /// Mails to one user's address in 24 hours.
    pub per_user_a_day: Option<u32>,
    /// Mails to users about one machine in 24 hours.
    pub per_host_a_day: Option<u32>,
    /// Tickets in an hour.
    pub tickets_per_hour: Option<u32>,
    /// Pages in an hour.
    pub pages_per_hour: Option<u32>,
    /// Messages to the chat in an hour.
    pub chats_per_hour: Option<u32>,
    /// What becomes of what one of them holds back.
    pub when_reached: WhenReached,
    /// How long after the sealing it may still go out; then it is skipped, and the case says why.
    pub wait_at_most: Span,
}

impl Default for ActionLimits {
    fn default() -> Self {
        Self {
            mails_per_hour: None,
            per_user_a_day: None,
            per_host_a_day: None,
            tickets_per_hour: None,
            pages_per_hour: None,
            chats_per_hour: None,
            when_reached: WhenReached::Wait,
            wait_at_most: Span::days(2),
        }
    }
}

impl ActionLimits {
    /// What is wrong with them.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        let limits = [
            ("mails_per_hour", self.mails_per_hour),
            ("per_user_a_day", self.per_user_a_day),
            ("per_host_a_day", self.per_host_a_day),
            ("tickets_per_hour", self.tickets_per_hour),
            ("pages_per_hour", self.pages_per_hour),
            ("chats_per_hour", self.chats_per_hour),
        ];
        limits.into_iter().filter_map(|(name, limit)| match limit {
            Some(0) => Some(format!("{name} = 0: nothing would ever go out; use [actions] off for that")),
            Some(limit) if limit > HIGHEST_LIMIT => {
                Some(format!("{name} = {limit}: {HIGHEST_LIMIT} at most; leave it out for no limit"))
            }
            _ => None,
        })
    }
}
