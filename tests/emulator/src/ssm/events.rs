//! Status-change events, as EventBridge delivers them to a queue.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::invocation::Status;
use super::knobs::Events;
use super::names::{ACCOUNT, REGION, iso, uuid};
use super::service::Service;
use crate::http;

const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Sends the event of an invocation's end to the queue that was set, as the knob wants it.
pub(super) async fn tell(service: &Service, command: &str, node: &str, status: Status) {
    let (mode, queue) = {
        let knobs = service.knobs();
        (knobs.events, knobs.events_queue.clone())
    };
    let Some(queue) = queue else { return };
    let Some(event) = event(service, command, node, status) else { return };
    let times = match mode {
        Events::Dropped => 0,
        Events::Doubled => 2,
        Events::Delivered => 1,
        Events::Delayed(time) => {
            tokio::time::sleep(time).await;
            1
        }
    };
    for _ in 0..times {
        send(queue.clone(), event.to_string()).await;
    }
}

fn event(service: &Service, command: &str, node: &str, status: Status) -> Option<Value> {
    let state = service.state();
    let command = state.command(command)?;
    Some(json!({
        "version": "0",
        "id": uuid(),
        "detail-type": "EC2 Command Invocation Status-change Notification",
        "source": "aws.ssm",
        "account": ACCOUNT,
        "time": format!("{:.0}", Timestamp::now()),
        "region": REGION,
        "resources": [format!("arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/{node}")],
        "detail": {
            "command-id": command.id,
            "document-name": command.document,
            "instance-id": node,
            "requested-date-time": iso(command.requested),
            "status": status.name(),
        },
    }))
}

async fn send(queue: String, body: String) {
    for attempt in 1..=ATTEMPTS {
        let (queue, body) = (queue.clone(), body.clone());
        match tokio::task::spawn_blocking(move || post(&queue, &body)).await {
            Ok(Ok(())) => return,
            Ok(Err(reason)) if attempt == ATTEMPTS => {
                eprintln!("ssm server: an event was not delivered: {}", reason.escape_debug());
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn post(queue: &str, body: &str) -> Result<(), String> {
    let rest = queue.strip_prefix("http://").ok_or("the queue's URL is not an http:// URL")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let scope = format!("Credential=test/20260101/{REGION}/sqs/aws4_request");
    let authorization = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
    let headers = [
        ("Content-Type", "application/x-amz-json-1.0"),
        ("X-Amz-Target", "AmazonSQS.SendMessage"),
        ("Authorization", authorization.as_str()),
    ];
    let message = json!({"QueueUrl": queue, "MessageBody": body}).to_string();
    let answer = http::ask("POST", &format!("http://{authority}/"), &headers, message.as_bytes())
        .map_err(|error| error.to_string())?;
    match answer.status {
        200 => Ok(()),
        status => Err(format!("status {status}: {}", String::from_utf8_lossy(&answer.body))),
    }
}
