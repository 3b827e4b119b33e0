//! `report.html`: a case on one page, for people.
//!
//! The page stands by itself: no script, no address that it loads from, its style sheet the only thing that its own
//! policy lets in. Whatever came from outside is escaped in one place ([`html`](self::html)), every list is bounded, and
//! what is left out is counted, with the entry of the container that has all of it.
//!
//! It is written into the container when that is sealed, and stays as it was sealed. What comes later, the actions, the
//! measures, the deeper look and the hold, is on the one that `peerhound case report` writes from both containers and the
//! case as it is then.

mod connections;
mod custody;
mod deeper;
mod digest;
mod done;
mod facts;
mod findings;
mod html;
mod picture;
mod system;
mod table;
#[cfg(test)]
mod tests;
mod timeline;
mod torrents;
mod traces;
mod verdict;
mod words;

pub use self::deeper::Deeper;
pub(crate) use self::digest::mail as digest_mail;
pub use self::digest::page as digest_page;

use data_encoding::BASE64;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use self::html::Html;
use self::words::instant;
use crate::case::Case;
use crate::evidence::manifest::Entry;
use crate::evidence::{Collection, Evidence};

/// The report's own name inside the container.
pub const REPORT_HTML: &str = "report.html";

/// The style sheet: all of it is the program's own.
const STYLE: &str = include_str!("page.css");

/// What the report is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The case.
    pub case: &'a Case,
    /// What was collected, where something was.
    pub evidence: Option<&'a Evidence>,
    /// How it was collected.
    pub collection: Option<&'a Collection>,
    /// What the second container says, where there is one.
    pub deeper: Deeper<'a>,
    /// The container's entries with their hashes, as far as they are there when the report is written.
    pub entries: &'a [Entry],
    /// Name of the company.
    pub organisation: Option<&'a str>,
    /// When the report is written.
    pub written_at: Timestamp,
    /// Version of the program that writes it.
    pub version: &'a str,
}

/// A part of the report: its id in the page, its heading, and what writes it.
struct Part {
    id: &'static str,
    heading: &'static str,
    applies: fn(&Subject<'_>) -> bool,
    write: fn(&mut Html, &Subject<'_>),
}

/// In the order of the page.
const PARTS: &[Part] = &[
    Part { id: "findings", heading: "Why", applies: findings::applies, write: findings::write },
    Part { id: "done", heading: "What was done", applies: done::applies, write: done::write },
    Part { id: "facts", heading: "Who, what, where", applies: |_| true, write: facts::write },
    Part { id: "timeline", heading: "Timeline", applies: |_| true, write: timeline::write },
    Part { id: "connections", heading: "Connections", applies: has_evidence, write: connections::write },
    Part { id: "torrents", heading: "Torrents and downloads", applies: has_evidence, write: torrents::write },
    Part { id: "runs", heading: "Programs that ran", applies: traces::has_runs, write: traces::runs },
    Part {
        id: "autostart",
        heading: "What starts by itself",
        applies: has_evidence,
        write: system::autostart,
    },
    Part { id: "firewall", heading: "Firewall", applies: has_evidence, write: system::firewall },
    Part {
        id: "programs",
        heading: "Installed programs",
        applies: traces::has_programs,
        write: traces::programs,
    },
    Part { id: "names", heading: "Names asked for", applies: traces::has_names, write: traces::names },
    Part { id: "neighbors", heading: "Neighbours", applies: traces::has_neighbors, write: traces::neighbors },
    Part {
        id: "artifacts",
        heading: "What was collected",
        applies: has_collection,
        write: custody::artifacts,
    },
    Part { id: "deeper", heading: "The deeper look", applies: deeper::applies, write: deeper::write },
    Part { id: "custody", heading: "Chain of custody", applies: |_| true, write: custody::write },
];

fn has_evidence(subject: &Subject<'_>) -> bool {
    subject.evidence.is_some()
}

fn has_collection(subject: &Subject<'_>) -> bool {
    subject.collection.is_some() || !subject.case.artifacts.is_empty()
}

/// The page.
pub fn html(subject: &Subject<'_>) -> String {
    let mut page = Html::new();
    let parts = || PARTS.iter().filter(|part| (part.applies)(subject));
    page.tag("html", &[("lang", "en")], |page| {
        page.tag("head", &[], |page| head(page, subject));
        page.tag("body", &[], |page| {
            page.say("a", &[("class", "skip"), ("href", "#main")], "Skip to the report");
            verdict::header(page, subject);
            page.tag("nav", &[("aria-label", "On this page")], |page| {
                page.tag("ul", &[], |page| {
                    for part in parts() {
                        page.tag("li", &[], |page| {
                            page.say("a", &[("href", &format!("#{}", part.id))], part.heading);
                        });
                    }
                });
            });
            page.tag("main", &[("id", "main")], |page| {
                for part in parts() {
                    let heading_id = format!("{}-heading", part.id);
                    page.tag("section", &[("id", part.id), ("aria-labelledby", &heading_id)], |page| {
                        page.say("h2", &[("id", &heading_id)], part.heading);
                        (part.write)(page, subject);
                    });
                }
            });
            page.tag("footer", &[], |page| footer(page, subject));
        });
    });
    page.finish()
}

fn head(page: &mut Html, subject: &Subject<'_>) {
    page.void("meta", &[("charset", "utf-8")]);
    head_of(page, &verdict::title(subject), STYLE);
}

/// What every page begins with, besides its character set.
fn head_of(page: &mut Html, title: &str, style: &'static str) {
    page.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &content_policy(style))]);
    page.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
    page.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
    page.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
    page.void("meta", &[("name", "robots"), ("content", "noindex")]);
    page.say("title", &[], title);
    page.style(style);
}

/// Nothing is loaded, run, framed or sent; the one style sheet is let in by its hash.
fn content_policy(style: &str) -> String {
    let hash = BASE64.encode(&Sha256::digest(style.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

fn footer(page: &mut Html, subject: &Subject<'_>) {
    page.tag("p", &[], |page| {
        page.text("Written by Peerhound ");
        page.outside(subject.version);
        page.text(" at ");
        instant(page, subject.written_at);
        page.text(" UTC. All times are in UTC.");
    });
}
