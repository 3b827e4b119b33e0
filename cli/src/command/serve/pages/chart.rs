//! Verdicts over time: bars for those who see them, a table for everybody.

use casework::backend::CaseRow;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::super::chosen::{Chosen, NO_VERDICT};
use super::parts::{class, table, words};

/// Days up to which each has a bar of its own; beyond, a week has one.
const DAILY: u16 = 45;
/// The kinds of bars, from the bottom up. A verdict that is none of them counts as the last.
const KINDS: [&str; 5] = ["compromised", "policy_violation", "inconclusive", "false_positive", NO_VERDICT];
/// The drawing, in its own units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 34.0;
const FOOT: f64 = 20.0;
const HEAD: f64 = 16.0;

/// The cases of one day or week.
struct Bar {
    label: String,
    counts: [u64; KINDS.len()],
}

impl Bar {
    fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

fn kind(row: &CaseRow) -> usize {
    let verdict = row.verdict.as_deref().unwrap_or(NO_VERDICT);
    KINDS.iter().position(|kind| *kind == verdict).unwrap_or(KINDS.len() - 1)
}

/// Days in a bar.
fn width(days: u16) -> u16 {
    if days <= DAILY { 1 } else { 7 }
}

fn bars<'a>(rows: impl Iterator<Item = &'a CaseRow>, since: Timestamp, days: u16) -> Vec<Bar> {
    let width = width(days);
    let seconds = i64::from(width) * 86_400;
    let mut bars: Vec<Bar> = (0..i64::from(days.div_ceil(width)))
        .map(|number| {
            let start = since.checked_add(SignedDuration::from_secs(number * seconds)).unwrap_or(since);
            Bar { label: start.strftime("%Y-%m-%d").to_string(), counts: [0; KINDS.len()] }
        })
        .collect();
    for row in rows {
        let number = (row.opened_at.as_second() - since.as_second()).div_euclid(seconds);
        if let Some(bar) = usize::try_from(number).ok().and_then(|number| bars.get_mut(number)) {
            bar.counts[kind(row)] += 1;
        }
    }
    bars
}

/// The section, or nothing where there is nothing to count.
pub(super) fn section<'a>(
    rows: impl Iterator<Item = &'a CaseRow>,
    chosen: &Chosen,
    now: Timestamp,
) -> Markup {
    let bars = bars(rows, chosen.since(now), chosen.days);
    let totals: Vec<(usize, u64)> = (0..KINDS.len())
        .map(|kind| (kind, bars.iter().map(|bar| bar.counts[kind]).sum()))
        .filter(|(_, total)| *total > 0)
        .collect();
    if totals.is_empty() {
        return html! {};
    }
    let unit = if width(chosen.days) == 1 { "day" } else { "week" };
    let columns: Vec<&str> = [unit].into_iter().chain(totals.iter().map(|(kind, _)| KINDS[*kind])).collect();
    let names: Vec<String> = columns.iter().map(|column| words(column).into_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let cells: Vec<Vec<Markup>> = bars
        .iter()
        .filter(|bar| bar.total() > 0)
        .map(|bar| {
            let counts = totals.iter().map(|(kind, _)| html! { (bar.counts[*kind]) });
            std::iter::once(html! { (bar.label) }).chain(counts).collect()
        })
        .collect();
    html! {
        section .chart aria-labelledby="over-time" {
            h2 #over-time { "Verdicts by " (unit) }
            ul .legend {
                @for (kind, total) in &totals {
                    li {
                        a href=(Chosen { verdict: KINDS[*kind].to_owned(), ..chosen.clone() }.link(1)) {
                            (swatch(*kind)) " " (words(KINDS[*kind])) " " strong { (total) }
                        }
                    }
                }
            }
            (drawing(&bars, unit))
            details {
                summary { "As a table" }
                (table(&format!("Verdicts by {unit}"), &names, &cells))
            }
        }
    }
}

fn swatch(kind: usize) -> Markup {
    html! {
        svg .swatch viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" {
            (marked(kind, 0.0, 0.0, 12.0, 12.0))
        }
    }
}

/// A rectangle in a verdict's colour with its pattern on it.
fn marked(kind: usize, x: f64, y: f64, width: f64, height: f64) -> Markup {
    let colour = format!("fill {}", class(KINDS[kind]));
    let [x, y, width, height] = [x, y, width, height].map(|number| format!("{number:.2}"));
    html! {
        rect class=(colour) x=(x) y=(y) width=(width) height=(height) {}
        rect .pattern fill=(format!("url(#pattern-{kind})")) x=(x) y=(y) width=(width) height=(height) {}
    }
}

/// The patterns: what tells bars apart without their colours.
fn patterns() -> Markup {
    let paths = ["M0 0L6 6M6 0L0 6", "M-1 7L7 -1M-1 1L1 -1M5 7L7 5", "M0 3H6", "", "M2 3H4"];
    html! {
        defs {
            @for (number, path) in paths.iter().enumerate() {
                pattern id=(format!("pattern-{number}")) width="6" height="6" patternUnits="userSpaceOnUse" {
                    path .mark d=(path) {}
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases, drawn to the hundredth of a pixel")]
fn drawing(bars: &[Bar], unit: &str) -> Markup {
    let most = bars.iter().map(Bar::total).max().unwrap_or(0).max(1);
    let floor = HEIGHT - FOOT;
    let scale = (floor - HEAD) / most as f64;
    let step = (WIDTH - LEFT) / bars.len().max(1) as f64;
    let thick = (step * 0.72).min(48.0);
    let sum: u64 = bars.iter().map(Bar::total).sum();
    let told = format!(
        "{sum} cases in {} {unit}s, at most {most} in one. The table below has the numbers.",
        bars.len()
    );
    let labelled = |number: usize| {
        number == 0 || number + 1 == bars.len() || (bars.len() > 4 && number == bars.len() / 2)
    };
    let anchor = |number: usize| match number {
        0 => "start",
        number if number + 1 == bars.len() => "end",
        _ => "middle",
    };
    html! {
        svg .bars viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(told) {
            (patterns())
            @for (value, y) in [(most, HEAD), (0, floor)] {
                line .grid x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                text .axis x=(LEFT - 6.0) y=(y + 4.0) text-anchor="end" { (value) }
            }
            @for (number, bar) in bars.iter().enumerate() {
                @let x = LEFT + step * number as f64 + (step - thick) / 2.0;
                g {
                    title { (bar.label) ": " (bar_words(bar)) }
                    rect .reach x=(format!("{:.2}", LEFT + step * number as f64)) y="0" width=(format!("{step:.2}")) height=(floor) {}
                    @for (kind, below) in stacked(bar) {
                        @let height = bar.counts[kind] as f64 * scale;
                        (marked(kind, x, floor - below as f64 * scale - height, thick, height))
                    }
                }
                @if labelled(number) {
                    @let middle = match anchor(number) { "start" => x, "end" => x + thick, _ => x + thick / 2.0 };
                    text .axis x=(format!("{middle:.2}")) y=(HEIGHT - 4.0) text-anchor=(anchor(number)) { (bar.label) }
                }
            }
        }
    }
}

/// The kinds that a bar has, each with the number of cases below it.
fn stacked(bar: &Bar) -> Vec<(usize, u64)> {
    let mut below = 0;
    let mut stacked = Vec::new();
    for (kind, count) in bar.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        stacked.push((kind, below));
        below += count;
    }
    stacked
}

fn bar_words(bar: &Bar) -> String {
    let parts: Vec<String> = KINDS
        .iter()
        .zip(bar.counts)
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{count} {}", words(kind)))
        .collect();
    if parts.is_empty() { "no cases".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: &str, verdict: Option<&str>) -> CaseRow {
        CaseRow {
            id: "ph-1".to_owned(),
            target: "10.0.0.1".parse().unwrap(),
            status: "investigated".to_owned(),
            verdict: verdict.map(str::to_owned),
            host_name: None,
            users: Vec::new(),
            opened_at: at.parse().unwrap(),
            updated_at: at.parse().unwrap(),
            suppressed: 0,
            approvals_until: None,
        }
    }

    #[test]
    fn each_case_is_counted_once_on_its_day() {
        let rows = [
            row("2026-03-01T00:00:00Z", Some("policy_violation")),
            row("2026-03-01T23:59:59Z", Some("policy_violation")),
            row("2026-03-02T00:00:00Z", None),
            row("2026-03-02T08:00:00Z", Some("a_word_of_tomorrow")),
            row("2026-02-27T23:59:59Z", Some("inconclusive")),
        ];
        let bars = bars(rows.iter(), "2026-02-28T00:00:00Z".parse().unwrap(), 3);
        let counted: Vec<(&str, [u64; 5])> =
            bars.iter().map(|bar| (bar.label.as_str(), bar.counts)).collect();
        assert_eq!(
            counted,
            [("2026-02-28", [0; 5]), ("2026-03-01", [0, 2, 0, 0, 0]), ("2026-03-02", [0, 0, 0, 0, 2])]
        );
        assert_eq!(bar_words(&bars[1]), "2 policy violation");
        assert_eq!(stacked(&Bar { label: String::new(), counts: [0, 2, 3, 0, 1] }), [(1, 0), (2, 2), (4, 5)]);
    }

    #[test]
    fn the_table_says_what_the_bars_show() {
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        let chosen = Chosen { days: 7, page: 1, ..Chosen::default() };
        let rows = [row("2026-03-01T01:00:00Z", Some("inconclusive"))];
        let html = section(rows.iter(), &chosen, now).into_string();
        assert!(html.contains("<title>2026-03-01: 1 inconclusive</title>"), "{html}");
        assert!(html.contains("role=\"rowheader\" data-label=\"day\">2026-03-01</th>"), "{html}");
        assert!(html.contains("/?verdict=inconclusive&amp;days=7"), "{html}");
        assert!(!html.contains("style="), "the policy forbids it: {html}");
        assert!(section([].iter(), &chosen, now).into_string().is_empty());
    }
}
