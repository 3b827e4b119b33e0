//! `peerhound policy preview-ticket`: the requests that a case would lead to, without sending any.

use anyhow::{Result, anyhow};
use investigation::act::{self, ActionKind, Brief};
use investigation::alert::Alert;
use investigation::assess::{Assessment, Confidence, Verdict};
use investigation::policy::Policy;
use investigation::ticketing::{Body, Desk, Request, Search, Step, TicketReference, Values};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::{DeskKind, PreviewTicket};
use crate::exit::{Exit, WithExit};
use crate::setup::Setup;
use crate::show::{self, paint};

/// What stands for the secret.
const SECRET: &str = "***";

/// One request, as it is shown.
#[derive(Serialize)]
struct Shown {
    /// Look-up, ticket or comment.
    purpose: String,
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

/// Runs the command.
pub(super) fn run(setup: &Setup, args: &PreviewTicket) -> Result<Exit> {
    let policy = setup.policy()?;
    let kind = match args.kind {
        DeskKind::Ticket => ActionKind::Ticket,
        DeskKind::Page => ActionKind::Page,
        DeskKind::Chat => ActionKind::Chat,
    };
    let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == args.verdict.as_str());
    let verdict = verdict
        .ok_or_else(|| {
            let known: Vec<&str> = Verdict::ALL.into_iter().map(Verdict::as_str).collect();
            anyhow!("--verdict {}: there are {}", args.verdict, known.join(", "))
        })
        .map_err(|error| error.context(WithExit(Exit::BadInput)))?;
    let Some(desk) = policy.desk(kind) else {
        show::note(&format!(
            "[{kind}] names no system: on one machine, tickets are files in the outbox folder"
        ));
        return Ok(Exit::Done);
    };
    let shown = requests(&desk, &sample(&policy, verdict)?)?;
    if setup.json {
        shown.iter().for_each(show::json);
        return Ok(Exit::Done);
    }
    let mut lines = vec![format!(
        "[{kind}] {}: {}. Nothing is sent. *** is the secret; names in capitals are what earlier answers say.",
        desk.preset.name, desk.preset.about
    )];
    shown.iter().for_each(|request| lines.extend(text(request)));
    show::lines(&lines);
    Ok(Exit::Done)
}

fn text(shown: &Shown) -> Vec<String> {
    let mut lines =
        vec![String::new(), format!("{} {} {}", paint::bold(&shown.purpose), shown.method, shown.url)];
    lines.extend(shown.headers.iter().map(|(name, value)| format!("    {name}: {value}")));
    if let Some(body) = &shown.body {
        let body = match body {
            Value::String(form) => form.clone(),
            tree => serde_json::to_string_pretty(tree).unwrap_or_default(),
        };
        lines.extend(body.lines().map(|line| format!("    {line}")));
    }
    lines
}

/// Everything that a new case asks, and a comment on its ticket later.
fn requests(desk: &Desk, ticket: &act::Ticket) -> Result<Vec<Shown>> {
    let case_id = ticket.fields["peerhound.case_id"].as_str().unwrap_or_default();
    let mut values = desk.values(ticket, &format!("{case_id}.effect-6"));
    let mut all = Vec::new();
    look_up("look-up", desk, desk.preset.find.as_ref(), &values, &mut all)?;
    steps("ticket", desk, &desk.preset.create.steps, &mut values, &mut all)?;
    if let Some(comment) = &desk.preset.comment {
        let to = TicketReference { id: "ID".to_owned(), number: "NUMBER".to_owned(), url: None };
        let mut values = desk.comment_values(&to, &act::repeats_comment(10), &format!("{case_id}.effect-9"));
        look_up("look-up of a comment", desk, comment.find.as_ref(), &values, &mut all)?;
        steps("comment", desk, &comment.steps, &mut values, &mut all)?;
    }
    Ok(all)
}

fn look_up(
    purpose: &str,
    desk: &Desk,
    search: Option<&Search>,
    values: &Values,
    all: &mut Vec<Shown>,
) -> Result<()> {
    let Some(search) = search else { return Ok(()) };
    all.push(shown(purpose, desk, &search.request, values)?);
    Ok(())
}

fn steps(
    purpose: &str,
    desk: &Desk,
    steps: &[Step],
    values: &mut Values,
    all: &mut Vec<Shown>,
) -> Result<()> {
    for step in steps {
        look_up(&format!("{purpose}, unless it finds it"), desk, step.unless.as_deref(), values, all)?;
        all.push(shown(purpose, desk, step, values)?);
        for name in step.capture.keys() {
            values.put(name, name.to_uppercase().into());
        }
    }
    Ok(())
}

fn shown(purpose: &str, desk: &Desk, step: &Step, values: &Values) -> Result<Shown> {
    let request =
        desk.request(step, values, Some(SECRET)).map_err(|why| anyhow!("{}: {why}", desk.preset.name))?;
    let Request { method, url, headers, body } = request;
    let hidden = |(name, value): (String, String)| match value.split_once(' ') {
        Some((scheme, _)) if name == "Authorization" => (name, format!("{scheme} {SECRET}")),
        _ => (name, value),
    };
    let mut headers: Vec<(String, String)> = headers.into_iter().map(hidden).collect();
    headers.extend(body.as_ref().map(|body| ("Content-Type".to_owned(), body.media_type().to_owned())));
    let body = body.map(|body| match body {
        Body::Json(tree) => tree,
        Body::Form(form) => Value::String(form),
    });
    Ok(Shown { purpose: purpose.to_owned(), method: method.as_str(), url, headers, body })
}

/// The ticket of a case that never was.
fn sample(policy: &Policy, verdict: Verdict) -> Result<act::Ticket> {
    let at: Timestamp = "2026-03-02T09:00:00Z".parse()?;
    let alert: Alert = serde_json::from_value(json!({
        "id": "98ffeae3", "format": "eve", "event.original": "{}", "rule.name": "P2P BitTorrent peer sync",
        "@timestamp": at, "source.ip": "10.20.3.7", "source.port": 51413,
        "destination.ip": "203.0.113.9", "destination.port": 6881,
    }))?;
    Ok(act::ticket(&Brief {
        case_id: "ph-20260302-kq3v7a2m".to_owned(),
        alert,
        target: "10.20.3.7".parse()?,
        identity: None,
        suspects: vec!["corp\\alice".to_owned()],
        assessment: Some(Assessment {
            verdict,
            confidence: Confidence::High,
            summary: format!(
                "A case that never was, to show what a ticket of the verdict {verdict} looks like."
            ),
            findings: Vec::new(),
            missing: Vec::new(),
            indicators_version: "sample".to_owned(),
            basis: Default::default(),
        }),
        evidence_location: "evidence/ph-20260302-kq3v7a2m.zip".to_owned(),
        evidence_sha256: "0".repeat(64),
        opened_at: at,
        sealed_at: Some(at),
        cooldown_until: None,
        second: None,
        waiting: policy.remediation.after(verdict).first().map(|_| (2, at)),
        page: policy.case_page("ph-20260302-kq3v7a2m"),
        organisation: policy.organisation.name.clone(),
        soc_contact: policy.organisation.contact.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use investigation::ticketing::shipped;

    use super::*;

    fn policy(section: &str) -> Policy {
        Policy::parse(&format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n{section}")).unwrap()
    }

    fn shown(section: &str, kind: ActionKind) -> String {
        let policy = policy(section);
        let ticket = sample(&policy, Verdict::PolicyViolation).unwrap();
        let requests = requests(&policy.desk(kind).unwrap(), &ticket).unwrap();
        requests.iter().flat_map(text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_requests_are_shown_whole_and_without_a_secret() {
        let jira = "[ticket]\npreset = 'jira'\nurl = 'https://x.atlassian.net'\nuser = 'u@example.com'\ntoken_file = 't'\n\
                    parameters = { project = 'SEC' }\n";
        let text = shown(jira, ActionKind::Ticket);
        for part in [
            "GET https://x.atlassian.net/rest/api/3/search/jql?",
            "POST https://x.atlassian.net/rest/api/3/issue\n",
            "Authorization: Basic ***",
            "POST https://x.atlassian.net/rest/api/3/issue/ID/comment",
            "\"key\": \"SEC\"",
            "ph-20260302-kq3v7a2m.effect-9",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.matches("Authorization: Basic ***").count(), text.matches("Authorization").count());
        let page = shown("[page]\npreset = 'pagerduty'\ntoken_file = 't'\n", ActionKind::Page);
        assert!(page.contains("\"routing_key\": \"***\""), "{page}");
        let chat = shown("[chat]\npreset = 'slack'\ntoken_file = 't'\n", ActionKind::Chat);
        assert!(chat.contains("POST ***\n"), "{chat}");
    }

    #[test]
    fn every_preset_can_be_shown() {
        for preset in shipped() {
            let desk = Desk {
                preset: preset.clone(),
                url: Some("https://t.example.com".to_owned()),
                user: None,
                parameters: preset.parameters.keys().map(|name| (name.clone(), "x".into())).collect(),
                fields: serde_json::Map::new(),
                timeout: investigation::policy::Span::seconds(1),
            };
            let ticket = sample(&policy(""), Verdict::Compromised).unwrap();
            let requests = requests(&desk, &ticket).unwrap();
            assert!(requests.iter().all(|request| !request.url.contains("${")), "{}", preset.name);
            let whole = serde_json::to_string(&requests).unwrap();
            assert!(!whole.contains("${"), "{}: {whole}", preset.name);
        }
    }
}
