//! Writes digests from what is on record, and sees to it that the one of a day is mailed once.
//!
//! What is decided is decided by [`investigation::digest::daily`]. Here it is stored and performed, in two halves, with the
//! sending between them, which is done by whoever may: the worker of one machine, or the function `act`.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use investigation::act::Message;
use investigation::digest::daily::{self, Mailing, Turn, due, recipients};
use investigation::digest::{Digest, Fold, OLDEST, Window, csv, message};
use investigation::policy::Policy;
use jiff::Timestamp;

use crate::backend::Stored;
use crate::backend::ledger::Ledger;
use crate::backend::local::Local;
use crate::deliver::{Attachment, DeliveryError, Receipt, send_mail_with};
use crate::worker::on_site::delivery;
use crate::worker::{Clock, OnSite, Worker};

/// How often it is looked whether a digest is due.
const LOOK: Duration = Duration::from_secs(30);

/// A digest of a time, read from a store. `kept_since` is when the oldest alert that is settled may have been received:
/// what is older was forgotten.
///
/// # Errors
/// When the store fails.
pub async fn gather(
    store: &impl Ledger,
    window: Window,
    kept_since: Option<Timestamp>,
    now: Timestamp,
) -> Stored<Digest> {
    let mut fold = Fold::new(window);
    store.tell_alerts(window, &mut |line| fold.alert(line)).await?;
    store.tell_cases(window, &mut |case| fold.case(case)).await?;
    for case_id in fold.owners_wanted() {
        if let Some(case) = store.case(&case_id).await? {
            fold.owner(&case);
        }
    }
    let open = store.open_cases().await?;
    let mut oldest = Vec::new();
    for case_id in open.iter().take(OLDEST) {
        oldest.extend(store.case(case_id).await?.filter(|case| !case.is_closed()));
    }
    fold.open(open.len() as u64, &oldest, now);
    let mut digest = fold.finish(now);
    if let Some(since) = kept_since.filter(|since| *since > window.from) {
        let since = since.strftime("%Y-%m-%d");
        digest.notes.push(format!(
            "alerts that were settled and came before {since} are forgotten ([storage] keep_alerts): the figures of \
             alerts begin there"
        ));
    }
    let last = store.last_mailing().await?;
    Ok(digest.with(None, last.as_ref().map(Mailing::shown)))
}

/// When the oldest alert that is settled may have been received.
pub fn kept_since(policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    now.checked_sub(policy.storage.keep_alerts.signed()).ok()
}

/// A digest that is to be sent now, and by nobody else.
#[derive(Clone, Debug)]
pub struct Ready {
    /// What is on record of it.
    pub mailing: Mailing,
    /// Whom it goes to.
    pub to: Vec<String>,
    /// The mail.
    pub message: Message,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// The same for every try.
    pub key: String,
}

/// The day whose digest somebody should see to now, if there is one. A look, which takes nothing.
///
/// # Errors
/// When the store fails.
pub async fn wanted(
    store: &impl Ledger,
    policy: &Policy,
    repeatable: bool,
    now: Timestamp,
) -> Stored<Option<String>> {
    let Some(round) = due(policy, now) else { return Ok(None) };
    let known = store.mailing(&round.day).await?;
    let turn = Mailing::turn(known.as_ref(), &round.day, repeatable, now);
    Ok((turn != Turn::Rest).then_some(round.day))
}

/// Takes the digest that is due, writes it, and puts on record that it is being sent. `None` where none is due, another
/// worker has it, or there is nothing to send. `repeatable` says that sending it twice is no second mail.
///
/// # Errors
/// When the store fails; nothing was sent then, and another look takes it up again.
pub async fn prepare(
    store: &impl Ledger,
    policy: &Policy,
    repeatable: bool,
    now: &Clock,
) -> Stored<Option<Ready>> {
    let Some(round) = due(policy, now()) else { return Ok(None) };
    let known = store.mailing(&round.day).await?;
    let mailing = match Mailing::turn(known.as_ref(), &round.day, repeatable, now()) {
        Turn::Rest => return Ok(None),
        Turn::Record(mailing) => {
            if store.keep_mailing(&mailing).await? {
                tracing::error!(day = mailing.day, "a digest may or may not have been sent");
            }
            return Ok(None);
        }
        Turn::Begin(mailing) => mailing,
    };
    if !store.keep_mailing(&mailing).await? {
        return Ok(None);
    }
    let digest = gather(store, round.window, kept_since(policy, now()), now()).await?;
    let digest = digest.with(policy.organisation.name.as_deref(), None);
    if policy.digest.only_if_something && digest.is_quiet() {
        let skipped = mailing.skipped("nothing came and nothing is open", now());
        store.keep_mailing(&skipped).await?;
        return Ok(None);
    }
    let to = recipients(policy).to_vec();
    if to.is_empty() {
        let skipped = mailing.skipped("neither [digest] to nor [mail] soc names anybody", now());
        store.keep_mailing(&skipped).await?;
        return Ok(None);
    }
    let sending = mailing.sending(now());
    if !store.keep_mailing(&sending).await? {
        return Ok(None);
    }
    let key = format!("digest-{}", sending.day);
    let attachments = policy.digest.csv.then(|| Attachment {
        name: format!("peerhound-{}.csv", sending.day),
        media_type: "text/csv; charset=utf-8",
        bytes: csv(&digest).into_bytes(),
    });
    let attachments = attachments.into_iter().collect();
    Ok(Some(Ready { mailing: sending, to, message: message(&digest), attachments, key }))
}

/// Puts on record how it went.
///
/// # Errors
/// When the store fails. The day is then `uncertain` once the time for sending is over.
pub async fn finish(
    store: &impl Ledger,
    policy: &Policy,
    ready: Ready,
    sent: Result<Receipt, DeliveryError>,
    repeatable: bool,
    now: &Clock,
) -> Stored<Mailing> {
    let ended = ready.mailing.ended(delivery(sent), repeatable, policy, now());
    let shown = ended.shown();
    match &ended.stage {
        daily::Stage::Sent { .. } => {
            tracing::info!(day = shown.day, detail = shown.detail, "a digest was sent")
        }
        _ => tracing::warn!(
            day = shown.day,
            status = shown.status,
            detail = shown.detail,
            "a digest was not sent"
        ),
    }
    if !store.keep_mailing(&ended).await? {
        tracing::warn!(day = shown.day, "another worker has put this digest on record meanwhile");
    }
    Ok(ended)
}

/// Sends the digest that is due from this machine, if nobody has it in hand.
///
/// # Errors
/// When the store fails.
pub async fn look(worker: &Worker<Local, OnSite>) -> Stored<Option<Mailing>> {
    let (store, policy, performer) = (&worker.backend, &worker.policy, &worker.performer);
    // A file in the outbox is written under the same name again.
    let repeatable = performer.mail.smtp.is_none();
    let Some(ready) = prepare(store, policy, repeatable, &worker.now).await? else { return Ok(None) };
    let (mail, outbox) = (&performer.mail, &performer.places.outbox);
    let sent = send_mail_with(mail, &ready.to, &ready.message, &ready.attachments, &ready.key, outbox).await;
    finish(store, policy, ready, sent, repeatable, &worker.now).await.map(Some)
}

/// Sends the digest of each day, for as long as it runs.
pub async fn look_again_and_again(worker: Arc<Worker<Local, OnSite>>) {
    loop {
        if let Err(error) = look(&worker).await {
            tracing::warn!(%error, "the digest waits for the next look");
        }
        tokio::time::sleep(LOOK).await;
    }
}
