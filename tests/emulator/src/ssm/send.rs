//! SendCommand: everything that is checked before a command exists.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::commands::{Command, Invocation};
use super::delivery::{self, Work};
use super::documents;
use super::names::{is_node_id, uuid};
use super::nodes::Ping;
use super::refusal::{Answer, Refusal};
use super::schema::{Arguments, Schema, fill};
use super::service::{Service, State};

/// The service's default, in seconds.
const TIMEOUT: u64 = 3600;
const MOST_NODES: usize = 50;
const LONGEST_COMMENT: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Request {
    document_name: String,
    document_version: Option<String>,
    #[serde(default)]
    instance_ids: Vec<String>,
    targets: Option<Vec<Value>>,
    timeout_seconds: Option<i64>,
    comment: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, Vec<String>>,
}

pub(super) fn send(service: &Arc<Service>, request: Request) -> Answer {
    let timeout = check_shape(&request)?;
    let mut state = service.state();
    let (document, schema) =
        documents::to_send(&state.documents, &request.document_name, request.document_version.as_deref())?;
    let arguments = Arguments::check(&schema, &request.parameters)?;
    check_nodes(&state, &request.instance_ids, &schema)?;
    let execution = execution_seconds(&schema, &arguments)?;

    let total = timeout.saturating_add(execution);
    let now = Timestamp::now();
    let command = Command {
        id: uuid(),
        document,
        // What the client named, not what it came to: so the service answers.
        version: request.document_version.unwrap_or_default(),
        comment: request.comment.unwrap_or_default(),
        parameters: request.parameters,
        requested: now,
        expires: now + SignedDuration::from_secs(i64::try_from(total).unwrap_or(i64::MAX)),
        timeout,
        invocations: request.instance_ids.iter().map(|node| Invocation::new(node, &schema)).collect(),
    };
    let told = command.describe();
    for invocation in &command.invocations {
        let Some(registered) = state.nodes.get(&invocation.node) else { continue };
        let work = Work {
            command: command.id.clone(),
            node: registered.node.clone(),
            workers: Arc::clone(&registered.workers),
            schema: schema.clone(),
            arguments: arguments.clone(),
            total,
            cancel: Arc::clone(&invocation.cancel),
        };
        tokio::spawn(delivery::deliver(Arc::clone(service), work));
    }
    state.commands.push(command);
    Ok(json!({"Command": told}))
}

/// What can be told without looking anything up. Returns the time-out in seconds.
fn check_shape(request: &Request) -> Result<u64, Refusal> {
    if request.targets.as_ref().is_some_and(|targets| !targets.is_empty()) {
        return Err(Refusal::validation("this server takes InstanceIds only, not Targets"));
    }
    if request.instance_ids.is_empty() {
        return Err(Refusal::new("InvalidInstanceId", "InstanceIds is empty."));
    }
    if request.instance_ids.len() > MOST_NODES {
        return Err(Refusal::validation(format!("instanceIds may have {MOST_NODES} members at most")));
    }
    for (at, id) in request.instance_ids.iter().enumerate() {
        if !is_node_id(id) {
            let message = "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member \
                           must satisfy regular expression pattern: (^i-(\\w{8}|\\w{17})$)|(^mi-\\w{17}$)";
            return Err(Refusal::validation(message));
        }
        if request.instance_ids[..at].contains(id) {
            return Err(Refusal::new(
                "DuplicateInstanceId",
                "You can't specify a managed node ID more than once.",
            ));
        }
    }
    if request.comment.as_ref().is_some_and(|comment| comment.chars().count() > LONGEST_COMMENT) {
        return Err(Refusal::validation("comment may have 100 characters at most"));
    }
    match request.timeout_seconds {
        None => Ok(TIMEOUT),
        Some(seconds) => u64::try_from(seconds)
            .ok()
            .filter(|seconds| (30..=2_592_000).contains(seconds))
            .ok_or_else(|| Refusal::validation("timeoutSeconds must be between 30 and 2592000")),
    }
}

/// The service does not tell a node that is offline from one that does not exist.
fn check_nodes(state: &State, ids: &[String], schema: &Schema) -> Result<(), Refusal> {
    for id in ids {
        let node =
            state.nodes.get(id).filter(|node| node.ping == Ping::Online).ok_or_else(|| {
                Refusal::new("InvalidInstanceId", "Instances not in a valid state for account")
            })?;
        if !schema.platforms().contains(&node.node.platform) {
            let message = "The document doesn't support the platform type of the given managed node IDs.";
            return Err(Refusal::new("UnsupportedPlatformType", message));
        }
    }
    Ok(())
}

/// How long the steps may take together, in seconds.
fn execution_seconds(schema: &Schema, arguments: &Arguments) -> Result<u64, Refusal> {
    schema
        .steps
        .iter()
        .map(|step| {
            let text = fill(&step.timeout_seconds, arguments);
            let seconds = text.parse::<u64>().ok().filter(|seconds| (1..=172_800).contains(seconds));
            seconds.ok_or_else(|| Refusal::new("InvalidParameters", "timeoutSeconds comes to no time-out"))
        })
        .sum()
}
