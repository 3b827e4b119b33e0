//! What is sent to the queues.

use aws_sdk_sqs::types::MessageAttributeValue;
use investigation::text::one_line;

use super::told;

/// Longest reason, in characters: attributes count towards a message's size.
const MAX_REASON: usize = 500;
/// Longest body that is passed on, in bytes. A message has at most 1 MiB, its attributes included.
const MAX_BODY: usize = 1000 << 10;

/// Why a message could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("the queue {queue} does not take a message: {why}")]
pub struct QueueError {
    queue: String,
    why: String,
}

/// Asks whoever reads the queue to go on with a case.
///
/// # Errors
/// When the queue does not take it.
pub async fn go_on(sqs: &aws_sdk_sqs::Client, queue: &str, case_id: &str) -> Result<(), QueueError> {
    let body = serde_json::json!({ "continue": case_id }).to_string();
    let sent = sqs.send_message().queue_url(queue).message_body(body).send().await;
    sent.map(drop).map_err(|error| failed(queue, error))
}

/// Puts a record that cannot be worked into the dead-letter queue, with the reason, for a person to look at and to
/// send again.
///
/// # Errors
/// When the queue does not take it.
pub async fn set_aside(
    sqs: &aws_sdk_sqs::Client,
    queue: &str,
    body: &str,
    origin: &str,
    reason: &str,
) -> Result<(), QueueError> {
    let attribute = |text: &str| {
        // An attribute must not be empty.
        let text = if text.is_empty() { "unknown".to_owned() } else { one_line(text, MAX_REASON) };
        let value = MessageAttributeValue::builder().data_type("String").string_value(text).build();
        value.map_err(|error| failed(queue, error))
    };
    let cut = body.floor_char_boundary(MAX_BODY);
    let sent = sqs
        .send_message()
        .queue_url(queue)
        .message_body(if body.is_empty() { "(empty)" } else { &body[..cut] })
        .message_attributes("Reason", attribute(reason)?)
        .message_attributes("Origin", attribute(origin)?)
        .send()
        .await;
    sent.map(drop).map_err(|error| failed(queue, error))
}

fn failed<E: std::error::Error>(queue: &str, error: E) -> QueueError {
    let name = queue.rsplit('/').next().unwrap_or(queue).to_owned();
    QueueError { queue: name, why: told(error) }
}
