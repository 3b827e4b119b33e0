//! Looking at the lists of the policy again and again.

use std::path::PathBuf;
use std::sync::Arc;

use casework::lists::{Looked, apply, fetch};
use investigation::policy::List;
use investigation::text::one_line;
use jiff::Timestamp;

use crate::setup::Site;
use crate::show;

/// Looks at a list, and again as often as it says, until the task is dropped.
pub(super) async fn look_again_and_again(worker: Arc<Site>, list: List, folder: PathBuf) {
    let mut before = None;
    loop {
        before = look(&worker, &list, &folder, before).await;
        tokio::time::sleep(list.every.duration()).await;
    }
}

/// Looks at a list once. What goes wrong is said, and is no reason to end: the next look may go well. Says what has
/// changed since the look `before`.
pub(super) async fn look(
    worker: &Site,
    list: &List,
    folder: &std::path::Path,
    before: Option<Looked>,
) -> Option<Looked> {
    let name = one_line(&list.name, 80);
    let body = match fetch(list, folder).await {
        Ok(body) => body,
        Err(why) => {
            tracing::warn!(list = name, why, "a list could not be fetched; nobody is withdrawn");
            return before;
        }
    };
    match apply(list, &body, &worker.policy.format, &worker.backend, Timestamp::now()).await {
        Ok(looked) => {
            if before != Some(looked) {
                let Looked { listed, unreadable, withdrawn } = looked;
                let mut line = format!("peerhound: list {name}: {listed} addresses");
                if withdrawn > 0 {
                    line.push_str(&format!(", {withdrawn} withdrawn before their turn"));
                }
                if unreadable > 0 {
                    line.push_str(&format!(", {unreadable} records could not be read: nobody is withdrawn"));
                }
                show::note(&line);
            }
            Some(Looked { withdrawn: 0, ..looked })
        }
        Err(error) => {
            tracing::warn!(list = name, %error, "a list could not be stored");
            before
        }
    }
}
