//! Everything that waits for somebody's approval, or for its order to be carried out. To look at it changes nothing: what is
//! approved is approved by a personal link, or at the command line.

use std::sync::Arc;

use axum::extract::{Extension, State};
use casework::remediate::waiting;
use investigation::case::Case;
use investigation::remediation::Remediation;
use jiff::Timestamp;
use maud::{Markup, html};

use super::super::access::Visitor;
use super::super::site::Site;
use super::Page;
use super::frame::{Tab, page};
use super::measures::{measures, standing};
use super::parts::{badge, case_link, count, empty, shown};
use crate::records::Records;

/// Cases on the page. Those that wait longest come first.
const SHOWN: usize = 100;

/// The page.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
) -> Page {
    let now = Timestamp::now();
    let cases = waiting(&site.store, now).await?;
    let content = html! {
        h1 { "Approvals" }
        p .lead {
            @match cases.len() {
                0 => "Nothing is changed on a machine before enough persons have approved.",
                many => {
                    (count(many as u64, "case has", "cases have"))
                    " changes to a machine that wait for persons, or for their order to be carried out."
                },
            }
        }
        @if cases.is_empty() {
            (empty("Nothing waits for an approval.", &html! { "What was done is on the page of each case." }))
        }
        @for case in cases.iter().take(SHOWN) {
            @if let Some(kept) = &case.remediation { (one(case, kept, now)) }
        }
        @if cases.len() > SHOWN {
            p .warning { "These are the oldest " (SHOWN) " of " (cases.len()) ": " code { "peerhound approvals" } " lists all." }
        }
    };
    Ok(page(&site, &visitor, Tab::Approvals, "Approvals", &content))
}

fn one(case: &Case, kept: &Remediation, now: Timestamp) -> Markup {
    html! {
        section aria-labelledby=(case.id) {
            h2 id=(case.id) { (shown(&kept.host_name)) " (" (case.target) ")" }
            p { (case_link(&case.id)) " " (badge(case.verdict().map(|verdict| verdict.as_str()))) }
            @if let Some(assessment) = &case.assessment { p { (shown(&assessment.summary)) } }
            (standing(case, kept, now))
            (measures(kept, now))
        }
    }
}
