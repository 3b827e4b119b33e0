//! Parts of pages: outside text, times, verdicts, tables.

use std::borrow::Cow;

use investigation::text::one_line;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::super::chosen::link;
use super::super::routes::ALERT;

/// Longest outside text in a page, in characters.
const LONG: usize = 600;
/// Longest text that is kept on one line, in characters.
const WHOLE: usize = 40;

/// Outside text: controls and what hides or turns text are written out. The template escapes the rest.
pub(super) fn shown(text: &str) -> String {
    one_line(text, LONG)
}

/// A moment, UTC, with the time of this machine for whoever points at it.
pub(super) fn moment(at: Timestamp) -> Markup {
    let text = at.strftime("%Y-%m-%d %H:%M").to_string();
    let here = at.to_zoned_datetime(TimeZone::system()).strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string();
    let exact = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    html! { time datetime=(exact) title=(here) { (text) } }
}

/// How long, in words: the two largest units.
pub(super) fn span(duration: SignedDuration) -> String {
    let minutes = duration.as_secs().unsigned_abs() / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A verdict's word for people.
pub(super) fn words(verdict: &str) -> Cow<'_, str> {
    match verdict {
        "none" => Cow::Borrowed("no verdict"),
        word => Cow::Owned(shown(word).replace('_', " ")),
    }
}

/// A verdict: colour, shape and word, so that none has to carry it alone.
pub(super) fn badge(verdict: Option<&str>) -> Markup {
    match verdict {
        None => html! { span .badge.v-none { "no verdict" } },
        Some(verdict) => html! { span class=(format!("badge {}", class(verdict))) { (words(verdict)) } },
    }
}

/// The style of a verdict. One that this page does not know looks like none.
pub(super) fn class(verdict: &str) -> &'static str {
    match verdict {
        "compromised" => "v-compromised",
        "policy_violation" => "v-violation",
        "inconclusive" => "v-inconclusive",
        "false_positive" => "v-false",
        _ => "v-none",
    }
}

/// The address of a case's page.
pub(super) fn case_path(id: &str) -> String {
    // Ids that are no ids lead to the page that says so.
    let id: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    format!("/case/{id}")
}

/// A short text that is read as one: it stays on one line where there is room. What is longer, and so written by nobody
/// here, may be broken anywhere.
pub(super) fn whole(text: &str) -> Markup {
    let class = (text.chars().count() <= WHOLE).then_some("whole");
    html! { span class=[class] { (shown(text)) } }
}

/// A link to a case.
pub(super) fn case_link(id: &str) -> Markup {
    html! { a .id href=(case_path(id)) { (whole(id)) } }
}

/// A link to what became of an alert.
pub(super) fn alert_link(id: &str) -> Markup {
    html! { a .id href=(link(ALERT, &[("id", id)])) { (whole(id)) } }
}

/// A number with its noun.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A table: its caption is for those who cannot see where it stands. The first column names the row. On a narrow screen
/// each row is a card, and each cell says its column; the roles keep it a table for screen readers.
pub(super) fn table(caption: &str, columns: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        table role="table" {
            caption .unseen { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for column in columns { th scope="col" role="columnheader" { (column) } }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (cell, column) in row.iter().zip(columns).take(1) {
                            th scope="row" role="rowheader" data-label=(column) { (cell) }
                        }
                        @for (cell, column) in row.iter().zip(columns).skip(1) {
                            td role="cell" data-label=(column) { (cell) }
                        }
                    }
                }
            }
        }
    }
}

/// Names and values, of which those without a value are left out.
pub(super) fn facts(rows: Vec<(&str, Option<Markup>)>) -> Markup {
    html! {
        dl .facts {
            @for (name, value) in rows {
                @if let Some(value) = value {
                    div { dt { (name) } dd { (value) } }
                }
            }
        }
    }
}

/// What stands where there is nothing to show, and what to do.
pub(super) fn empty(what: &str, todo: &Markup) -> Markup {
    html! { div .empty { p { strong { (what) } } p { (todo) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_makes_no_markup_and_hides_nothing() {
        let hostile = "<img src=x onerror=alert(1)>\u{202e}\"'\u{1b}[2J&";
        let cell = html! { b title=(shown(hostile)) { (shown(hostile)) } };
        let row = table("t", &["<a>"], &[vec![cell]]).into_string();
        for part in ["<img", "<a>", "\u{202e}", "\u{1b}"] {
            assert!(!row.contains(part), "{row}");
        }
        assert!(
            row.contains("&lt;img src=x onerror=alert(1)&gt;\\u{202e}&quot;") && row.contains("[2J&amp;"),
            "{row}"
        );
    }

    #[test]
    fn a_case_that_is_no_case_leads_nowhere_else() {
        assert_eq!(case_path("../../health?x#"), "/case/healthx");
    }

    #[test]
    fn times_are_utc_with_the_time_here_beside_them() {
        let html = moment("2026-03-02T09:15:42Z".parse().unwrap()).into_string();
        assert!(
            html.contains("datetime=\"2026-03-02T09:15:42Z\"") && html.contains(">2026-03-02 09:15<"),
            "{html}"
        );
        assert!(html.contains("title=\""), "{html}");
        assert_eq!(span(SignedDuration::from_mins(59)), "59 min");
        assert_eq!(span(SignedDuration::from_mins(61)), "1 h 1 min");
        assert_eq!(span(SignedDuration::from_hours(71)), "2 d 23 h");
    }
}
