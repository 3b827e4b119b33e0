//! What a SIEM behind the bus of findings gets: a queue that a rule on the bus fills.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use casework::aws::client::Clients;
use serde_json::Value;

/// The queue, and what came out of it so far.
pub(super) struct Siem {
    queue_url: String,
    got: Mutex<Vec<Value>>,
}

impl Siem {
    pub(super) fn new(queue_url: String) -> Self {
        Self { queue_url, got: Mutex::default() }
    }

    /// The events about one case that came so far, each as often as it came.
    pub(super) async fn about(&self, clients: &Clients, case_id: &str) -> Result<Vec<Value>> {
        loop {
            let receive =
                clients.sqs().receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            let answer = receive.send().await?;
            if answer.messages().is_empty() {
                break;
            }
            for message in answer.messages() {
                let event = serde_json::from_str(message.body().unwrap_or_default())?;
                self.got.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                let delete = clients.sqs().delete_message().queue_url(&self.queue_url);
                delete.set_receipt_handle(message.receipt_handle().map(str::to_owned)).send().await?;
            }
        }
        let got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(got.iter().filter(|event| event["detail"]["metadata"]["uid"] == case_id).cloned().collect())
    }
}
