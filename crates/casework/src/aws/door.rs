//! The function `ingest`: the door for alerts over HTTPS. It lets in whoever has a key, tells the ids of the alerts,
//! and puts each on the queue. What cannot be read is set aside for a person, as `intake` would do.
//!
//! It runs behind API Gateway or a function URL, whose events are of the same two shapes. Where the deployment says so, it
//! is the door for approvers too.

mod approve;

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use investigation::policy::Policy;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::client::Clients;
use super::metrics::{Metric, Metrics};
use super::queues::{self, Aside};
use super::secret::Kept;
use super::submit::{Batch, Outgoing, Sender};
use crate::backend::{Received, Unread};
use crate::door::{Answer, Door, Keys, Request};

pub use approve::Approvals;

/// How long keys are used before they are fetched again, so that a changed one needs no deployment.
const FRESH: Duration = Duration::from_secs(60);

/// The door with everything that it needs, built once.
pub struct Doorman {
    /// AWS.
    pub clients: Clients,
    /// The site's settings.
    pub policy: Policy,
    /// The queue of alerts.
    pub alerts_queue_url: String,
    /// Where what cannot be read goes.
    pub alerts_dlq_url: String,
    /// The secret that holds the keys, one a line.
    pub secret: String,
    /// Its keys.
    pub keys: Kept<Arc<Keys>>,
    /// What is counted.
    pub metrics: Metrics,
    /// Where approvers may come too.
    pub approvals: Option<Approvals>,
}

impl Doorman {
    /// Handles one request, and gives what API Gateway takes for an answer.
    pub async fn handle(&self, event: &Value, now: Timestamp) -> Value {
        let knock = Knock::of(event);
        if let (Some(approvals), Some(knock)) = (&self.approvals, &knock)
            && knock.path.trim_end_matches('/').ends_with("/approve")
        {
            return approvals.answer(self, knock, now).await;
        }
        let answer = match knock {
            Some(knock) => match self.answer(&knock, now).await {
                Ok(answer) | Err(answer) => answer,
            },
            None => {
                tracing::error!(
                    "the event is no HTTP request: this function is invoked by API Gateway or its URL"
                );
                Answer { status: 400, body: json!({ "error": "no HTTP request" }) }
            }
        };
        let mut headers = json!({ "content-type": "application/json" });
        if matches!(answer.status, 429 | 503) {
            headers["retry-after"] = json!("10");
        }
        json!({
            "statusCode": answer.status,
            "headers": headers,
            "isBase64Encoded": false,
            "body": answer.body.to_string(),
        })
    }

    async fn answer(&self, knock: &Knock, now: Timestamp) -> Result<Answer, Answer> {
        let keys = self.keys().await.map_err(|why| {
            tracing::error!(why, "the keys of the door cannot be used; nobody is let in");
            Answer::unavailable()
        })?;
        let door = Door { keys: &keys, policy: &self.policy.door, formats: &self.policy.format };
        let header = |name: &str| knock.headers.get(name)?.as_str().map(str::to_owned);
        let request = Request { method: &knock.method, header: &header, body: &knock.body };
        let records = door.admit(&request, &knock.id, now)?;
        self.hand_on(records).await
    }

    /// Puts alerts on the queue and the rest aside. Whatever is answered for is stored.
    async fn hand_on(&self, records: Vec<Received>) -> Result<Answer, Answer> {
        let (mut answered, mut aside) = (Vec::with_capacity(records.len()), Vec::new());
        let (mut batch, mut batches) = (Batch::default(), Vec::new());
        for mut record in records {
            let unread = match &record.content {
                Ok(alert) => match Outgoing::of(record.origin.clone(), alert) {
                    Ok(outgoing) => {
                        // The id under which it will be known.
                        record.id.clone_from(&outgoing.alert_id);
                        if let Err(outgoing) = batch.add(outgoing) {
                            batches.push(std::mem::replace(&mut batch, Batch::of(outgoing)));
                        }
                        None
                    }
                    Err(reason) => Some(Unread { reason, original: alert.original.clone() }),
                },
                Err(unread) => Some(unread.clone()),
            };
            if let Some(Unread { reason, original }) = unread {
                let (body, origin) = (original.clone(), record.origin.clone());
                aside.push(Aside { body, origin, reason: reason.clone() });
                record.content = Err(Unread { reason, original });
            }
            answered.push(record);
        }
        batches.push(batch);
        self.set_aside(aside).await?;
        let sender = Sender { sqs: self.clients.sqs().clone(), queue: self.alerts_queue_url.clone() };
        for batch in batches.iter().filter(|batch| !batch.alerts().is_empty()) {
            let (sent, given_up) = sender.send(batch).await;
            if let Some(why) = given_up.or_else(|| sent.into_iter().find_map(Result::err)) {
                tracing::error!(why, "alerts could not be put on the queue");
                return Err(Answer::unavailable());
            }
        }
        let alerts = answered.iter().filter(|record| record.content.is_ok()).count();
        tracing::info!(alerts, unreadable = answered.len() - alerts, "alerts came in over HTTP");
        Ok(Answer::of(&answered))
    }

    async fn set_aside(&self, asides: Vec<Aside>) -> Result<(), Answer> {
        self.metrics.add(Metric::AlertsSetAside, asides.len());
        for call in queues::calls(asides, |aside| aside) {
            let left = queues::set_aside(self.clients.sqs(), &self.alerts_dlq_url, &call).await;
            if !left.as_ref().is_ok_and(Vec::is_empty) {
                tracing::error!(?left, "records could not be set aside");
                return Err(Answer::unavailable());
            }
        }
        Ok(())
    }

    async fn keys(&self) -> Result<Arc<Keys>, String> {
        let read = |text: &str| Keys::read(text).map(Arc::new).map_err(|error| error.to_string());
        self.keys.get(self.clients.secrets(), &self.secret, FRESH, read).await
    }
}

/// An HTTP request as API Gateway and function URLs hand it on.
struct Knock {
    id: String,
    method: String,
    path: String,
    /// What stands behind the question mark, decoded.
    query: Map<String, Value>,
    /// By lower-case names.
    headers: Map<String, Value>,
    body: Vec<u8>,
}

impl Knock {
    /// Reads either version of the event. `None` where it is neither, or its body is not what it says.
    fn of(event: &Value) -> Option<Self> {
        let context = event.get("requestContext")?;
        let method = context.pointer("/http/method").or_else(|| event.get("httpMethod"))?.as_str()?;
        let headers = match event.get("headers") {
            Some(Value::Object(headers)) => headers.iter(),
            _ => return None,
        };
        let body = event.get("body").and_then(Value::as_str).unwrap_or_default();
        let path = event.get("rawPath").or_else(|| event.get("path")).and_then(Value::as_str);
        let query = event.get("queryStringParameters").and_then(Value::as_object);
        let encoded = event.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or_default();
        Some(Self {
            id: context.get("requestId").and_then(Value::as_str).unwrap_or("unknown").to_owned(),
            method: method.to_ascii_uppercase(),
            path: path.unwrap_or_default().to_owned(),
            query: query.cloned().unwrap_or_default(),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect(),
            body: if encoded { BASE64.decode(body.as_bytes()).ok()? } else { body.as_bytes().to_vec() },
        })
    }
}

impl Knock {
    /// What is asked for by a name.
    fn asked(&self, name: &str) -> &str {
        self.query.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_the_event_are_read() {
        let v2 = json!({
            "version": "2.0", "rawPath": "/", "headers": { "authorization": "Bearer x" }, "isBase64Encoded": true,
            "requestContext": { "requestId": "r2", "http": { "method": "POST" } }, "body": BASE64.encode(b"alert"),
        });
        let v1 = json!({
            "httpMethod": "POST", "headers": { "Authorization": "Bearer x" }, "isBase64Encoded": false,
            "requestContext": { "requestId": "r1" }, "body": "alert",
        });
        for (event, id) in [(v2, "r2"), (v1, "r1")] {
            let knock = Knock::of(&event).expect("a request");
            assert_eq!(
                (knock.id.as_str(), knock.method.as_str(), &knock.body[..]),
                (id, "POST", &b"alert"[..])
            );
            assert_eq!(knock.headers["authorization"], "Bearer x");
        }
        for other in [json!({}), json!({ "Records": [] }), json!({ "requestContext": {} }), json!(null)] {
            assert!(Knock::of(&other).is_none(), "{other}");
        }
    }
}
