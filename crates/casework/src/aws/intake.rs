//! The function `intake`: takes alerts off the queue.
//!
//! A storm is many alerts about few machines. So a batch is read as a whole, its machines are looked up in one call, and
//! what repeats is written once for each machine: DynamoDB is asked about machines and never about alerts.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use investigation::alert::Alert;
use investigation::case::{Disposition, Intake as Decision, intake};
use investigation::claim::ClaimKey;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::metrics::{Metric, Metrics};
use super::performer::ThroughRelays;
use super::queues;
use crate::backend::aws::{Aws, Repeats, Standing};
use crate::backend::{Backend, Received, StoreError};
use crate::records::{Reading, read_records};
use crate::worker::{Pace, Resolution, WorkError, Worker};

/// Machines that are worked at the same time.
const MACHINES: usize = 16;
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
    /// durably so. Ends some time before `until`.
    pub async fn handle(self: &Arc<Self>, messages: &[Message], until: Instant) -> Vec<String> {
        let now = (self.worker.now)();
        let mut undone = vec![false; messages.len()];
        let mut machines: BTreeMap<IpAddr, Vec<Taken>> = BTreeMap::new();
        let mut left_alone: BTreeMap<(IpAddr, String), (Disposition, Vec<Taken>)> = BTreeMap::new();
        for (number, message) in messages.iter().enumerate() {
            let mut records = Vec::new();
            let moment = format!("{}#", message.id);
            let origin = format!("message {}", message.id);
            let reading = Reading {
                origin: &origin,
                moment: &moment,
                formats: &self.worker.policy.format,
                once: false,
            };
            read_records(reading, message.body.as_bytes(), &mut |record| {
                records.push(record);
                true
            });
            if records.is_empty() {
                undone[number] |= !self.set_aside(&message.body, &origin, "the message has no record").await;
            }
            for record in records {
                let alert = match record.content {
                    Ok(alert) => alert,
                    Err(unread) => {
                        let body = if unread.original.is_empty() { &message.body } else { &unread.original };
                        undone[number] |= !self.set_aside(body, &record.origin, &unread.reason).await;
                        continue;
                    }
                };
                self.metrics.add(Metric::AlertsIn, 1);
                let taken = Taken { message: number, origin: record.origin, alert };
                match intake(&taken.alert, &self.worker.policy, now) {
                    Decision::Open(step) => machines.entry(step.case.target).or_default().push(taken),
                    Decision::Settled(disposition) => match concerns(&taken.alert, &disposition) {
                        Some(ip) => {
                            let words = serde_json::to_string(&disposition).unwrap_or_default();
                            let group = left_alone.entry((ip, words));
                            group.or_insert_with(|| (disposition, Vec::new())).1.push(taken);
                        }
                        None => undone[number] |= !self.for_review(taken, now).await,
                    },
                }
            }
        }
        for ((ip, _), (disposition, alerts)) in left_alone {
            let ids: Vec<String> = alerts.iter().map(|taken| taken.alert.id.clone()).collect();
            if let Err(error) = self.worker.backend.settled_batch(ip, &disposition, &ids, now).await {
                tracing::warn!(%error, "alerts that the policy leaves alone could not be noted");
                alerts.iter().for_each(|taken| undone[taken.message] = true);
            }
        }
        self.work(machines, now, until, &mut undone).await;
        let undone = undone.into_iter().zip(messages).filter(|(undone, _)| *undone);
        undone.map(|(_, message)| message.id.clone()).collect()
    }

    /// Works every machine of the batch.
    async fn work(
        self: &Arc<Self>,
        machines: BTreeMap<IpAddr, Vec<Taken>>,
        now: Timestamp,
        until: Instant,
        undone: &mut [bool],
    ) {
        let ips: Vec<IpAddr> = machines.keys().copied().collect();
        let mut standing = match self.worker.backend.look_up(&ips, now).await {
            Ok(standing) => standing,
            Err(error) => {
                tracing::warn!(%error, "the machines of a batch could not be looked up");
                machines.values().flatten().for_each(|taken| undone[taken.message] = true);
                return;
            }
        };
        let machines = self.held(machines, &standing, now, undone).await;
        let room = Arc::new(Semaphore::new(MACHINES));
        let mut tasks = JoinSet::new();
        for (ip, alerts) in machines {
            let (this, room) = (Arc::clone(self), Arc::clone(&room));
            let standing = standing.remove(&ip).unwrap_or(Standing::Free);
            tasks.spawn(async move {
                let _place = room.acquire_owned().await;
                this.machine(ip, standing, alerts, now, until).await
            });
        }
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(again) => again.into_iter().for_each(|message| undone[message] = true),
                Err(panicked) => {
                    tracing::error!(%panicked, "a machine's alerts could not be worked");
                    undone.fill(true);
                }
            }
        }
    }

    /// Counts what is about machines that a case looks at, or has looked at, all in one go. Returns the other machines.
    async fn held(
        &self,
        machines: BTreeMap<IpAddr, Vec<Taken>>,
        standing: &HashMap<IpAddr, Standing>,
        now: Timestamp,
        undone: &mut [bool],
    ) -> BTreeMap<IpAddr, Vec<Taken>> {
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
            return others;
        }
        match self.worker.backend.count_batches(&repeats, now).await {
            Ok(()) => self.metrics.add(Metric::AlertsSuppressed, messages.len()),
            Err(error) => {
                tracing::warn!(%error, "repeats could not be counted");
                messages.into_iter().for_each(|message| undone[message] = true);
            }
        }
        others
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

    /// Stores an alert for a person to look at.
    async fn for_review(&self, taken: Taken, now: Timestamp) -> bool {
        let received =
            Received { id: taken.alert.id.clone(), origin: taken.origin, content: Ok(taken.alert) };
        let stored = async {
            let rows = self.worker.backend.take_in(vec![received], now).await?;
            for row in &rows {
                self.worker.resolve(row, Pace::STEADY).await?;
            }
            Ok::<(), WorkError>(())
        };
        let stored = stored.await;
        if let Err(error) = &stored {
            tracing::warn!(%error, "an alert for review could not be stored");
        }
        stored.is_ok()
    }

    /// Puts a record that cannot be read where a person finds it. It then counts as handled.
    async fn set_aside(&self, body: &str, origin: &str, reason: &str) -> bool {
        let performer = &self.worker.performer;
        let queue = &performer.deployment.alerts_dlq_url;
        let sent = queues::set_aside(&performer.clients.sqs, queue, body, origin, reason).await;
        match &sent {
            Ok(()) => {
                tracing::warn!(origin, reason, "a record was set aside");
                self.metrics.add(Metric::AlertsSetAside, 1);
            }
            Err(error) => tracing::warn!(origin, %error, "a record could not be set aside"),
        }
        sent.is_ok()
    }
}

/// The machine that an alert is about which nobody has to look at; `None` where a person has to.
fn concerns(alert: &Alert, disposition: &Disposition) -> Option<IpAddr> {
    match disposition {
        Disposition::Exempt { .. } | Disposition::Refused { .. } => alert.source_ip.or(alert.destination_ip),
        _ => None,
    }
}
