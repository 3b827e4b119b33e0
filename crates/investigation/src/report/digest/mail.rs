//! The digest inside a mail. Programs that show mail drop style sheets and inline pictures, so that this is tables with
//! their style on each element, in colours that both a light and a dark window show.

use super::super::html::Html;
use crate::digest::{Cell, Digest, Section};

const BODY: &str = "margin:0;padding:16px;font:15px/1.5 Arial,Helvetica,sans-serif";
const TABLE: &str = "border-collapse:collapse;margin:4px 0 16px;font-size:14px";
const LEFT: &str =
    "text-align:left;vertical-align:top;padding:4px 14px 4px 0;border-bottom:1px solid #8a939e";
const RIGHT: &str =
    "text-align:right;vertical-align:top;padding:4px 14px 4px 0;border-bottom:1px solid #8a939e";
const HEADING: &str = "font-size:17px;margin:20px 0 4px";
/// Longest text of a cell, in characters.
const MAX_CELL: usize = 160;

/// The mail's page. Tables without rows are left out.
pub(crate) fn mail(digest: &Digest, title: &str) -> String {
    let mut page = Html::new();
    page.tag("html", &[("lang", "en")], |page| {
        page.tag("head", &[], |page| {
            page.void("meta", &[("charset", "utf-8")]);
            page.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
            page.say("title", &[], title);
        });
        page.tag("body", &[("style", BODY)], |page| {
            page.say("h1", &[("style", "font-size:21px;margin:0")], title);
            page.say("p", &[("style", "margin:2px 0 12px")], &digest.period());
            for section in digest.sections().iter().filter(|section| section.telling().next().is_some()) {
                page.say("h2", &[("style", HEADING)], section.heading);
                table(page, section);
            }
            if !digest.notes.is_empty() {
                page.say("h2", &[("style", HEADING)], "What is missing");
                page.tag("ul", &[], |page| {
                    for note in &digest.notes {
                        page.tag("li", &[], |page| page.brief(note, 400));
                    }
                });
            }
            page.say(
                "p",
                &[],
                "Written by Peerhound. All times are in UTC. The same at any time: peerhound report",
            );
        });
    });
    page.finish()
}

fn table(page: &mut Html, section: &Section) {
    let right = |column: usize| section.rows.iter().all(|row| row.get(column).is_some_and(Cell::is_number));
    let style = |column: usize| if right(column) { RIGHT } else { LEFT };
    page.tag("table", &[("style", TABLE)], |page| {
        page.tag("tr", &[], |page| {
            for (column, name) in section.columns.iter().enumerate() {
                page.say("th", &[("scope", "col"), ("style", style(column))], name);
            }
        });
        for row in section.telling() {
            page.tag("tr", &[], |page| {
                for (column, cell) in row.iter().enumerate() {
                    page.tag("td", &[("style", style(column))], |page| page.brief(&cell.words(), MAX_CELL));
                }
            });
        }
    });
    if let Some(rest) = &section.rest {
        page.say("p", &[], &format!("… {rest}"));
    }
}
