//! What a person has to look at: alerts that were unreadable, unclear or refused.

use std::sync::Arc;

use axum::extract::{Extension, State};
use casework::backend::AlertRow;
use investigation::case::Disposition;
use maud::{Markup, html};

use super::super::access::Visitor;
use super::super::site::Site;
use super::Page;
use super::frame::{Tab, page};
use super::parts::{alert_link, count, empty, moment, shown, table, whole};
use crate::records::Records;

/// Entries that are shown.
const MOST: usize = 200;

/// The page.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
) -> Page {
    let rows = site.store.review(MOST + 1).await?;
    let cells: Vec<Vec<Markup>> = rows.iter().take(MOST).filter_map(cells).collect();
    let content = html! {
        h1 { "Review" }
        p .lead { "Alerts that could not be read, that do not say which machine is meant, or whose machine may not be contacted." }
        @if cells.is_empty() {
            (empty("Nothing to review.", &html! { "Every alert could be read, and was about a machine inside the policy's networks." }))
        } @else {
            @if rows.len() > MOST {
                p .warning role="status" { "The latest " (MOST) "; there are more: " code { "peerhound review --limit N" } " has them." }
            }
            section aria-labelledby="list" {
                h2 #list { (count(cells.len() as u64, "alert", "alerts")) }
                (table("Alerts for review, the latest first", &["Alert", "What", "Why", "Came (UTC)", "From"], &cells))
            }
        }
    };
    Ok(page(&site, &visitor, Tab::Review, "Review", &content))
}

fn cells(row: &AlertRow) -> Option<Vec<Markup>> {
    let (word, reason) = match &row.disposition {
        Disposition::Unreadable { reason } => ("unreadable", reason),
        Disposition::Review { reason } => ("unclear", reason),
        Disposition::Refused { reason } => ("refused", reason),
        _ => return None,
    };
    Some(vec![
        alert_link(&row.id),
        whole(word),
        html! { (shown(reason)) },
        moment(row.received_at),
        html! { (shown(&row.origin)) },
    ])
}
