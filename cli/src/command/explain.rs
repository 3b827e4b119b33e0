//! `peerhound explain`: what became of an alert, and why.

use anyhow::{Result, anyhow};
use casework::backend::{AlertRow, SuppressedAlert};
use investigation::case::{Case, Disposition};
use serde::Serialize;

use crate::exit::{Exit, WithExit};
use crate::records::Records;
use crate::show::{self, minute, paint, safe};

/// An alert with the case that it opened or was folded into.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    alert: &'a AlertRow,
    case: Option<&'a Case>,
}

/// Runs the command.
pub(super) async fn run(store: &impl Records, alert_id: &str, json: bool) -> Result<Exit> {
    let mut rows = store.alert(alert_id).await?;
    if rows.is_empty() {
        for (case_id, alert) in store.only_counted(alert_id).await? {
            let case = store.case(&case_id).await?;
            rows.push(counted(case_id, alert, case.as_ref()));
        }
    }
    if rows.is_empty() {
        let text = format!(
            "no alert {}: give Peerhound's id, its first 8 characters or more, or the sender's event id",
            safe(alert_id)
        );
        return Err(anyhow!(text).context(WithExit(Exit::BadInput)));
    }
    for row in &rows {
        let case = match &row.disposition {
            Disposition::Opened { case_id }
            | Disposition::Suppressed { case_id, .. }
            | Disposition::Folded { case_id, .. } => store.case(case_id).await?,
            _ => None,
        };
        if json {
            show::json(&Explained { alert: row, case: case.as_ref() });
        } else {
            show::lines(&lines(row, case.as_ref()));
        }
    }
    Ok(Exit::Done)
}

/// An alert of which only this is known: that it was counted on a case, when, and because of which claim.
fn counted(case_id: String, alert: SuppressedAlert, case: Option<&Case>) -> AlertRow {
    let SuppressedAlert { alert_id, key, at } = alert;
    let claim = case.and_then(|case| case.claims.iter().find(|claim| claim.key == key));
    // A case that has given the claim up wrote that down; it was in force until then at the latest.
    let until = claim.map(|claim| claim.expires_at).or(case.map(|case| case.updated_at)).unwrap_or(at);
    AlertRow {
        id: alert_id,
        origin: "a batch of repeats, which are counted and not kept".to_owned(),
        received_at: at,
        alert: None,
        original: None,
        disposition: Disposition::Suppressed { key, case_id, until },
        settled_at: Some(at),
    }
}

fn lines(row: &AlertRow, case: Option<&Case>) -> Vec<String> {
    let mut lines = vec![paint::bold(&format!("alert {}", row.id))];
    lines.push(format!("    received {} from {}", minute(row.received_at), safe(&row.origin)));
    if let Some(alert) = &row.alert {
        let end = |ip: Option<std::net::IpAddr>, port: Option<u16>| match (ip, port) {
            (Some(ip), Some(port)) => format!("{ip} port {port}"),
            (Some(ip), None) => ip.to_string(),
            (None, _) => "unknown".to_owned(),
        };
        let flow = format!(
            "{} to {}",
            end(alert.source_ip, alert.source_port),
            end(alert.destination_ip, alert.destination_port)
        );
        lines.push(format!(
            "    {}: {flow}  {}",
            alert.format,
            safe(alert.rule_name.as_deref().unwrap_or(""))
        ));
    }
    if let Some(original) = &row.original
        && !original.is_empty()
    {
        lines.push(format!("    it begins: {}", safe(original)));
    }
    lines.push(format!("    {}", what(&row.disposition)));
    if let Some(case) = case {
        let verdict = case
            .verdict()
            .map_or_else(|| case.state.as_str().to_owned(), |verdict| verdict.words().to_owned());
        lines.push(format!("    case {} on {}: {verdict}", case.id, case.target));
        if let Some(assessment) = &case.assessment {
            lines.push(format!("    {}", assessment.summary));
        }
        if let Some(last) = case.history.last() {
            lines.push(paint::dim(&format!("    last: {} {}", minute(last.at), safe(&last.what))));
        }
    }
    lines
}

fn what(disposition: &Disposition) -> String {
    match disposition {
        Disposition::Waiting => {
            "waits to be worked: run `peerhound sweep` or `peerhound watch`; on AWS that happens by itself"
                .to_owned()
        }
        Disposition::Opened { case_id } => format!("opened case {case_id}"),
        Disposition::Suppressed { key, case_id, until } => format!(
            "suppressed: {} belongs to case {case_id} until {}; release it with `peerhound cooldown release '{}'`",
            safe(key.as_str()),
            minute(*until),
            safe(key.as_str())
        ),
        Disposition::Folded { case_id, until } => {
            format!("folded into case {case_id}, which waits for this machine; next try {}", minute(*until))
        }
        Disposition::Exempt { what, reason } => format!("exempt by policy: {}: {}", safe(what), safe(reason)),
        Disposition::Refused { reason } => format!("refused, nothing was contacted: {}", safe(reason)),
        Disposition::Withdrawn { reason } => format!("withdrawn before its turn: {}", safe(reason)),
        Disposition::Review { reason } => format!("for review, nothing was contacted: {}", safe(reason)),
        Disposition::Unreadable { reason } => format!("could not be read: {}", safe(reason)),
    }
}
