//! Suppressed alerts: which cases they are counted on, how many, and the latest of each.

use std::sync::Arc;

use axum::extract::{Extension, State};
use casework::backend::CaseRow;
use hyper::Uri;
use jiff::Timestamp;
use maud::{Markup, html};

use super::super::access::Visitor;
use super::super::chosen::{Asked, Chosen, SPANS, link};
use super::super::routes::{SUPPRESSED, asked};
use super::super::site::Site;
use super::Page;
use super::case::repeats_table;
use super::frame::{Tab, page};
use super::parts::{badge, case_link, count, empty, shown};
use crate::records::Records;

/// Cases on one page: the alerts of each are asked for.
const PAGE: usize = 20;

/// The page.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Page {
    let chosen = Chosen::try_from(asked::<Asked>(&uri)?)?;
    let listed = site.cases(chosen.since(Timestamp::now())).await?;
    let mut rows: Vec<&CaseRow> = listed.rows.iter().filter(|row| row.suppressed > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.suppressed, row.opened_at)));
    let total: u64 = rows.iter().map(|row| row.suppressed).sum();
    let pages = rows.len().div_ceil(PAGE);
    let number = chosen.page.min(pages).max(1);
    let mut items = Vec::new();
    for row in rows.iter().skip((number - 1) * PAGE).take(PAGE) {
        let (exact, latest) = site.store.suppressed(&row.id).await?;
        items.push(html! { (head(row)) details { summary { "The latest " (latest.len()) " of " (exact) } (repeats_table(&latest)) } });
    }
    let content = html! {
        h1 { "Suppressed alerts" }
        p .lead {
            (count(total, "alert", "alerts")) " on " (count(rows.len() as u64, "case", "cases")) " opened in "
            (span_name(chosen.days)) ": their machine or user was looked at, or is. None of them is lost."
        }
        (spans(chosen.days))
        @if listed.cut { p .warning role="status" { "Only the latest " (listed.rows.len()) " cases of these days were read. Choose fewer days." } }
        @if items.is_empty() {
            (empty("No alert was suppressed in these days.", &html! { "That is as it should be, or look back further." }))
        } @else {
            ol .cases { @for item in &items { li { (item) } } }
        }
        @if pages > 1 { (turns(number, pages, chosen.days)) }
    };
    Ok(page(&site, &visitor, Tab::Suppressed, "Suppressed alerts", &content))
}

fn head(row: &CaseRow) -> Markup {
    html! {
        div .head {
            strong { (row.suppressed) }
            (case_link(&row.id))
            (badge(row.verdict.as_deref()))
            span .quiet {
                (row.target)
                @if let Some(host) = &row.host_name { " · " (shown(host)) }
                @if !row.users.is_empty() { " · " (shown(&row.users.join(", "))) }
            }
        }
    }
}

fn span_name(days: u16) -> String {
    let known = SPANS.iter().find(|(span, _)| *span == days).map(|(_, name)| (*name).to_owned());
    known.unwrap_or_else(|| format!("{days} days"))
}

fn address(days: u16, number: usize) -> String {
    link(SUPPRESSED, &[("days", &days.to_string()), ("page", &number.to_string())])
}

fn spans(days: u16) -> Markup {
    html! {
        nav .choices aria-label="Days" {
            @for (span, name) in SPANS { a href=(address(span, 1)) aria-current=[(span == days).then_some("true")] { (name) } }
        }
    }
}

fn turns(number: usize, pages: usize, days: u16) -> Markup {
    html! {
        nav .pages aria-label="Pages of the list" {
            @if number > 1 { a rel="prev" href=(address(days, number - 1)) { "‹ Back" } } @else { span {} }
            span { "Page " (number) " of " (pages) }
            @if number < pages { a rel="next" href=(address(days, number + 1)) { "Further ›" } } @else { span {} }
        }
    }
}
