//! `peerhound case`: what is and was worked.

use anyhow::{Result, anyhow};
use casework::backend::{Backend, SuppressedAlert};
use investigation::case::{Case, Outcome, State};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::CaseCommand;
use crate::exit::{Exit, WithExit};
use crate::show::{self, minute, outcome, paint, safe, table};

/// A case with what the store counts for it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    case: &'a Case,
    suppressed_count: u64,
    suppressed: &'a [SuppressedAlert],
}

/// Runs the command.
pub(super) async fn run(store: &impl Backend, command: &CaseCommand, json: bool) -> Result<Exit> {
    match command {
        CaseCommand::List { open, limit } => {
            let cases = store.cases(*open, *limit).await?;
            if json {
                cases.iter().for_each(show::json);
            } else if cases.is_empty() {
                show::lines(&["no cases".to_owned()]);
            } else {
                let rows: Vec<Vec<String>> = cases
                    .iter()
                    .map(|case| {
                        vec![
                            case.id.clone(),
                            minute(case.opened_at),
                            case.target.to_string(),
                            match case.approvals_until {
                                Some(until) if Timestamp::now() < until => {
                                    format!("{}, approval wanted", case.status)
                                }
                                _ => case.status.clone(),
                            },
                            case.verdict.clone().unwrap_or_else(|| "-".to_owned()),
                            safe(case.host_name.as_deref().unwrap_or("-")),
                            safe(&case.users.join(", ")),
                            case.suppressed.to_string(),
                        ]
                    })
                    .collect();
                let header = ["CASE", "OPENED", "MACHINE", "STATUS", "VERDICT", "HOST", "USERS", "REPEATS"];
                table::print(&header, &rows);
            }
        }
        CaseCommand::Report { .. }
        | CaseCommand::Forensics { .. }
        | CaseCommand::Hold(_)
        | CaseCommand::Release(_) => {
            unreachable!("they need more than the store, see `run` and `ask`")
        }
        CaseCommand::Show { case_id } => {
            let case = store.case(case_id).await?.ok_or_else(|| {
                let text = format!("no case {}: see `peerhound case list`", safe(case_id));
                anyhow!(text).context(WithExit(Exit::BadInput))
            })?;
            let (suppressed_count, suppressed) = store.suppressed(case_id).await?;
            if json {
                show::json(&Shown { case: &case, suppressed_count, suppressed: &suppressed });
            } else {
                show::lines(&lines(&case, suppressed_count, &suppressed));
            }
        }
    }
    Ok(Exit::Done)
}

fn lines(case: &Case, suppressed_count: u64, suppressed: &[SuppressedAlert]) -> Vec<String> {
    let mut lines = vec![paint::bold(&format!("case {}  {}", case.id, ending(&case.state)))];
    let mut row = |name: &str, value: String| lines.push(format!("{name:<12} {value}"));
    row("machine", case.target.to_string());
    if let Some(identity) = &case.identity {
        let os = identity.os.as_deref().map(|os| format!(", {}", safe(os))).unwrap_or_default();
        row("host", format!("{}{os}", safe(&identity.host_name)));
    }
    if !case.suspects().is_empty() {
        row("users", safe(&case.suspects().join(", ")));
    }
    let alert = &case.alert;
    row(
        "alert",
        format!("{} ({}) {}", alert.id, alert.format, safe(alert.rule_name.as_deref().unwrap_or(""))),
    );
    if let Some(peer) = case.peer_ip {
        let port = case.peer_port.map(|port| format!(" port {port}")).unwrap_or_default();
        row("peer", format!("{peer}{port}"));
    }
    row("opened", minute(case.opened_at));
    for claim in &case.claims {
        row("claim", format!("{} until {}", safe(claim.key.as_str()), minute(claim.expires_at)));
    }
    if let Some(evidence) = &case.evidence {
        row("evidence", format!("{} ({} bytes)", evidence.location, evidence.size));
        row("sha256", evidence.sha256.clone());
    }
    if let Some(ticket) = &case.ticket {
        let url = ticket.reference.url.as_deref().map(|url| format!(", {}", safe(url))).unwrap_or_default();
        row("ticket", format!("{}{url}", safe(&ticket.reference.number)));
    }
    if let Some(forensics) = &case.forensics {
        row("forensics", words::forensics(forensics));
    }
    if let Some(hold) = &case.hold {
        row("legal hold", words::hold(hold));
    }
    if let Some(assessment) = &case.assessment {
        lines.push(String::new());
        lines.extend(investigation::assess::summary::explain_text(assessment).lines().map(str::to_owned));
    }
    let deeper = case.forensics.as_ref().map_or(&[][..], |forensics| &forensics.artifacts);
    for (title, artifacts) in [("artifacts", &case.artifacts[..]), ("artifacts of the deeper look", deeper)] {
        if artifacts.is_empty() {
            continue;
        }
        lines.extend([String::new(), paint::bold(title)]);
        for artifact in artifacts {
            let why = if artifact.reasons.is_empty() {
                String::new()
            } else {
                format!(": {}", safe(&artifact.reasons.join("; ")))
            };
            let status = format!("{:?}", artifact.status).to_lowercase();
            lines.push(format!("  {:<28} {status}, {} rows{why}", artifact.artifact, artifact.items));
        }
    }
    if !case.actions.is_empty() {
        lines.extend([String::new(), paint::bold("actions")]);
        lines.extend(case.actions.iter().map(|action| format!("  {}", outcome::action_line(action))));
    }
    let remediation = super::remediation::case_lines(case, Timestamp::now());
    if !remediation.is_empty() {
        lines.push(String::new());
        lines.extend(remediation);
    }
    if suppressed_count > 0 {
        let shown = suppressed.len() as u64;
        let rest = if shown < suppressed_count { format!(", the latest {shown}:") } else { ":".to_owned() };
        lines.extend([String::new(), paint::bold(&format!("suppressed alerts: {suppressed_count}{rest}"))]);
        let line = |alert: &SuppressedAlert| {
            format!("  {}  {}  {}", minute(alert.at), alert.alert_id, safe(alert.key.as_str()))
        };
        lines.extend(suppressed.iter().map(line));
    }
    lines.extend([String::new(), paint::bold("history")]);
    lines.extend(case.history.iter().map(|entry| format!("  {}  {}", minute(entry.at), safe(&entry.what))));
    lines
}

/// What follows a case, in words that are safe to show.
mod words {
    use investigation::case::{ForensicStatus, Forensics, HoldStatus, LegalHold};

    use super::{minute, safe};

    pub(super) fn forensics(forensics: &Forensics) -> String {
        let detail = &forensics.detail;
        let status = match forensics.status {
            ForensicStatus::Ordered if detail.is_empty() => "ordered".to_owned(),
            ForensicStatus::Ordered => format!("to be tried again: {}", safe(detail)),
            ForensicStatus::Collected => "collected, to be sealed".to_owned(),
            ForensicStatus::Sealed => "sealed".to_owned(),
            ForensicStatus::GivenUp => format!("given up: {}", safe(detail)),
        };
        let by = format!(
            "{status}; ordered by {} at {}",
            safe(&forensics.ordered_by),
            minute(forensics.ordered_at)
        );
        match &forensics.evidence {
            Some(evidence) => {
                format!("{by}; {} ({} bytes), sha256 {}", evidence.location, evidence.size, evidence.sha256)
            }
            None => by,
        }
    }

    pub(super) fn hold(hold: &LegalHold) -> String {
        let status = match hold.status {
            HoldStatus::Setting => "being set",
            HoldStatus::Held => "in force",
            HoldStatus::Releasing => "being lifted",
            HoldStatus::Released => "lifted",
            HoldStatus::Failed => "failed",
        };
        let detail =
            if hold.detail.is_empty() { String::new() } else { format!(" ({})", safe(&hold.detail)) };
        format!("{status}{detail}; by {} at {}: {}", safe(&hold.by), minute(hold.at), safe(&hold.reason))
    }
}

/// Where a case stands, or how it ended, in words that are safe to show.
pub(super) fn ending(state: &State) -> String {
    match state {
        State::Closed { outcome: Outcome::Investigated { verdict } } => verdict.words().to_owned(),
        State::Closed { outcome: Outcome::Suppressed { by } } => {
            format!("suppressed by case {} ({})", by.case_id, safe(by.key.as_str()))
        }
        State::Closed { outcome: Outcome::Exempt { reason } } => format!("exempt: {}", safe(reason)),
        State::Closed { outcome: Outcome::Failed { reason, .. } } => format!("failed: {}", safe(reason)),
        State::Waiting { reason, .. } => format!("waiting for the machine: {}", safe(reason)),
        open => open.as_str().to_owned(),
    }
}
