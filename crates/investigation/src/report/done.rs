//! What was done: who was told, what was changed on the machine and by whose word, the deeper look, the legal hold. What
//! waits for somebody says for whom, and until when.

use jiff::Timestamp;

use super::Subject;
use super::facts::{code, outside, row};
use super::html::Html;
use super::table::{Set, Table, rest, table};
use super::words::{bytes, count, instant};
use crate::case::{ActionStatus, ForensicStatus, Forensics, HoldStatus, LegalHold};
use crate::remediation::{Proposed, Remediation, Stage};

/// Most actions.
const MAX_ACTIONS: usize = 60;
/// Most measures; a case has fewer.
const MAX_MEASURES: usize = 64;
/// Most words of people on them.
const MAX_APPROVALS: usize = 100;
/// Most lines of what was not proposed.
const MAX_LEFT_OUT: usize = 40;

const ACTIONS: &[(&str, Set)] = &[
    ("Action", Set::Text),
    ("Status", Set::Word),
    ("To", Set::Text),
    ("Detail", Set::Text),
    ("At (UTC)", Set::Code),
];
const MEASURES: &[(&str, Set)] = &[
    ("Measure", Set::Text),
    ("Stage", Set::Word),
    ("Approvals", Set::Text),
    ("How it went", Set::Text),
    ("Taking it back", Set::Text),
];
const APPROVALS: &[(&str, Set)] = &[
    ("Who", Set::Text),
    ("What", Set::Text),
    ("When (UTC)", Set::Code),
    ("Counts until (UTC)", Set::Code),
    ("On the evidence (SHA-256)", Set::Code),
];

pub(super) fn applies(subject: &Subject<'_>) -> bool {
    let case = subject.case;
    !case.actions.is_empty() || case.remediation.is_some() || case.forensics.is_some() || case.hold.is_some()
}

pub(super) fn write(page: &mut Html, subject: &Subject<'_>) {
    if let Some(kept) = &subject.case.remediation {
        remediation(page, kept, subject.written_at);
    }
    if let Some(look) = &subject.case.forensics {
        page.say("h3", &[], "The deeper look at the machine");
        page.tag("dl", &[("class", "facts")], |page| forensics(page, look));
    }
    if let Some(kept) = &subject.case.hold {
        page.say("h3", &[], "Legal hold");
        page.tag("dl", &[("class", "facts")], |page| hold(page, kept));
    }
    if !subject.case.actions.is_empty() {
        actions(page, subject);
    }
}

fn remediation(page: &mut Html, kept: &Remediation, now: Timestamp) {
    page.say("h3", &[], "Changes to the machine");
    page.tag("p", &[], |page| standing(page, kept, now));
    let caption = format!(
        "{}, in the order in which they are carried out",
        count(kept.measures.len(), "measure", "measures")
    );
    let shown = Table { caption: &caption, columns: MEASURES, rows: MAX_MEASURES, rest_in: "case.json" };
    table(page, &shown, kept.measures.iter(), |row, proposed| {
        row.cell(|page| {
            page.text(&format!("{}. ", proposed.n));
            page.outside(&proposed.measure.words());
            page.tag("div", &[("class", "path")], |page| {
                page.text("by the finding ");
                page.brief(&proposed.why.rule, 80);
            });
        });
        row.cell(|page| stage(page, kept, proposed, now));
        row.cell(|page| approvals(page, kept, proposed, now));
        row.cell(|page| went(page, proposed));
        row.cell(|page| taking_back(page, proposed, now));
    });
    let caption = "Who said what, and on which evidence";
    let shown = Table { caption, columns: APPROVALS, rows: MAX_APPROVALS, rest_in: "case.json" };
    table(page, &shown, kept.approvals.iter(), |row, approval| {
        row.cell(|page| {
            page.outside(&approval.by);
            page.text(&format!(" {}", approval.how.words()));
        });
        let numbers: Vec<String> = approval.measures.iter().take(MAX_MEASURES).map(u32::to_string).collect();
        let what = match (approval.unsealed, approval.undoes) {
            (true, _) => "not counted, as it has no seal:",
            (false, true) => "take back",
            (false, false) => "approved",
        };
        row.text(&format!("{what} {}", numbers.join(", ")));
        row.time(Some(approval.at));
        row.time(Some(approval.expires_at));
        row.cell(|page| {
            page.brief(&approval.evidence_sha256, 64);
            if approval.evidence_sha256 != kept.evidence_sha256 {
                page.text(" ");
                page.say("span", &[("class", "badge doubt")], "not this case's evidence");
            }
        });
    });
    if !kept.left_out.is_empty() {
        page.say("p", &[], "Not proposed:");
        page.tag("ul", &[], |page| {
            for what in kept.left_out.iter().take(MAX_LEFT_OUT) {
                page.tag("li", &[], |page| page.outside(what));
            }
        });
        rest(page, kept.left_out.len().saturating_sub(MAX_LEFT_OUT), "case.json");
    }
}

/// The sentence above the measures: what waits, and for whom.
fn standing(page: &mut Html, kept: &Remediation, now: Timestamp) {
    let waiting = kept.waiting(now).count();
    if kept.measures.is_empty() {
        page.text("Nothing was proposed.");
    } else if kept.dry_run {
        page.text("A preview ([remediation] dry_run): nobody can approve it, and nothing was done.");
    } else if kept.evidence_sha256.is_empty() {
        page.text("Proposed from the evidence. It is put before those who may approve once that is sealed.");
    } else if waiting > 0 {
        let who = count(waiting, "measure waits", "measures wait");
        page.text(&format!("{who} for those whom the policy lets approve, until "));
        instant(page, kept.expires_at);
        page.text(" UTC. Nothing of it is done before enough of them have.");
    } else {
        page.text("Nothing waits for an approval.");
    }
}

/// As sign and word, never as colour alone.
fn stage(page: &mut Html, kept: &Remediation, proposed: &Proposed, now: Timestamp) {
    let open = !kept.dry_run && now < kept.expires_at;
    let (class, text) = match proposed.stage {
        Stage::Proposed if kept.dry_run => ("badge", "– preview"),
        Stage::Proposed if kept.evidence_sha256.is_empty() => ("badge", "… proposed"),
        Stage::Proposed if open => ("badge doubt", "… waits"),
        Stage::Proposed | Stage::Expired => ("badge doubt", "– expired"),
        Stage::Ordered => ("badge doubt", "… ordered"),
        Stage::Done => ("badge good", "✓ done"),
        Stage::Gone => ("badge", "– nothing to do"),
        Stage::Refused => ("badge doubt", "✕ refused"),
        Stage::Failed => ("badge bad", "✕ failed"),
        Stage::Rejected => ("badge", "✕ rejected"),
        Stage::Undoing => ("badge doubt", "… being taken back"),
        Stage::Undone => ("badge", "↶ taken back"),
    };
    page.say("span", &[("class", class)], text);
}

fn approvals(page: &mut Html, kept: &Remediation, proposed: &Proposed, now: Timestamp) {
    let given = kept.given(proposed.n, false);
    let mut names: Vec<&str> = given.map(|approval| approval.by.as_str()).collect();
    names.dedup();
    page.text(&format!("{} of {}", names.len(), proposed.needs));
    for (index, name) in names.iter().take(10).enumerate() {
        page.text(if index == 0 { ": " } else { ", " });
        page.brief(name, 120);
    }
    let counted = kept.approvers(proposed.n, false, now).len();
    let missing = usize::try_from(proposed.needs).unwrap_or(usize::MAX).saturating_sub(counted);
    if kept.waiting(now).any(|waits| waits.n == proposed.n) && missing > 0 {
        page.tag("div", &[("class", "path")], |page| {
            page.text(&format!("waits for {}", count(missing, "more person", "more persons")));
        });
    }
}

fn went(page: &mut Html, proposed: &Proposed) {
    match &proposed.outcome {
        Some(outcome) => {
            page.outside(&outcome.detail);
            page.tag("div", &[("class", "path")], |page| instant(page, outcome.at));
        }
        None if proposed.detail.is_empty() => page.say("span", &[("class", "muted")], "–"),
        None => page.outside(&proposed.detail),
    }
}

fn taking_back(page: &mut Html, proposed: &Proposed, now: Timestamp) {
    if let Some(until) = proposed.isolated_until() {
        let tense = if until > now { "ends by itself at " } else { "ended by itself at " };
        page.tag("div", &[], |page| {
            page.text(tense);
            instant(page, until);
        });
    }
    match (proposed.stage, &proposed.undone) {
        (Stage::Done, Some(failed)) => {
            page.text("it did not work: ");
            page.outside(&failed.detail);
        }
        (Stage::Done, None) if proposed.undo().is_some() => page.text("can be taken back"),
        (Stage::Done, None) => page.text("cannot be taken back"),
        (Stage::Undoing, _) => page.text("under way"),
        (Stage::Undone, Some(undone)) => {
            page.outside(&undone.detail);
            page.tag("div", &[("class", "path")], |page| instant(page, undone.at));
        }
        _ => page.say("span", &[("class", "muted")], "–"),
    }
}

fn forensics(page: &mut Html, look: &Forensics) {
    row(page, "Status", |page| {
        let (class, text) = match look.status {
            ForensicStatus::Ordered => ("badge doubt", "… ordered"),
            ForensicStatus::Collected => ("badge doubt", "… collected, to be sealed"),
            ForensicStatus::Sealed => ("badge good", "✓ sealed"),
            ForensicStatus::GivenUp => ("badge bad", "✕ given up"),
        };
        page.say("span", &[("class", class)], text);
    });
    outside(page, "Ordered by", Some(&look.ordered_by));
    row(page, "Ordered", |page| instant(page, look.ordered_at));
    if look.failed_tries > 0 {
        row(page, "Tries that failed", |page| page.text(&look.failed_tries.to_string()));
    }
    outside(page, "Why it is not done", Some(&look.detail));
    if let Some(sealed) = &look.evidence {
        outside(page, "The second container", Some(&sealed.location));
        code(page, "Its SHA-256", Some(&sealed.sha256));
        row(page, "Its size", |page| page.text(&bytes(sealed.size)));
        row(page, "Sealed", |page| instant(page, sealed.sealed_at));
    }
}

fn hold(page: &mut Html, hold: &LegalHold) {
    row(page, "Status", |page| {
        let (class, text) = match hold.status {
            HoldStatus::Setting => ("badge doubt", "… being set"),
            HoldStatus::Held => ("badge good", "✓ in force"),
            HoldStatus::Releasing => ("badge doubt", "… being lifted"),
            HoldStatus::Released => ("badge", "– lifted"),
            HoldStatus::Failed => ("badge bad", "✕ failed"),
        };
        page.say("span", &[("class", class)], text);
    });
    outside(page, "By", Some(&hold.by));
    row(page, "Since", |page| instant(page, hold.at));
    outside(page, "Why", Some(&hold.reason));
    outside(page, "What was done", Some(&hold.detail));
}

fn actions(page: &mut Html, subject: &Subject<'_>) {
    page.say("h3", &[], "Who was told, and what else was set off");
    if let Some(ticket) = &subject.case.ticket {
        page.tag("p", &[], |page| {
            page.text("The ticket is ");
            page.brief(&ticket.reference.number, 80);
            if let Some(url) = &ticket.reference.url {
                page.text(", ");
                page.brief(url, 300);
            }
            page.text(".");
        });
    }
    let caption = "Mails, tickets and the site's own actions";
    let shown = Table { caption, columns: ACTIONS, rows: MAX_ACTIONS, rest_in: "the case" };
    table(page, &shown, subject.case.actions.iter(), |row, action| {
        row.text(&action.kind.as_str().replace('_', " "));
        row.cell(|page| {
            let (class, text) = match action.status {
                ActionStatus::Done => ("badge good", "✓ done"),
                ActionStatus::Pending => ("badge", "… to be done"),
                ActionStatus::Skipped => ("badge doubt", "– skipped"),
                ActionStatus::Uncertain => ("badge doubt", "? uncertain"),
                ActionStatus::Failed => ("badge bad", "✕ failed"),
                ActionStatus::DryRun => ("badge doubt", "– dry run"),
                ActionStatus::Bounced => ("badge bad", "✕ came back"),
                ActionStatus::Complained => ("badge bad", "✕ complained of"),
            };
            page.say("span", &[("class", class)], text);
        });
        row.maybe(Some(&action.to.join(", ")));
        row.maybe(Some(&action.detail));
        row.time(Some(action.at));
    });
}
