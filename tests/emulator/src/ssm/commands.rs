//! Commands, their invocations on nodes, and what clients ask about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::invocation::{Plugin, Status};
use super::names::{epoch, is_node_id, is_uuid};
use super::paging::page;
use super::refusal::{Answer, Refusal};
use super::schema::Schema;
use super::service::Service;

/// A command that was accepted.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) id: String,
    pub(super) document: String,
    pub(super) version: String,
    pub(super) comment: String,
    pub(super) parameters: BTreeMap<String, Vec<String>>,
    pub(super) requested: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) timeout: u64,
    pub(super) invocations: Vec<Invocation>,
}

/// A command on one node.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) node: String,
    pub(super) status: Status,
    /// One for each step.
    pub(super) plugins: Vec<Plugin>,
    /// Told when a client cancels.
    pub(super) cancel: Arc<Notify>,
}

impl Invocation {
    pub(super) fn new(node: &str, schema: &Schema) -> Self {
        Self {
            node: node.to_owned(),
            status: Status::Pending,
            plugins: schema.steps.iter().map(Plugin::pending).collect(),
            cancel: Arc::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetInvocation {
    command_id: String,
    instance_id: String,
    plugin_name: Option<String>,
}

pub(super) fn get_invocation(service: &Service, request: &GetInvocation) -> Answer {
    check_command_id(&request.command_id)?;
    check_node_id(&request.instance_id)?;
    let unknown =
        || Refusal::new("InvocationDoesNotExist", "The command ID and managed node ID don't match.");
    let invisible = service.knobs().invisible_for;
    let state = service.state();
    let command = state.command(&request.command_id).ok_or_else(unknown)?;
    let invocation =
        command.invocations.iter().find(|found| found.node == request.instance_id).ok_or_else(unknown)?;
    // The service is eventually consistent: an invocation may be asked for before it can be seen.
    if Timestamp::now().duration_since(command.requested).unsigned_abs() < invisible {
        return Err(unknown());
    }
    let plugin = match (&request.plugin_name, invocation.plugins.as_slice()) {
        (None, [only]) => only,
        (Some(name), plugins) => plugins
            .iter()
            .find(|plugin| plugin.step == *name)
            .ok_or_else(|| Refusal::new("InvalidPluginName", "The plugin name isn't valid."))?,
        (None, _) => {
            return Err(Refusal::new("InvalidPluginName", "The document has several steps: name one."));
        }
    };
    let mut told = plugin.describe();
    let status = if plugin.status.is_end() { plugin.status } else { invocation.status };
    told["CommandId"] = json!(command.id);
    told["InstanceId"] = json!(invocation.node);
    told["Comment"] = json!(command.comment);
    told["DocumentName"] = json!(command.document);
    told["DocumentVersion"] = json!(command.version);
    told["Status"] = json!(status.name());
    told["StatusDetails"] = json!(status.details());
    told["CloudWatchOutputConfig"] = json!({"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false});
    Ok(told)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    command_id: Option<String>,
    instance_id: Option<String>,
    #[serde(default)]
    details: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn list_invocations(service: &Service, request: &List) -> Answer {
    request.check(service)?;
    let state = service.state();
    let mut found = Vec::new();
    for command in state.commands.iter().rev().filter(|command| request.wants(&command.id)) {
        for invocation in &command.invocations {
            if request.instance_id.as_ref().is_none_or(|id| *id == invocation.node) {
                found.push(command.describe_invocation(invocation, request.details));
            }
        }
    }
    request.answer("CommandInvocations", &found)
}

pub(super) fn list(service: &Service, request: &List) -> Answer {
    request.check(service)?;
    let state = service.state();
    let found: Vec<Value> = state
        .commands
        .iter()
        .rev()
        .filter(|command| request.wants(&command.id))
        .filter(|command| {
            let wanted = request.instance_id.as_ref();
            wanted.is_none_or(|id| command.invocations.iter().any(|invocation| invocation.node == *id))
        })
        .map(Command::describe)
        .collect();
    request.answer("Commands", &found)
}

impl List {
    fn check(&self, service: &Service) -> Result<(), Refusal> {
        if let Some(id) = &self.command_id {
            check_command_id(id)?;
            if service.state().command(id).is_none() {
                return Err(invalid_command());
            }
        }
        self.instance_id.as_deref().map_or(Ok(()), check_node_id)
    }

    fn wants(&self, command: &str) -> bool {
        self.command_id.as_ref().is_none_or(|id| id == command)
    }

    fn answer(&self, name: &str, found: &[Value]) -> Answer {
        let (found, next) = page(found, self.max_results, self.next_token.as_deref(), 1..=50)?;
        let mut answer = json!({name: found});
        if let Some(next) = next {
            answer["NextToken"] = json!(next);
        }
        Ok(answer)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Cancel {
    command_id: String,
    #[serde(default)]
    instance_ids: Vec<String>,
}

pub(super) fn cancel(service: &Service, request: &Cancel) -> Answer {
    check_command_id(&request.command_id)?;
    for id in &request.instance_ids {
        check_node_id(id)?;
    }
    let mut state = service.state();
    let command = state.command_mut(&request.command_id).ok_or_else(invalid_command)?;
    let ours = |id: &String| command.invocations.iter().any(|invocation| invocation.node == *id);
    if !request.instance_ids.iter().all(ours) {
        return Err(Refusal::new("InvalidInstanceId", "The command was not sent to this managed node."));
    }
    for invocation in &mut command.invocations {
        let named = request.instance_ids.is_empty() || request.instance_ids.contains(&invocation.node);
        if named && !invocation.status.is_end() {
            invocation.status = Status::Cancelling;
            invocation.cancel.notify_one();
        }
    }
    Ok(json!({}))
}

impl Command {
    /// What becomes of the whole: the worst of its invocations once all have ended.
    pub(super) fn status(&self) -> Status {
        let statuses = || self.invocations.iter().map(|invocation| invocation.status);
        if statuses().all(|status| status == Status::Pending) {
            return Status::Pending;
        }
        if !statuses().all(Status::is_end) {
            return if statuses().any(|status| status == Status::Cancelling) {
                Status::Cancelling
            } else {
                Status::InProgress
            };
        }
        statuses().find(|status| *status != Status::Success).unwrap_or(Status::Success)
    }

    pub(super) fn describe(&self) -> Value {
        let count = |wanted: &dyn Fn(Status) -> bool| {
            self.invocations.iter().filter(|invocation| wanted(invocation.status)).count()
        };
        json!({
            "CommandId": self.id,
            "DocumentName": self.document,
            "DocumentVersion": self.version,
            "Comment": self.comment,
            "ExpiresAfter": epoch(self.expires),
            "Parameters": self.parameters,
            "InstanceIds": self.invocations.iter().map(|invocation| &invocation.node).collect::<Vec<_>>(),
            "Targets": [],
            "RequestedDateTime": epoch(self.requested),
            "Status": self.status().name(),
            "StatusDetails": self.status().details(),
            "OutputS3BucketName": "",
            "OutputS3KeyPrefix": "",
            "MaxConcurrency": "50",
            "MaxErrors": "0",
            "TargetCount": self.invocations.len(),
            "CompletedCount": count(&Status::is_end),
            "ErrorCount": count(&|status| matches!(status, Status::Failed | Status::ExecutionTimedOut)),
            "DeliveryTimedOutCount": count(&|status| status == Status::DeliveryTimedOut),
            "ServiceRole": "",
            "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
            "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false},
            "TimeoutSeconds": self.timeout,
        })
    }

    fn describe_invocation(&self, invocation: &Invocation, details: bool) -> Value {
        let plugins: Vec<Value> = if details {
            invocation.plugins.iter().map(Plugin::describe_in_list).collect()
        } else {
            Vec::new()
        };
        json!({
            "CommandId": self.id,
            "InstanceId": invocation.node,
            "InstanceName": "",
            "Comment": self.comment,
            "DocumentName": self.document,
            "DocumentVersion": self.version,
            "RequestedDateTime": epoch(self.requested),
            "Status": invocation.status.name(),
            "StatusDetails": invocation.status.details(),
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
            "CommandPlugins": plugins,
            "ServiceRole": "",
            "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
            "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false},
        })
    }
}

fn check_command_id(id: &str) -> Result<(), Refusal> {
    if is_uuid(id) {
        return Ok(());
    }
    Err(Refusal::validation(
        "1 validation error detected: Value at 'commandId' failed to satisfy constraint: Member must have length 36",
    ))
}

fn check_node_id(id: &str) -> Result<(), Refusal> {
    if is_node_id(id) { Ok(()) } else { Err(Refusal::validation("the managed node ID is not well-formed")) }
}

fn invalid_command() -> Refusal {
    Refusal::new("InvalidCommandId", "The specified command ID isn't valid.")
}
