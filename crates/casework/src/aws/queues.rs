//! What is sent to the queues.

use std::collections::HashMap;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use investigation::text::one_line;

use super::told;

/// Longest reason, in characters: attributes count towards a message's size.
const MAX_REASON: usize = 500;
/// What a queue of the Terraform module takes in one message or one call, in bytes, attributes included.
const MAX_SENT: usize = 256 << 10;
/// Room for the two attributes: names, types, and [`MAX_REASON`] characters of up to four bytes each.
const ATTRIBUTES: usize = 2 * (32 + 4 * MAX_REASON);
/// Longest body that is passed on, in bytes.
const MAX_BODY: usize = MAX_SENT - ATTRIBUTES;
/// Messages that one call sends.
const MOST: usize = 10;

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

/// Asks whoever reads the queue to send the summary of a day.
///
/// # Errors
/// When the queue does not take it.
pub async fn send_digest(sqs: &aws_sdk_sqs::Client, queue: &str, day: &str) -> Result<(), QueueError> {
    let body = serde_json::json!({ "digest": day }).to_string();
    let sent = sqs.send_message().queue_url(queue).message_body(body).send().await;
    sent.map(drop).map_err(|error| failed(queue, error))
}

/// Puts a message on a queue, where it is seen after so many seconds.
///
/// # Errors
/// When the queue does not take it.
pub(super) async fn send(
    sqs: &aws_sdk_sqs::Client,
    queue: &str,
    body: &str,
    after_seconds: i32,
) -> Result<(), QueueError> {
    let sent = sqs.send_message().queue_url(queue).message_body(body).delay_seconds(after_seconds);
    sent.send().await.map(drop).map_err(|error| failed(queue, error))
}

/// A record that cannot be worked, for a person to look at and to send again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// The record, whole.
    pub body: String,
    /// Where it was.
    pub origin: String,
    /// Why it cannot be worked.
    pub reason: String,
}

impl Aside {
    /// The body as it is sent, and the reason, which says so where the queue does not take all of the body.
    fn fitted(&self) -> (&str, String) {
        if self.body.is_empty() {
            return ("(empty)", self.reason.clone());
        }
        if self.body.len() <= MAX_BODY {
            return (&self.body, self.reason.clone());
        }
        let cut = self.body.floor_char_boundary(MAX_BODY);
        // First, so that a long reason does not push it out.
        let reason = format!("(cut to {cut} of {} bytes) {}", self.body.len(), self.reason);
        (&self.body[..cut], reason)
    }

    fn attributes(&self, queue: &str) -> Result<[(String, MessageAttributeValue); 2], QueueError> {
        let attribute = |text: &str| {
            // An attribute must not be empty.
            let text = if text.is_empty() { "unknown".to_owned() } else { one_line(text, MAX_REASON) };
            let value = MessageAttributeValue::builder().data_type("String").string_value(text).build();
            value.map_err(|error| failed(queue, error))
        };
        let reason = attribute(&self.fitted().1)?;
        Ok([("Reason".to_owned(), reason), ("Origin".to_owned(), attribute(&self.origin)?)])
    }
}

/// Puts records into a dead-letter queue, with their reasons. Returns which of them the queue did not take, by position.
///
/// # Errors
/// When it took none of them. There may be ten at most, and together no more than one call takes: see [`calls`].
pub async fn set_aside(
    sqs: &aws_sdk_sqs::Client,
    queue: &str,
    asides: &[Aside],
) -> Result<Vec<usize>, QueueError> {
    let mut entries = Vec::with_capacity(asides.len());
    for (number, aside) in asides.iter().enumerate() {
        let entry = SendMessageBatchRequestEntry::builder().id(number.to_string());
        let entry = entry.message_body(aside.fitted().0);
        let entry = entry.set_message_attributes(Some(HashMap::from(aside.attributes(queue)?)));
        entries.push(entry.build().map_err(|error| failed(queue, error))?);
    }
    let sent = sqs.send_message_batch().queue_url(queue).set_entries(Some(entries)).send().await;
    let answer = sent.map_err(|error| failed(queue, error))?;
    for refused in answer.failed() {
        tracing::warn!(queue = name(queue), code = refused.code(), "a message of a batch was refused");
    }
    Ok(answer.failed().iter().filter_map(|refused| refused.id().parse().ok()).collect())
}

/// Puts one record into a dead-letter queue, with its reason.
///
/// # Errors
/// When the queue does not take it.
pub async fn set_aside_one(sqs: &aws_sdk_sqs::Client, queue: &str, aside: Aside) -> Result<(), QueueError> {
    match set_aside(sqs, queue, &[aside]).await?.is_empty() {
        true => Ok(()),
        false => Err(QueueError { queue: name(queue).to_owned(), why: "it was refused".to_owned() }),
    }
}

/// Parts records into what single calls can send.
pub fn calls<T>(asides: Vec<T>, aside: impl Fn(&T) -> &Aside) -> Vec<Vec<T>> {
    let mut calls: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for next in asides {
        let bytes = aside(&next).body.len().min(MAX_BODY) + ATTRIBUTES;
        match calls.last_mut() {
            Some(call) if call.len() < MOST && bytes <= room => {
                room -= bytes;
                call.push(next);
            }
            _ => {
                room = MAX_SENT - bytes;
                calls.push(vec![next]);
            }
        }
    }
    calls
}

fn failed<E: std::error::Error>(queue: &str, error: E) -> QueueError {
    QueueError { queue: name(queue).to_owned(), why: told(error) }
}

fn name(queue: &str) -> &str {
    queue.rsplit('/').next().unwrap_or(queue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aside(bytes: usize) -> Aside {
        Aside { body: "ä".repeat(bytes / 2), origin: "here".to_owned(), reason: "no format fits".to_owned() }
    }

    #[test]
    fn a_call_has_ten_messages_at_most_and_no_more_than_a_queue_takes() {
        let of = |sizes: &[usize]| -> Vec<usize> {
            let asides = sizes.iter().map(|bytes| aside(*bytes)).collect();
            calls(asides, |aside| aside).iter().map(Vec::len).collect()
        };
        assert_eq!(of(&[100; 25]), [10, 10, 5]);
        assert_eq!(of(&[]), [0; 0]);
        assert_eq!(of(&[300 << 10, 100, 100]), [1, 2], "one that fills a call goes alone");
        assert_eq!(of(&[100 << 10; 5]), [2, 2, 1]);
    }

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        let whole = aside(100 << 10);
        assert_eq!(whole.fitted(), (whole.body.as_str(), "no format fits".to_owned()));
        let large = aside(300 << 10);
        let (body, reason) = large.fitted();
        assert!(body.len() <= MAX_BODY && large.body.starts_with(body));
        assert_eq!(reason, format!("(cut to {} of 307200 bytes) no format fits", body.len()));
        let long = Aside { reason: "x".repeat(10_000), ..large };
        let [(_, reason), (_, origin)] = long.attributes("q").unwrap();
        let size = |value: &MessageAttributeValue| value.string_value().unwrap().len();
        assert!(reason.string_value().unwrap().starts_with("(cut to "));
        assert!(long.fitted().0.len() + size(&reason) + size(&origin) + 32 <= MAX_SENT);
        assert_eq!(aside(0).fitted().0, "(empty)", "a message must have a body");
    }
}
