//! What a test is shown of the commands that came.

use std::collections::BTreeMap;

use super::commands::Command;

/// A command that was accepted.
#[derive(Debug, Clone)]
pub struct SeenCommand {
    /// Its UUID.
    pub id: String,
    /// The document's name.
    pub document: String,
    /// As the client gave them.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// One for each node.
    pub invocations: Vec<SeenInvocation>,
}

/// A command on one node.
#[derive(Debug, Clone)]
pub struct SeenInvocation {
    /// `mi-…`.
    pub node: String,
    /// As `StatusDetails` tells it, e.g. `Success` or `DeliveryTimedOut`.
    pub status_details: &'static str,
    /// Whether nothing comes after this status.
    pub ended: bool,
    /// The first step's exit code; -1 as long as there is none.
    pub code: i32,
    /// What the steps wrote, uncut (up to 256 KiB for each).
    pub output: String,
    /// What they wrote to standard error, with the agent's remarks.
    pub error: String,
}

impl SeenCommand {
    pub(super) fn of(command: &Command) -> Self {
        let invocations = command
            .invocations
            .iter()
            .map(|invocation| SeenInvocation {
                node: invocation.node.clone(),
                status_details: invocation.status.details(),
                ended: invocation.status.is_end(),
                code: invocation.plugins.first().map_or(-1, |plugin| plugin.code),
                output: invocation.plugins.iter().map(|plugin| plugin.output.as_str()).collect(),
                error: invocation.plugins.iter().map(|plugin| plugin.error.as_str()).collect(),
            })
            .collect();
        Self {
            id: command.id.clone(),
            document: command.document.clone(),
            parameters: command.parameters.clone(),
            invocations,
        }
    }
}
