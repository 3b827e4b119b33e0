//! `peerhound review`: what a person has to look at.

use anyhow::Result;
use casework::backend::Backend;
use investigation::case::Disposition;

use crate::exit::Exit;
use crate::show::{self, minute, safe};

/// Runs the command.
pub(super) async fn run(store: &impl Backend, limit: usize, json: bool) -> Result<Exit> {
    let rows = store.review(limit).await?;
    if json {
        rows.iter().for_each(show::json);
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        show::lines(&["nothing to review".to_owned()]);
    }
    for row in &rows {
        let (word, reason) = match &row.disposition {
            Disposition::Unreadable { reason } => ("unreadable", reason),
            Disposition::Review { reason } => ("unclear", reason),
            Disposition::Refused { reason } => ("refused", reason),
            _ => continue,
        };
        show::lines(&[
            format!("{}  {word}  {}  alert {}", minute(row.received_at), safe(&row.origin), row.id),
            format!("    {}", safe(reason)),
        ]);
    }
    Ok(Exit::Done)
}
