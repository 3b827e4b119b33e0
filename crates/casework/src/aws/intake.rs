//! The function `intake`: takes alerts off the queue.
//!
//! A storm is many alerts about few machines. So a batch is read as a whole, its machines are looked up in one call, and
//! what repeats is written once for each machine: DynamoDB is asked about machines and never about alerts.

mod aside;
mod side_by_side;
mod sort;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use investigation::alert::Alert;
use investigation::case::Disposition;
use investigation::claim::ClaimKey;
use jiff::Timestamp;

use super::metrics::{Metric, Metrics};
use super::performer::ThroughRelays;
use super::queues::Aside;
use crate::backend::aws::{Aws, Repeats, Standing};
use crate::backend::{Backend, Received, StoreError};
use crate::worker::{Pace, Resolution, WorkError, Worker};
use side_by_side::side_by_side;
use sort::Sorted;

/// Times that one alert is decided anew, where its machine changes hands under it.
const LOOKS: usize = 3;

/// One message of the queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// The queue's id for it.
    pub id: String,
    /// What it says: one or many records.
    pub body: String,
}

/// Takes alerts in.
pub struct Intake {
    /// The worker.
    pub worker: Arc<Worker<Aws, ThroughRelays>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// An alert with the messages that it stands or falls with.
struct Taken {
    message: usize,
    origin: String,
    alert: Alert,
}

impl Intake {
    /// Handles a batch. Returns the messages that are not done and have to come again; everything else is decided, and
    /// durably so. Begins nothing after `until`, and ends soon after it.
    pub async fn handle(self: &Arc<Self>, messages: &[Message], until: Instant) -> Vec<String> {
        self.handle_as(messages, until, |number, message, now| self.sort(number, message, now)).await
    }

    async fn handle_as(
        self: &Arc<Self>,
        messages: &[Message],
        until: Instant,
        sort: impl Fn(usize, &Message, Timestamp) -> Vec<Sorted>,
    ) -> Vec<String> {
        let now = (self.worker.now)();
        let mut undone = vec![false; messages.len()];
        let mut machines: BTreeMap<IpAddr, Vec<Taken>> = BTreeMap::new();
        let mut left_alone: BTreeMap<(IpAddr, String), (Disposition, Vec<Taken>)> = BTreeMap::new();
        let (mut review, mut aside, mut alerts) = (Vec::new(), Vec::new(), 0);
        for (number, message) in messages.iter().enumerate() {
            if Instant::now() >= until {
                undone[number] = true;
                continue;
            }
            // One that makes the code panic is no matter of the others: it would come again with all of them.
            let sorted = panic::catch_unwind(AssertUnwindSafe(|| sort(number, message, now)));
            let sorted = sorted.unwrap_or_else(|panicked| {
                let reason = format!("reading it made the function panic: {}", words(&*panicked));
                let (body, origin) = (message.body.clone(), format!("message {}", message.id));
                vec![Sorted::Unreadable(Aside { body, origin, reason })]
            });
            for record in sorted {
                alerts += usize::from(!matches!(record, Sorted::Unreadable(_)));
                match record {
                    Sorted::Machine(ip, taken) => machines.entry(ip).or_default().push(taken),
                    Sorted::LeftAlone(ip, disposition, taken) => {
                        let words = serde_json::to_string(&disposition).unwrap_or_default();
                        let group =
                            left_alone.entry((ip, words)).or_insert_with(|| (disposition, Vec::new()));
                        group.1.push(taken);
                    }
                    Sorted::Review(taken) => review.push(taken),
                    Sorted::Unreadable(record) => aside.push((number, record)),
                }
            }
        }
        self.metrics.add(Metric::AlertsIn, alerts);
        // Side by side, so that many of one kind do not keep the others from being worked.
        let (not_aside, not_noted, not_listed, not_worked) = tokio::join!(
            self.set_aside(aside, until),
            self.leave_alone(left_alone, now, until),
            self.for_review(review, now, until),
            self.work(machines, now, until),
        );
        for message in [not_aside, not_noted, not_listed, not_worked].into_iter().flatten() {
            undone[message] = true;
        }
        let undone = undone.into_iter().zip(messages).filter(|(undone, _)| *undone);
        undone.map(|(_, message)| message.id.clone()).collect()
    }

    /// Works every machine of the batch. Returns the messages that have to come again.
    async fn work(
        self: &Arc<Self>,
        machines: BTreeMap<IpAddr, Vec<Taken>>,
        now: Timestamp,
        until: Instant,
    ) -> Vec<usize> {
        let ips: Vec<IpAddr> = machines.keys().copied().collect();
        let mut standing = match self.worker.backend.look_up(&ips, now).await {
            Ok(standing) => standing,
            Err(error) => {
                tracing::warn!(%error, "the machines of a batch could not be looked up");
                return machines.values().flatten().map(|taken| taken.message).collect();
            }
        };
        let (machines, mut undone) = self.held(machines, &standing, now).await;
        let machines = machines.into_iter().map(|(ip, alerts)| {
            let standing = standing.remove(&ip).unwrap_or(Standing::Free);
            (messages_of(&alerts), (ip, standing, alerts))
        });
        // A machine that is begun is not let go of in the middle: it looks at `until` itself.
        let worked = side_by_side(machines.collect(), None, |(ip, standing, alerts)| {
            let this = Arc::clone(self);
            async move { this.machine(ip, standing, alerts, now, until).await }
        });
        undone.extend(worked.await);
        undone
    }

    /// Counts what is about machines that a case looks at, or has looked at, all in one go. Returns the other machines,
    /// and the messages that have to come again.
    async fn held(
        &self,
        machines: BTreeMap<IpAddr, Vec<Taken>>,
        standing: &HashMap<IpAddr, Standing>,
        now: Timestamp,
    ) -> (BTreeMap<IpAddr, Vec<Taken>>, Vec<usize>) {
        let (mut others, mut repeats, mut messages) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (ip, alerts) in machines {
            let Some(Standing::Held { claim, opened_by_alert }) = standing.get(&ip) else {
                others.insert(ip, alerts);
                continue;
            };
            // The alert that opened the case is no repeat: its message came again.
            let (ids, of): (Vec<String>, Vec<usize>) = alerts
                .into_iter()
                .filter(|taken| taken.alert.id != *opened_by_alert)
                .map(|taken| (taken.alert.id, taken.message))
                .unzip();
            if !ids.is_empty() {
                repeats.push(Repeats {
                    case_id: claim.case_id.clone(),
                    key: claim.key.clone(),
                    alert_ids: ids,
                });
                messages.extend(of);
            }
        }
        if repeats.is_empty() {
            return (others, Vec::new());
        }
        match self.worker.backend.count_batches(&repeats, now).await {
            Ok(()) => {
                self.metrics.add(Metric::AlertsSuppressed, messages.len());
                for counted in &repeats {
                    self.worker.tell_repeats(&counted.case_id).await;
                }
                (others, Vec::new())
            }
            Err(error) => {
                tracing::warn!(%error, "repeats could not be counted");
                (others, messages)
            }
        }
    }

    /// Works all alerts of the batch about one machine. Returns the messages that have to come again.
    async fn machine(
        &self,
        ip: IpAddr,
        mut standing: Standing,
        mut alerts: Vec<Taken>,
        now: Timestamp,
        until: Instant,
    ) -> Vec<usize> {
        let mut seen_to = false;
        for _ in 0..LOOKS {
            if alerts.is_empty() {
                return Vec::new();
            }
            let done = match &standing {
                Standing::Held { claim, opened_by_alert } => {
                    // The alert that opened the case is no repeat: its message came again.
                    alerts.retain(|taken| taken.alert.id != *opened_by_alert);
                    self.repeats(&claim.case_id, &claim.key, &alerts, now).await
                }
                // A waiting case is told of the first of them, which is a reason to try it, and counts the others.
                Standing::Waiting { case_id } if seen_to => {
                    self.repeats(case_id, &ClaimKey::stored(String::new()), &alerts, now).await
                }
                Standing::Free | Standing::Waiting { .. } if Instant::now() >= until => break,
                Standing::Free | Standing::Waiting { .. } => {
                    let first = alerts.remove(0);
                    if let Err(error) = self.first(&first).await {
                        tracing::warn!(alert_id = first.alert.id, %error, "an alert stays on the queue");
                        alerts.push(first);
                        break;
                    }
                    // The very same alert, come twice in one batch, is no repeat either.
                    alerts.retain(|taken| taken.alert.id != first.alert.id);
                    if alerts.is_empty() {
                        return Vec::new();
                    }
                    seen_to = true;
                    let found = self.worker.backend.look_up(&[ip], (self.worker.now)()).await;
                    match found {
                        Ok(mut found) => standing = found.remove(&ip).unwrap_or(Standing::Free),
                        Err(error) => {
                            tracing::warn!(%error, "a machine could not be looked up");
                            break;
                        }
                    }
                    continue;
                }
            };
            match done {
                Ok(()) => return Vec::new(),
                Err(error) => tracing::warn!(%error, "repeats could not be counted"),
            }
        }
        alerts.into_iter().map(|taken| taken.message).collect()
    }

    /// Counts repeats on the case that looks, or has looked.
    async fn repeats(
        &self,
        case_id: &str,
        key: &ClaimKey,
        alerts: &[Taken],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ids: Vec<String> = alerts.iter().map(|taken| taken.alert.id.clone()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.worker.backend.count_batch(case_id, key, &ids, now).await?;
        self.metrics.add(Metric::AlertsSuppressed, ids.len());
        self.worker.tell_repeats(case_id).await;
        Ok(())
    }

    /// Works one alert by itself.
    async fn first(&self, taken: &Taken) -> Result<(), WorkError> {
        let received = Received {
            id: taken.alert.id.clone(),
            origin: taken.origin.clone(),
            content: Ok(taken.alert.clone()),
        };
        let rows = self.worker.backend.take_in(vec![received], (self.worker.now)()).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        match self.worker.resolve(row, Pace::STEADY).await? {
            Resolution::Case(case) if case.alert.id == taken.alert.id => {
                self.metrics.add(Metric::CasesOpened, 1);
            }
            Resolution::Settled(Disposition::Suppressed { .. } | Disposition::Folded { .. }) => {
                self.metrics.add(Metric::AlertsSuppressed, 1);
            }
            Resolution::Case(_) | Resolution::Settled(_) | Resolution::InOtherHands(_) => {}
        }
        Ok(())
    }
}

fn messages_of(alerts: &[Taken]) -> Vec<usize> {
    alerts.iter().map(|taken| taken.message).collect()
}

/// What a panic said.
fn words(panicked: &(dyn std::any::Any + Send)) -> &str {
    let text = panicked.downcast_ref::<&str>().copied();
    text.or_else(|| panicked.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}
