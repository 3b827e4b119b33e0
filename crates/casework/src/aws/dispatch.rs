//! Orders on their way to relays: those of one moment for one node travel as one file and one command.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use data_encoding::HEXLOWER;
use investigation::case::{Case, Pending};
use investigation::order::{BATCH_FORMAT, DELIVERY, OrderBatch, OrderLink, RelayOrder, UPLOAD, Upload};
use investigation::policy::{Platform, Policy, Relay};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tracing::Instrument;

use super::client::Clients;
use super::deployment::Deployment;
use super::evidence::bundle_key;
use super::relays::{NoRelay, Relays};
use super::told;
use crate::backend::aws::{Aws, CommandEntry};
use crate::container::bundle::Origin;

/// How long an order waits for others to travel with.
const GATHER: Duration = Duration::from_millis(40);
/// The content type that bundles are uploaded with.
const BUNDLE_TYPE: &str = "application/zip";
/// The document's parameter that carries the link to the orders.
const PARAMETER: &str = "Order";

/// An order that a relay has, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// After this moment nobody works on it any more.
    pub until: Timestamp,
    /// `ssm/<command>/<node>`; the command is `unknown` where the answer to sending it was lost.
    pub to: String,
}

/// Why an order did not go out. Surely no relay has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// No relay can be asked.
    #[error(transparent)]
    NoRelay(#[from] NoRelay),
    /// AWS refused.
    #[error("{0}")]
    Aws(String),
}

/// Sends orders.
pub struct Dispatch {
    clients: Clients,
    deployment: Arc<Deployment>,
    store: Aws,
    /// The relays, looked up and remembered.
    pub relays: Relays,
    /// By relay and node: a node does not see what another one is in contact with, so a case stays with its own.
    waiting: Mutex<HashMap<(String, String), Vec<Waiting>>>,
}

/// An order that waits for others to travel with.
struct Waiting {
    platform: Platform,
    order: RelayOrder,
    answer: oneshot::Sender<Result<Sent, NotSent>>,
}

impl Dispatch {
    /// Sends nothing yet.
    pub fn new(clients: Clients, deployment: Arc<Deployment>, store: Aws) -> Arc<Self> {
        let relays = Relays::new(clients.clone());
        Arc::new(Self { clients, deployment, store, relays, waiting: Mutex::default() })
    }

    /// Sends the order behind an effect, with whatever else goes to the same node in this moment.
    ///
    /// # Errors
    /// When surely no relay has it. Where that is not sure, it counts as sent: it is then asked for again when its
    /// time is over, and not while a relay may be at it.
    pub async fn send(
        self: &Arc<Self>,
        case: &Case,
        pending: &Pending,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Sent, NotSent> {
        let order = case
            .order(&pending.effect, policy)
            .ok_or_else(|| NotSent::Aws("this effect is not an order".to_owned()))?;
        let (relay, node) = self.relays.choose(policy, case.target, turn(&case.id)).await?;
        let limit = pending.effect.contact_timeout(policy);
        let upload = self.upload(case, pending, limit.signed()).await?;
        let order = RelayOrder {
            order,
            effect: pending.n,
            attempt: pending.attempts,
            timeout_seconds: limit.duration().as_secs().max(1),
            upload,
        };
        let (answer, sent) = oneshot::channel();
        self.join(relay, node, Waiting { platform: relay.platform, order, answer }, now);
        sent.await.unwrap_or_else(|_| Err(NotSent::Aws("the command was not sent".to_owned())))
    }

    /// Puts an order to those for the same node. The first of them sees to it that all leave.
    fn join(self: &Arc<Self>, relay: &Relay, node: String, waiting: Waiting, now: Timestamp) {
        let key = (relay.name.clone(), node);
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let same = all.entry(key.clone()).or_default();
        same.push(waiting);
        if same.len() > 1 {
            return;
        }
        drop(all);
        let (this, most) = (Arc::clone(self), relay.max_orders);
        let leaving = async move {
            tokio::time::sleep(GATHER).await;
            let gathered =
                this.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&key).unwrap_or_default();
            let mut gathered = gathered.into_iter().peekable();
            while gathered.peek().is_some() {
                let batch: Vec<Waiting> = gathered.by_ref().take(most).collect();
                this.leave(&key.0, &key.1, batch, now).await;
            }
        };
        // What it logs is about this invocation.
        tokio::spawn(leaving.in_current_span());
    }

    /// Sends one batch and tells everyone in it how that went.
    async fn leave(&self, relay: &str, node: &str, batch: Vec<Waiting>, now: Timestamp) {
        let Some(platform) = batch.first().map(|first| first.platform) else { return };
        let (orders, answers): (Vec<RelayOrder>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.order, waiting.answer)).unzip();
        let entries = orders.iter().map(|order| CommandEntry {
            case_id: order.order.case_id.clone(),
            effect: order.effect,
            attempt: order.attempt,
        });
        let entries: Vec<CommandEntry> = entries.collect();
        let longest = orders.iter().map(|order| order.timeout_seconds).max().unwrap_or(0);
        let longest = SignedDuration::from_secs(i64::try_from(longest).unwrap_or(i64::MAX));
        let until = now.checked_add(DELIVERY + longest + UPLOAD).unwrap_or(Timestamp::MAX);
        let sent = self.send_batch(relay, node, platform, orders, now).await;
        if let Ok(command) = &sent
            && command != UNKNOWN
            && let Err(error) = self.store.put_command(command, node, entries, now).await
        {
            // The cases know the command too; it is only found faster by this.
            tracing::warn!(command, %error, "the command is sent and could not be noted");
        }
        let sent = sent.map(|command| Sent { until, to: format!("ssm/{command}/{node}") });
        for answer in answers {
            // Whoever asked may be gone: then the case is continued when its time is over.
            let _ = answer.send(sent.clone());
        }
    }

    async fn send_batch(
        &self,
        relay: &str,
        node: &str,
        platform: Platform,
        orders: Vec<RelayOrder>,
        now: Timestamp,
    ) -> Result<String, NotSent> {
        let expires_at = now.checked_add(DELIVERY).unwrap_or(Timestamp::MAX);
        let batch = OrderBatch {
            format: BATCH_FORMAT.to_owned(),
            relay: relay.to_owned(),
            issued_at: now,
            expires_at,
            orders,
        };
        if let Some(fault) = batch.faults(now).first() {
            return Err(NotSent::Aws(format!("the orders would be refused: {fault}")));
        }
        let bytes = serde_json::to_vec(&batch).map_err(|error| NotSent::Aws(error.to_string()))?;
        let sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
        let key = format!("orders/{sha256}.json");
        let bucket = &self.deployment.staging_bucket;
        let put = self.clients.s3().put_object().bucket(bucket).key(&key).content_type("application/json");
        put.body(ByteStream::from(bytes)).send().await.map_err(aws)?;
        let get = self.clients.s3().get_object().bucket(bucket).key(&key);
        let url = get.presigned(presigning(DELIVERY)?).await.map_err(aws)?.uri().to_owned();
        let link = OrderLink { url, sha256 }.encode().map_err(|error| NotSent::Aws(error.to_string()))?;
        let document = match platform {
            Platform::Linux => &self.deployment.ssm_document_linux,
            Platform::Windows => &self.deployment.ssm_document_windows,
        };
        let command = self
            .clients
            .ssm_once()
            .send_command()
            .document_name(document)
            .instance_ids(node)
            .parameters(PARAMETER, vec![link])
            .timeout_seconds(i32::try_from(DELIVERY.as_secs()).unwrap_or(300))
            .comment(format!("peerhound: {} orders", batch.orders.len()))
            .send()
            .await;
        match command {
            Ok(sent) => match sent.command().and_then(|command| command.command_id()) {
                Some(id) => Ok(id.to_owned()),
                None => Ok(UNKNOWN.to_owned()),
            },
            // A refusal is an answer: the service did not take the command.
            Err(error) if refused(&error) => {
                self.relays.forget(relay);
                Err(aws(error))
            }
            Err(error) if never_left(&error) => Err(aws(error)),
            Err(error) => {
                tracing::warn!(relay, error = told(error), "no answer to a command: it may be under way");
                Ok(UNKNOWN.to_owned())
            }
        }
    }

    /// Where the relay puts what it finds: once, and nothing else.
    async fn upload(&self, case: &Case, pending: &Pending, limit: SignedDuration) -> Result<Upload, NotSent> {
        let put = self
            .clients
            .s3()
            .put_object()
            .bucket(&self.deployment.staging_bucket)
            .key(bundle_key(&Origin { case_id: &case.id, effect: pending.n, attempt: pending.attempts }))
            .content_type(BUNDLE_TYPE)
            .if_none_match("*");
        let signed = put.presigned(presigning(DELIVERY + limit + UPLOAD)?).await.map_err(aws)?;
        let headers = signed.headers().map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers = headers.filter(|(name, _)| name != "host" && name != "content-length").collect();
        Ok(Upload { url: signed.uri().to_owned(), headers })
    }
}

/// A command whose id is not known.
pub const UNKNOWN: &str = "unknown";

/// Whether the service said no. With a status of 500 or more it says that it failed, and not whether before or after it
/// took the command.
fn refused<E>(error: &aws_sdk_ssm::error::SdkError<E>) -> bool {
    match error {
        aws_sdk_ssm::error::SdkError::ServiceError(told) => !told.raw().status().is_server_error(),
        _ => false,
    }
}

/// Whether a call surely did not reach the service: the connection never came about.
fn never_left<E>(error: &aws_sdk_ssm::error::SdkError<E>) -> bool {
    match error {
        aws_sdk_ssm::error::SdkError::ConstructionFailure(_) => true,
        aws_sdk_ssm::error::SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().is_some_and(|error| error.is_user())
        }
        _ => false,
    }
}

fn presigning(valid: SignedDuration) -> Result<PresigningConfig, NotSent> {
    let valid = Duration::try_from(valid).map_err(|error| NotSent::Aws(error.to_string()))?;
    PresigningConfig::expires_in(valid).map_err(|error| NotSent::Aws(error.to_string()))
}

fn aws<E: std::error::Error>(error: E) -> NotSent {
    NotSent::Aws(told(error))
}

/// Cases spread over the nodes of a relay, and each stays with one.
fn turn(case_id: &str) -> usize {
    case_id.bytes().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)))
}

#[cfg(test)]
mod tests;
