//! Parts of pages: outside text, times, verdicts, tables.

use std::borrow::Cow;

use jiff::SignedDuration;
use maud::{Markup, html};

use super::super::chosen::link;
use super::super::routes::ALERT;

pub(super) use casework::page::{facts, moment, shown, table, whole};

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

/// What stands where there is nothing to show, and what to do.
pub(super) fn empty(what: &str, todo: &Markup) -> Markup {
    html! { div .empty { p { strong { (what) } } p { (todo) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_is_no_case_leads_nowhere_else() {
        assert_eq!(case_path("../../health?x#"), "/case/healthx");
    }

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        assert_eq!(span(SignedDuration::from_mins(59)), "59 min");
        assert_eq!(span(SignedDuration::from_mins(61)), "1 h 1 min");
        assert_eq!(span(SignedDuration::from_hours(71)), "2 d 23 h");
    }
}
