//! `peerhound redrive`: what a deployment could not work, and a second chance for it.

mod letter;
mod pair;
mod requeue;

use anyhow::{Result, anyhow};
use investigation::text::one_line;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::{Letters, RedriveCommand};
use crate::exit::{Exit, WithExit};
use crate::setup::Setup;
use crate::show::{self, minute, paint, safe, table};
use letter::{Chosen, Letter, age, chosen};
use pair::Pair;

/// A dead letter, as it is printed with `--json`.
#[derive(Serialize)]
struct Row<'a> {
    message_id: &'a str,
    sent_at: Option<Timestamp>,
    receives: u32,
    reason: Option<&'a str>,
    origin: Option<&'a str>,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(letter: &'a Letter, whole: bool) -> Self {
        Self {
            message_id: &letter.id,
            sent_at: letter.sent_at,
            receives: letter.receives,
            reason: letter.reason(),
            origin: letter.origin(),
            bytes: letter.body.len(),
            body: whole.then_some(&letter.body),
        }
    }
}

/// Runs the command.
pub(super) async fn run(setup: &Setup, command: &RedriveCommand) -> Result<Exit> {
    let (RedriveCommand::List { letters }
    | RedriveCommand::Show { letters, .. }
    | RedriveCommand::Requeue { letters, .. }) = command;
    let Letters { queue, limit } = letters;
    let deployed = setup.deployed().await?;
    let pair = Pair::of(&deployed, *queue);
    let limit = usize::from(*limit);
    match command {
        RedriveCommand::List { .. } => list(&pair, limit, setup.json).await,
        RedriveCommand::Show { id, .. } => show_one(&pair, id, limit, setup.json).await,
        RedriveCommand::Requeue { ids, all, dry_run, .. } => {
            requeue::run(&pair, if *all { None } else { Some(ids) }, limit, *dry_run, setup.json).await
        }
    }
}

async fn list(pair: &Pair, limit: usize, json: bool) -> Result<Exit> {
    let about = pair.count().await?;
    let mut letters = pair.look(limit).await?;
    pair.give_back(&letters).await;
    letters.sort_by(|a, b| (a.sent_at, &a.id).cmp(&(b.sent_at, &b.id)));
    if json {
        letters.iter().for_each(|letter| show::json(&Row::of(letter, false)));
        return Ok(Exit::Done);
    }
    if letters.is_empty() {
        show::lines(&[match about {
            0 => format!("no dead letters in {}", safe(pair.dead_name())),
            _ => format!(
                "about {about} dead letters in {}, and none to be had: another reader has them, try again in a minute",
                safe(pair.dead_name())
            ),
        }]);
        return Ok(Exit::Done);
    }
    let now = Timestamp::now();
    let rows: Vec<Vec<String>> = letters
        .iter()
        .map(|letter| {
            vec![
                letter.short_id().to_owned(),
                letter.sent_at.map_or_else(|| "-".to_owned(), |at| age(at, now)),
                letter.receives.to_string(),
                one_line(letter.reason().unwrap_or(pair.usual_reason()), 80),
                one_line(letter.body.lines().next().unwrap_or_default(), 60),
            ]
        })
        .collect();
    table::print(&["ID", "AGE", "RECEIVED", "REASON", "BODY"], &rows);
    if u64::try_from(letters.len()).unwrap_or(u64::MAX) < about {
        show::note(&format!("{} of about {about} dead letters", letters.len()));
    }
    Ok(Exit::Done)
}

async fn show_one(pair: &Pair, id: &str, limit: usize, json: bool) -> Result<Exit> {
    let letters = pair.look(limit).await?;
    pair.give_back(&letters).await;
    let letter = match chosen(&letters, id) {
        Chosen::One(letter) => letter,
        Chosen::None => return Err(missing(id, pair)),
        Chosen::Several => return Err(ambiguous(id)),
    };
    if json {
        show::json(&Row::of(letter, true));
        return Ok(Exit::Done);
    }
    let mut lines = vec![paint::bold(&format!("message {}", safe(&letter.id)))];
    let mut row = |name: &str, value: String| lines.push(format!("{name:<10} {value}"));
    if let Some(at) = letter.sent_at {
        row("sent", format!("{} ({} ago)", minute(at), age(at, Timestamp::now())));
    }
    row("received", format!("{} times", letter.receives));
    row("reason", one_line(letter.reason().unwrap_or(pair.usual_reason()), 600));
    if let Some(origin) = letter.origin() {
        row("origin", one_line(origin, 600));
    }
    for (name, value) in letter.other_attributes() {
        row("attribute", format!("{}: {}", safe(name), one_line(value, 600)));
    }
    row("body", format!("{} bytes", letter.body.len()));
    lines.push(String::new());
    lines.extend(letter.body.lines().map(|line| one_line(line, usize::MAX)));
    show::lines(&lines);
    Ok(Exit::Done)
}

fn missing(id: &str, pair: &Pair) -> anyhow::Error {
    let text =
        format!("no dead letter {} in {}: see `peerhound redrive list`", safe(id), safe(pair.dead_name()));
    anyhow!(text).context(WithExit(Exit::BadInput))
}

fn ambiguous(id: &str) -> anyhow::Error {
    anyhow!("{} begins the ids of several dead letters: give more of it", safe(id))
        .context(WithExit(Exit::BadInput))
}
