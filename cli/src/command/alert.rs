//! `peerhound alert`: how alerts are read, without doing anything about them.

use anyhow::Result;
use casework::backend::{Received, Unread};
use investigation::alert::{Alert, FORMATS, Field, SiteFormat};
use investigation::scope::{Scope, Suspect, suspect};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::AlertCommand;
use crate::exit::Exit;
use crate::inputs::{self, Item};
use crate::setup::Setup;
use crate::show::{self, paint, safe, table};

/// What cannot be read, as it is printed with `--json`.
#[derive(Serialize)]
struct Failed<'a> {
    error: &'a str,
    origin: &'a str,
    #[serde(rename = "event.original", skip_serializing_if = "str::is_empty")]
    original: &'a str,
}

/// Runs the command.
pub(super) fn run(setup: &Setup, command: &AlertCommand) -> Result<Exit> {
    let policy = setup.policy_if_any()?;
    let (formats, scope) = match policy {
        Some(policy) => (policy.format, Some(policy.scope)),
        None => (Vec::new(), None),
    };
    match command {
        AlertCommand::Parse { inputs } => Ok(parse(setup.json, inputs, &formats, scope.as_ref())),
        AlertCommand::Formats => {
            list(setup.json, &formats);
            Ok(Exit::Done)
        }
    }
}

fn parse(json: bool, inputs: &[String], formats: &[SiteFormat], scope: Option<&Scope>) -> Exit {
    let mut exit = Exit::Done;
    let mut fail = |origin: &str, reason: &str, original: &str| {
        exit = Exit::BadInput;
        match json {
            true => show::json(&Failed { error: reason, origin, original }),
            false => show::note(&format!("peerhound: {}: {reason}", safe(origin))),
        }
    };
    inputs::read(inputs, formats, Timestamp::now(), |item| {
        match item {
            Item::Unopened { origin, reason } => fail(&origin, &reason, ""),
            Item::Record(record) => match *record {
                Received { content: Err(Unread { reason, original }), origin, .. } => {
                    fail(&origin, &reason, &original);
                }
                Received { content: Ok(alert), origin, .. } if json => {
                    show::json(&with_suspect(&alert, &origin, scope));
                }
                Received { content: Ok(alert), origin, .. } => show::lines(&block(&alert, &origin, scope)),
            },
        }
        true
    });
    exit
}

/// The alert's own fields, where it was read, and which machine the policy's scope finds in it.
fn with_suspect(alert: &Alert, origin: &str, scope: Option<&Scope>) -> Value {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(alert) else { return Value::Null };
    fields.insert("origin".to_owned(), json!(origin));
    if let Some(scope) = scope {
        let suspect = match suspect(alert, scope) {
            Suspect::One { ip, port, peer_ip, peer_port } => {
                json!({ "host.ip": ip, "port": port, "peer.ip": peer_ip, "peer.port": peer_port })
            }
            Suspect::Refused { reason } => json!({ "refused": reason }),
            Suspect::Review { reason } => json!({ "review": reason }),
        };
        fields.insert("suspect".to_owned(), suspect);
    }
    Value::Object(fields)
}

/// An alert for people: each field, its value, and the field of the sender's that it is from.
fn block(alert: &Alert, origin: &str, scope: Option<&Scope>) -> Vec<String> {
    let mut lines = vec![format!("{}  {}  alert {}", paint::bold(&safe(origin)), alert.format, alert.id)];
    let written = serde_json::to_value(alert).unwrap_or_default();
    let mut field = |name: &str, value: &str, from: &str| {
        lines.push(format!("    {name:<22}{:<40}  {from}", safe(value)).trim_end().to_owned());
    };
    for known in Field::ALL {
        let name = known.name();
        let from = alert.origins.get(&known).map(|from| paint::dim(&safe(from))).unwrap_or_default();
        match &written[name] {
            Value::Null => {}
            Value::String(text) => field(name, text, &from),
            other => field(name, &other.to_string(), &from),
        }
    }
    for (name, value) in
        [("source.address", &alert.source_address), ("destination.address", &alert.destination_address)]
    {
        if let Some(value) = value {
            field(name, value, "");
        }
    }
    for note in &alert.notes {
        lines.push(format!("    {} {}", paint::yellow("note:"), safe(note)));
    }
    if let Some(scope) = scope {
        lines.push(match suspect(alert, scope) {
            Suspect::One { ip, .. } => format!("    {} {ip}", paint::green("suspect:")),
            Suspect::Refused { reason } => format!("    {} {}", paint::red("refused:"), safe(&reason)),
            Suspect::Review { reason } => format!("    {} {}", paint::yellow("review:"), safe(&reason)),
        });
    }
    lines
}

/// One format, as it is printed with `--json`.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<&'a str>,
}

fn list(json: bool, site: &[SiteFormat]) {
    let own = site.iter().map(|format| Listed {
        name: &format.name,
        description: "described in the policy",
        example: None,
    });
    let known = FORMATS.iter().map(|format| Listed {
        name: format.name,
        description: format.description,
        example: Some(format.example),
    });
    let formats: Vec<_> = own.chain(known).collect();
    if json {
        return formats.iter().for_each(show::json);
    }
    let row = |format: &Listed<'_>| vec![format.name.to_owned(), format.description.to_owned()];
    table::print(&["format", "what it is"], &formats.iter().map(row).collect::<Vec<_>>());
}
