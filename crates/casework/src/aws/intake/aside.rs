//! What of a batch no case comes of: it is noted, listed for a person, or set aside.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use investigation::case::Disposition;
use jiff::Timestamp;

use super::super::metrics::Metric;
use super::super::queues::{self, Aside};
use super::side_by_side::side_by_side;
use super::{Intake, Taken, messages_of};
use crate::backend::{Backend, Received};
use crate::worker::{Pace, WorkError};

impl Intake {
    /// Puts records that cannot be read where a person finds them. They then count as handled. Returns the messages
    /// that have to come again.
    pub(super) async fn set_aside(
        self: &Arc<Self>,
        asides: Vec<(usize, Aside)>,
        until: Instant,
    ) -> Vec<usize> {
        let calls = queues::calls(asides, |(_, aside)| aside).into_iter().map(|call| {
            let (messages, asides): (Vec<usize>, Vec<Aside>) = call.into_iter().unzip();
            (messages.clone(), (messages, asides))
        });
        side_by_side(calls.collect(), Some(until), |(messages, asides)| {
            let this = Arc::clone(self);
            async move { this.send_aside(messages, &asides).await }
        })
        .await
    }

    async fn send_aside(&self, messages: Vec<usize>, asides: &[Aside]) -> Vec<usize> {
        let performer = &self.worker.performer;
        let queue = &performer.deployment.alerts_dlq_url;
        let refused = match queues::set_aside(performer.clients.sqs(), queue, asides).await {
            Ok(refused) => refused,
            Err(error) => {
                tracing::warn!(%error, records = asides.len(), "records could not be set aside");
                return messages;
            }
        };
        for (number, Aside { origin, reason, .. }) in asides.iter().enumerate() {
            if !refused.contains(&number) {
                tracing::warn!(origin, reason, "a record was set aside");
            }
        }
        self.metrics.add(Metric::AlertsSetAside, asides.len() - refused.len());
        refused.into_iter().filter_map(|number| messages.get(number).copied()).collect()
    }

    /// Notes alerts about machines that the policy leaves alone, by machine. Returns the messages that have to come again.
    pub(super) async fn leave_alone(
        self: &Arc<Self>,
        groups: BTreeMap<(IpAddr, String), (Disposition, Vec<Taken>)>,
        now: Timestamp,
        until: Instant,
    ) -> Vec<usize> {
        let groups = groups
            .into_iter()
            .map(|((ip, _), (disposition, alerts))| (messages_of(&alerts), (ip, disposition, alerts)));
        side_by_side(groups.collect(), Some(until), |(ip, disposition, alerts)| {
            let this = Arc::clone(self);
            async move {
                let ids: Vec<String> = alerts.iter().map(|taken| taken.alert.id.clone()).collect();
                match this.worker.backend.settled_batch(ip, &disposition, &ids, now).await {
                    Ok(()) => Vec::new(),
                    Err(error) => {
                        tracing::warn!(%error, "alerts that the policy leaves alone could not be noted");
                        messages_of(&alerts)
                    }
                }
            }
        })
        .await
    }

    /// Stores alerts for a person to look at. Returns the messages that have to come again.
    pub(super) async fn for_review(
        self: &Arc<Self>,
        alerts: Vec<Taken>,
        now: Timestamp,
        until: Instant,
    ) -> Vec<usize> {
        let alerts = alerts.into_iter().map(|taken| (vec![taken.message], taken)).collect();
        side_by_side(alerts, Some(until), |taken| {
            let this = Arc::clone(self);
            async move {
                let message = taken.message;
                match this.list_for_review(taken, now).await {
                    Ok(()) => Vec::new(),
                    Err(error) => {
                        tracing::warn!(%error, "an alert for review could not be stored");
                        vec![message]
                    }
                }
            }
        })
        .await
    }

    async fn list_for_review(&self, taken: Taken, now: Timestamp) -> Result<(), WorkError> {
        let received =
            Received { id: taken.alert.id.clone(), origin: taken.origin, content: Ok(taken.alert) };
        for row in &self.worker.backend.take_in(vec![received], now).await? {
            self.worker.resolve(row, Pace::STEADY).await?;
        }
        Ok(())
    }
}
