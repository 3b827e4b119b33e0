//! The outcome of one alert: a few lines for people, one JSON object for programs.

use casework::backend::AlertRow;
use casework::worker::Resolution;
use investigation::assess::Verdict;
use investigation::case::{ActionRecord, ActionStatus, Case, Disposition, Outcome as Ending, State};
use serde::Serialize;

use super::{minute, paint, safe};
use crate::exit::Exit;

/// What became of one alert, as it is printed with `--json`. Keys that do not apply are left out.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Outcome {
    /// `investigated`, `suppressed`, `exempt`, `withdrawn`, `refused`, `review`, `unreadable`, `failed` or `open`.
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_id: Option<String>,
    #[serde(rename = "event.id", skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    pub(super) origin: String,
    #[serde(rename = "host.ip", skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(rename = "host.name", skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Found>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<investigation::case::SealedEvidence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<ActionRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<jiff::Timestamp>,
}

/// A finding, short.
#[derive(Clone, Debug, Serialize)]
struct Found {
    rule: String,
    confidence: &'static str,
    explanation: String,
}

impl Outcome {
    /// The outcome of an alert that was worked.
    pub(crate) fn of(row: &AlertRow, resolution: &Resolution) -> Self {
        let mut outcome = Self {
            alert_id: Some(row.id.clone()),
            event_id: row.alert.as_ref().and_then(|alert| alert.event_id.clone()),
            origin: row.origin.clone(),
            target: row.alert.as_ref().and_then(|alert| alert.source_ip).map(|ip| ip.to_string()),
            ..Self::default()
        };
        match resolution {
            Resolution::Case(case) => outcome.add_case(case),
            Resolution::Settled(disposition) => outcome.add_disposition(disposition),
            Resolution::InOtherHands(case_id) => {
                outcome.outcome = "open";
                outcome.case_id = Some(case_id.clone());
                outcome.reason = Some("another Peerhound is working on this case".to_owned());
            }
        }
        outcome
    }

    /// The outcome of an input that could not be opened.
    pub(crate) fn unopened(origin: &str, reason: &str) -> Self {
        let reason = Some(reason.to_owned());
        Self { outcome: "unreadable", origin: origin.to_owned(), reason, ..Self::default() }
    }

    fn add_case(&mut self, case: &Case) {
        self.case_id = Some(case.id.clone());
        self.target = Some(case.target.to_string());
        self.host = case.identity.as_ref().map(|identity| identity.host_name.clone());
        self.users = case.suspects();
        self.evidence = case.evidence.clone();
        self.actions = case.actions.clone();
        if let Some(assessment) = &case.assessment {
            self.verdict = Some(assessment.verdict.as_str());
            self.confidence = Some(assessment.confidence.as_str());
            self.summary = Some(assessment.summary.clone());
            self.missing = assessment.missing.clone();
            let found = assessment.findings.iter().map(|finding| Found {
                rule: finding.rule.clone(),
                confidence: finding.confidence.as_str(),
                explanation: finding.explanation.clone(),
            });
            self.findings = found.collect();
        }
        match &case.state {
            State::Closed { outcome: Ending::Failed { code, reason, retryable } } => {
                self.outcome = "failed";
                self.code = Some(code.clone());
                self.reason = Some(reason.clone());
                self.retryable = Some(*retryable);
            }
            State::Waiting { code, reason, .. } => {
                self.outcome = "failed";
                self.code = Some(code.clone());
                self.reason = Some(reason.clone());
                self.retryable = Some(true);
                self.retry_at = case.next_due();
            }
            State::Closed { outcome: Ending::Investigated { .. } } => self.outcome = "investigated",
            State::Closed { outcome: Ending::Suppressed { .. } } => self.outcome = "suppressed",
            State::Closed { outcome: Ending::Exempt { .. } } => self.outcome = "exempt",
            open => {
                self.outcome = "open";
                let last = case.history.last().map(|entry| entry.what.clone()).unwrap_or_default();
                self.reason = Some(format!("{}: {last}; `peerhound sweep` continues it", open.as_str()));
            }
        }
    }

    fn add_disposition(&mut self, disposition: &Disposition) {
        match disposition {
            Disposition::Waiting => self.outcome = "open",
            Disposition::Opened { case_id } => {
                self.outcome = "open";
                self.case_id = Some(case_id.clone());
            }
            Disposition::Suppressed { key, case_id, until } => {
                self.outcome = "suppressed";
                self.claim = Some(key.to_string());
                self.case_id = Some(case_id.clone());
                self.until = Some(*until);
            }
            Disposition::Folded { case_id, until } => {
                self.outcome = "suppressed";
                self.case_id = Some(case_id.clone());
                self.retry_at = Some(*until);
                self.reason = Some("a case already waits for this machine to answer".to_owned());
            }
            Disposition::Exempt { what, reason } => {
                self.outcome = "exempt";
                self.reason = Some(format!("{what}: {reason}"));
            }
            Disposition::Refused { reason } => {
                self.outcome = "refused";
                self.reason = Some(reason.clone());
            }
            Disposition::Withdrawn { reason } => {
                self.outcome = "withdrawn";
                self.reason = Some(reason.clone());
            }
            Disposition::Review { reason } => {
                self.outcome = "review";
                self.reason = Some(reason.clone());
            }
            Disposition::Unreadable { reason } => {
                self.outcome = "unreadable";
                self.reason = Some(reason.clone());
            }
        }
    }

    /// The exit code that this outcome asks for.
    pub(crate) fn exit(&self) -> Exit {
        let undelivered = |action: &ActionRecord| {
            matches!(action.status, ActionStatus::Failed | ActionStatus::Uncertain | ActionStatus::Pending)
        };
        match self.outcome {
            "refused" | "review" | "unreadable" => Exit::BadInput,
            "failed" | "open" => Exit::Failed,
            _ if self.actions.iter().any(undelivered) => Exit::Failed,
            _ => Exit::Done,
        }
    }

    /// The lines for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let who = self.target.as_deref().unwrap_or(&self.origin);
        let mut head = format!("{}  {}", paint::bold(&safe(who)), self.headline());
        if let Some(host) = &self.host {
            head.push_str(&format!("  {}", safe(host)));
        }
        if !self.users.is_empty() {
            head.push_str(&format!("  {}", safe(&self.users.join(", "))));
        }
        let mut lines = vec![head];
        if let Some(summary) = &self.summary {
            lines.push(format!("    {summary}"));
        }
        for finding in self.findings.iter().take(3) {
            lines.push(format!("    - {} ({}): {}", finding.rule, finding.confidence, finding.explanation));
        }
        if self.findings.len() > 3 {
            let more = self.findings.len() - 3;
            lines.push(paint::dim(&format!("    - and {more} more, see the case")));
        }
        for missing in &self.missing {
            lines.push(paint::yellow(&format!("    missing: {missing}")));
        }
        if let Some(reason) = &self.reason {
            lines.push(format!("    {reason}"));
        }
        if let Some(retry_at) = self.retry_at {
            lines.push(format!(
                "    next try {} by `peerhound watch` or `peerhound sweep`, or when asked",
                minute(retry_at)
            ));
        }
        if let Some(evidence) = &self.evidence {
            lines.push(format!("    evidence {} ({} bytes)", evidence.location, evidence.size));
        }
        for action in &self.actions {
            lines.push(format!("    {}", action_line(action)));
        }
        let place = match (&self.case_id, self.outcome) {
            (Some(case_id), "suppressed") => format!("    counted on case {case_id}; alert {}", self.alert()),
            (Some(case_id), _) => format!("    case {case_id}; alert {}", self.alert()),
            (None, _) if self.target.is_some() => format!("    {}; alert {}", self.origin, self.alert()),
            (None, _) => return lines,
        };
        lines.push(paint::dim(&place));
        lines
    }

    fn alert(&self) -> &str {
        self.alert_id.as_deref().unwrap_or("-")
    }

    fn headline(&self) -> String {
        match (self.outcome, self.verdict) {
            ("investigated", Some(word)) => {
                let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word);
                verdict.map_or_else(|| paint::yellow(word), painted)
            }
            ("suppressed", _) if self.claim.is_none() => {
                paint::dim("folded into a case that waits for the machine")
            }
            ("suppressed", _) => {
                let claim = self.claim.as_deref().unwrap_or("it");
                let until = self.until.map(minute).unwrap_or_default();
                paint::dim(&format!("suppressed: {} was looked at, cooling down until {until}", safe(claim)))
            }
            ("failed", _) if self.retryable == Some(true) => paint::red("failed, can be tried again"),
            ("failed", _) => paint::red("failed"),
            ("review", _) => paint::yellow("for review"),
            ("refused", _) => paint::yellow("refused, not contacted"),
            (other, _) => paint::yellow(other),
        }
    }
}

/// A verdict in its colour.
fn painted(verdict: Verdict) -> String {
    match verdict {
        Verdict::PolicyViolation | Verdict::Compromised => paint::red(verdict.words()),
        Verdict::FalsePositive => paint::green(verdict.words()),
        Verdict::Inconclusive => paint::yellow(verdict.words()),
    }
}

/// One action on one line.
pub(crate) fn action_line(action: &ActionRecord) -> String {
    let to =
        if action.to.is_empty() { String::new() } else { format!(" to {}", safe(&action.to.join(", "))) };
    let (word, detail) = match action.status {
        ActionStatus::Done => (paint::green("done"), safe(&action.detail)),
        // Nothing went wrong: the policy's hours or limits hold it back.
        ActionStatus::Pending if action.attempts == 0 => (paint::yellow("pending"), safe(&action.detail)),
        ActionStatus::Pending => (paint::yellow("to be tried again"), safe(&action.detail)),
        ActionStatus::Skipped => (paint::yellow("skipped"), safe(&action.detail)),
        ActionStatus::Failed => (paint::red("failed"), safe(&action.detail)),
        ActionStatus::DryRun => (paint::yellow("dry run"), safe(&action.detail)),
        ActionStatus::Bounced => (paint::red("came back"), safe(&action.detail)),
        ActionStatus::Complained => (paint::red("complained of"), safe(&action.detail)),
        ActionStatus::Uncertain => (
            paint::red("uncertain"),
            format!("{}; look there before you repeat it by hand", safe(&action.detail)),
        ),
    };
    format!("{}{to}: {word} ({detail})", action.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_is_called_what_it_is() {
        for verdict in Verdict::ALL {
            let outcome =
                Outcome { outcome: "investigated", verdict: Some(verdict.as_str()), ..Outcome::default() };
            assert!(outcome.headline().contains(verdict.words()), "{}", outcome.headline());
        }
    }
}
