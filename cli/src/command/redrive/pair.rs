//! A queue and its dead-letter queue.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName,
};
use investigation::text::one_line;

use super::letter::Letter;
use crate::args::Queue;
use crate::deployed::{Deployed, queue_name, told};

/// Messages that one call takes.
pub(super) const MOST: usize = 10;
/// Seconds for which a message is hidden from others while it is looked at: longer than the looking takes.
const HIDDEN: i32 = 60;
/// Nothing is looked at for longer than this.
const LOOK: Duration = Duration::from_secs(40);
/// Answers without a message after which a queue counts as empty: a queue is asked in parts.
const EMPTY: u32 = 2;
/// Bytes of messages that are held.
const MOST_HELD: usize = 256 << 20;

/// A queue, and where what it could not deliver ends up.
pub(super) struct Pair {
    pub(super) sqs: Client,
    /// URL of the queue.
    pub(super) queue: String,
    /// URL of its dead-letter queue.
    pub(super) dead: String,
    which: Queue,
}

impl Pair {
    /// The pair of a deployment.
    pub(super) fn of(deployed: &Deployed, which: Queue) -> Self {
        let deployment = &deployed.deployment;
        let (queue, dead) = match which {
            Queue::Alerts => (&deployment.alerts_queue_url, &deployment.alerts_dlq_url),
            Queue::Reports => (&deployment.reports_queue_url, &deployment.reports_dlq_url),
            Queue::Decisions => (&deployment.decisions_queue_url, &deployment.decisions_dlq_url),
            Queue::Actions => (&deployment.actions_queue_url, &deployment.actions_dlq_url),
        };
        Self { sqs: deployed.clients.sqs().clone(), queue: queue.clone(), dead: dead.clone(), which }
    }

    pub(super) fn name(&self) -> &str {
        queue_name(&self.queue)
    }

    pub(super) fn dead_name(&self) -> &str {
        queue_name(&self.dead)
    }

    /// Why a message is here that no function set aside.
    pub(super) fn usual_reason(&self) -> &'static str {
        match self.which {
            Queue::Alerts => "not worked in as many tries as the queue allows: see the log of intake",
            Queue::Reports => "not worked in as many tries as the queue allows: see the log of progress",
            Queue::Decisions => "not worked in as many tries as the queue allows: see the log of progress",
            Queue::Actions => "not worked in as many tries as the queue allows: see the log of act",
        }
    }

    /// How many dead letters there are, roughly.
    pub(super) async fn count(&self) -> Result<u64> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let call =
            self.sqs.get_queue_attributes().queue_url(&self.dead).set_attribute_names(Some(names.to_vec()));
        let answer = call.send().await.map_err(|error| self.failed(&told(&error)))?;
        let number = |name| {
            answer.attributes().and_then(|all| all.get(name)).and_then(|text| text.parse::<u64>().ok())
        };
        Ok(names.iter().filter_map(number).sum())
    }

    /// Takes a few letters, hidden from others for a minute. None means that there are no more, most likely.
    pub(super) async fn take(&self, limit: usize) -> Result<Vec<Letter>> {
        let most = i32::try_from(limit.clamp(1, MOST)).unwrap_or(1);
        for _ in 0..EMPTY {
            let call = self
                .sqs
                .receive_message()
                .queue_url(&self.dead)
                .max_number_of_messages(most)
                .visibility_timeout(HIDDEN)
                .wait_time_seconds(1)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
            let answer = call.send().await.map_err(|error| self.failed(&told(&error)))?;
            let letters: Vec<Letter> =
                answer.messages.unwrap_or_default().into_iter().filter_map(Letter::of).collect();
            if !letters.is_empty() {
                return Ok(letters);
            }
        }
        Ok(Vec::new())
    }

    /// Takes letters until there are no more, up to a bound of number, size and time.
    pub(super) async fn look(&self, limit: usize) -> Result<Vec<Letter>> {
        let until = Instant::now() + LOOK;
        let mut found: HashMap<String, Letter> = HashMap::new();
        let mut held = 0;
        while found.len() < limit && held < MOST_HELD && Instant::now() < until {
            match self.take(limit - found.len()).await {
                Ok(letters) if letters.is_empty() => break,
                Ok(letters) => found.extend(letters.into_iter().map(|letter| {
                    held += letter.body.len();
                    (letter.id.clone(), letter)
                })),
                Err(error) => {
                    self.give_back(found.values()).await;
                    return Err(error);
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// Lets others see letters again, now and not in a minute. Where that fails, the minute does it.
    pub(super) async fn give_back(&self, letters: impl IntoIterator<Item = &Letter>) {
        let entries: Vec<_> = letters
            .into_iter()
            .enumerate()
            .filter_map(|(number, letter)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(number.to_string());
                entry.receipt_handle(&letter.receipt).visibility_timeout(0).build().ok()
            })
            .collect();
        for chunk in entries.chunks(MOST) {
            let call = self.sqs.change_message_visibility_batch().queue_url(&self.dead);
            if let Err(error) = call.set_entries(Some(chunk.to_vec())).send().await {
                tracing::info!(error = told(&error), "messages stay hidden for up to a minute");
            }
        }
    }

    pub(super) fn failed(&self, why: &str) -> anyhow::Error {
        anyhow!("the queue {}: {why}", one_line(self.dead_name(), 100))
    }
}
