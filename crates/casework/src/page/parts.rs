//! Parts of pages: outside text, times, tables.

use investigation::text::one_line;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// Longest outside text in a page, in characters.
const LONG: usize = 600;
/// Longest text that is kept on one line, in characters.
const WHOLE: usize = 40;

/// Outside text: controls and what hides or turns text are written out. The template escapes the rest.
pub fn shown(text: &str) -> String {
    one_line(text, LONG)
}

/// A moment, UTC, with the time of this machine for whoever points at it.
pub fn moment(at: Timestamp) -> Markup {
    let text = at.strftime("%Y-%m-%d %H:%M").to_string();
    let here = at.to_zoned_datetime(TimeZone::system()).strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string();
    let exact = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    html! { time datetime=(exact) title=(here) { (text) } }
}

/// A short text that is read as one: it stays on one line where there is room. What is longer, and so written by nobody
/// here, may be broken anywhere.
pub fn whole(text: &str) -> Markup {
    let class = (text.chars().count() <= WHOLE).then_some("whole");
    html! { span class=[class] { (shown(text)) } }
}

/// A table: its caption is for those who cannot see where it stands. The first column names the row. On a narrow screen
/// each row is a card, and each cell says its column; the roles keep it a table for screen readers.
pub fn table(caption: &str, columns: &[&str], rows: &[Vec<Markup>]) -> Markup {
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
pub fn facts(rows: Vec<(&str, Option<Markup>)>) -> Markup {
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
    fn times_are_utc_with_the_time_here_beside_them() {
        let html = moment("2026-03-02T09:15:42Z".parse().unwrap()).into_string();
        assert!(
            html.contains("datetime=\"2026-03-02T09:15:42Z\"") && html.contains(">2026-03-02 09:15<"),
            "{html}"
        );
        assert!(html.contains("title=\""), "{html}");
    }
}
