//! What happens to a command on its way to a node, on it, and on the way back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::events;
use super::invocation::{Plugin, Status};
use super::nodes::{Behaviour, Node, Ping};
use super::run::{End, Script, run};
use super::schema::{Arguments, OnFailure, Schema, Step, fill};
use super::service::Service;

/// The agent's code for a step that it stopped.
const STOPPED: i32 = 137;
/// How long the service tries before it gives a command up as undeliverable.
const GIVING_UP: Duration = Duration::from_millis(100);

/// A command for one node.
pub(super) struct Work {
    pub(super) command: String,
    pub(super) node: Node,
    pub(super) workers: Arc<Semaphore>,
    pub(super) schema: Schema,
    pub(super) arguments: Arguments,
    /// After so many seconds the service takes no answer any more.
    pub(super) total: u64,
    pub(super) cancel: Arc<Notify>,
}

/// Follows the command to its end, and tells it.
pub(super) async fn deliver(service: Arc<Service>, work: Work) {
    let deadline = Instant::now() + service.seconds(work.total);
    let status = match work.node.behaviour {
        Behaviour::Undeliverable => {
            tokio::time::sleep(GIVING_UP).await;
            Status::Undeliverable
        }
        Behaviour::Hangs => work.given_up(deadline).await,
        // What waits for a worker of the agent ends in the same ways as what is never picked up.
        _ => tokio::select! {
            _place = work.workers.acquire() => work.run(&service, deadline).await,
            status = work.given_up(deadline) => status,
        },
    };
    work.end(&service, status);
    events::tell(&service, &work.command, &work.node.id, status).await;
}

impl Work {
    /// What becomes of it while nobody picks it up.
    async fn given_up(&self, deadline: Instant) -> Status {
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => Status::DeliveryTimedOut,
            () = self.cancel.notified() => Status::Cancelled,
        }
    }

    /// What becomes of it in a worker of the agent.
    async fn run(&self, service: &Service, deadline: Instant) -> Status {
        self.pick_up(service);
        match self.node.behaviour {
            Behaviour::Runs => return self.run_steps(service, true).await,
            Behaviour::LosesReport => {
                self.run_steps(service, false).await;
            }
            _ => {}
        }
        self.lose_connection(service);
        tokio::time::sleep_until(deadline).await;
        Status::DeliveryTimedOut
    }

    fn pick_up(&self, service: &Service) {
        self.change(service, |status, _| {
            if *status == Status::Pending {
                *status = Status::InProgress;
            }
        });
    }

    fn lose_connection(&self, service: &Service) {
        if let Some(node) = service.state().nodes.get_mut(&self.node.id) {
            node.ping = Ping::ConnectionLost;
            node.since = Timestamp::now();
        }
    }

    fn end(&self, service: &Service, end: Status) {
        self.change(service, |status, plugins| {
            *status = end;
            for plugin in plugins.iter_mut().filter(|plugin| !plugin.status.is_end()) {
                plugin.status = end;
            }
        });
    }

    fn change(&self, service: &Service, change: impl FnOnce(&mut Status, &mut Vec<Plugin>)) {
        let mut state = service.state();
        let invocations = state.command_mut(&self.command).map(|command| &mut command.invocations);
        let invocation = invocations.into_iter().flatten().find(|invocation| invocation.node == self.node.id);
        if let Some(invocation) = invocation {
            change(&mut invocation.status, &mut invocation.plugins);
        }
    }

    async fn run_steps(&self, service: &Service, reports: bool) -> Status {
        let mut worst = Status::Success;
        for (at, step) in self.schema.steps.iter().enumerate() {
            let mut plugin = Plugin::pending(step);
            plugin.started = Some(Timestamp::now());
            if step.runs_on(self.node.platform) {
                self.run_step(service, step, &mut plugin).await;
            } else {
                plugin.status = Status::Success;
                plugin.code = 0;
                plugin.output = format!(
                    "Step execution skipped due to unsatisfied preconditions. Step name: {}",
                    step.name
                );
            }
            plugin.ended = Some(Timestamp::now());
            let status = plugin.status;
            if reports {
                self.change(service, |_, plugins| plugins[at] = plugin);
            }
            if worst == Status::Success {
                worst = status;
            }
            let stopped = matches!(status, Status::Cancelled | Status::ExecutionTimedOut);
            if stopped || (status == Status::Failed && step.on_failure == OnFailure::Exit) {
                break;
            }
        }
        worst
    }

    async fn run_step(&self, service: &Service, step: &Step, plugin: &mut Plugin) {
        let variables =
            if self.node.knows_env_var() { self.arguments.environment(&self.schema) } else { Vec::new() };
        // Was checked before the command was accepted.
        let seconds = fill(&step.timeout_seconds, &self.arguments).parse().unwrap_or(1);
        let folder = step.working_directory.as_deref().map(|folder| fill(folder, &self.arguments));
        let script = Script {
            node: &self.node,
            action: step.action,
            text: self.arguments.lines(&step.lines).join("\n") + "\n",
            folder: folder.filter(|folder| !folder.is_empty()).map(PathBuf::from),
            variables,
            limit: service.seconds(seconds),
        };
        let outcome = run(script, &self.cancel).await;
        plugin.output = outcome.output;
        plugin.error = outcome.error;
        let mut remark = |text: &str| {
            if !plugin.error.is_empty() && !plugin.error.ends_with('\n') {
                plugin.error.push('\n');
            }
            plugin.error.push_str(text);
        };
        // The agent adds its own line to what the script wrote.
        (plugin.status, plugin.code) = match outcome.end {
            End::Exited(0) => (Status::Success, 0),
            End::Exited(code) => {
                remark(&format!("failed to run commands: exit status {code}"));
                (Status::Failed, code)
            }
            End::TimedOut => {
                remark("failed to run commands: exit status 137: Command timed out");
                (Status::ExecutionTimedOut, STOPPED)
            }
            End::Cancelled => {
                remark("failed to run commands: exit status 137: Command cancelled");
                (Status::Cancelled, STOPPED)
            }
            End::NotStarted(reason) => {
                remark(&format!("failed to run commands: {reason}"));
                (Status::Failed, 1)
            }
        };
    }
}
