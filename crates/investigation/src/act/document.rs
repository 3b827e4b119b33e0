//! A case as one JSON document: what a site's own actions are given. Its keys are documented in `docs/actions.md`, which a
//! test holds against this file.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::brief::MAX_VALUE;
use super::message::{Priority, short};
use crate::assess::Finding;
use crate::case::{Case, SealedEvidence};
use crate::claim::Claim;

/// What the document calls itself. A change that a reader could stumble over gets another number.
pub const CASE_FORMAT: &str = "peerhound-case/1";
/// Most findings, and most lines of each list.
const MAX_ROWS: usize = 100;
/// Longest text of a finding, in characters.
const MAX_TEXT: usize = 2000;

/// The document. Every text is one line and capped; what the endpoint or the alert said is outside text all the same.
#[derive(Debug, Serialize)]
pub struct CaseDocument<'c> {
    format: &'static str,
    idempotency_key: &'c str,
    case_id: &'c str,
    opened_at: Timestamp,
    priority: Priority,
    verdict: Option<&'static str>,
    confidence: Option<&'static str>,
    summary: Option<String>,
    machine: Machine,
    users: Vec<String>,
    alert: AlertPart,
    findings: Vec<FindingPart>,
    missing: Vec<String>,
    evidence: Option<Container>,
    forensics: Option<Container>,
    legal_hold: bool,
    cooldown_until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Machine {
    ip: IpAddr,
    host_name: Option<String>,
    domain: Option<String>,
    os: Option<String>,
}

#[derive(Debug, Serialize)]
struct AlertPart {
    id: String,
    event_id: Option<String>,
    format: String,
    rule_name: Option<String>,
    rule_id: Option<String>,
    at: Option<Timestamp>,
    source_ip: Option<IpAddr>,
    source_port: Option<u16>,
    destination_ip: Option<IpAddr>,
    destination_port: Option<u16>,
    infohash: Option<String>,
}

#[derive(Debug, Serialize)]
struct FindingPart {
    rule: String,
    title: String,
    technique: Option<String>,
    confidence: &'static str,
    explanation: String,
    runbook: String,
    citations: Vec<CitationPart>,
}

#[derive(Debug, Serialize)]
struct CitationPart {
    entry: String,
    row: u64,
    excerpt: String,
    pid: Option<u32>,
    image: Option<String>,
    user: Option<String>,
    peer: Option<String>,
}

#[derive(Debug, Serialize)]
struct Container {
    location: String,
    sha256: String,
    size: u64,
    sealed_at: Timestamp,
}

/// The document of a case, under the key of the delivery that it goes out with.
pub fn case_document<'c>(case: &'c Case, key: &'c str) -> CaseDocument<'c> {
    let assessment = case.assessment.as_ref();
    let identity = case.identity.as_ref();
    let alert = &case.alert;
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(|text| short(text, MAX_VALUE));
    CaseDocument {
        format: CASE_FORMAT,
        idempotency_key: key,
        case_id: &case.id,
        opened_at: case.opened_at,
        priority: Priority::of(case.verdict()),
        verdict: case.verdict().map(|verdict| verdict.as_str()),
        confidence: assessment.map(|assessment| assessment.confidence.as_str()),
        summary: assessment.map(|assessment| short(&assessment.summary, MAX_TEXT)),
        machine: Machine {
            ip: case.target,
            host_name: text(identity.map(|identity| identity.host_name.as_str())),
            domain: text(identity.and_then(|identity| identity.domain.as_deref())),
            os: text(identity.and_then(|identity| identity.os.as_deref())),
        },
        users: case.suspects().iter().take(MAX_ROWS).map(|user| short(user, MAX_VALUE)).collect(),
        alert: AlertPart {
            id: short(&alert.id, MAX_VALUE),
            event_id: text(alert.event_id.as_deref()),
            format: short(&alert.format, MAX_VALUE),
            rule_name: text(alert.rule_name.as_deref()),
            rule_id: text(alert.rule_id.as_deref()),
            at: alert.timestamp,
            source_ip: alert.source_ip,
            source_port: alert.source_port,
            destination_ip: alert.destination_ip,
            destination_port: alert.destination_port,
            infohash: text(alert.infohash.as_deref()),
        },
        findings: assessment
            .map(|assessment| assessment.findings.iter().take(MAX_ROWS).map(finding).collect())
            .unwrap_or_default(),
        missing: assessment
            .map(|assessment| {
                assessment.missing.iter().take(MAX_ROWS).map(|text| short(text, MAX_TEXT)).collect()
            })
            .unwrap_or_default(),
        evidence: case.evidence.as_ref().map(container),
        forensics: case.forensics.as_ref().and_then(|forensics| forensics.evidence.as_ref()).map(container),
        legal_hold: case.hold.as_ref().is_some_and(crate::case::LegalHold::is_wanted),
        cooldown_until: case.claims.iter().map(|claim: &Claim| claim.expires_at).max(),
    }
}

fn finding(finding: &Finding) -> FindingPart {
    let text = |text: &Option<String>| text.as_deref().map(|text| short(text, MAX_VALUE));
    let citations = finding.citations.iter().take(MAX_ROWS).map(|cited| CitationPart {
        entry: short(&cited.entry, MAX_VALUE),
        row: cited.row as u64,
        excerpt: short(&cited.excerpt, MAX_TEXT),
        pid: cited.pid,
        image: text(&cited.image),
        user: text(&cited.user),
        peer: text(&cited.peer),
    });
    FindingPart {
        rule: short(&finding.rule, MAX_VALUE),
        title: short(&finding.title, MAX_VALUE),
        technique: text(&finding.technique),
        confidence: finding.confidence.as_str(),
        explanation: short(&finding.explanation, MAX_TEXT),
        runbook: short(&finding.runbook, MAX_TEXT),
        citations: citations.collect(),
    }
}

fn container(evidence: &SealedEvidence) -> Container {
    Container {
        location: short(&evidence.location, 1200),
        sha256: short(&evidence.sha256, 64),
        size: evidence.size,
        sealed_at: evidence.sealed_at,
    }
}
