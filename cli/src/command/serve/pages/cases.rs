//! The cases: filters, verdicts over time, the list.

use std::sync::Arc;

use axum::extract::{Extension, State};
use casework::backend::CaseRow;
use hyper::Uri;
use investigation::assess::Verdict;
use jiff::Timestamp;
use maud::{Markup, html};

use super::super::access::Visitor;
use super::super::chosen::{Asked, Chosen, NO_VERDICT, PAGE, SPANS, STATES, link};
use super::super::routes::{ALERT, APPROVALS, CASES, asked};
use super::super::site::{Listed, Site};
use super::frame::{Tab, page};
use super::parts::{badge, case_link, count, empty, moment, shown, table, whole, words};
use super::{Page, chart};
use crate::records::Records;

/// The page.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Page {
    let chosen = Chosen::try_from(asked::<Asked>(&uri)?)?;
    let now = Timestamp::now();
    let listed = site.cases(chosen.since(now)).await?;
    let fitting: Vec<&CaseRow> = listed.rows.iter().filter(|row| chosen.fits(row)).collect();
    let waiting = fitting.iter().filter(|row| row.approvals_until.is_some_and(|until| now < until)).count();
    let content = html! {
        h1 { "Cases" }
        @if waiting > 0 {
            p .warning role="status" {
                (count(waiting as u64, "case of these waits", "cases of these wait")) " for an approval: "
                a href=(APPROVALS) { "look at what is wanted" } "."
            }
        }
        (filters(&chosen))
        @if listed.cut { (cut(&listed)) }
        @if fitting.is_empty() {
            (nothing(&chosen, listed.rows.len()))
        } @else {
            (chart::section(fitting.iter().copied(), &chosen, now))
            (list(&fitting, &chosen, now))
        }
    };
    Ok(page(&site, &visitor, Tab::Cases, "Cases", &content))
}

fn filters(chosen: &Chosen) -> Markup {
    let choice =
        |value: &str, name: &str, is: &str| html! { option value=(value) selected[value == is] { (name) } };
    let days = chosen.days.to_string();
    let known_span = SPANS.iter().any(|(span, _)| *span == chosen.days);
    html! {
        form .filters role="search" aria-label="Cases" method="get" action=(CASES) {
            div .wide {
                label for="q" { "Search" }
                input #q name="q" type="search" maxlength="200" value=(chosen.text) placeholder="case, address, host or user";
            }
            div {
                label for="verdict" { "Verdict" }
                select #verdict name="verdict" {
                    (choice("", "any", &chosen.verdict))
                    @for verdict in Verdict::ALL { (choice(verdict.as_str(), verdict.words(), &chosen.verdict)) }
                    (choice(NO_VERDICT, &words(NO_VERDICT), &chosen.verdict))
                }
            }
            div {
                label for="state" { "State" }
                select #state name="state" {
                    (choice("", "any", &chosen.state))
                    @for (value, name) in STATES { (choice(value, name, &chosen.state)) }
                }
            }
            div {
                label for="address" { "Address" }
                input #address name="address" maxlength="60" value=(chosen.address) placeholder="10.20." autocomplete="off";
            }
            div {
                label for="host" { "Host" }
                input #host name="host" maxlength="200" value=(chosen.host) autocomplete="off";
            }
            div {
                label for="user" { "User" }
                input #user name="user" maxlength="200" value=(chosen.user) autocomplete="off";
            }
            div {
                label for="days" { "Opened" }
                select #days name="days" {
                    @for (value, name) in SPANS { (choice(&value.to_string(), name, &days)) }
                    @if !known_span { (choice(&days, &format!("{days} days"), &days)) }
                }
            }
            div .buttons {
                button .primary type="submit" { "Show" }
                @if chosen.is_narrow() { a href=(Chosen { days: chosen.days, page: 1, ..Chosen::default() }.link(1)) { "Clear" } }
            }
        }
    }
}

/// A list that is not whole says so.
fn cut(listed: &Listed) -> Markup {
    html! {
        p .warning role="status" {
            "Only the latest " (listed.rows.len()) " cases of these days were read"
            @if let Some(oldest) = listed.rows.last() { ", back to " (moment(oldest.opened_at)) }
            ". Choose fewer days; the command line has the rest: " code { "peerhound case list --limit N" } "."
        }
    }
}

fn nothing(chosen: &Chosen, of: usize) -> Markup {
    match (chosen.is_narrow(), of) {
        (true, 1..) => empty(
            &format!("None of the {of} cases of these days fits."),
            &html! {
                "Take a filter away, or look back further."
                @if chosen.text.len() >= 8 {
                    " Or is it an alert? "
                    a href=(link(ALERT, &[("id", &chosen.text)])) { "Look for the alert " (shown(&chosen.text)) } "."
                }
            },
        ),
        _ => empty(
            "No case was opened in these days.",
            &html! {
                "Look back further, or hand in an alert: " code { "peerhound investigate alerts.json" } ", or let "
                code { "peerhound watch" } " take them as they come."
            },
        ),
    }
}

fn list(fitting: &[&CaseRow], chosen: &Chosen, now: Timestamp) -> Markup {
    let pages = fitting.len().div_ceil(PAGE);
    let number = chosen.page.min(pages).max(1);
    let start = (number - 1) * PAGE;
    let rows: Vec<Vec<Markup>> = fitting.iter().skip(start).take(PAGE).map(|row| cells(row, now)).collect();
    let end = start + rows.len();
    let columns = ["Case", "Verdict", "State", "Address", "Host", "Users", "Opened (UTC)", "Repeats"];
    html! {
        section aria-labelledby="list" {
            h2 #list { (count(fitting.len() as u64, "case", "cases")) }
            (table("Cases, the latest first", &columns, &rows))
            @if pages > 1 {
                nav .pages aria-label="Pages of the list" {
                    @if number > 1 { a rel="prev" href=(chosen.link(number - 1)) { "‹ Newer" } } @else { span {} }
                    span { (start + 1) "–" (end) " of " (fitting.len()) }
                    @if number < pages { a rel="next" href=(chosen.link(number + 1)) { "Older ›" } } @else { span {} }
                }
            }
        }
    }
}

fn cells(row: &CaseRow, now: Timestamp) -> Vec<Markup> {
    let waits = row.approvals_until.is_some_and(|until| now < until);
    vec![
        case_link(&row.id),
        badge(row.verdict.as_deref()),
        html! {
            (whole(&row.status.replace('_', " ")))
            @if waits { " " a .word.middling href=(APPROVALS) { "approval wanted" } }
        },
        whole(&row.target.to_string()),
        html! { (shown(row.host_name.as_deref().unwrap_or("–"))) },
        html! { @if row.users.is_empty() { "–" } @else { (shown(&row.users.join(", "))) } },
        moment(row.opened_at),
        html! { (row.suppressed) },
    ]
}
