//! Commands that were sent to relays: which cases an answer is about.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Stored;
use super::Aws;
use super::call::Table;
use super::item::{body, can_be_key, key, needed, put_body, s, stamp, time, ttl};

/// Longer than any command may take to be delivered and run.
const KEPT_SECONDS: i64 = 8 * 86_400;

/// One order of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEntry {
    /// The case.
    pub case_id: String,
    /// The number of its effect.
    pub effect: u32,
    /// Which try of that effect.
    pub attempt: u32,
}

/// A command that was sent to a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCommand {
    /// The node, `mi-…`.
    pub node: String,
    /// Its orders.
    pub entries: Vec<CommandEntry>,
    /// When it was sent.
    pub sent_at: Timestamp,
}

impl Aws {
    /// Remembers a command for eight days.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_command(
        &self,
        id: &str,
        node: &str,
        entries: Vec<CommandEntry>,
        now: Timestamp,
    ) -> Stored<()> {
        let mut item = key(format!("command#{id}"), "command");
        item.insert("node".to_owned(), s(node));
        item.insert("at".to_owned(), s(stamp(now)));
        item.insert("ttl".to_owned(), ttl(now, KEPT_SECONDS));
        put_body(&mut item, &entries, &self.cases, &format!("command {id}"))?;
        self.put(item).await
    }

    /// What a command was about.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn command(&self, id: &str) -> Stored<Option<SentCommand>> {
        if !can_be_key(id) {
            return Ok(None);
        }
        let Some(item) = self.get(Table::Cases, key(format!("command#{id}"), "command")).await? else {
            return Ok(None);
        };
        let node = needed(&item, "node", &self.cases)?.to_owned();
        let (entries, sent_at) = (body(&item, &self.cases)?, time(&item, "at", &self.cases)?);
        Ok(Some(SentCommand { node, entries, sent_at }))
    }
}
