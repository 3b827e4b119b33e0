//! What every performer makes of a case in the same way: the question to the rules, the papers that go into the
//! container, the brief behind each message.

use std::io;
use std::net::IpAddr;

use investigation::act::{self, Brief};
use investigation::assess::Question;
use investigation::case::{Case, Event};
use investigation::evidence::manifest::{Entry, Supplement, SupplementKind};
use investigation::evidence::{Collection, Evidence, Identity};
use investigation::policy::Policy;
use investigation::report::{self, REPORT_HTML, Subject};
use jiff::Timestamp;

use crate::container::entry_of;

/// What the rules are asked.
pub(crate) fn question(case: &Case, collected_at: Timestamp) -> Question<'_> {
    Question {
        alert: &case.alert,
        target: case.target,
        target_port: case.target_port,
        peer_ip: case.peer_ip,
        peer_port: case.peer_port,
        opened_at: case.opened_at,
        collected_at,
    }
}

/// The event, where the address went to another machine between the question who it is and the collection.
pub(crate) fn moved(target: IpAddr, before: &Identity, now: &Identity) -> Option<Event> {
    if now.host_name == before.host_name {
        return None;
    }
    let name = |identity: &Identity| investigation::text::one_line(&identity.host_name, 80);
    Some(Event::ContactFailed {
        code: "identity_changed".to_owned(),
        reason: format!(
            "{target} was {} when it was asked and {} when it was collected: the address moved, nothing is kept",
            name(before),
            name(now)
        ),
        retryable: true,
    })
}

/// What was collected, as it is sealed.
pub(crate) struct Collected<'c> {
    /// How it was collected.
    pub(crate) collection: &'c Collection,
    /// In parsed form.
    pub(crate) evidence: &'c Evidence,
    /// The entries that it will be, with their hashes.
    pub(crate) entries: Vec<Entry>,
}

/// What is sealed beside the collection at `sealed_at`.
pub(crate) fn enclosures(
    case: &Case,
    policy: &Policy,
    collected: Collected<'_>,
    sealed_at: Timestamp,
) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let Collected { collection, evidence, mut entries } = collected;
    let mut papers = vec![
        ("alert.json", serde_json::to_vec_pretty(&case.alert)?),
        ("assessment.json", serde_json::to_vec_pretty(&case.assessment)?),
        ("case.json", serde_json::to_vec_pretty(case)?),
        ("report.md", act::report_markdown(&brief(case, policy, String::new()), collection).into_bytes()),
    ];
    entries.extend(papers.iter().map(|(name, bytes)| entry_of(name, bytes)));
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let subject = Subject {
        case,
        evidence: Some(evidence),
        collection: Some(collection),
        entries: &entries,
        organisation: policy.organisation.name.as_deref(),
        written_at: sealed_at,
        version: env!("CARGO_PKG_VERSION"),
    };
    papers.push((REPORT_HTML, report::html(&subject).into_bytes()));
    Ok(papers)
}

/// What messages, tickets and reports are written from.
pub(crate) fn brief(case: &Case, policy: &Policy, evidence_location: String) -> Brief {
    let cooldown =
        |claim: &investigation::claim::Claim| claim.cooldown(policy.cooldown.window.signed()).expires_at;
    Brief {
        case_id: case.id.clone(),
        alert: case.alert.clone(),
        target: case.target,
        identity: case.identity.clone(),
        suspects: case.suspects(),
        assessment: case.assessment.clone(),
        evidence_location,
        evidence_sha256: case.evidence.as_ref().map(|evidence| evidence.sha256.clone()).unwrap_or_default(),
        opened_at: case.opened_at,
        sealed_at: case.evidence.as_ref().map(|evidence| evidence.sealed_at),
        cooldown_until: case.claims.iter().map(cooldown).max(),
        organisation: policy.organisation.name.clone(),
        soc_contact: policy.organisation.contact.clone(),
    }
}

/// What a further container of a case says of the first.
pub(crate) fn supplement(case: &Case) -> Option<Supplement> {
    let first_sha256 = case.evidence.as_ref()?.sha256.clone();
    Some(Supplement { kind: SupplementKind::Forensics, first_sha256 })
}

/// What is sealed beside the deeper look at a machine. The verdict and its page are the first container's.
pub(crate) fn forensic_papers(
    case: &Case,
    policy: &Policy,
    collection: &Collection,
) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let location = case.evidence.as_ref().map(|evidence| evidence.location.clone()).unwrap_or_default();
    Ok(vec![
        ("alert.json", serde_json::to_vec_pretty(&case.alert)?),
        ("assessment.json", serde_json::to_vec_pretty(&case.assessment)?),
        ("case.json", serde_json::to_vec_pretty(case)?),
        ("report.md", act::report_markdown(&brief(case, policy, location), collection).into_bytes()),
    ])
}
