//! The charts, as inline pictures. Each is named and described for those who do not see it, says its values in words where
//! there is room, and has a table further down that says the same.

use super::super::html::Html;
use super::super::words::number;
use crate::assess::Verdict;
use crate::digest::{Digest, Slot, span};

/// Width of a picture in its own units, which is about what half of a page has.
const WIDTH: usize = 480;
/// Space for the scale at the left, and for the labels below.
const LEFT: usize = 46;
const BELOW: usize = 24;
const ABOVE: usize = 10;
const HEIGHT: usize = 190;

/// What alerts became, from the bottom up: class, words, how many.
type Layer = (&'static str, &'static str, fn(&Slot) -> u64);
const LAYERS: [Layer; 5] = [
    ("opened", "opened a case", |slot| slot.opened),
    ("repeats", "repeats", |slot| slot.repeats),
    ("alone", "left alone", |slot| slot.left_alone),
    ("person", "for a person", |slot| slot.for_a_person),
    ("waits", "waiting", |slot| slot.waiting),
];

pub(super) fn draw(page: &mut Html, digest: &Digest) {
    over_time(page, digest);
    verdicts(page, digest);
    times(page, digest);
}

/// A picture with its name and what it shows in a sentence, and what stands below it.
fn figure(
    page: &mut Html,
    id: &str,
    (title, says): (&str, &str),
    height: usize,
    draw: impl FnOnce(&mut Html),
    caption: impl FnOnce(&mut Html),
) {
    let (name, text) = (format!("{id}-title"), format!("{id}-text"));
    let (view, labels) = (format!("0 0 {WIDTH} {height}"), format!("{name} {text}"));
    page.tag("figure", &[("class", "chart")], |page| {
        page.say("h3", &[], title);
        let attributes = [("viewBox", view.as_str()), ("role", "img"), ("aria-labelledby", &labels)];
        page.tag("svg", &attributes, |page| {
            page.say("title", &[("id", &name)], title);
            page.say("desc", &[("id", &text)], says);
            draw(page);
        });
        page.tag("figcaption", &[], caption);
    });
}

fn over_time(page: &mut Html, digest: &Digest) {
    let slots = &digest.alerts.over_time;
    let most = slots.iter().map(Slot::alerts).max().unwrap_or(0);
    let used: Vec<&Layer> =
        LAYERS.iter().filter(|layer| slots.iter().any(|slot| layer.2(slot) > 0)).collect();
    let step = span(digest.alerts.step_seconds.unsigned_abs());
    let title = format!("Alerts, each bar {step}");
    let says = match slots.iter().max_by_key(|slot| slot.alerts()).filter(|_| most > 0) {
        Some(busiest) => format!(
            "{} alerts in {} bars; the most, {}, in the one from {}.",
            number(digest.alerts.received),
            slots.len(),
            number(most),
            busiest.at.strftime("%Y-%m-%d %H:%M UTC")
        ),
        None => "No alerts were received.".to_owned(),
    };
    let scale = Scale::of(most);
    figure(
        page,
        "chart-alerts",
        (&title, &says),
        HEIGHT,
        |page| {
            scale.draw(page);
            bars(page, slots, &used, &scale);
            let ends = [slots.first(), slots.get(slots.len() / 2), slots.last()];
            let places = [(LEFT, "start"), ((LEFT + WIDTH) / 2, "middle"), (WIDTH - 2, "end")];
            for (slot, (x, anchor)) in ends.into_iter().zip(places) {
                if let Some(slot) = slot.filter(|_| slots.len() > 2 || anchor == "start") {
                    label(page, x, HEIGHT - 7, anchor, &moment(slot, digest.alerts.step_seconds));
                }
            }
        },
        |page| {
            if used.is_empty() {
                return page.text(&says);
            }
            page.tag("ul", &[("class", "legend")], |page| {
                for (class, words, count) in used.iter().copied() {
                    let all = slots.iter().map(count).sum();
                    page.tag("li", &[], |page| {
                        swatch(page, class);
                        page.text(&format!("{words} {}", number(all)));
                    });
                }
            });
        },
    );
}

/// Hours want their hour, days do not.
fn moment(slot: &Slot, step: i64) -> String {
    slot.at.strftime(if step < 86_400 { "%m-%d %H:%M" } else { "%Y-%m-%d" }).to_string()
}

fn bars(page: &mut Html, slots: &[Slot], layers: &[&Layer], scale: &Scale) {
    let room = WIDTH - LEFT;
    let count = slots.len().max(1);
    for (index, slot) in slots.iter().enumerate() {
        let (from, to) = (LEFT + index * room / count, LEFT + (index + 1) * room / count);
        let gap = if to - from > 6 { 2 } else { 1 };
        let mut below = 0;
        for (class, _, of) in layers.iter().copied() {
            let alerts = of(slot);
            if alerts == 0 {
                continue;
            }
            let (bottom, top) = (scale.y(below), scale.y(below + alerts));
            below += alerts;
            // What is there is seen, however little it is.
            let top = top.min(bottom.saturating_sub(1));
            rect(page, class, from, top, (to - from).saturating_sub(gap).max(1), bottom - top);
        }
    }
}

/// The lines behind the bars, with their values.
struct Scale {
    end: u64,
}

impl Scale {
    /// Ends at one, two or five times a power of ten.
    fn of(most: u64) -> Self {
        let mut power = 1_u64;
        loop {
            for factor in [1, 2, 5] {
                let end = power.saturating_mul(factor);
                if end >= most.max(1) {
                    return Self { end };
                }
            }
            power = power.saturating_mul(10);
        }
    }

    fn y(&self, value: u64) -> usize {
        let height = (HEIGHT - ABOVE - BELOW) as u128;
        let part = u128::from(value.min(self.end)) * height / u128::from(self.end);
        HEIGHT - BELOW - usize::try_from(part).unwrap_or(0)
    }

    fn draw(&self, page: &mut Html) {
        let values = if self.end > 1 { vec![0, self.end / 2, self.end] } else { vec![0, self.end] };
        for value in values {
            let y = self.y(value).to_string();
            let (left, right) = (LEFT.to_string(), WIDTH.to_string());
            let line = [("class", "grid"), ("x1", left.as_str()), ("x2", &right), ("y1", &y), ("y2", &y)];
            page.tag("line", &line, |_| {});
            label(page, LEFT - 6, self.y(value) + 4, "end", &short(value));
        }
    }
}

/// A number that fits beside the scale.
fn short(value: u64) -> String {
    match value {
        0..10_000 => value.to_string(),
        10_000..10_000_000 => format!("{} k", value / 1_000),
        _ => format!("{} M", value / 1_000_000),
    }
}

fn verdicts(page: &mut Html, digest: &Digest) {
    let verdicts =
        [Verdict::Compromised, Verdict::PolicyViolation, Verdict::Inconclusive, Verdict::FalsePositive];
    let mut rows: Vec<(String, &'static str, u64)> = verdicts
        .into_iter()
        .map(|verdict| {
            let class = match verdict {
                Verdict::Compromised => "compromised",
                Verdict::PolicyViolation => "violation",
                Verdict::Inconclusive => "person",
                Verdict::FalsePositive => "clean",
            };
            let cases = digest.cases.by_verdict.get(verdict.as_str()).copied().unwrap_or(0);
            (verdict.words().to_owned(), class, cases)
        })
        .collect();
    let with: u64 = rows.iter().map(|(_, _, cases)| cases).sum();
    rows.push(("none (yet)".to_owned(), "waits", digest.cases.opened.saturating_sub(with)));
    lying(page, "chart-verdicts", "Cases by verdict", "No cases were opened.", &rows);
}

fn times(page: &mut Html, digest: &Digest) {
    let mut from = 0;
    let mut rows = Vec::new();
    for (below, cases) in &digest.time_to_evidence.histogram {
        let words = match below {
            Some(below) if from == 0 => format!("below {}", span(*below)),
            Some(below) => format!("{} to {}", span(from), span(*below)),
            None => format!("{} and more", span(from)),
        };
        from = below.unwrap_or(from);
        rows.push((words, "opened", *cases));
    }
    lying(page, "chart-times", "Time from alert to evidence, in cases", "No evidence was sealed.", &rows);
}

/// Bars that lie one below the other, each with its words before it and its number behind it.
fn lying(page: &mut Html, id: &str, title: &str, nothing: &str, rows: &[(String, &'static str, u64)]) {
    const STEP: usize = 25;
    const WORDS: usize = 140;
    const BEHIND: usize = 52;
    let most = rows.iter().map(|(_, _, value)| *value).max().unwrap_or(0);
    let said: Vec<String> = rows
        .iter()
        .filter(|(_, _, value)| *value > 0)
        .map(|(words, _, value)| format!("{words} {value}"))
        .collect();
    let says = if said.is_empty() { nothing.to_owned() } else { format!("{}.", said.join(", ")) };
    figure(
        page,
        id,
        (title, &says),
        rows.len() * STEP + 8,
        |page| {
            for (index, (words, class, value)) in rows.iter().enumerate() {
                let y = 4 + index * STEP;
                label(page, WORDS - 8, y + 16, "end", words);
                let room = (WIDTH - WORDS - BEHIND) as u128;
                let width = u128::from(*value) * room / u128::from(most.max(1));
                let width = usize::try_from(width).unwrap_or(0).max(usize::from(*value > 0) * 2);
                if width > 0 {
                    rect(page, class, WORDS, y, width, STEP - 6);
                }
                label(page, WORDS + width + 7, y + 16, "start", &number(*value));
            }
        },
        |page| {
            if said.is_empty() {
                page.text(nothing);
            }
        },
    );
}

fn rect(page: &mut Html, class: &'static str, x: usize, y: usize, width: usize, height: usize) {
    let (x, y, width, height) = (x.to_string(), y.to_string(), width.to_string(), height.to_string());
    let attributes = [
        ("class", class),
        ("x", x.as_str()),
        ("y", y.as_str()),
        ("width", width.as_str()),
        ("height", height.as_str()),
    ];
    page.tag("rect", &attributes, |_| {});
}

fn label(page: &mut Html, x: usize, y: usize, anchor: &'static str, text: &str) {
    let (x, y) = (x.to_string(), y.to_string());
    page.say("text", &[("x", x.as_str()), ("y", y.as_str()), ("text-anchor", anchor)], text);
}

/// The sign of a layer in the legend.
fn swatch(page: &mut Html, class: &'static str) {
    page.tag("svg", &[("class", "swatch"), ("viewBox", "0 0 12 12"), ("aria-hidden", "true")], |page| {
        rect(page, class, 1, 1, 10, 10);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_above_the_most_at_a_round_number() {
        for (most, end) in [(0, 1), (1, 1), (3, 5), (10, 10), (11, 20), (99_999, 100_000)] {
            assert_eq!(Scale::of(most).end, end);
        }
        let scale = Scale::of(u64::MAX);
        assert!(scale.y(u64::MAX) >= ABOVE && scale.y(0) == HEIGHT - BELOW);
        assert_eq!(
            (short(9_999), short(120_000), short(50_000_000)),
            ("9999".into(), "120 k".into(), "50 M".into())
        );
    }
}
