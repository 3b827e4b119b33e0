//! The actions of a case: planned from the verdict, delivered at most once as far as the other side allows.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Case, Delivery, Effect, Refused};
use crate::act::ActionKind;
use crate::assess::Verdict;
use crate::claim::later;
use crate::policy::Policy;

/// How an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionStatus {
    /// To be delivered.
    Pending,
    /// The other side has it.
    Done,
    /// It cannot be delivered: nobody to send it to.
    Skipped,
    /// Refused for good, or every try was used up, and none may have arrived.
    Failed,
    /// It may have arrived, and repeating it could deliver it twice: a person decides.
    Uncertain,
}

/// One action and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// Number of the effect; none for a skipped action.
    pub effect: Option<u32>,
    /// Which action.
    pub kind: ActionKind,
    /// Addresses, for a mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// How it stands.
    pub status: ActionStatus,
    /// The receipt, or why it is not done.
    pub detail: String,
    /// Tries so far.
    pub attempts: u32,
    /// Last change.
    pub at: Timestamp,
}

impl Effect {
    /// Whether it may be performed again when nobody knows how the last time went.
    pub(super) fn may_repeat(&self, policy: &Policy) -> bool {
        match self {
            // A file in the outbox is written under the same name again.
            Self::Act { kind: ActionKind::MailUser | ActionKind::MailSoc, .. } => policy.mail.smtp.is_none(),
            Self::Act { kind: ActionKind::Ticket, .. } => {
                policy.ticket.webhook.as_ref().is_none_or(|webhook| webhook.honours_idempotency_key)
            }
            // A file is searched for the case first; whoever reads an event bus folds repeats anyhow.
            Self::Act { kind: ActionKind::Finding, .. } => true,
            Self::Act { kind: ActionKind::Custom(name), .. } => {
                policy.action(name).is_some_and(|action| action.idempotent)
            }
            // Whoever performs these finds what was done before.
            Self::Identify
            | Self::ReadUserClaims { .. }
            | Self::Collect
            | Self::Assess
            | Self::Seal
            | Self::Forensics
            | Self::SealForensics
            | Self::Hold { .. } => true,
        }
    }
}

impl Case {
    /// Puts the verdict's actions into the outbox, and records those that have nobody to go to.
    pub(super) fn plan_actions(&mut self, policy: &Policy, now: Timestamp) {
        let Some(verdict) = self.verdict() else { return };
        let kinds = match verdict {
            Verdict::PolicyViolation => &policy.actions.policy_violation,
            Verdict::Compromised => &policy.actions.compromised,
            Verdict::Inconclusive => &policy.actions.inconclusive,
            Verdict::FalsePositive => &policy.actions.false_positive,
        };
        // Findings are for every verdict: where they have a place to go to, the lists need not name them.
        let finding = policy.findings.wanted() && !kinds.contains(&ActionKind::Finding);
        for kind in kinds.iter().chain(finding.then_some(&ActionKind::Finding)) {
            let to = match kind {
                ActionKind::MailUser => self.user_addresses(policy),
                ActionKind::MailSoc if policy.mail.soc.is_empty() => {
                    Err("[mail] soc names nobody".to_owned())
                }
                ActionKind::MailSoc => Ok(policy.mail.soc.clone()),
                ActionKind::Finding if !policy.findings.wanted() => {
                    Err("[findings] names neither a file nor an event bus".to_owned())
                }
                ActionKind::Custom(name) if policy.action(name).is_none() => {
                    Err(format!("the policy has no [[action]] named {}", name.name()))
                }
                ActionKind::Ticket | ActionKind::Finding | ActionKind::Custom(_) => Ok(Vec::new()),
            };
            let (effect, to, status, detail) = match to {
                Ok(to) => {
                    let effect = self.push(Effect::Act { kind: *kind, to: to.clone() }, now);
                    (Some(effect), to, ActionStatus::Pending, String::new())
                }
                Err(why) => (None, Vec::new(), ActionStatus::Skipped, why),
            };
            self.actions.push(ActionRecord { effect, kind: *kind, to, status, detail, attempts: 0, at: now });
        }
    }

    /// Where mail for the suspects goes. The alert and the endpoint are written by outsiders, so that an address is
    /// only used if its domain is one of the policy's and its local part is plain.
    fn user_addresses(&self, policy: &Policy) -> Result<Vec<String>, String> {
        let mut addresses = Vec::new();
        let pattern_domain = policy.users.mail.as_deref().and_then(|pattern| pattern.rsplit_once('@'));
        let allowed = |domain: &str| {
            let listed = policy.users.mail_domains.iter().any(|listed| listed.eq_ignore_ascii_case(domain));
            listed || pattern_domain.is_some_and(|(_, of_pattern)| of_pattern.eq_ignore_ascii_case(domain))
        };
        let suspects = self.suspects();
        // Where several people are logged in, the one whose process was found is the one to be told.
        let owner = self.assessment.as_ref().and_then(|assessment| assessment.user()).map(name_of);
        let owners: Vec<String> =
            suspects.iter().filter(|suspect| Some(name_of(suspect)) == owner).cloned().collect();
        let suspects = if owners.is_empty() { suspects } else { owners };
        let named = self
            .alert
            .user_name
            .as_deref()
            .and_then(|name| policy.user_key(self.alert.user_domain.as_deref(), name))
            .filter(|key| self.claim(key).is_some());
        if let (Some(_), Some(email)) = (named, self.alert.user_email.as_deref())
            && let Some((local, domain)) = email.rsplit_once('@')
            && is_plain(local)
            && allowed(domain)
        {
            addresses.push(email.to_owned());
        } else if let Some(pattern) = policy.users.mail.as_deref() {
            for suspect in &suspects {
                let (domain, user) = suspect.split_once('\\').unwrap_or(("", suspect));
                let address = pattern.replace("{user}", user).replace("{domain}", domain);
                if let Some((local, domain)) = address.rsplit_once('@')
                    && is_plain(local)
                    && is_plain(domain)
                {
                    addresses.push(address);
                }
            }
        }
        match (addresses.is_empty(), suspects.is_empty()) {
            (false, _) => Ok(addresses),
            (true, true) => Err("no user was logged in to the machine".to_owned()),
            (true, false) => Err("no mail address is known for the user: set [users] mail".to_owned()),
        }
    }

    /// Ends a delivery whose tries are used up and of which nobody knows how the last one went.
    pub(super) fn deliver_no_more(
        &mut self,
        effect: u32,
        why: String,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        self.pending_mut(effect)?.may_have_arrived = true;
        self.delivered(effect, Delivery::Rejected { why }, policy, now)
    }

    /// Records how a try of a delivery went, and whether there will be another.
    pub(super) fn delivered(
        &mut self,
        effect: u32,
        delivery: Delivery,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let position = self.pending.iter().position(|pending| pending.n == effect);
        let position = position.ok_or(Refused::NoSuchEffect { case_id: self.id.clone(), effect })?;
        let pending = &mut self.pending[position];
        let attempts = pending.attempts;
        let name = pending.effect.as_str().to_owned();
        let repeatable = pending.effect.may_repeat(policy);
        pending.may_have_arrived |= matches!(delivery, Delivery::Uncertain { .. });
        // What one try is sure of says nothing about an earlier one, which may have arrived.
        let ended = if pending.may_have_arrived { ActionStatus::Uncertain } else { ActionStatus::Failed };
        let (status, detail, retry_after) = match delivery {
            Delivery::Accepted { receipt } => (ActionStatus::Done, receipt, None),
            Delivery::Rejected { why } => (ended, why, None),
            Delivery::NotAccepted { why, retry_after } => (ActionStatus::Pending, why, retry_after),
            Delivery::Uncertain { why } if repeatable => (ActionStatus::Pending, why, None),
            Delivery::Uncertain { why } => (ActionStatus::Uncertain, why, None),
        };
        let status = match status {
            ActionStatus::Pending if attempts >= policy.actions.attempts => ended,
            status => status,
        };
        let detail = crate::text::one_line(&detail, 400);
        if status == ActionStatus::Pending {
            pending.started = false;
            pending.unheard = 0;
            pending.not_before = later(now, pause(policy, attempts, retry_after));
            self.note(now, format!("{name} not delivered, will be tried again: {detail}"));
        } else {
            self.pending.remove(position);
            let word = match status {
                ActionStatus::Done => "delivered",
                ActionStatus::Uncertain => "may or may not have been delivered and is not repeated",
                _ => "could not be delivered",
            };
            self.note(now, format!("{name} {word}: {detail}"));
        }
        if let Some(record) = self.actions.iter_mut().find(|record| record.effect == Some(effect)) {
            *record = ActionRecord { status, detail, attempts, at: now, ..record.clone() };
        }
        Ok(())
    }
}

/// The wait before the next try: doubled each time, up to an hour, and at least what the other side asked for (up to
/// a day).
fn pause(policy: &Policy, attempts: u32, retry_after: Option<u64>) -> SignedDuration {
    let doublings = attempts.saturating_sub(1).min(16);
    let backoff = policy.actions.backoff.duration().as_secs().saturating_mul(1 << doublings).min(3600);
    let asked = retry_after.unwrap_or(0).min(86_400);
    SignedDuration::from_secs(i64::try_from(backoff.max(asked)).unwrap_or(3600))
}

/// The account name without its domain, in lower case.
fn name_of(user: &str) -> String {
    user.rsplit('\\').next().unwrap_or(user).to_lowercase()
}

/// Whether text may stand in a mail address without quoting.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    (1..=64).contains(&text.len())
        && text.chars().all(plain)
        && !text.starts_with('.')
        && !text.ends_with('.')
}
