//! `[ticket]`, `[page]` and `[chat]`: to which system tickets, pages and messages go.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::check::{Remark, error, warning};
use super::{Policy, Span};
use crate::act::ActionKind;
use crate::text::one_line;
use crate::ticketing::{Auth, Desk, Preset, shipped};

/// Longest remark, in characters.
const MAX_REMARK: usize = 600;

/// One of the three sections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ticket {
    /// Name of a preset: one that is shipped, or one of `[[preset]]`. Absent: tickets are written to the outbox folder.
    pub preset: Option<String>,
    /// Address of the system. Not where the preset has it, or where it is the secret.
    pub url: Option<String>,
    /// Account: the secret is its password or API token, and HTTP Basic is spoken.
    pub user: Option<String>,
    /// File that holds the secret; relative to the policy file. On AWS it lies in Secrets Manager.
    pub token_file: Option<String>,
    /// File of certificates in PEM that the system is verified against besides those that this machine trusts; relative
    /// to the policy file.
    pub ca_file: Option<String>,
    /// The same certificates here, for where there is no file.
    pub ca_pem: Option<String>,
    /// Time for one delivery as a whole.
    pub timeout: Span,
    /// What the preset has to know: project, queue, ….
    pub parameters: BTreeMap<String, Value>,
    /// What the site wants in its tickets besides, as the product's API names it.
    pub fields: Map<String, Value>,
    /// Whether the ticket is told of 10, 100 and 1000 further alerts.
    pub comment_repeats: bool,
    /// Whether the ticket is told of what comes after the verdict: measures, the deeper look, the legal hold, mails that came
    /// back.
    pub comment_news: bool,
    /// A receiver of JSON of one's own, instead of a preset.
    pub webhook: Option<Webhook>,
}

impl Default for Ticket {
    fn default() -> Self {
        Self {
            preset: None,
            url: None,
            user: None,
            token_file: None,
            ca_file: None,
            ca_pem: None,
            timeout: Span::seconds(30),
            parameters: BTreeMap::new(),
            fields: Map::new(),
            comment_repeats: true,
            comment_news: true,
            webhook: None,
        }
    }
}

/// `[ticket.webhook]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where to POST the ticket as JSON.
    pub url: String,
    /// File that holds a bearer token; relative to the policy file.
    #[serde(default)]
    pub token_file: Option<String>,
    /// The receiver folds requests with the same `Idempotency-Key`, so that a delivery whose answer was lost may be
    /// repeated. Without it, such a delivery is left to a person.
    #[serde(default)]
    pub honours_idempotency_key: bool,
    /// Time for one delivery.
    #[serde(default = "delivery_timeout")]
    pub timeout: Span,
}

fn delivery_timeout() -> Span {
    Span::seconds(30)
}

impl Policy {
    /// The section of an action.
    pub fn desk_section(&self, kind: ActionKind) -> Option<&Ticket> {
        match kind {
            ActionKind::Ticket | ActionKind::TicketComment => Some(&self.ticket),
            ActionKind::Page => Some(&self.page),
            ActionKind::Chat => Some(&self.chat),
            ActionKind::MailUser
            | ActionKind::MailSoc
            | ActionKind::MailApprover
            | ActionKind::Finding
            | ActionKind::Custom(_) => None,
        }
    }

    /// Whether an action has a system to go to.
    pub fn has_desk(&self, kind: ActionKind) -> bool {
        self.desk_section(kind).is_some_and(|section| section.preset.is_some() || section.webhook.is_some())
    }

    /// The system that an action goes to, if there is one.
    pub fn desk(&self, kind: ActionKind) -> Option<Desk> {
        let section = self.desk_section(kind)?;
        if let Some(webhook) = &section.webhook {
            let mut preset = self.preset("webhook")?.clone();
            preset.folds_repeats = webhook.honours_idempotency_key;
            return Some(Desk {
                preset,
                url: Some(webhook.url.clone()),
                user: None,
                parameters: BTreeMap::new(),
                fields: Map::new(),
                timeout: webhook.timeout,
            });
        }
        let preset = self.preset(section.preset.as_deref()?)?.clone();
        let given = |(name, parameter): (&String, &crate::ticketing::Parameter)| {
            let value = section.parameters.get(name).or(parameter.default.as_ref())?;
            Some((name.clone(), value.clone()))
        };
        let url = section.url.as_ref().or(preset.url.as_ref());
        Some(Desk {
            url: url.map(|url| url.trim_end_matches('/').to_owned()),
            user: section.user.clone(),
            parameters: preset.parameters.iter().filter_map(given).collect(),
            fields: section.fields.clone(),
            timeout: section.timeout,
            preset,
        })
    }

    /// File of the secret of an action's system.
    pub fn desk_token_file(&self, kind: ActionKind) -> Option<&str> {
        let section = self.desk_section(kind)?;
        let file = section.webhook.as_ref().map_or(&section.token_file, |webhook| &webhook.token_file);
        file.as_deref()
    }

    /// Whether tickets are told of further alerts.
    pub fn comments_repeats(&self) -> bool {
        self.ticket.comment_repeats && self.takes_comments()
    }

    /// Whether tickets are told of what comes after the verdict.
    pub fn comments_news(&self) -> bool {
        self.ticket.comment_news && self.takes_comments()
    }

    fn takes_comments(&self) -> bool {
        let name = self.ticket.preset.as_deref().filter(|_| self.ticket.webhook.is_none());
        let comments = |name| self.preset(name).is_some_and(|preset| preset.comment.is_some());
        !self.actions.off.contains(&ActionKind::TicketComment) && name.is_some_and(comments)
    }

    /// A preset by its name; the site's own come first.
    pub fn preset(&self, name: &str) -> Option<&Preset> {
        self.preset.iter().chain(shipped()).find(|preset| preset.name == name)
    }

    /// What is wrong or doubtful in the sections, each in one line whatever names are in it.
    pub(super) fn check_desks(&self, remarks: &mut Vec<Remark>) {
        let mut found = Vec::new();
        self.look_at_desks(&mut found);
        remarks.extend(
            found.into_iter().map(|remark| Remark { text: one_line(&remark.text, MAX_REMARK), ..remark }),
        );
    }

    fn look_at_desks(&self, remarks: &mut Vec<Remark>) {
        for (index, preset) in self.preset.iter().enumerate() {
            let of = |problem: String| error(format!("[[preset]] {:?}: {problem}", preset.name));
            remarks.extend(preset.problems().into_iter().map(of));
            if self.preset[..index].iter().any(|other| other.name == preset.name) {
                remarks.push(error(format!("[[preset]] {:?}: two presets have this name", preset.name)));
            }
        }
        for kind in [ActionKind::Ticket, ActionKind::Page, ActionKind::Chat] {
            if let Some(section) = self.desk_section(kind) {
                self.check_desk(kind, section, remarks);
            }
        }
    }

    fn check_desk(&self, kind: ActionKind, section: &Ticket, remarks: &mut Vec<Remark>) {
        let place = format!("[{kind}]");
        let mut wrong = |what: String| remarks.push(error(format!("{place} {what}")));
        if let Some(webhook) = &section.webhook {
            if section.preset.is_some() {
                wrong("has a preset and a webhook: one of them".to_owned());
            }
            if let Some(fault) = fault_of_url(&webhook.url) {
                remarks.push(error(format!("[{kind}.webhook] url: {fault}")));
            }
            return;
        }
        let Some(name) = &section.preset else {
            if *section != Ticket::default() {
                wrong("is set up and names no preset: it changes nothing".to_owned());
            }
            return;
        };
        let Some(preset) = self.preset(name) else {
            let known: Vec<&str> =
                self.preset.iter().chain(shipped()).map(|preset| preset.name.as_str()).collect();
            wrong(format!("preset = {name:?}: there is none; there are {}", known.join(", ")));
            return;
        };
        match (&preset.auth, section.url.as_ref().or(preset.url.as_ref())) {
            (Auth::Url, Some(_)) => {
                wrong("url: here the address is the secret; put it into token_file".to_owned())
            }
            (Auth::Url, None) => {}
            (_, None) => wrong("url is missing: the address of the system".to_owned()),
            (_, Some(url)) => {
                if let Some(fault) = fault_of_url(url) {
                    wrong(format!("url: {fault}"));
                }
            }
        }
        if preset.auth == Auth::Basic && section.user.is_none() {
            wrong(format!(
                "user is missing: {name} wants an account, whose password or API token is in token_file"
            ));
        }
        for (parameter, about) in &preset.parameters {
            match section.parameters.get(parameter).or(about.default.as_ref()) {
                None => wrong(format!("parameters.{parameter} is missing: {}", about.about)),
                Some(value) => {
                    if let Some(fault) = fault_of_parameter(value) {
                        wrong(format!("parameters.{parameter}: {fault}"));
                    }
                }
            }
        }
        for parameter in section.parameters.keys().filter(|name| !preset.parameters.contains_key(*name)) {
            let known: Vec<&str> = preset.parameters.keys().map(String::as_str).collect();
            wrong(format!(
                "parameters.{parameter}: {name} has none of this name; it has {}",
                known.join(", ")
            ));
        }
        if section.fields.values().any(|value| !is_json(value)) {
            wrong("fields: dates, nan and inf are no values of JSON; write a text".to_owned());
        }
        if !section.fields.is_empty() && preset.create.fields_at.is_none() {
            wrong(format!("fields: {name} takes none"));
        }
        if section.ca_file.is_some() && section.ca_pem.is_some() {
            wrong("ca_file and ca_pem: one of them".to_owned());
        }
        if section.token_file.is_none() && !preset.secret_optional {
            remarks.push(warning(format!(
                "{place} token_file is not set: on one machine nothing can be delivered without the secret; on AWS it lies in \
                 Secrets Manager"
            )));
        }
        if !(preset.folds_repeats || preset.find.is_some()) {
            remarks.push(warning(format!(
                "{place} {name} looks nothing up: a delivery whose answer is lost is not repeated, and a person decides"
            )));
        }
    }
}

/// Whether a value of TOML is one of JSON as well: the one has dates and numbers that the other has not.
pub(crate) fn is_json(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().all(is_json),
        Value::Object(entries) => {
            entries.iter().all(|(name, entry)| !name.starts_with("$__toml") && is_json(entry))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// What is wrong with an address.
pub(super) fn fault_of_url(url: &str) -> Option<&'static str> {
    let host = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_local = |host: &str| {
        let name =
            host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        name == "localhost" || address.is_ok_and(|ip| ip.is_loopback())
    };
    match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) if host(rest).is_empty() => Some("it names no host"),
        (Some(_), _) => None,
        (_, Some(rest)) if is_local(&host(rest)) => None,
        (_, Some(_)) => Some("http is for this machine only; use https"),
        (None, None) => Some("must begin with https:// (or http:// for this machine)"),
    }
}

/// What is wrong with a parameter. It stands in queries of the product's own language.
fn fault_of_parameter(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(text) if text.trim().is_empty() => Some("it is empty"),
        Value::String(text) if text.contains(['"', '\'', '\\', '^']) || text.contains(char::is_control) => {
            Some("no quotes, backslashes, ^ or control characters")
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => None,
        _ => Some("a text, a number or true/false"),
    }
}
