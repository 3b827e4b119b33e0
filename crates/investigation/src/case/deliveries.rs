//! The actions of a case: planned from the verdict, delivered at most once as far as the other side allows.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Case, CaseTicket, Delivery, Effect, Refused};
use crate::act::ActionKind;
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
    /// Nothing was sent, as the policy is tried out: the detail says what would have been.
    DryRun,
    /// It was accepted, and could not be handed on to its receiver.
    Bounced,
    /// It arrived, and its receiver complained of it.
    Complained,
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
            Self::Act {
                kind: ActionKind::MailUser | ActionKind::MailSoc | ActionKind::MailApprover, ..
            } => policy.mails_to_outbox(),
            // A ticket is looked up before it is made, where its system can do that.
            Self::Act { kind: kind @ (ActionKind::Ticket | ActionKind::Page | ActionKind::Chat), .. } => {
                policy.desk(*kind).is_none_or(|desk| desk.may_repeat())
            }
            Self::Act { kind: ActionKind::TicketComment, .. } => false,
            Self::Comment { .. } => {
                policy.desk(ActionKind::Ticket).is_some_and(|desk| desk.may_repeat_comment())
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
            | Self::Hold { .. }
            | Self::LookUpUsers { .. } => true,
            Self::Remediate { .. } | Self::Undo { .. } | Self::ExpireProposals => true,
        }
    }
}

impl Effect {
    /// How long a delivery whose answer was lost is left alone before it is looked up and repeated: what it may have made
    /// is not found at once everywhere.
    pub(super) fn searchable_after(&self, policy: &Policy) -> SignedDuration {
        let kind = match self {
            Self::Act { kind: kind @ (ActionKind::Ticket | ActionKind::Page | ActionKind::Chat), .. } => {
                *kind
            }
            Self::Comment { .. } => ActionKind::Ticket,
            _ => return SignedDuration::ZERO,
        };
        policy.desk(kind).map_or(SignedDuration::ZERO, |desk| desk.preset.searchable_after.signed())
    }
}

impl Case {
    /// Puts the verdict's actions into the outbox, and records those that have nobody to go to.
    pub(super) fn plan_actions(&mut self, policy: &Policy, now: Timestamp) {
        let Some(verdict) = self.verdict() else { return };
        let kinds = policy.actions.after(verdict);
        // Findings are for every verdict: where they have a place to go to, the lists need not name them.
        let finding = policy.findings.wanted() && !kinds.contains(&ActionKind::Finding);
        for kind in kinds.iter().chain(finding.then_some(&ActionKind::Finding)) {
            let to = match kind {
                _ if policy.actions.off.contains(kind) => Err(format!("[actions] off names {kind}")),
                ActionKind::MailUser => {
                    self.plan_user_mails(policy, now);
                    continue;
                }
                ActionKind::MailSoc => match policy.mail.soc_for(verdict) {
                    [] => Err(format!("[mail] names nobody of the SOC after {}", verdict.as_str())),
                    soc => Ok(soc.to_vec()),
                },
                ActionKind::Finding if !policy.findings.wanted() => {
                    Err("[findings] names neither a file nor an event bus".to_owned())
                }
                ActionKind::Page | ActionKind::Chat if !policy.has_desk(*kind) => {
                    Err(format!("[{kind}] names no system"))
                }
                ActionKind::MailApprover => {
                    Err("[remediation.link] decides on it: take it out of [actions]".to_owned())
                }
                ActionKind::TicketComment => Err("there is nothing to comment yet".to_owned()),
                ActionKind::Custom(name) if policy.action(name).is_none() => {
                    Err(format!("the policy has no [[action]] named {}", name.name()))
                }
                ActionKind::Ticket
                | ActionKind::Page
                | ActionKind::Chat
                | ActionKind::Finding
                | ActionKind::Custom(_) => Ok(Vec::new()),
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

    /// Asks those who may approve, each by a mail of one's own: the link in it is that person's.
    pub(super) fn ask_approvers(&mut self, policy: &Policy, now: Timestamp) {
        for to in policy.approver_addresses() {
            let to = vec![to];
            let kind = ActionKind::MailApprover;
            let effect = Some(self.push(Effect::Act { kind, to: to.clone() }, now));
            let (status, detail) = (ActionStatus::Pending, String::new());
            self.actions.push(ActionRecord { effect, kind, to, status, detail, attempts: 0, at: now });
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
        let lost = matches!(delivery, Delivery::Uncertain { .. });
        let findable = if lost { pending.effect.searchable_after(policy) } else { SignedDuration::ZERO };
        let is_ticket = matches!(pending.effect, Effect::Act { kind: ActionKind::Ticket, .. });
        pending.may_have_arrived |= lost;
        if let Delivery::Filed { ticket, .. } = &delivery
            && is_ticket
        {
            self.ticket = Some(CaseTicket::new(ticket.clone()));
        }
        // What one try is sure of says nothing about an earlier one, which may have arrived.
        let ended = if pending.may_have_arrived { ActionStatus::Uncertain } else { ActionStatus::Failed };
        let (status, detail, retry_after) = match delivery {
            Delivery::Accepted { receipt } | Delivery::Filed { receipt, .. } => {
                (ActionStatus::Done, receipt, None)
            }
            Delivery::Rejected { why } => (ended, why, None),
            Delivery::Withheld { what } => (ActionStatus::DryRun, what, None),
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
            pending.admitted &= !pending.effect.counts_each_try();
            let pause = pause(policy, &self.id, effect, attempts, retry_after).max(findable);
            pending.not_before = later(now, pause);
            self.note(now, format!("{name} not delivered, will be tried again: {detail}"));
        } else {
            self.pending.remove(position);
            let word = match status {
                ActionStatus::Done => "delivered",
                ActionStatus::DryRun => "not sent, the policy is tried out",
                ActionStatus::Uncertain => "may or may not have been delivered and is not repeated",
                _ => "could not be delivered",
            };
            self.note(now, format!("{name} {word}: {detail}"));
        }
        if let Some(record) = self.actions.iter_mut().find(|record| record.effect == Some(effect)) {
            // It came back before it was heard that it had been accepted: that is the later word on it.
            if matches!(record.status, ActionStatus::Bounced | ActionStatus::Complained) {
                record.attempts = attempts;
                return Ok(());
            }
            *record = ActionRecord { status, detail, attempts, at: now, ..record.clone() };
        }
        Ok(())
    }
}

/// The wait before the next try: doubled each time, up to an hour, and at least what the other side asked for (up to
/// a day). Up to a quarter is added, another one for each case and try, so that the cases that a server refused together
/// do not come back together.
pub(super) fn pause(
    policy: &Policy,
    case_id: &str,
    effect: u32,
    attempts: u32,
    retry_after: Option<u64>,
) -> SignedDuration {
    let doublings = attempts.saturating_sub(1).min(16);
    let backoff = policy.actions.backoff.duration().as_secs().saturating_mul(1 << doublings).min(3600);
    let asked = retry_after.unwrap_or(0).min(86_400);
    let spread = i64::try_from(backoff * 250).unwrap_or(0);
    let added = spread * i64::from(lot(case_id, effect, attempts)) / i64::from(u16::MAX);
    let wait = SignedDuration::from_secs(i64::try_from(backoff.max(asked)).unwrap_or(3600));
    wait.saturating_add(SignedDuration::from_millis(added))
}

/// A number that looks drawn by lot and is the same for the same try.
fn lot(case_id: &str, effect: u32, attempts: u32) -> u16 {
    let mut hash = Sha256::new();
    hash.update(case_id.as_bytes());
    hash.update(effect.to_be_bytes());
    hash.update(attempts.to_be_bytes());
    let hash = hash.finalize();
    u16::from_be_bytes([hash[0], hash[1]])
}
