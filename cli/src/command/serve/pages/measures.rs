//! What was proposed for the machine of a case, and what became of it.

use investigation::remediation::{Proposed, Remediation};
use jiff::Timestamp;
use maud::{Markup, html};

use super::parts::{moment, shown, table, whole};

/// The part of a case's page.
pub(super) fn section(kept: &Remediation, now: Timestamp) -> Markup {
    let rows: Vec<Vec<Markup>> = kept.measures.iter().map(|proposed| cells(kept, proposed)).collect();
    let waits = kept.waiting(now).next().is_some();
    html! {
        section aria-labelledby="remediation" {
            h2 #remediation { "Remediation" }
            @if waits {
                p { "Waits for approval until " (moment(kept.expires_at)) ": " code { "peerhound approve" } "." }
            }
            @if kept.dry_run { p .quiet { "A preview: nobody can approve it." } }
            @if !rows.is_empty() {
                (table("Measures", &["Number", "What", "Stage", "Approved by", "Detail"], &rows))
            }
            @for what in &kept.left_out { p .quiet { "Not proposed: " (shown(what)) } }
        }
    }
}

fn cells(kept: &Remediation, proposed: &Proposed) -> Vec<Markup> {
    let of_this = kept
        .approvals
        .iter()
        .filter(|approval| !approval.undoes && !approval.unsealed && approval.measures.contains(&proposed.n));
    let by: Vec<&str> = of_this.map(|approval| approval.by.as_str()).collect();
    vec![
        whole(&proposed.n.to_string()),
        html! { (shown(&proposed.measure.words())) },
        whole(proposed.stage.as_str()),
        html! { (shown(&by.join(", "))) },
        html! { (shown(&proposed.detail)) },
    ]
}
