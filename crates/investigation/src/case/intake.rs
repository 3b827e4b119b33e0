//! What becomes of an alert, before anything is contacted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Case, Effect, State, Step, case_id};
use crate::alert::Alert;
use crate::claim::{Claim, ClaimKey, ClaimOp};
use crate::policy::Policy;
use crate::scope::{Standing, Suspect, suspect};

/// What became of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "disposition", rename_all = "snake_case")]
pub enum Disposition {
    /// Taken in and not decided yet.
    Waiting,
    /// It opened a case.
    Opened {
        /// The case.
        case_id: String,
    },
    /// Its machine or user was already looked at. Counted on the case that owns the claim.
    Suppressed {
        /// The claim in the way.
        key: ClaimKey,
        /// Its owner.
        case_id: String,
        /// When the claim runs out.
        until: Timestamp,
    },
    /// It is about a machine that a case waits for. Counted on that case.
    Folded {
        /// The case.
        case_id: String,
        /// When the machine is tried next.
        until: Timestamp,
    },
    /// The policy leaves this machine or user alone.
    Exempt {
        /// The machine's network or the user.
        what: String,
        /// The policy's reason.
        reason: String,
    },
    /// The address may not be contacted.
    Refused {
        /// One line.
        reason: String,
    },
    /// The list that named it does not any more, and its turn had not come.
    Withdrawn {
        /// One line.
        reason: String,
    },
    /// A person has to look: it cannot be said which machine is meant.
    Review {
        /// One line.
        reason: String,
    },
    /// It could not be read.
    Unreadable {
        /// One line.
        reason: String,
    },
}

impl Disposition {
    /// Stable name, as it is written and searched by.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Opened { .. } => "opened",
            Self::Suppressed { .. } => "suppressed",
            Self::Folded { .. } => "folded",
            Self::Exempt { .. } => "exempt",
            Self::Refused { .. } => "refused",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Review { .. } => "review",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

/// The decision on an alert.
#[derive(Clone, Debug, PartialEq)]
pub enum Intake {
    /// Open this case, if its claim is granted in the same write.
    Open(Box<Step>),
    /// Nothing to investigate; say so.
    Settled(Disposition),
}

impl Step {
    /// The same opening, where a lease lies in its way that an earlier case of the very same alert left to run out: that
    /// case found its user in another case's hands and ended. If the alert waits again, that other case has given the
    /// user up, so that nobody has looked, and nobody may have to wait for the lease. `None` where the alert is merely
    /// told again, or the earlier case has evidence or is still at work.
    #[must_use]
    pub fn taking_over(&self, earlier: &Case) -> Option<Self> {
        let waits_again = self.alert_was == Some(Disposition::Waiting);
        let without_evidence = earlier.is_closed() && earlier.evidence.is_none();
        if !(waits_again && without_evidence && earlier.alert.id == self.case.alert.id) {
            return None;
        }
        let over = |op: &ClaimOp| match op {
            ClaimOp::Take(claim) => ClaimOp::TakeOver { claim: claim.clone(), from: earlier.id.clone() },
            other => other.clone(),
        };
        Some(Self { claims: self.claims.iter().map(over).collect(), ..self.clone() })
    }
}

/// Decides on an alert: out of scope, exempt, unclear, or a case to be opened.
pub fn intake(alert: &Alert, policy: &Policy, now: Timestamp) -> Intake {
    let (ip, port, peer_ip, peer_port) = match suspect(alert, &policy.scope) {
        Suspect::One { ip, port, peer_ip, peer_port } => (ip, port, peer_ip, peer_port),
        Suspect::Refused { reason } => return Intake::Settled(Disposition::Refused { reason }),
        Suspect::Review { reason } => return Intake::Settled(Disposition::Review { reason }),
    };
    match policy.scope.check(ip) {
        Standing::InScope => {}
        Standing::Exempt { network, reason } => {
            return Intake::Settled(Disposition::Exempt { what: network.to_string(), reason });
        }
        Standing::Refused(refusal) => {
            return Intake::Settled(Disposition::Refused { reason: refusal.to_string() });
        }
    }

    let id = case_id(&alert.id, now);
    let lease = Claim::lease(ClaimKey::ip(ip), &id, now, policy.cooldown.lease.signed());
    let mut case = Case {
        id: id.clone(),
        version: 0,
        alert: alert.clone(),
        target: ip,
        target_port: port,
        peer_ip,
        peer_port,
        opened_at: now,
        updated_at: now,
        state: State::Identifying,
        claims: vec![lease.clone()],
        identity: None,
        artifacts: Vec::new(),
        staged: None,
        assessment: None,
        evidence: None,
        people: Vec::new(),
        forensics: None,
        hold: None,
        actions: Vec::new(),
        remediation: None,
        heard: Vec::new(),
        pending: Vec::new(),
        next_effect: 1,
        failed_tries: 0,
        news: Vec::new(),
        ticket: None,
        history: Vec::new(),
    };
    case.note(now, format!("opened by alert {}; {} claimed", alert.id, lease.key));
    case.push(Effect::Identify, now);
    Intake::Open(Box::new(Step {
        case,
        claims: vec![ClaimOp::Take(lease)],
        alert: Some(Disposition::Opened { case_id: id }),
        alert_was: None,
        requeue: Vec::new(),
    }))
}
