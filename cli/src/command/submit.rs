//! `peerhound submit`: hands alerts to a deployment, one message each.

use std::time::Duration;

use anyhow::{Result, anyhow};
use casework::aws::submit::{Batch, Outgoing, Sender};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use investigation::text::one_line;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::args::Submit;
use crate::deployed::queue_name;
use crate::exit::Exit;
use crate::inputs::{self, Item};
use crate::setup::Setup;
use crate::show::{self, paint, safe};

/// Records that wait while a batch is on its way.
const AHEAD: usize = 256;

/// What became of one alert or record, as it is printed with `--json`.
#[derive(Serialize)]
struct Outcome<'a> {
    /// `sent`, `would_be_sent`, `not_sent` or `unreadable`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_id: Option<&'a str>,
    origin: &'a str,
    #[serde(rename = "host.ip", skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Runs the command.
pub(super) async fn run(setup: &Setup, args: &Submit) -> Result<Exit> {
    let queue = setup.deployment()?.alerts_queue_url;
    let sender = match args.dry_run {
        true => None,
        false => Some(Sender { sqs: setup.deployed().await?.clients.sqs().clone(), queue: queue.clone() }),
    };
    let mut told = Told::new(setup.json);
    let (give, mut take) = mpsc::channel(AHEAD);
    let (inputs, now) = (args.inputs.clone(), Timestamp::now());
    let formats = setup.policy_if_any()?.map(|policy| policy.format).unwrap_or_default();
    std::thread::spawn(move || inputs::read(&inputs, &formats, now, |item| give.blocking_send(item).is_ok()));

    let mut batch = Batch::default();
    let mut items = Vec::with_capacity(AHEAD);
    // A batch goes out when it is full, or when the input has nothing more at the moment.
    while take.recv_many(&mut items, AHEAD).await > 0 {
        for item in items.drain(..) {
            let (origin, read) = match item {
                Item::Unopened { origin, reason } => (origin, Err(reason)),
                Item::Record(record) => (record.origin, record.content.map_err(|unread| unread.reason)),
            };
            match read.and_then(|alert| Outgoing::of(origin.clone(), &alert)) {
                Ok(outgoing) => {
                    if let Err(outgoing) = batch.add(outgoing) {
                        told.post(sender.as_ref(), std::mem::replace(&mut batch, Batch::of(outgoing)))
                            .await?;
                    }
                }
                Err(reason) => told.unreadable(&origin, &reason),
            }
        }
        told.post(sender.as_ref(), std::mem::take(&mut batch)).await?;
    }
    told.finish(queue_name(&queue), args.dry_run);
    Ok(told.exit)
}

/// What is told while it goes on.
struct Told {
    json: bool,
    bar: ProgressBar,
    exit: Exit,
    sent: u64,
    not_sent: u64,
    unreadable: u64,
}

impl Told {
    fn new(json: bool) -> Self {
        // Draws nothing where standard error is no terminal.
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(8) };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {pos} alerts sent {elapsed:.dim}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { json, bar, exit: Exit::Done, sent: 0, not_sent: 0, unreadable: 0 }
    }

    /// Sends a batch and tells how each of it went. Without a sender, tells what would be sent.
    async fn post(&mut self, sender: Option<&Sender>, batch: Batch) -> Result<()> {
        let Some(sender) = sender else {
            batch.alerts().iter().for_each(|outgoing| self.alert(outgoing, "would_be_sent", Ok(None)));
            return Ok(());
        };
        let (results, given_up) = sender.send(&batch).await;
        for (outgoing, result) in batch.alerts().iter().zip(&results) {
            match result {
                Ok(message_id) => self.alert(outgoing, "sent", Ok(Some(message_id))),
                Err(reason) => self.alert(outgoing, "not_sent", Err(reason)),
            }
        }
        // AWS does not take anything, and will not take the rest either.
        given_up.map_or(Ok(()), |why| Err(anyhow!(why)))
    }

    fn alert(&mut self, outgoing: &Outgoing, outcome: &'static str, result: Result<Option<&str>, &str>) {
        match result {
            Ok(_) => self.sent += 1,
            Err(_) => (self.not_sent, self.exit) = (self.not_sent + 1, self.exit.max(Exit::Failed)),
        }
        self.bar.set_position(self.sent);
        if self.json {
            return show::json(&Outcome {
                outcome,
                alert_id: Some(&outgoing.alert_id),
                origin: &outgoing.origin,
                target: outgoing.target.map(|ip| ip.to_string()),
                message_id: result.ok().flatten(),
                reason: result.err(),
            });
        }
        let who = outgoing.target.map_or_else(|| safe(&outgoing.origin), |ip| ip.to_string());
        let word = match result {
            Ok(_) => paint::green(&outcome.replace('_', " ")),
            Err(reason) => format!("{}: {}", paint::red("not sent"), one_line(reason, 600)),
        };
        let line = format!(
            "{}  {word}  alert {}  ({})",
            paint::bold(&who),
            outgoing.alert_id,
            safe(&outgoing.origin)
        );
        self.bar.suspend(|| show::lines(&[line]));
    }

    fn unreadable(&mut self, origin: &str, reason: &str) {
        self.unreadable += 1;
        self.exit = self.exit.max(Exit::BadInput);
        if self.json {
            return show::json(&Outcome {
                outcome: "unreadable",
                alert_id: None,
                origin,
                target: None,
                message_id: None,
                reason: Some(reason),
            });
        }
        let line = format!("peerhound: {}: {}", safe(origin), one_line(reason, 600));
        self.bar.suspend(|| show::note(&line));
    }

    fn finish(&self, queue: &str, dry_run: bool) {
        self.bar.finish_and_clear();
        if self.json || self.sent + self.not_sent + self.unreadable < 2 {
            return;
        }
        let word = if dry_run { "would be sent" } else { "sent" };
        let mut line = format!("{} {word} to {}", self.sent, safe(queue));
        if self.not_sent > 0 {
            line.push_str(&format!(", {} not sent", self.not_sent));
        }
        if self.unreadable > 0 {
            line.push_str(&format!(", {} could not be read", self.unreadable));
        }
        show::lines(&[line]);
    }
}
