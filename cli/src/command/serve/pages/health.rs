//! Whether the work goes on.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, State};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::super::access::Visitor;
use super::super::routes::{COOLDOWNS, REVIEW};
use super::super::site::Site;
use super::Page;
use super::frame::{Tab, page};
use super::parts::{count, moment, shown, span, table, whole};
use crate::records::Records;

/// Alerts that are counted one by one.
const COUNTED: usize = 1_000;
/// An alert that waits for longer than this finds nobody at work.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// One check.
struct Check {
    what: &'static str,
    /// Whether somebody should look.
    bad: bool,
    found: Markup,
}

/// The page.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
) -> Page {
    let checks = checks(&site).await?;
    let rows: Vec<Vec<Markup>> = checks
        .iter()
        .map(|check| {
            let (class, word) = if check.bad { ("bad", "look") } else { ("good", "ok") };
            vec![
                whole(check.what),
                html! { span class=(format!("word {class}")) { (word) } },
                check.found.clone(),
            ]
        })
        .collect();
    let bad = checks.iter().filter(|check| check.bad).count();
    let content = html! {
        h1 { "Health" }
        p .lead { @if bad == 0 { "All is well, as far as can be seen from here." } @else { (count(bad as u64, "thing needs", "things need")) " a look." } }
        (table("Checks", &["What", "Status", "Found"], &rows))
        p .hint {
            "Settings are checked by " code { "peerhound policy check" } ", a deployment on AWS by " code { "peerhound doctor" } "."
        }
    };
    Ok(page(&site, &visitor, Tab::Health, "Health", &content))
}

async fn checks<S: Records>(site: &Site<S>) -> Result<Vec<Check>, super::Failure> {
    let (began, now) = (Instant::now(), Timestamp::now());
    let open = site.store.open_cases().await?;
    let took = began.elapsed().as_millis();
    let waiting = site.store.waiting(COUNTED).await?;
    let review = site.store.review(COUNTED).await?;
    let claims = site.store.claims(now).await?;
    let oldest = waiting.first().map(|alert| now.duration_since(alert.received_at));
    let stuck = oldest.is_some_and(|age| age > PATIENCE);
    let at_least = |rows: usize| if rows >= COUNTED { format!("at least {rows}") } else { rows.to_string() };
    let overdue = overdue(site, &open, now).await?;
    Ok(vec![
        Check {
            what: "Store",
            bad: took > 5_000,
            found: html! { (shown(&site.about.place)) ", answered in " (took) " ms" },
        },
        Check {
            what: "Alerts that wait",
            bad: stuck,
            found: html! {
                (at_least(waiting.len()))
                @if let Some(age) = oldest { ", the oldest for " (span(age)) }
                @if stuck { ". Nobody seems to work: start " code { "peerhound watch" } ", or on AWS look at the function intake." }
            },
        },
        Check {
            what: "Open cases",
            bad: overdue > 0,
            found: html! {
                (open.len())
                @if overdue > 0 { ", of which " (overdue) " should have gone on " (span(PATIENCE)) " ago or more: start " code { "peerhound watch" } "." }
            },
        },
        Check {
            what: "For review",
            bad: !review.is_empty(),
            found: html! { a href=(REVIEW) { (at_least(review.len())) } },
        },
        Check { what: "Claims in force", bad: false, found: html! { a href=(COOLDOWNS) { (claims.len()) } } },
        Check {
            what: "This program",
            bad: false,
            found: html! {
                "version " (env!("CARGO_PKG_VERSION")) ", since " (moment(site.about.started_at)) ", "
                (count(site.access.count(Instant::now()) as u64, "session", "sessions"))
            },
        },
    ])
}

/// Of the oldest open cases, those whose next step was due long ago.
async fn overdue<S: Records>(
    site: &Site<S>,
    open: &[String],
    now: Timestamp,
) -> Result<usize, super::Failure> {
    /// Cases that are read for it.
    const LOOKED_AT: usize = 20;
    let mut overdue = 0;
    for id in open.iter().take(LOOKED_AT) {
        let due = site.store.case(id).await?.and_then(|case| case.next_due());
        overdue += usize::from(due.is_some_and(|due| now.duration_since(due) > PATIENCE));
    }
    Ok(overdue)
}
