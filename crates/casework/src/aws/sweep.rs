//! The function `sweep`: takes no input, looks at what is open, and calls what the others call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use investigation::case::Case;
use jiff::{SignedDuration, Timestamp};

use super::dispatch::UNKNOWN;
use super::metrics::{Metric, Metrics};
use super::progress::{Progress, is_end};
use super::relays::NoRelay;
use super::{queues, told};
use crate::backend::Backend;
use crate::container::bundle::Origin;
use crate::digest;
use crate::worker::Pace;

/// Alerts that wait which one sweep looks at.
const ALERTS: usize = 500;
/// A command is asked after when this long nothing was heard of it: news by events is best effort.
const ASKED_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// Looks at what is open.
pub struct Sweep {
    /// Goes on with cases.
    pub progress: Progress,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Alerts that waited and were decided.
    pub alerts: usize,
    /// Cases that were continued.
    pub continued: usize,
    /// Commands that were asked after.
    pub asked: usize,
    /// Things that could not be done and are left to the next sweep.
    pub failed: usize,
}

impl Sweep {
    /// Looks once at everything, until `until`.
    pub async fn run(&self, until: Instant) -> Swept {
        let mut swept = Swept::default();
        self.alerts(until, &mut swept).await;
        self.cases(until, &mut swept).await;
        self.relays().await;
        self.digest(&mut swept).await;
        self.metrics.add(Metric::SweepRuns, 1);
        swept
    }

    /// Alerts that wait: those of a user whose case gave up.
    async fn alerts(&self, until: Instant, swept: &mut Swept) {
        let worker = &self.progress.worker;
        let waiting = worker.backend.waiting(ALERTS).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the alerts that wait cannot be listed");
            swept.failed += 1;
            Vec::new()
        });
        for row in waiting {
            if Instant::now() >= until {
                return;
            }
            match worker.resolve(&row, Pace::STEADY).await {
                Ok(_) => swept.alerts += 1,
                Err(error) => {
                    swept.failed += 1;
                    tracing::warn!(alert_id = row.id, %error, "an alert waits for the next sweep");
                }
            }
        }
    }

    /// Cases with something due, and those that wait for a relay.
    async fn cases(&self, until: Instant, swept: &mut Swept) {
        let worker = &self.progress.worker;
        let open = match worker.backend.open().await {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, "the open cases cannot be listed");
                swept.failed += 1;
                return;
            }
        };
        self.metrics.add(Metric::CasesOpen, open.len());
        let now = (worker.now)();
        let mut ended: BTreeMap<String, Option<String>> = BTreeMap::new();
        for case in open {
            if Instant::now() >= until {
                return;
            }
            if case.due(now).is_some() {
                self.cancel(&case).await;
                match worker.drive(&case.id, Pace::STEADY).await {
                    Ok(_) => swept.continued += 1,
                    Err(error) => {
                        swept.failed += 1;
                        tracing::warn!(case_id = case.id, %error, "a case waits for the next sweep");
                    }
                }
                continue;
            }
            let Some((pending, command, node)) = handed(&case, now) else { continue };
            let key = format!("{command}/{node}");
            if !ended.contains_key(&key) {
                swept.asked += 1;
                let status = self.status(&command, &node).await;
                ended.insert(key.clone(), status);
            }
            let Some(Some(status)) = ended.get(&key) else { continue };
            let origin = Origin { case_id: &case.id, effect: pending.0, attempt: pending.1 };
            if let Err(error) = self.progress.settle(&origin, &node, status, until).await {
                swept.failed += 1;
                tracing::warn!(case_id = case.id, %error, "a case waits for the next sweep");
            }
        }
    }

    /// Ends a command whose time is over before its order is given again. Its other orders' time is over too.
    async fn cancel(&self, case: &Case) {
        // Something else of the case may be due while an order is under way: that goes on.
        let now = (self.progress.worker.now)();
        let over = case.pending.iter().filter(|pending| pending.not_before <= now);
        let handed = over.filter_map(|pending| pending.handed_to.as_deref()).find_map(order_of);
        let Some((command, node)) = handed else { return };
        let ssm = self.progress.worker.performer.clients.ssm();
        if let Err(error) = ssm.cancel_command().command_id(command).instance_ids(node).send().await {
            tracing::info!(
                command,
                error = told(error),
                "a command could not be cancelled; its time is over anyway"
            );
        }
    }

    /// How a command ended at a node, if it did.
    async fn status(&self, command: &str, node: &str) -> Option<String> {
        let ssm = self.progress.worker.performer.clients.ssm();
        let asked = ssm.get_command_invocation().command_id(command).instance_id(node).send().await;
        let invocation = match asked {
            Ok(invocation) => invocation,
            Err(error) => {
                tracing::warn!(command, node, error = told(error), "SSM cannot be asked after a command");
                return None;
            }
        };
        // `Undeliverable` and `DeliveryTimedOut` are said here only, and a command may end after it was said to be late.
        let details = invocation.status_details().unwrap_or_default();
        is_end(details).then(|| details.to_owned()).filter(|details| !details.is_empty())
    }

    /// Lets the summary of a day go out, if it is due. The function `act` sends it: no other may send mail.
    async fn digest(&self, swept: &mut Swept) {
        let worker = &self.progress.worker;
        let day = match digest::wanted(&worker.backend, &worker.policy, false, (worker.now)()).await {
            Ok(Some(day)) => day,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "whether a digest is due cannot be told");
                swept.failed += 1;
                return;
            }
        };
        let (sqs, queue) = (worker.performer.clients.sqs(), &worker.performer.deployment.actions_queue_url);
        if let Err(error) = queues::send_digest(sqs, queue, &day).await {
            tracing::warn!(day, %error, "the digest waits for the next sweep");
            swept.failed += 1;
        }
    }

    /// Whether every relay of the policy answers.
    async fn relays(&self) {
        let performer = &self.progress.worker.performer;
        let mut silent = 0;
        for relay in &performer.policy.relay {
            let why = match performer.dispatch.relays.nodes(&relay.name).await {
                Ok(nodes) if nodes.iter().any(|node| node.online) => continue,
                Ok(nodes) if nodes.is_empty() => NoRelay::Unknown(relay.name.clone()),
                Ok(_) => NoRelay::Offline(relay.name.clone()),
                Err(error) => error,
            };
            tracing::warn!(relay = relay.name, %why, "a relay is missing");
            silent += 1;
        }
        self.metrics.add(Metric::RelaysOffline, silent);
    }
}

/// The effect that a relay has had for a while without a word, by number and try, with the command and the node.
fn handed(case: &Case, now: Timestamp) -> Option<((u32, u32), String, String)> {
    let pending = case.pending.iter().find(|pending| pending.handed_to.is_some())?;
    if now.duration_since(case.updated_at) < ASKED_AFTER {
        return None;
    }
    let (command, node) = order_of(pending.handed_to.as_deref()?)?;
    Some(((pending.n, pending.attempts), command.to_owned(), node.to_owned()))
}

/// The command and the node, where they are known.
fn order_of(handed_to: &str) -> Option<(&str, &str)> {
    let (command, node) = handed_to.strip_prefix("ssm/")?.split_once('/')?;
    (command != UNKNOWN).then_some((command, node))
}

#[cfg(test)]
mod tests;
