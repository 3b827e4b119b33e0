//! What a case tells its ticket of what came after that was made: measures and how they ended, the deeper look, the legal
//! hold, a mail that came back, a verdict that would be another by now.
//!
//! It is read off the difference between the case before an event and after it, in the very write of that event, so that
//! nothing is told twice and nothing is forgotten. What happens together is one comment: one that nobody has begun takes
//! further lines, and waits a little while more is under way. The number of comments of a case is bounded.

use jiff::{SignedDuration, Timestamp};

use super::{ActionStatus, Case, Effect, ForensicStatus, HoldStatus, Pending, Step};
use crate::act::ActionKind;
use crate::assess::Verdict;
use crate::claim::later;
use crate::evidence::ArtifactStatus;
use crate::policy::Policy;
use crate::remediation::{Proposed, Remediation, Stage};
use crate::text::one_line;

/// Most comments of one case that tell news.
pub(super) const MAX_TOLD: u32 = 12;
/// Most lines of one comment, and most that wait for a ticket.
const MAX_LINES: usize = 20;
/// Longest line, in characters.
const MAX_LINE: usize = 600;
/// So long a comment waits for what is under way at the same time.
const GATHERS: SignedDuration = SignedDuration::from_mins(2);
/// What stands for lines beyond the most.
const MORE: &str = "There is more: see the case.";
/// What ends the last comment.
const LAST: &str = "This ticket is told no more of it: see the case.";

impl Step {
    /// Plans what the ticket is told of this step. `before` is the case as it was.
    pub(super) fn tell_news(&mut self, before: &Case, policy: &Policy, now: Timestamp) {
        if self.is_sealed() && policy.comments_news() {
            let lines = news(before, &self.case);
            self.case.tell(lines, now);
        }
    }
}

impl Case {
    /// The step by which it is noted, and told to the ticket, that the sealed evidence would have another verdict by the
    /// rules of today. The case keeps the verdict that it was sealed with. `None` where the verdict is the same, the case
    /// has none, or the very same was noted before. Whoever writes it holds the case, or the case is closed.
    pub fn reassessed(&self, verdict: Verdict, by: &str, policy: &Policy, now: Timestamp) -> Option<Step> {
        let was = self.verdict().filter(|was| *was != verdict)?;
        let line = format!(
            "The sealed evidence was read again by other rules: {} instead of {}. The case keeps the verdict that it was \
             sealed with",
            verdict.words(),
            was.words()
        );
        if self.history.iter().any(|entry| entry.what.starts_with(&line)) {
            return None;
        }
        let mut step = self.next_step(now);
        step.case.note(now, format!("{line} (by {})", one_line(by, super::NAME)));
        if step.is_sealed() && policy.comments_news() {
            step.case.tell(vec![format!("{line}. A person decides.")], now);
        }
        Some(step)
    }

    /// Puts lines into a comment, or keeps them for the ticket that is still to be made.
    fn tell(&mut self, lines: Vec<String>, now: Timestamp) {
        for line in lines {
            keep(&mut self.news, line);
        }
        let under_way = self.is_under_way(now);
        let unbegun = |pending: &&mut Pending| {
            matches!(pending.effect, Effect::Comment { .. }) && pending.attempts == 0 && !pending.started
        };
        let Some(ticket) = &mut self.ticket else {
            let awaited =
                |pending: &Pending| matches!(pending.effect, Effect::Act { kind: ActionKind::Ticket, .. });
            if !self.pending.iter().any(awaited) {
                self.news.clear();
            }
            return;
        };
        if let Some(pending) = self.pending.iter_mut().find(unbegun) {
            if let Effect::Comment { text } = &mut pending.effect {
                let mut told: Vec<String> = text.lines().map(str::to_owned).collect();
                self.news.drain(..).for_each(|line| keep(&mut told, line));
                *text = told.join("\n");
            }
            if !under_way {
                pending.not_before = pending.not_before.min(now);
            }
            return;
        }
        if self.news.is_empty() || ticket.news_told >= MAX_TOLD {
            self.news.clear();
            return;
        }
        ticket.news_told += 1;
        let last = ticket.news_told == MAX_TOLD;
        let mut lines = std::mem::take(&mut self.news);
        lines.extend(last.then(|| LAST.to_owned()));
        self.comment(lines.join("\n"), if under_way { later(now, GATHERS) } else { now }, now);
    }

    /// Whether something is being done, or about to be, whose end the ticket is told as well.
    fn is_under_way(&self, now: Timestamp) -> bool {
        self.pending.iter().any(|pending| {
            let tells = pending.effect.changes_endpoint() || pending.effect.is_follow_up();
            tells && (pending.started || pending.handed_to.is_some() || pending.not_before <= now)
        })
    }
}

/// Adds a line while there is room, and says once that there was none.
fn keep(lines: &mut Vec<String>, line: String) {
    if lines.len() + 1 < MAX_LINES {
        lines.push(one_line(&line, MAX_LINE));
    } else if lines.last().is_none_or(|last| last != MORE) {
        lines.push(MORE.to_owned());
    }
}

/// What is new.
fn news(before: &Case, after: &Case) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(kept) = &after.remediation {
        measures(before.remediation.as_ref(), kept, &mut lines);
    }
    forensics(before, after, &mut lines);
    hold(before, after, &mut lines);
    returned(before, after, &mut lines);
    lines
}

fn measures(before: Option<&Remediation>, after: &Remediation, lines: &mut Vec<String>) {
    let mut groups: Vec<(String, Vec<&Proposed>)> = Vec::new();
    for proposed in &after.measures {
        let Some(was) = before.and_then(|before| before.measure(proposed.n)).map(|was| was.stage) else {
            continue;
        };
        let Some(came) = came_of(after, proposed, was) else { continue };
        match groups.iter_mut().find(|(said, _)| *said == came) {
            Some((_, group)) => group.push(proposed),
            None => groups.push((came, vec![proposed])),
        }
    }
    for (came, group) in groups {
        let host = one_line(&after.host_name, 80);
        lines.push(match group.as_slice() {
            [one] => format!("Measure {} on {host}, {}: {came}", one.n, one.measure.words()),
            many => {
                let named: Vec<String> =
                    many.iter().map(|one| format!("{} ({})", one.n, one.measure.as_str())).collect();
                format!("Measures {} on {host}: {came}", named.join(", "))
            }
        });
    }
}

/// What became of a measure, where that is worth a line.
fn came_of(kept: &Remediation, proposed: &Proposed, was: Stage) -> Option<String> {
    if proposed.stage == was {
        return None;
    }
    let detail = match proposed.detail.is_empty() {
        true => ".".to_owned(),
        false => format!(": {}", one_line(&proposed.detail, 400)),
    };
    let by = |undoes: bool| {
        let given = kept.given(proposed.n, undoes);
        let mut names: Vec<String> = given.map(|approval| one_line(&approval.by, 80)).collect();
        names.dedup();
        names.join(" and ")
    };
    Some(match (was, proposed.stage) {
        (Stage::Undoing, Stage::Done) => format!("it could not be taken back{detail}"),
        (_, Stage::Done) => {
            let until = proposed.isolated_until().map(|at| format!(" until {at:.0}")).unwrap_or_default();
            format!("done{until}, approved by {}{detail}", by(false))
        }
        (_, Stage::Gone) => format!("nothing was left to do{detail}"),
        (_, Stage::Refused) => format!("refused, nothing was changed{detail}"),
        (_, Stage::Failed) => format!("failed{detail}"),
        (_, Stage::Expired) => format!("expired{detail}"),
        (_, Stage::Rejected) => proposed.detail.clone(),
        (_, Stage::Undone) => format!("taken back by order of {}{detail}", by(true)),
        (_, Stage::Proposed | Stage::Ordered | Stage::Undoing) => return None,
    })
}

fn forensics(before: &Case, after: &Case, lines: &mut Vec<String>) {
    let Some(look) = &after.forensics else { return };
    if before.forensics.as_ref().is_some_and(|before| before.status == look.status) {
        return;
    }
    match (look.status, &look.evidence) {
        (ForensicStatus::Sealed, Some(evidence)) => {
            let whole = |status| status == ArtifactStatus::Ok;
            let short = look.artifacts.iter().filter(|artifact| !whole(artifact.status)).count();
            let parts = match short {
                0 => "every artifact is whole".to_owned(),
                short => format!("not whole: {short} of {} artifacts", look.artifacts.len()),
            };
            lines.push(format!(
                "The deeper look at the machine is sealed, {parts}: {}, SHA-256 {}",
                one_line(&evidence.location, 400),
                one_line(&evidence.sha256, 64)
            ));
        }
        (ForensicStatus::GivenUp, _) => {
            lines.push(format!("The deeper look at the machine was given up: {}", look.detail));
        }
        _ => {}
    }
}

fn hold(before: &Case, after: &Case, lines: &mut Vec<String>) {
    let Some(hold) = &after.hold else { return };
    if before.hold.as_ref().is_some_and(|before| before.status == hold.status) {
        return;
    }
    // The one that covers a second container is set once more.
    let second = after.forensics.as_ref().and_then(|look| look.evidence.as_ref());
    let again = second.is_some_and(|second| second.sealed_at > hold.at);
    let (by, reason) = (&hold.by, &hold.reason);
    match hold.status {
        HoldStatus::Held if again => lines.push("The legal hold covers the second container too.".to_owned()),
        HoldStatus::Held => lines.push(format!("The evidence is under legal hold, by {by}: {reason}")),
        HoldStatus::Released => lines.push(format!("The legal hold is lifted, by {by}: {reason}")),
        HoldStatus::Failed => {
            lines.push(format!("The legal hold could not be set or lifted: {}", hold.detail));
        }
        HoldStatus::Setting | HoldStatus::Releasing => {}
    }
}

/// Mails that came back. Why, and to which address they went, stays on the case.
fn returned(before: &Case, after: &Case, lines: &mut Vec<String>) {
    for (was, is) in before.actions.iter().zip(&after.actions) {
        let how = match is.status {
            ActionStatus::Bounced => "came back",
            ActionStatus::Complained => "was complained of by its receiver",
            _ => continue,
        };
        if was.status != is.status && was.kind == is.kind {
            lines.push(format!("The mail {} {how}: the case says why.", is.kind));
        }
    }
}
