//! What is around every page: where one is, where one can go, and whose site this is.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use super::super::access::Visitor;
use super::super::routes::{APPROVALS, CASES, COOLDOWNS, HEALTH, LOGOUT, REVIEW, STYLE, SUPPRESSED};
use super::super::site::Site;
use super::parts::{moment, shown};

/// The pages that can be gone to from everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Cases,
    Approvals,
    Suppressed,
    Review,
    Cooldowns,
    Health,
}

const TABS: [(Tab, &str, &str); 6] = [
    (Tab::Cases, CASES, "Cases"),
    (Tab::Approvals, APPROVALS, "Approvals"),
    (Tab::Suppressed, SUPPRESSED, "Suppressed"),
    (Tab::Review, REVIEW, "Review"),
    (Tab::Cooldowns, COOLDOWNS, "Cooldowns"),
    (Tab::Health, HEALTH, "Health"),
];

/// A whole page for a visitor.
pub(super) fn page<S>(
    site: &Site<S>,
    visitor: &Visitor,
    tab: Tab,
    title: &str,
    content: &Markup,
) -> Html<String> {
    let about = &site.about;
    let said = site.access.said(visitor);
    let body = html! {
        a .skip href="#content" { "Skip to the content" }
        header .bar {
            a .brand href=(CASES) { "Peerhound" }
            nav aria-label="Pages" {
                ul {
                    @for (each, path, name) in TABS {
                        li { a href=(path) aria-current=[(each == tab).then_some("page")] { (name) } }
                    }
                }
            }
            form .leave method="post" action=(LOGOUT) {
                input type="hidden" name="form" value=(visitor.form);
                button type="submit" { "Log out" }
            }
        }
        main #content tabindex="-1" {
            @if let Some(said) = said { p .said role="status" { (shown(&said)) } }
            (content)
        }
        footer {
            p {
                "Peerhound " (env!("CARGO_PKG_VERSION")) " · " (shown(&about.place)) " · you are " (shown(&about.operator))
            }
            p { "Times are UTC; point at one for the time of the machine that serves this. As of " (moment(jiff::Timestamp::now())) "." }
        }
    };
    Html(document(title, &body).into_string())
}

/// A document with a body.
pub(super) fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Peerhound" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE);
            }
            body { (body) }
        }
    }
}
