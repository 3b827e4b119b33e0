//! Puts dead letters back: sent first, deleted afterwards. Whatever happens in between, none is lost.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, SendMessageBatchRequestEntry};
use investigation::text::one_line;
use serde::Serialize;

use super::letter::{Chosen, Letter, chosen};
use super::pair::{MOST, Pair};
use crate::deployed::told;
use crate::exit::Exit;
use crate::show::{self, paint, safe};

/// Bytes that one call takes: the old limit, which every queue keeps. A larger message goes alone.
const MOST_BYTES: usize = 240 << 10;
/// All of them: no new ones are begun after this.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Times that a letter is deleted which was sent.
const DELETIONS: u32 = 3;

/// What became of one letter, as it is printed with `--json`.
#[derive(Serialize)]
struct Outcome<'a> {
    /// `requeued`, `would_be_requeued`, `requeued_and_still_there`, `not_requeued` or `came_back`.
    outcome: &'static str,
    message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Puts the letters with these ids back, or all of them.
pub(super) async fn run(
    pair: &Pair,
    ids: Option<&[String]>,
    limit: usize,
    dry_run: bool,
    json: bool,
) -> Result<Exit> {
    let mut round =
        Round { pair, dry_run, json, exit: Exit::Done, sent: HashSet::new(), requeued: 0, came_back: 0 };
    match ids {
        Some(ids) => round.some(ids, limit).await?,
        None => round.all(limit).await?,
    }
    round.finish();
    Ok(round.exit)
}

struct Round<'a> {
    pair: &'a Pair,
    dry_run: bool,
    json: bool,
    exit: Exit,
    /// Ids of the messages that were sent.
    sent: HashSet<String>,
    requeued: u64,
    came_back: u64,
}

impl Round<'_> {
    /// Those that are named. They have to be found first: the others are hidden meanwhile, and given back at the end.
    async fn some(&mut self, ids: &[String], limit: usize) -> Result<()> {
        let letters = self.pair.look(limit).await?;
        let mut meant: Vec<&Letter> = Vec::new();
        for id in ids {
            let reason = match chosen(&letters, id) {
                Chosen::One(letter) => {
                    if !meant.iter().any(|other| other.id == letter.id) {
                        meant.push(letter);
                    }
                    continue;
                }
                Chosen::None => super::missing(id, self.pair),
                Chosen::Several => super::ambiguous(id),
            };
            self.exit = self.exit.max(crate::exit::report(&reason));
        }
        let meant_ids: HashSet<&str> = meant.iter().map(|letter| letter.id.as_str()).collect();
        let others = letters.iter().filter(|letter| !meant_ids.contains(letter.id.as_str()));
        // First, so that nobody waits for them.
        self.pair.give_back(others).await;
        let meant: Vec<Letter> = meant.into_iter().cloned().collect();
        self.put_back(&meant).await
    }

    /// As they come, a few at a time. What fails at once again and is set aside anew is left there.
    async fn all(&mut self, limit: usize) -> Result<()> {
        let until = Instant::now() + LONGEST;
        let (mut left, mut kept) = (limit, Vec::new());
        let result = loop {
            if left == 0 || Instant::now() > until {
                break Ok(());
            }
            let letters = match self.pair.take(left).await {
                Ok(letters) if letters.is_empty() => break Ok(()),
                Ok(letters) => letters,
                Err(error) => break Err(error),
            };
            left -= letters.len().min(left);
            let (back, fresh): (Vec<Letter>, Vec<Letter>) =
                letters.into_iter().partition(|letter| self.came_back(letter));
            for letter in &back {
                self.came_back += 1;
                self.tell(letter, "came_back", None, letter.reason());
            }
            kept.extend(back);
            if self.dry_run {
                fresh.iter().for_each(|letter| self.tell(letter, "would_be_requeued", None, letter.reason()));
                self.requeued += fresh.len() as u64;
                kept.extend(fresh);
            } else if let Err(error) = self.put_back(&fresh).await {
                break Err(error);
            }
        };
        self.pair.give_back(&kept).await;
        result
    }

    /// Whether it is one of those that were sent, here again: moved by SQS under its id, or set aside by `intake`,
    /// which notes the message that it came in.
    fn came_back(&self, letter: &Letter) -> bool {
        let message = letter.origin().and_then(|origin| origin.strip_prefix("message "));
        let message = message.and_then(|rest| rest.split([',', ' ']).next());
        self.sent.contains(&letter.id) || message.is_some_and(|id| self.sent.contains(id))
    }

    async fn put_back(&mut self, letters: &[Letter]) -> Result<()> {
        if self.dry_run {
            letters.iter().for_each(|letter| self.tell(letter, "would_be_requeued", None, letter.reason()));
            self.requeued += letters.len() as u64;
            self.pair.give_back(letters).await;
            return Ok(());
        }
        let mut rest = letters;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            if let Err(error) = self.put_back_some(now).await {
                self.pair.give_back(rest).await;
                return Err(error);
            }
            rest = later;
        }
        Ok(())
    }

    /// What fits into one call.
    async fn put_back_some(&mut self, letters: &[Letter]) -> Result<()> {
        let pair = self.pair;
        let entry = |(number, letter): (usize, &Letter)| {
            let others = letter.others();
            SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(&letter.body)
                .set_message_attributes((!others.is_empty()).then_some(others))
                .build()
                .ok()
        };
        let entries = letters.iter().enumerate().filter_map(entry).collect();
        let call = pair.sqs.send_message_batch().queue_url(&pair.queue).set_entries(Some(entries));
        let answer = call.send().await.map_err(|error| {
            anyhow!(
                "the queue {} takes nothing, and nothing was deleted: {}",
                one_line(pair.name(), 100),
                told(&error)
            )
        })?;
        let letter_of = |id: &str| id.parse::<usize>().ok().and_then(|number| letters.get(number));
        let mut sent: Vec<(&Letter, &str)> = Vec::new();
        for successful in answer.successful() {
            if let Some(letter) = letter_of(successful.id()) {
                self.sent.insert(successful.message_id().to_owned());
                sent.push((letter, successful.message_id()));
            }
        }
        let mut refused: Vec<&Letter> = Vec::new();
        for failed in answer.failed() {
            if let Some(letter) = letter_of(failed.id()) {
                let why = format!("{}: {}", failed.code(), failed.message().unwrap_or_default());
                self.exit = self.exit.max(Exit::Failed);
                self.tell(letter, "not_requeued", None, Some(&one_line(&why, 300)));
                refused.push(letter);
            }
        }
        pair.give_back(refused).await;
        let there = self.delete(&sent).await;
        for (letter, new_id) in sent {
            self.requeued += 1;
            match there.iter().find(|(id, _)| *id == letter.id) {
                None => self.tell(letter, "requeued", Some(new_id), None),
                Some((_, why)) => {
                    self.exit = self.exit.max(Exit::Failed);
                    self.tell(letter, "requeued_and_still_there", Some(new_id), Some(why));
                }
            }
        }
        Ok(())
    }

    /// Deletes what was sent. Returns what could not be deleted, and why.
    async fn delete(&self, sent: &[(&Letter, &str)]) -> Vec<(String, String)> {
        let mut left: Vec<(&Letter, String)> =
            sent.iter().map(|(letter, _)| (*letter, String::new())).collect();
        for _ in 0..DELETIONS {
            if left.is_empty() {
                break;
            }
            let entries = left.iter().enumerate().filter_map(|(number, (letter, _))| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
                entry.receipt_handle(&letter.receipt).build().ok()
            });
            let call = self.pair.sqs.delete_message_batch().queue_url(&self.pair.dead);
            match call.set_entries(Some(entries.collect())).send().await {
                Ok(answer) => {
                    let gone: HashSet<usize> =
                        answer.successful().iter().filter_map(|entry| entry.id().parse().ok()).collect();
                    for failed in answer.failed() {
                        if let Some(entry) = failed.id().parse::<usize>().ok().and_then(|n| left.get_mut(n)) {
                            entry.1 = format!("{}: {}", failed.code(), failed.message().unwrap_or_default());
                        }
                    }
                    let mut number = 0..;
                    left.retain(|_| !gone.contains(&number.next().unwrap_or_default()));
                }
                Err(error) => {
                    let why = told(&error);
                    left.iter_mut().for_each(|entry| entry.1.clone_from(&why));
                }
            }
        }
        left.into_iter().map(|(letter, why)| (letter.id.clone(), one_line(&why, 300))).collect()
    }

    fn tell(
        &self,
        letter: &Letter,
        outcome: &'static str,
        new_message_id: Option<&str>,
        reason: Option<&str>,
    ) {
        if self.json {
            return show::json(&Outcome { outcome, message_id: &letter.id, new_message_id, reason });
        }
        let reason = reason.map(|reason| one_line(reason, 300)).unwrap_or_default();
        let what = match outcome {
            "requeued" => paint::green("requeued"),
            "would_be_requeued" => "would be requeued".to_owned(),
            "came_back" => format!("{}: {reason}", paint::yellow("failed at once again, left there")),
            "requeued_and_still_there" => {
                format!(
                    "{} ({reason}); it will be worked, and may be requeued once more",
                    paint::yellow("requeued, but not deleted")
                )
            }
            _ => format!("{}: {reason}", paint::red("not requeued")),
        };
        let start = one_line(letter.body.lines().next().unwrap_or_default(), 60);
        show::lines(&[format!("{}  {what}  {}", safe(letter.short_id()), paint::dim(&start))]);
    }

    fn finish(&self) {
        if self.json {
            return;
        }
        let word = if self.dry_run { "would be put back" } else { "put back" };
        let mut line = format!("{} {word} on {}", self.requeued, safe(self.pair.name()));
        if self.came_back > 0 {
            line.push_str(&format!(", {} failed at once again", self.came_back));
        }
        show::lines(&[line]);
    }
}

/// How many of the first letters one call takes; at least one.
fn fitting(letters: &[Letter]) -> usize {
    let mut bytes = 0;
    let fits = letters.iter().take(MOST).take_while(|letter| {
        bytes += letter.size();
        bytes <= MOST_BYTES
    });
    fits.count().max(1)
}
