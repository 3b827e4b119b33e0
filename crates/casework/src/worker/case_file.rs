//! What every performer makes of a case in the same way: the question to the rules, the papers that go into the
//! container, the brief behind each message.

use std::io;
use std::net::IpAddr;

use investigation::act::{self, ActionKind, Brief, CustomName, Message, Texts};
use investigation::assess::Question;
use investigation::case::{Case, Event};
use investigation::evidence::manifest::{Entry, Supplement, SupplementKind};
use investigation::evidence::{Collection, Evidence, Identity};
use investigation::policy::{CustomKind, Policy};
use investigation::remediation::Stage;
use investigation::report::{self, Deeper, REPORT_HTML, Subject};
use investigation::text::one_line;
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
        deeper: Deeper::None,
        entries: &entries,
        organisation: policy.organisation.name.as_deref(),
        written_at: sealed_at,
        version: env!("CARGO_PKG_VERSION"),
    };
    papers.push((REPORT_HTML, report::html(&subject).into_bytes()));
    Ok(papers)
}

/// The mail of an action, in the language of whom it goes to. A fault of the site's own texts is logged, and the shipped
/// ones are used.
pub(crate) fn mail(
    case: &Case,
    policy: &Policy,
    texts: &Texts,
    brief: &Brief,
    kind: ActionKind,
    to: &[String],
) -> Message {
    let theirs = case.language_of(to).and_then(|language| texts.language(language));
    let language = theirs.unwrap_or(&policy.mail.language);
    let written = match kind {
        ActionKind::MailUser => texts.mail_user(brief, language),
        _ => texts.mail_soc(brief, &policy.mail.language),
    };
    if let Some(fault) = written.fault {
        tracing::warn!(case_id = case.id, %fault, "a text of the site's cannot be used; the shipped one is");
    }
    written.message
}

/// What would be sent or done, where the policy is tried out. Mails and tickets are written, so that what cannot be
/// written is seen.
pub(crate) fn rehearsed(
    case: &Case,
    policy: &Policy,
    texts: &Texts,
    kind: ActionKind,
    to: &[String],
) -> String {
    let location = case.evidence.as_ref().map(|evidence| evidence.location.clone()).unwrap_or_default();
    let brief = brief(case, policy, location);
    match kind {
        ActionKind::MailUser | ActionKind::MailSoc => {
            let mail = mail(case, policy, texts, &brief, kind, to);
            format!("would have sent {:?} to {}", mail.subject, to.join(", "))
        }
        ActionKind::Ticket | ActionKind::Page | ActionKind::Chat => {
            format!("would have raised {:?}", act::ticket(&brief).title)
        }
        ActionKind::TicketComment => "would have commented on the ticket".to_owned(),
        ActionKind::MailApprover => format!("would have asked {} for an approval", to.join(", ")),
        ActionKind::Finding => "would have written a finding for the SIEM".to_owned(),
        ActionKind::Custom(name) => rehearsed_custom(policy, &name),
    }
}

/// What one of the site's own actions would have been. An address may hold a secret: only its host is shown.
fn rehearsed_custom(policy: &Policy, name: &CustomName) -> String {
    let Some(action) = policy.action(name) else {
        return format!("the policy has no [[action]] named {}", name.name());
    };
    match action.kind {
        CustomKind::Http => {
            let url = reqwest::Url::parse(action.url.as_deref().unwrap_or_default()).ok();
            let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or("an address that is none");
            format!("would have sent the case to {}", one_line(host, 200))
        }
        CustomKind::Program => {
            let path = action.path.as_deref().unwrap_or_default();
            format!("would have given the case to {}", one_line(path, 200))
        }
    }
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
        second: case
            .forensics
            .as_ref()
            .and_then(|look| look.evidence.as_ref())
            .map(|second| (second.location.clone(), second.sha256.clone())),
        waiting: case.remediation.as_ref().and_then(|kept| {
            let count = kept.measures.iter().filter(|measure| measure.stage == Stage::Proposed).count();
            kept.waits_until().map(|until| (count, until))
        }),
        page: policy.case_page(&case.id),
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
