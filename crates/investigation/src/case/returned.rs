//! Mails that were delivered and came back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ActionStatus, Case, Step};
use crate::act::ActionKind;
use crate::policy::Policy;
use crate::text::one_line;

/// What became of a mail after it had been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returned {
    /// It could not be handed on.
    Bounced,
    /// Its receiver complained of it.
    Complained,
}

impl Case {
    /// The step by which a mail's return is noted, and told to the ticket, in any state of the case, also a closed one.
    /// `None` where there is no such mail, or the same was noted before. Whoever writes it holds the case, or the case is
    /// closed.
    pub fn mail_returned(
        &self,
        effect: u32,
        how: Returned,
        why: &str,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Step> {
        let mut step = self.next_step(now);
        let case = &mut step.case;
        let is_mail =
            |kind| matches!(kind, ActionKind::MailUser | ActionKind::MailSoc | ActionKind::MailApprover);
        let record = case.actions.iter_mut().find(|r| r.effect == Some(effect) && is_mail(r.kind))?;
        let status = match how {
            Returned::Bounced => ActionStatus::Bounced,
            Returned::Complained => ActionStatus::Complained,
        };
        let (kind, why) = (record.kind, one_line(why, 400));
        let word = match how {
            Returned::Bounced => "came back",
            Returned::Complained => "was complained of",
        };
        let said = format!("{kind} {word}: {why}");
        if case.history.iter().any(|entry| entry.what == said) {
            return None;
        }
        // A complaint says that it arrived after all; a late bounce does not take that back.
        if record.status != ActionStatus::Complained || status == ActionStatus::Complained {
            (record.status, record.detail, record.at) = (status, why, now);
        }
        case.note(now, said);
        step.tell_news(self, policy, now);
        Some(step)
    }
}
