//! What was proposed for the machine of a case, who approved it on what, and what became of it.

use investigation::case::Case;
use investigation::remediation::{Approval, Proposed, Remediation, Stage};
use jiff::Timestamp;
use maud::{Markup, html};

use super::parts::{count, moment, shown, table, whole};

/// The part of a case's page.
pub(super) fn section(case: &Case, kept: &Remediation, now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="remediation" {
            h2 #remediation { "Remediation" }
            (standing(case, kept, now))
            (measures(kept, now))
            @if !kept.approvals.is_empty() { (words(kept)) }
            @for what in &kept.left_out { p .quiet { "Not proposed: " (shown(what)) } }
        }
    }
}

/// What waits, for whom and until when.
pub(super) fn standing(case: &Case, kept: &Remediation, now: Timestamp) -> Markup {
    let waiting = kept.waiting(now).count();
    html! {
        @if waiting > 0 {
            p .warning {
                (count(waiting as u64, "measure waits", "measures wait"))
                " for those whom the policy lets approve, until " (moment(kept.expires_at)) " UTC: "
                code { "peerhound approve " (case.id) }
                ". On evidence " code .hash { (shown(&kept.evidence_sha256)) } "."
            }
        }
        @if kept.dry_run { p .quiet { "A preview: nobody can approve it." } }
    }
}

/// The measures, each with where it stands.
pub(super) fn measures(kept: &Remediation, now: Timestamp) -> Markup {
    let rows: Vec<Vec<Markup>> = kept.measures.iter().map(|proposed| cells(kept, proposed, now)).collect();
    html! {
        @if !rows.is_empty() {
            (table("Measures", &["Number", "What", "Stage", "Approvals", "How it went", "Taking it back"], &rows))
        }
    }
}

fn cells(kept: &Remediation, proposed: &Proposed, now: Timestamp) -> Vec<Markup> {
    let (class, word) = stage(kept, proposed, now);
    vec![
        whole(&proposed.n.to_string()),
        html! { (shown(&proposed.measure.words())) span .quiet { " · " (shown(&proposed.why.rule)) } },
        html! { span class=(format!("word {class}")) { (word) } },
        approvals(kept, proposed, now),
        match &proposed.outcome {
            Some(outcome) => html! { (shown(&outcome.detail)) span .quiet { " · " (moment(outcome.at)) } },
            None => html! { (shown(&proposed.detail)) },
        },
        taking_back(proposed, now),
    ]
}

fn stage(kept: &Remediation, proposed: &Proposed, now: Timestamp) -> (&'static str, &'static str) {
    match proposed.stage {
        Stage::Proposed if kept.dry_run => ("middling", "preview"),
        Stage::Proposed if now < kept.expires_at => ("middling", "waits"),
        Stage::Proposed | Stage::Expired => ("middling", "expired"),
        Stage::Done => ("good", "done"),
        Stage::Failed => ("bad", "failed"),
        Stage::Refused => ("bad", "refused"),
        stage => ("middling", stage.as_str()),
    }
}

fn approvals(kept: &Remediation, proposed: &Proposed, now: Timestamp) -> Markup {
    let of_this = kept.given(proposed.n, false);
    let mut by: Vec<&str> = of_this.map(|approval| approval.by.as_str()).collect();
    by.dedup();
    let counted = kept.approvers(proposed.n, false, now).len() as u64;
    let missing = u64::from(proposed.needs).saturating_sub(counted);
    let waits = kept.waiting(now).any(|waiting| waiting.n == proposed.n) && missing > 0;
    html! {
        (by.len()) " of " (proposed.needs)
        @if !by.is_empty() { ": " (shown(&by.join(", "))) }
        @if waits { span .quiet { " · waits for " (count(missing, "more person", "more persons")) } }
    }
}

fn taking_back(proposed: &Proposed, now: Timestamp) -> Markup {
    html! {
        @if let Some(until) = proposed.isolated_until() {
            div { (if until > now { "ends by itself at " } else { "ended by itself at " }) (moment(until)) }
        }
        @match (proposed.stage, &proposed.undone) {
            (Stage::Done, Some(failed)) => { "did not work: " (shown(&failed.detail)) },
            (Stage::Done, None) if proposed.undo().is_some() => { "can be taken back" },
            (Stage::Done, None) => { "cannot be taken back" },
            (Stage::Undoing, _) => { "under way" },
            (Stage::Undone, Some(undone)) => {
                (shown(&undone.detail)) span .quiet { " · " (moment(undone.at)) }
            },
            _ => { "–" },
        }
    }
}

/// Who said what, when, and on which evidence.
fn words(kept: &Remediation) -> Markup {
    let row = |approval: &Approval| {
        let numbers: Vec<String> = approval.measures.iter().map(ToString::to_string).collect();
        let what = match (approval.unsealed, approval.undoes) {
            (true, _) => "not counted, as it has no seal:",
            (false, true) => "take back",
            (false, false) => "approved",
        };
        vec![
            html! { (shown(&approval.by)) span .quiet { " " (approval.how.words()) } },
            html! { (what) " " (shown(&numbers.join(", "))) },
            moment(approval.at),
            moment(approval.expires_at),
            html! { code .hash { (shown(&approval.evidence_sha256)) } },
        ]
    };
    let rows: Vec<Vec<Markup>> = kept.approvals.iter().map(row).collect();
    html! {
        h3 { "Who said what" }
        (table("What people said", &["Who", "What", "When (UTC)", "Counts until (UTC)", "On the evidence"], &rows))
    }
}
