//! The digest as a page: key figures, three charts as inline pictures, and every table. As strict as the report of a case:
//! it loads nothing and runs nothing, and its style sheet is let in by its hash.

mod charts;
mod mail;

pub(crate) use self::mail::mail;

use super::head_of;
use super::html::Html;
use super::words::{instant, number};
use crate::digest::{Cell, Digest, Section};

/// The report's style sheet, and what only this page has.
const STYLE: &str = concat!(include_str!("../page.css"), include_str!("digest.css"));

/// The page. `version` is of the program that writes it.
pub fn page(digest: &Digest, version: &str) -> String {
    let mut page = Html::new();
    let sections = digest.sections();
    page.tag("html", &[("lang", "en")], |page| {
        page.tag("head", &[], |page| {
            page.void("meta", &[("charset", "utf-8")]);
            head_of(page, &format!("{}: {}", title(digest), digest.period()), STYLE);
        });
        page.tag("body", &[("class", "digest")], |page| {
            page.say("a", &[("class", "skip"), ("href", "#main")], "Skip to the digest");
            page.tag("header", &[], |page| header(page, digest));
            page.tag("main", &[("id", "main")], |page| {
                page.tag("section", &[("aria-labelledby", "figures-heading")], |page| {
                    page.say("h2", &[("id", "figures-heading")], "In short");
                    figures(page, digest);
                });
                page.tag("div", &[("class", "charts")], |page| charts::draw(page, digest));
                for section in sections.iter().filter(|section| section.id != "summary") {
                    write(page, section);
                }
                missing(page, digest);
            });
            page.tag("footer", &[], |page| footer(page, digest, version));
        });
    });
    page.finish()
}

fn title(digest: &Digest) -> String {
    match &digest.organisation {
        Some(name) => format!("Peer-to-peer alerts at {name}"),
        None => "Peer-to-peer alerts".to_owned(),
    }
}

fn header(page: &mut Html, digest: &Digest) {
    page.tag("p", &[("class", "kicker")], |page| {
        page.text("Peerhound digest · ");
        instant(page, digest.from);
        page.text(" to ");
        instant(page, digest.to);
        page.text(" UTC");
    });
    page.tag("h1", &[], |page| {
        page.text("Peer-to-peer alerts");
        if let Some(name) = &digest.organisation {
            page.text(" at ");
            page.brief(name, 100);
        }
    });
    if !digest.notes.is_empty() {
        page.tag("p", &[("class", "badges")], |page| {
            page.say(
                "a",
                &[("class", "badge doubt"), ("href", "#missing")],
                "not whole: see what is missing",
            );
        });
    }
}

/// The figures that a head of a SOC looks for, with what each is made of.
fn figures(page: &mut Html, digest: &Digest) {
    let count = |name: &str| digest.alerts.by_outcome.get(name).copied().unwrap_or(0);
    let spoken = |seconds: Option<u64>| seconds.map_or_else(|| "–".to_owned(), crate::digest::span);
    let share = digest.people.share_without.map(Cell::Share).unwrap_or(Cell::None).words();
    let tiles = [
        (
            "alerts received",
            number(digest.alerts.received),
            format!("{} were repeats", number(count("suppressed") + count("folded"))),
        ),
        ("cases opened", number(digest.cases.opened), format!("{} open now", number(digest.open.cases))),
        ("needed no person", share, format!("{} alerts for a person", number(digest.people.alerts_with))),
        (
            "median time to evidence",
            spoken(digest.time_to_evidence.median_seconds),
            format!("90 % within {}", spoken(digest.time_to_evidence.p90_seconds)),
        ),
        (
            "actions not done",
            number(digest.failed_actions()),
            "failed, or not known whether they arrived".to_owned(),
        ),
        (
            "alerts not read",
            number(count("unreadable")),
            format!("{} more are unclear or refused", number(count("review") + count("refused"))),
        ),
    ];
    page.tag("dl", &[("class", "tiles")], |page| {
        for (name, value, below) in tiles {
            page.tag("div", &[], |page| {
                page.say("dt", &[], name);
                page.tag("dd", &[], |page| {
                    page.say("strong", &[], &value);
                    page.say("span", &[("class", "muted")], &below);
                });
            });
        }
    });
}

/// A table with its heading. Headers are found by a screen reader and repeated by a narrow screen in each cell.
fn write(page: &mut Html, section: &Section) {
    let heading = format!("{}-heading", section.id);
    page.tag("section", &[("id", section.id), ("aria-labelledby", &heading)], |page| {
        page.say("h2", &[("id", &heading)], section.heading);
        if section.telling().next().is_none() {
            return page.say("p", &[("class", "muted")], section.empty);
        }
        let right =
            |column: usize| section.rows.iter().all(|row| row.get(column).is_some_and(Cell::is_number));
        let class = |column: usize| if right(column) { "number" } else { "" };
        page.tag("table", &[("role", "table"), ("aria-labelledby", &heading)], |page| {
            page.tag("thead", &[("role", "rowgroup")], |page| {
                page.tag("tr", &[("role", "row")], |page| {
                    for (column, name) in section.columns.iter().enumerate() {
                        let attributes =
                            [("scope", "col"), ("role", "columnheader"), ("class", class(column))];
                        page.say("th", &attributes, name);
                    }
                });
            });
            page.tag("tbody", &[("role", "rowgroup")], |page| {
                for row in section.telling() {
                    page.tag("tr", &[("role", "row")], |page| {
                        for (column, (cell, name)) in row.iter().zip(section.columns).enumerate() {
                            let inside = |page: &mut Html| self::cell(page, cell);
                            if column == 0 {
                                page.tag("th", &[("scope", "row"), ("role", "rowheader")], inside);
                            } else {
                                let attributes =
                                    [("role", "cell"), ("class", class(column)), ("data-label", *name)];
                                page.tag("td", &attributes, inside);
                            }
                        }
                    });
                }
            });
        });
        if let Some(rest) = &section.rest {
            page.say("p", &[("class", "rest")], &format!("… {rest}"));
        }
    });
}

fn cell(page: &mut Html, cell: &Cell) {
    match cell {
        Cell::Text(text) => page.outside(text),
        Cell::Number(value) => page.text(&number(*value)),
        Cell::Time(at) => {
            let shown = at.strftime("%Y-%m-%d %H:%M").to_string();
            page.say("time", &[("datetime", &at.to_string())], &shown);
        }
        Cell::None => page.say("span", &[("class", "muted")], "–"),
        other => page.text(&other.words()),
    }
}

fn missing(page: &mut Html, digest: &Digest) {
    if digest.notes.is_empty() {
        return;
    }
    page.tag("section", &[("id", "missing"), ("aria-labelledby", "missing-heading")], |page| {
        page.say("h2", &[("id", "missing-heading")], "What is missing");
        page.tag("ul", &[], |page| {
            for note in &digest.notes {
                page.tag("li", &[], |page| page.outside(note));
            }
        });
    });
}

fn footer(page: &mut Html, digest: &Digest, version: &str) {
    page.tag("p", &[], |page| page.outside(&digest.last_sent_words()));
    page.tag("p", &[], |page| {
        page.text("Written by Peerhound ");
        page.outside(version);
        page.text(" at ");
        instant(page, digest.written_at);
        page.text(" UTC. All times are in UTC.");
    });
}
