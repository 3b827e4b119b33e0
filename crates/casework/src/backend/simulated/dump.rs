//! Everything that is stored as plain data, for a checker that must not use the code under test.

use std::net::IpAddr;

use investigation::act::ActionKind;
use investigation::case::{ActionStatus, Case, Disposition, ForensicStatus, HoldStatus, Outcome, State};
use investigation::claim::ClaimKind;
use jiff::Timestamp;

use super::memory::{Memory, status};

/// The store.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// Alerts, by id.
    pub alerts: Vec<AlertDump>,
    /// Cases, by id.
    pub cases: Vec<CaseDump>,
    /// Claims in force or not, by key.
    pub claims: Vec<ClaimDump>,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct AlertDump {
    /// Its id.
    pub id: String,
    /// `waiting`, `opened`, `suppressed`, `folded`, `exempt`, `refused`, `review` or `unreadable`.
    pub disposition: &'static str,
    /// The case that it opened, or is counted on.
    pub case_id: Option<String>,
    /// The claim in the way.
    pub key: Option<String>,
    /// When that was decided, by the clock of whoever decided.
    pub settled_at: Option<Timestamp>,
}

/// A case.
#[derive(Clone, Debug)]
pub struct CaseDump {
    /// Its id.
    pub id: String,
    /// The alert that opened it.
    pub alert_id: String,
    /// The machine.
    pub target: IpAddr,
    /// State or, once closed, `investigated`, `suppressed`, `exempt` or `failed`.
    pub status: &'static str,
    /// Whether it is closed.
    pub closed: bool,
    /// The word for why it failed, if it did.
    pub failed: Option<String>,
    /// Whether it says that evidence is sealed.
    pub sealed: bool,
    /// When it was opened and last written, by the clocks of the workers.
    pub opened_at: Timestamp,
    /// See `opened_at`.
    pub updated_at: Timestamp,
    /// Keys that it claims, as it says itself.
    pub claims: Vec<String>,
    /// When something is due next.
    pub next_due: Option<Timestamp>,
    /// The verdict, once there is one.
    pub verdict: Option<&'static str>,
    /// Every measure: its number, and its stage.
    pub measures: Vec<(u32, &'static str)>,
    /// How the deeper look stands, where one was ordered: `ordered`, `collected`, `sealed` or `given_up`.
    pub forensics: Option<&'static str>,
    /// How the legal hold stands, where one was ordered: `setting`, `held`, `releasing`, `released` or `failed`.
    pub hold: Option<&'static str>,
    /// Every planned action: number of its effect, [`action_name`], status.
    pub actions: Vec<(Option<u32>, String, &'static str)>,
    /// Alerts that are counted on it.
    pub suppressed: Vec<SuppressedDump>,
}

/// An alert on a case's list.
#[derive(Clone, Debug)]
pub struct SuppressedDump {
    /// The alert.
    pub alert_id: String,
    /// The claim in its way; empty for one that was folded.
    pub key: String,
}

/// A claim.
#[derive(Clone, Debug)]
pub struct ClaimDump {
    /// Its key.
    pub key: String,
    /// Its owner.
    pub case_id: String,
    /// Whether it is a cooldown, else a lease.
    pub cooldown: bool,
    /// When it was first taken.
    pub claimed_at: Timestamp,
    /// When it runs out.
    pub expires_at: Timestamp,
}

impl Memory {
    pub(super) fn open(&self) -> Vec<CaseDump> {
        self.open_cases()
            .iter()
            .filter_map(|id| self.cases.get(id))
            .map(|stored| case(&stored.case))
            .collect()
    }

    pub(super) fn dump(&self) -> Dump {
        let alerts = self.alerts.values().map(|row| {
            let (disposition, case_id, key) = spelled(&row.disposition);
            AlertDump { id: row.id.clone(), disposition, case_id, key, settled_at: row.settled_at }
        });
        let cases = self.cases.values().map(|stored| {
            let listed = stored.suppressed.iter().map(|listed| SuppressedDump {
                alert_id: listed.alert_id.clone(),
                key: listed.key.as_str().to_owned(),
            });
            CaseDump { suppressed: listed.collect(), ..case(&stored.case) }
        });
        let mut claims: Vec<ClaimDump> = self
            .claims
            .values()
            .map(|claim| ClaimDump {
                key: claim.key.as_str().to_owned(),
                case_id: claim.case_id.clone(),
                cooldown: claim.kind == ClaimKind::Cooldown,
                claimed_at: claim.claimed_at,
                expires_at: claim.expires_at,
            })
            .collect();
        claims.sort_by(|a, b| a.key.cmp(&b.key));
        Dump { alerts: alerts.collect(), cases: cases.collect(), claims }
    }
}

fn spelled(disposition: &Disposition) -> (&'static str, Option<String>, Option<String>) {
    let (case, key) = match disposition {
        Disposition::Opened { case_id } | Disposition::Folded { case_id, .. } => (Some(case_id), None),
        Disposition::Suppressed { key, case_id, .. } => (Some(case_id), Some(key.as_str().to_owned())),
        _ => (None, None),
    };
    (disposition.as_str(), case.cloned(), key)
}

/// An action and whom it goes to, as facts about it are told apart: each user has a mail of their own.
pub fn action_name(kind: ActionKind, to: &[String]) -> String {
    [kind.as_str(), &to.join(", ")].join(" ").trim_end().to_owned()
}

fn case(case: &Case) -> CaseDump {
    let actions = case.actions.iter().map(|action| {
        let status = match action.status {
            ActionStatus::Pending => "pending",
            ActionStatus::Done => "done",
            ActionStatus::Skipped => "skipped",
            ActionStatus::Failed => "failed",
            ActionStatus::Uncertain => "uncertain",
            ActionStatus::DryRun => "dry_run",
            ActionStatus::Bounced => "bounced",
            ActionStatus::Complained => "complained",
        };
        (action.effect, action_name(action.kind, &action.to), status)
    });
    let measures = case.remediation.iter().flat_map(|kept| &kept.measures);
    let measures = measures.map(|proposed| (proposed.n, proposed.stage.as_str()));
    CaseDump {
        id: case.id.clone(),
        alert_id: case.alert.id.clone(),
        target: case.target,
        status: status(case),
        closed: case.is_closed(),
        failed: match &case.state {
            State::Closed { outcome: Outcome::Failed { code, .. } } => Some(code.clone()),
            _ => None,
        },
        sealed: case.evidence.is_some(),
        opened_at: case.opened_at,
        updated_at: case.updated_at,
        claims: case.claims.iter().map(|claim| claim.key.as_str().to_owned()).collect(),
        next_due: case.next_due(),
        verdict: case.verdict().map(|verdict| verdict.as_str()),
        measures: measures.collect(),
        forensics: case.forensics.as_ref().map(|forensics| match forensics.status {
            ForensicStatus::Ordered => "ordered",
            ForensicStatus::Collected => "collected",
            ForensicStatus::Sealed => "sealed",
            ForensicStatus::GivenUp => "given_up",
        }),
        hold: case.hold.as_ref().map(|hold| match hold.status {
            HoldStatus::Setting => "setting",
            HoldStatus::Held => "held",
            HoldStatus::Releasing => "releasing",
            HoldStatus::Released => "released",
            HoldStatus::Failed => "failed",
        }),
        actions: actions.collect(),
        suppressed: Vec::new(),
    }
}
