//! The top of the page: the verdict as colour, sign and word, and the sentence that says why.

use super::Subject;
use super::facts::machine;
use super::html::Html;
use super::words::instant;
use crate::assess::Verdict;
use crate::case::{Outcome, State};
use crate::text::one_line;

/// How a case looks from afar.
struct Look {
    /// Class of the banner.
    class: &'static str,
    /// The word.
    word: &'static str,
    /// The sign, drawn in 24 × 24.
    sign: &'static str,
}

fn look(subject: &Subject<'_>) -> Look {
    match (subject.case.verdict(), &subject.case.state) {
        (Some(Verdict::Compromised), _) => Look {
            class: "verdict compromised",
            word: "Compromised",
            sign: "M12 2l8.5 3v6.5c0 5-3.5 8.5-8.5 10.5c-5-2-8.5-5.5-8.5-10.5V5zM13 6l-3 6h4l-3 6",
        },
        (Some(Verdict::PolicyViolation), _) => Look {
            class: "verdict violation",
            word: "Policy violation",
            sign: "M7.5 2h9L22 7.5v9L16.5 22h-9L2 16.5v-9zM12 6.5v7M12 16.5v1",
        },
        (Some(Verdict::Inconclusive), _) => Look {
            class: "verdict inconclusive",
            word: "Inconclusive",
            sign: "M12 2.5L22.5 21h-21zM12 9.5v5.5M12 17.3v1",
        },
        (Some(Verdict::FalsePositive), _) => Look {
            class: "verdict clean",
            word: "False positive",
            sign: "M12 2a10 10 0 1 1 0 20a10 10 0 1 1 0-20zM7.5 12.5l3 3l6-6.5",
        },
        (None, State::Closed { .. }) => {
            Look { class: "verdict none", word: "Not investigated", sign: NO_VERDICT }
        }
        (None, _) => Look { class: "verdict none", word: "Not decided yet", sign: NO_VERDICT },
    }
}

const NO_VERDICT: &str = "M12 2a10 10 0 1 1 0 20a10 10 0 1 1 0-20zM7.5 12h9";

/// The page's title, in one line.
pub(super) fn title(subject: &Subject<'_>) -> String {
    let machine = one_line(&machine(subject), 100);
    format!("{}: {machine}, case {}", look(subject).word, one_line(&subject.case.id, 60))
}

/// Banner, summary, and the few facts that everybody asks for.
pub(super) fn header(page: &mut Html, subject: &Subject<'_>) {
    let look = look(subject);
    page.tag("header", &[], |page| {
        page.tag("p", &[("class", "kicker")], |page| {
            page.text("Peer-to-peer investigation");
            if let Some(organisation) = subject.organisation {
                page.text(" · ");
                page.brief(organisation, 80);
            }
            page.text(" · case ");
            page.say("code", &[], &one_line(&subject.case.id, 60));
        });
        page.tag("div", &[("class", look.class)], |page| {
            let picture = [("class", "sign"), ("viewBox", "0 0 24 24"), ("aria-hidden", "true")];
            page.tag("svg", &picture, |page| page.tag("path", &[("d", look.sign)], |_| {}));
            page.tag("div", &[], |page| {
                page.tag("h1", &[], |page| {
                    page.say("span", &[("class", "word")], look.word);
                    page.tag("span", &[("class", "where")], |page| {
                        page.text(" at ");
                        page.brief(&machine(subject), 100);
                    });
                });
                page.tag("p", &[("class", "summary")], |page| page.brief(&summary(subject), 700));
                if let Some(assessment) = &subject.case.assessment {
                    page.tag("p", &[("class", "badges")], |page| {
                        badge(page, &format!("{} confidence", assessment.confidence));
                        let whole = subject
                            .case
                            .artifacts
                            .iter()
                            .all(|artifact| artifact.status == crate::evidence::ArtifactStatus::Ok);
                        match whole {
                            true => page.say("span", &[("class", "badge good")], "✓ evidence whole"),
                            false => page.say("span", &[("class", "badge doubt")], "◐ evidence not whole"),
                        }
                        page.tag("span", &[("class", "badge")], |page| {
                            page.text("opened ");
                            instant(page, subject.case.opened_at);
                        });
                    });
                }
            });
        });
    });
}

fn badge(page: &mut Html, text: &str) {
    page.say("span", &[("class", "badge")], text);
}

fn summary(subject: &Subject<'_>) -> String {
    if let Some(assessment) = &subject.case.assessment {
        return assessment.summary.clone();
    }
    match &subject.case.state {
        State::Closed { outcome: Outcome::Failed { reason, .. } } => {
            format!("It could not be investigated: {reason}")
        }
        State::Closed { outcome: Outcome::Exempt { reason } } => format!("The user is exempt: {reason}"),
        State::Closed { outcome: Outcome::Suppressed { by } } => {
            format!("Case {} looks, or has looked, at {} already.", by.case_id, by.key.as_str())
        }
        State::Waiting { reason, .. } => format!("The machine could not be reached yet: {reason}"),
        open => format!("The case is open ({}).", open.as_str()),
    }
}
