//! One case: the verdict with why, what was done, and what it rests on.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use casework::backend::SuppressedAlert;
use investigation::assess::{Assessment, Bearing, Finding};
use investigation::case::{ActionRecord, ActionStatus, Case, SealedEvidence};
use investigation::claim::Claim;
use investigation::evidence::{ArtifactOutcome, ArtifactStatus};
use jiff::Timestamp;
use maud::{Markup, html};

use super::super::access::Visitor;
use super::super::chosen::link;
use super::super::failure::Failure;
use super::super::routes::RELEASE;
use super::super::site::Site;
use super::Page;
use super::frame::{Tab, page};
use super::parts::{alert_link, badge, case_path, count, facts, moment, shown, table, whole};
use super::{follow_up, measures};
use crate::command::case::ending;
use crate::records::Records;

/// The page.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Page {
    let case = find(&site, &id).await?;
    let (suppressed, latest) = site.store.suppressed(&case.id).await?;
    let now = Timestamp::now();
    let keys: Vec<_> = case.claims.iter().map(|claim| claim.key.clone()).collect();
    let mut in_force = site.store.claims_on(&keys, now).await?;
    in_force.retain(|claim| claim.case_id == case.id);
    let content = html! {
        div .head {
            h1 { "Case " span .id { (case.id) } }
            (badge(case.verdict().map(|verdict| verdict.as_str())))
            @if let Some(assessment) = &case.assessment { span .quiet { (assessment.confidence) " confidence" } }
        }
        p .lead { (lead(&case)) }
        (facts(about(&case, &in_force)))
        @if let Some(kept) = &case.remediation { (measures::section(&case, kept, now)) }
        @if let Some(assessment) = &case.assessment { (findings(assessment)) }
        @if let Some(evidence) = &case.evidence { (sealed(&case.id, evidence)) }
        @if let Some(look) = &case.forensics { (follow_up::deeper(&case.id, look)) }
        @if let Some(hold) = &case.hold { (follow_up::hold(hold)) }
        @if !case.actions.is_empty() { (actions(&case.actions)) }
        @if !case.artifacts.is_empty() { (artifacts("artifacts", "Artifacts", &case.artifacts)) }
        (repeats(suppressed, &latest))
        (history(&case))
    };
    Ok(page(&site, &visitor, Tab::Cases, &format!("Case {}", case.id), &content))
}

/// The case of this id.
pub(super) async fn find<S: Records>(site: &Site<S>, id: &str) -> Result<Case, Failure> {
    let missing = || {
        Failure::missing("There is no such case here. Look for it in the list of cases, and in more days.")
    };
    let is_id = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_id {
        return Err(missing());
    }
    site.store.case(id).await?.ok_or_else(missing)
}

fn lead(case: &Case) -> Markup {
    match &case.assessment {
        Some(assessment) if case.is_closed() => html! { (shown(&assessment.summary)) },
        Some(assessment) => {
            html! { (shown(&assessment.summary)) " It is " (case.state.as_str().replace('_', " ")) " now." }
        }
        None => html! { (ending(&case.state).replace('_', " ")) },
    }
}

fn about<'a>(case: &'a Case, in_force: &[Claim]) -> Vec<(&'a str, Option<Markup>)> {
    let port = |port: Option<u16>| port.map(|port| format!(" port {port}")).unwrap_or_default();
    let alert = &case.alert;
    let identity = case.identity.as_ref();
    let users = case.suspects();
    let seen = alert.timestamp.map(|at| html! { ", seen " (moment(at)) });
    vec![
        ("Machine", Some(html! { (case.target) (port(case.target_port)) })),
        (
            "Host",
            identity.map(|identity| {
                html! {
                    (shown(&identity.host_name))
                    @if let Some(os) = &identity.os { span .quiet { " · " (shown(os)) } }
                }
            }),
        ),
        ("Users", (!users.is_empty()).then(|| html! { (shown(&users.join(", "))) })),
        ("Peer", case.peer_ip.map(|ip| html! { (ip) (port(case.peer_port)) })),
        (
            "Alert",
            Some(html! {
                (alert_link(&alert.id)) " " (shown(alert.rule_name.as_deref().unwrap_or("")))
                span .quiet { " · " (shown(&alert.format)) (seen.unwrap_or_default()) }
            }),
        ),
        (
            "State",
            Some(
                html! { (case.state.as_str().replace('_', " ")) span .quiet { " · " (ending(&case.state).replace('_', " ")) } },
            ),
        ),
        (
            "Opened",
            Some(
                html! { (moment(case.opened_at)) span .quiet { " · last change " (moment(case.updated_at)) } },
            ),
        ),
        (
            "Ticket",
            case.ticket.as_ref().map(|ticket| {
                html! {
                    (shown(&ticket.reference.number))
                    @if let Some(url) = &ticket.reference.url { span .quiet { " · " (shown(url)) } }
                }
            }),
        ),
        ("Next step", case.next_due().map(|due| html! { "not before " (moment(due)) })),
        (
            "Claims",
            (!case.claims.is_empty()).then(|| {
                html! {
                    @for claim in &case.claims { div { (claim_line(claim, in_force)) } }
                }
            }),
        ),
    ]
}

fn claim_line(claim: &Claim, in_force: &[Claim]) -> Markup {
    let key = claim.key.as_str();
    match in_force.iter().find(|other| other.key == claim.key) {
        Some(claim) => html! {
            (shown(key)) span .quiet { " until " (moment(claim.expires_at)) } " "
            a href=(link(RELEASE, &[("key", key)])) { "Release…" }
        },
        None => html! { (shown(key)) span .quiet { " not in force any more" } },
    }
}

fn findings(assessment: &Assessment) -> Markup {
    html! {
        section aria-labelledby="why" {
            h2 #why { "Why" }
            @if assessment.findings.is_empty() { p { "No rule found anything in the evidence." } }
            ol .findings {
                @for finding in &assessment.findings { li { (one(finding)) } }
            }
            @if !assessment.missing.is_empty() {
                h3 { "Missing from the evidence" }
                ul .missing { @for missing in &assessment.missing { li { (shown(missing)) } } }
            }
            @if !assessment.basis.chain.is_empty() {
                h3 { "From the alert to a person" }
                ol .missing { @for link in &assessment.basis.chain {
                    li { (shown(&link.link)) " " (if link.holds { "holds: " } else { "breaks: " }) (shown(&link.says)) }
                } }
            }
            @if !assessment.basis.would_change.is_empty() {
                h3 { "What would change the verdict" }
                ul .missing { @for what in &assessment.basis.would_change { li { (shown(what)) } } }
            }
            p .quiet { "Indicators of " (shown(&assessment.indicators_version)) }
        }
    }
}

fn one(finding: &Finding) -> Markup {
    let bearing = match finding.bearing {
        Bearing::Compromise => "shows a compromise",
        Bearing::Violation => "proves use",
        Bearing::Suspicion => "suspicion",
        Bearing::Context => "explains",
    };
    let rows: Vec<Vec<Markup>> = finding
        .citations
        .iter()
        .map(|cited| {
            vec![
                html! { (shown(&cited.entry)) },
                html! { (cited.row) },
                html! { (shown(cited.user.as_deref().unwrap_or("–"))) },
                html! { code { (shown(&cited.excerpt)) } },
            ]
        })
        .collect();
    html! {
        h3 { (shown(&finding.title)) }
        p .quiet {
            (bearing) " · " (finding.confidence) " confidence · " code { (shown(&finding.rule)) }
            @if let Some(technique) = &finding.technique { " · ATT&CK " (shown(technique)) }
        }
        p { (shown(&finding.explanation)) }
        p { strong { "Next: " } (shown(&finding.runbook)) }
        @if !rows.is_empty() {
            details {
                summary { "Evidence: " (count(rows.len() as u64, "row", "rows")) }
                (table("Rows that this finding rests on", &["Entry", "Row", "User", "What it says"], &rows))
            }
        }
    }
}

fn sealed(id: &str, evidence: &SealedEvidence) -> Markup {
    let path = case_path(id);
    html! {
        section aria-labelledby="evidence" {
            h2 #evidence { "Evidence" }
            (facts(vec![
                ("SHA-256", Some(html! { code .hash { (shown(&evidence.sha256)) } })),
                ("Lies in", Some(html! { span .id { (shown(&evidence.location)) } })),
                ("Sealed", Some(html! { (moment(evidence.sealed_at)) span .quiet { " · " (evidence.size) " bytes" } })),
            ]))
            p .actions {
                a .button href=(format!("{path}/report")) { "Report" }
                a .button href=(format!("{path}/evidence.zip")) { "Download the container" }
                span .quiet { "Both are proven against the SHA-256 first. The report is as it was sealed; of now: " code { "peerhound case report " (id) } }
            }
        }
    }
}

fn actions(actions: &[ActionRecord]) -> Markup {
    let rows: Vec<Vec<Markup>> = actions
        .iter()
        .map(|action| {
            let (class, word) = match action.status {
                ActionStatus::Done => ("good", "done"),
                ActionStatus::Pending => ("middling", "to be delivered"),
                ActionStatus::Skipped => ("middling", "skipped"),
                ActionStatus::Failed => ("bad", "failed"),
                ActionStatus::DryRun => ("middling", "not sent: dry run"),
                ActionStatus::Bounced => ("bad", "came back"),
                ActionStatus::Complained => ("bad", "complained of"),
                ActionStatus::Uncertain => ("bad", "uncertain: look there before you repeat it"),
            };
            vec![
                whole(&action.kind.as_str().replace('_', " ")),
                html! { span class=(format!("word {class}")) { (word) } },
                html! { (shown(&action.to.join(", "))) },
                html! { (shown(&action.detail)) },
                html! { (action.attempts) },
                moment(action.at),
            ]
        })
        .collect();
    html! {
        section aria-labelledby="actions" {
            h2 #actions { "Actions" }
            (table("Actions and how they went", &["Action", "Status", "To", "Receipt or reason", "Tries", "Last (UTC)"], &rows))
        }
    }
}

pub(super) fn artifacts(id: &str, heading: &str, artifacts: &[ArtifactOutcome]) -> Markup {
    let rows: Vec<Vec<Markup>> = artifacts
        .iter()
        .map(|artifact| {
            let (class, word) = match artifact.status {
                ArtifactStatus::Ok => ("good", "ok"),
                ArtifactStatus::Partial => ("middling", "partial"),
                ArtifactStatus::Truncated => ("middling", "truncated"),
                ArtifactStatus::Failed => ("bad", "failed"),
            };
            vec![
                whole(&artifact.artifact),
                html! { span class=(format!("word {class}")) { (word) } },
                html! { (artifact.items) },
                html! { @for reason in &artifact.reasons { div { (shown(reason)) } } },
            ]
        })
        .collect();
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (heading) }
            (table("Artifacts and how each went", &["Artifact", "Outcome", "Rows", "What is missing"], &rows))
        }
    }
}

fn repeats(suppressed: u64, latest: &[SuppressedAlert]) -> Markup {
    if suppressed == 0 {
        return html! {};
    }
    html! {
        section aria-labelledby="repeats" {
            h2 #repeats { (count(suppressed, "suppressed alert", "suppressed alerts")) }
            @if (latest.len() as u64) < suppressed { p .quiet { "The latest " (latest.len()) " of " (suppressed) ":" } }
            (repeats_table(latest))
        }
    }
}

/// Suppressed alerts, also on the page of all of them.
pub(super) fn repeats_table(latest: &[SuppressedAlert]) -> Markup {
    let rows: Vec<Vec<Markup>> = latest
        .iter()
        .map(|alert| {
            let key = alert.key.as_str();
            let why = if key.is_empty() { "the case waited for the machine" } else { key };
            vec![alert_link(&alert.alert_id), moment(alert.at), html! { (shown(why)) }]
        })
        .collect();
    table("Suppressed alerts, the latest first", &["Alert", "Came (UTC)", "Because of"], &rows)
}

fn history(case: &Case) -> Markup {
    html! {
        section aria-labelledby="history" {
            h2 #history { "History" }
            ol .history {
                @for entry in &case.history { li { (moment(entry.at)) " " span { (shown(&entry.what)) } } }
            }
        }
    }
}
