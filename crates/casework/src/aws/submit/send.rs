//! Batches of messages, and what the queue says to each of them.

use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use investigation::text::one_line;

use super::message::Outgoing;
use crate::aws::told;

/// Messages that one call takes.
const MOST: usize = 10;
/// Bytes that one call takes: the old limit, which every queue keeps.
const MOST_BYTES: usize = 240 << 10;
/// Times that a message is sent which the queue has no room for at the moment.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// What goes out in one call.
#[derive(Debug, Default)]
pub struct Batch {
    alerts: Vec<Outgoing>,
    bytes: usize,
}

impl Batch {
    /// A batch of one.
    pub fn of(outgoing: Outgoing) -> Self {
        Self { bytes: outgoing.body.len(), alerts: vec![outgoing] }
    }

    /// Adds one.
    ///
    /// # Errors
    /// Gives it back where it does not fit any more.
    pub fn add(&mut self, outgoing: Outgoing) -> Result<(), Outgoing> {
        let bytes = self.bytes + outgoing.body.len();
        if self.alerts.len() == MOST || (bytes > MOST_BYTES && !self.alerts.is_empty()) {
            return Err(outgoing);
        }
        self.bytes = bytes;
        self.alerts.push(outgoing);
        Ok(())
    }

    /// Its messages, in order.
    pub fn alerts(&self) -> &[Outgoing] {
        &self.alerts
    }
}

/// Puts messages on a queue.
pub struct Sender {
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Its URL.
    pub queue: String,
}

/// The id of a message, or why it was not sent.
pub type Sent = Result<String, String>;

impl Sender {
    /// Sends a batch. Says how each message went, in order, and whether there is no point in going on.
    ///
    /// A message may arrive twice, where an answer was lost: its alert has the same id both times, and is one.
    pub async fn send(&self, batch: &Batch) -> (Vec<Sent>, Option<String>) {
        let mut results: Vec<Sent> =
            vec![Err("the queue does not say what became of it".to_owned()); batch.alerts.len()];
        let mut left: Vec<usize> = (0..batch.alerts.len()).collect();
        for attempt in 0..TRIES {
            if left.is_empty() {
                break;
            }
            if attempt > 0 {
                tokio::time::sleep(FIRST_WAIT * (1 << attempt)).await;
            }
            let entries = left.iter().filter_map(|&number| {
                let entry = SendMessageBatchRequestEntry::builder().id(number.to_string());
                entry.message_body(&batch.alerts[number].body).build().ok()
            });
            let call =
                self.sqs.send_message_batch().queue_url(&self.queue).set_entries(Some(entries.collect()));
            let answer = match call.send().await {
                Ok(answer) => answer,
                Err(error) => {
                    let why = told(error);
                    left.iter().for_each(|&number| results[number] = Err(why.clone()));
                    let name = self.queue.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                    return (
                        results,
                        Some(format!("the queue {} takes nothing: {why}", one_line(name, 100))),
                    );
                }
            };
            let number = |id: &str| id.parse::<usize>().ok().filter(|number| *number < batch.alerts.len());
            for sent in answer.successful() {
                if let Some(number) = number(sent.id()) {
                    results[number] = Ok(sent.message_id().to_owned());
                    left.retain(|other| *other != number);
                }
            }
            for failed in answer.failed() {
                if let Some(number) = number(failed.id()) {
                    let why = format!("{}: {}", failed.code(), failed.message().unwrap_or_default());
                    results[number] = Err(one_line(&why, 300));
                    if failed.sender_fault() {
                        left.retain(|other| *other != number);
                    }
                }
            }
        }
        (results, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(bytes: usize) -> Outgoing {
        Outgoing { alert_id: "a".to_owned(), origin: "b".to_owned(), target: None, body: "x".repeat(bytes) }
    }

    #[test]
    fn a_batch_ends_at_ten_messages_or_at_the_size_that_a_call_takes() {
        let mut batch = Batch::default();
        assert!((0..10).all(|_| batch.add(outgoing(10)).is_ok()));
        assert_eq!(batch.add(outgoing(10)), Err(outgoing(10)));
        let mut batch = Batch::of(outgoing(super::super::message::MAX_BODY));
        assert!(batch.add(outgoing(50 << 10)).is_err() && batch.add(outgoing(30 << 10)).is_ok());
    }
}
