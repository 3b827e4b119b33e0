//! The functions `progress` and `act`: take what came back and what people say, and go on with the case.

use std::sync::Arc;
use std::time::{Duration, Instant};

use investigation::case::{Case, Effect, Event, Returned};
use investigation::order::RelayResult;
use investigation::remediation::MEASURES_PATH;
use investigation::scope::fold;

use super::decisions::without_voucher;
use super::evidence::{ObjectError, OpenError, Proof, S3Object, bundle_key, open_bundle, origin_of};
use super::mail;
use super::messages::{News, read};
use super::performer::{Role, ThroughRelays};
use super::queues::{self, Aside, QueueError};
use super::told;
use crate::backend::aws::Aws;
use crate::backend::{Backend, Committed, StoreError};
use crate::container::bundle::{Bundle, BundleError, Caps, Origin};
use crate::digest;
use crate::worker::case_file::moved;
use crate::worker::{Pace, Resolution, WorkError, Worker};

/// How long news waits for a worker that has the case in hand at this moment.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a relay calls a failure of its own disk.
const RELAY_DISK: &str = "staging";

/// Why a message is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undone {
    /// It never will be; it goes to the dead-letter queue with the reason.
    #[error("{0}")]
    Reject(String),
    /// It stays on the queue and comes again.
    #[error("{0}")]
    Retry(String),
}

/// Goes on with cases.
pub struct Progress {
    /// The worker.
    pub worker: Arc<Worker<Aws, ThroughRelays>>,
}

impl Progress {
    /// Handles one message of the queue of reports or of actions.
    ///
    /// # Errors
    /// See [`Undone`].
    pub async fn handle(&self, body: &str, until: Instant) -> Result<(), Undone> {
        for news in read(body).map_err(Undone::Reject)? {
            match news {
                News::Digest => self.digest().await?,
                News::Spoken(spoken) => self.spoken(&spoken, until).await?,
                News::Continue { case_id } => self.go_on(&case_id, until).await?,
                News::Arrived { key } => {
                    let origin = origin_of(&key).ok_or_else(|| {
                        Undone::Reject(format!("{key} is no bundle that a relay was asked for"))
                    })?;
                    self.arrived(&origin, until).await?;
                }
                News::MailReturned { case_id, effect, how, why } => {
                    self.mail_returned(&case_id, effect, how, &why, until).await?;
                }
                // What arrived says so itself; a command that went well and left nothing is found by the sweep.
                News::CommandEnded { status, .. } if is_success(&status) || !is_end(&status) => {}
                News::CommandEnded { command_id, status } => {
                    self.command_ended(&command_id, &status, until).await?;
                }
            }
        }
        Ok(())
    }

    /// Puts a message that never will be done where a person finds it, at once and with the reason. It then counts as
    /// handled.
    ///
    /// # Errors
    /// When it has to stay on its own queue, which sets it aside after some tries, without the reason.
    pub async fn set_aside(&self, message_id: &str, body: &str, reason: &str) -> Result<(), QueueError> {
        let performer = &self.worker.performer;
        let spoken = without_voucher(body);
        let queue = match performer.role {
            Role::Act => &performer.deployment.actions_dlq_url,
            _ if spoken.is_some() => &performer.deployment.decisions_dlq_url,
            _ => &performer.deployment.reports_dlq_url,
        };
        let body = spoken.unwrap_or_else(|| body.to_owned());
        let origin = format!("message {message_id}");
        let aside = Aside { body, origin, reason: reason.to_owned() };
        queues::set_aside_one(performer.clients.sqs(), queue, aside).await
    }

    /// Sends the summary that is due, if nobody has it in hand. The message says only that there may be one: whether, and
    /// of which day, the policy and the store say.
    async fn digest(&self) -> Result<(), Undone> {
        let performer = &self.worker.performer;
        if performer.role != Role::Act {
            return Err(Undone::Reject("no other function than act sends mail".to_owned()));
        }
        let (store, policy, now) = (&self.worker.backend, &performer.policy, &self.worker.now);
        let failed = |error: StoreError| Undone::Retry(error.to_string());
        let Some(ready) = digest::prepare(store, policy, false, now).await.map_err(failed)? else {
            return Ok(());
        };
        let origin = mail::Origin { delivery: None, key: &ready.key };
        let sent = performer.mail_with(&ready.to, &ready.message, &ready.attachments, origin).await;
        digest::finish(store, policy, ready, sent, false, now).await.map(drop).map_err(failed)
    }

    /// Goes on with a case.
    pub(super) async fn go_on(&self, case_id: &str, until: Instant) -> Result<(), Undone> {
        let case =
            self.worker.backend.case(case_id).await.map_err(|error| Undone::Retry(error.to_string()))?;
        let Some(case) = case else { return Err(Undone::Reject(format!("there is no case {case_id}"))) };
        if case.is_at_rest() {
            return Ok(());
        }
        self.patiently(until, || self.worker.drive(case_id, Pace::STEADY)).await
    }

    /// Notes on a case that a mail of it came back. The address is for the case alone: it is not logged.
    async fn mail_returned(
        &self,
        case_id: &str,
        effect: u32,
        how: Returned,
        why: &str,
        until: Instant,
    ) -> Result<(), Undone> {
        let store = &self.worker.backend;
        let retry = |error: &dyn std::fmt::Display| Undone::Retry(error.to_string());
        let give_up = (Instant::now() + PATIENCE).min(until);
        loop {
            let case = store.case(case_id).await.map_err(|error| retry(&error))?;
            let Some(case) = case else {
                tracing::info!(case_id, "a mail came back whose case is not on record");
                return Ok(());
            };
            // Whoever has an open case in hand would be refused the next write.
            let hold = match case.is_closed() {
                true => None,
                false => store.hold(case_id).await.map_err(|error| retry(&error))?,
            };
            if case.is_closed() || hold.is_some() {
                // Read again: it may have changed before it was held.
                let case = store.case(case_id).await.map_err(|error| retry(&error))?.unwrap_or(case);
                let now = (self.worker.now)();
                let policy = &self.worker.performer.policy;
                let Some(step) = case.mail_returned(effect, how, why, policy, now) else { return Ok(()) };
                if store.commit(&step, now).await.map_err(|error| retry(&error))? == Committed::Done {
                    tracing::info!(case_id, effect, ?how, "a mail came back");
                    drop(hold);
                    let tells = |pending: &investigation::case::Pending| {
                        matches!(pending.effect, Effect::Comment { .. })
                    };
                    return match step.case.pending.iter().any(tells) {
                        true => self.go_on(case_id, until).await,
                        false => Ok(()),
                    };
                }
            }
            drop(hold);
            if Instant::now() + Duration::from_millis(200) >= give_up {
                return Err(Undone::Retry(format!("case {case_id} is in another worker's hands")));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Takes a bundle in.
    pub(super) async fn arrived(&self, origin: &Origin<'_>, until: Instant) -> Result<(), Undone> {
        let store = &self.worker.backend;
        let case = store.case(origin.case_id).await.map_err(|error| Undone::Retry(error.to_string()))?;
        let Some(case) = case else {
            return Err(Undone::Reject(format!("there is no case {}", origin.case_id)));
        };
        let pending = case.pending.iter().find(|pending| pending.n == origin.effect);
        let Some(effect) = pending.map(|pending| pending.effect.clone()) else {
            tracing::info!(case_id = case.id, "a bundle came twice or too late");
            return if case.is_at_rest() { Ok(()) } else { self.go_on(&case.id, until).await };
        };
        let event = match self.found(&case, &effect, origin).await {
            Ok(event) => event,
            Err(error) if error.is_retryable() => return Err(Undone::Retry(told(error))),
            Err(error) => {
                tracing::warn!(case_id = case.id, error = told(&error), "a bundle is not what it must be");
                Event::ContactFailed {
                    code: "evidence_corrupt".to_owned(),
                    reason: format!("what the relay uploaded cannot be used: {}", told(error)),
                    retryable: true,
                }
            }
        };
        self.patiently(until, || self.worker.report(&case.id, origin.effect, origin.attempt, event.clone()))
            .await
    }

    /// What a bundle says about the case.
    async fn found(&self, case: &Case, effect: &Effect, origin: &Origin<'_>) -> Result<Event, OpenError> {
        let performer = &self.worker.performer;
        // Evidence is proven whole while there is still time to collect it again.
        let proof =
            if matches!(effect, Effect::Collect | Effect::Forensics) { Proof::Whole } else { Proof::AsRead };
        let bucket = &performer.deployment.staging_bucket;
        let mut bundle = open_bundle(performer.clients.s3(), bucket, origin, Caps::default(), proof).await?;
        if let RelayResult::Failed { code, reason, retryable } = &bundle.report().result {
            if code == RELAY_DISK {
                // The relay's own disk: the endpoint is not to blame, and the case waits for space.
                let reason = investigation::text::one_line(reason, 600);
                return Ok(Event::EffectFailed { effect: origin.effect, reason });
            }
            return Ok(Event::ContactFailed {
                code: code.clone(),
                reason: investigation::text::one_line(reason, 600),
                retryable: *retryable,
            });
        }
        if fold(bundle.report().target) != fold(case.target) {
            return Ok(Event::ContactFailed {
                code: "evidence_corrupt".to_owned(),
                reason: format!("the relay looked at {} and not at {}", bundle.report().target, case.target),
                retryable: true,
            });
        }
        if effect.changes_endpoint() {
            return self.changed(bundle, origin.effect).await;
        }
        if bundle.has_measures() {
            return Err(OpenError::Bundle(BundleError::Entry {
                path: MEASURES_PATH.to_owned(),
                what: "nothing was to be changed",
            }));
        }
        let collection = bundle.collection().cloned();
        let identity = tokio::task::spawn_blocking(move || bundle.identity());
        let identity = identity.await.map_err(|error| {
            OpenError::Bundle(crate::container::BundleError::Read(std::io::Error::other(error)))
        })??;
        let no_identity = || Event::ContactFailed {
            code: "no_identity".to_owned(),
            reason: format!("{} did not say who it is: its host name could not be read", case.target),
            retryable: true,
        };
        Ok(match (effect, identity, collection) {
            (Effect::Identify, Some(identity), _) => Event::Identified { identity },
            (Effect::Collect | Effect::Forensics, now, Some(collection)) => {
                let both = now.as_ref().zip(case.identity.as_ref());
                let gone = both.and_then(|(now, before)| moved(case.target, before, now));
                gone.unwrap_or_else(|| Event::Collected {
                    outcomes: collection.outcomes,
                    staged: Some(bundle_key(origin)),
                })
            }
            _ => no_identity(),
        })
    }

    /// What a bundle says of an order to change something. Which numbers were ordered, the case knows.
    async fn changed(&self, mut bundle: Bundle<S3Object>, effect: u32) -> Result<Event, OpenError> {
        let read = tokio::task::spawn_blocking(move || bundle.measures());
        let read = read
            .await
            .map_err(|error| OpenError::Bundle(BundleError::Read(std::io::Error::other(error))))??;
        Ok(match read {
            Some(outcomes) => Event::Remediated { effect, outcomes },
            None => Event::NotRemediated {
                effect,
                code: "not_carried_out".to_owned(),
                reason: "the relay carries out no measures: update it".to_owned(),
                retryable: false,
            },
        })
    }

    /// A command failed: those of its orders that nothing came of have failed with it.
    async fn command_ended(&self, command_id: &str, status: &str, until: Instant) -> Result<(), Undone> {
        let store = &self.worker.backend;
        let command = store.command(command_id).await.map_err(|error| Undone::Retry(error.to_string()))?;
        let Some(command) = command else {
            // Not ours, or the answer to sending it was lost: then its cases wait out their time.
            tracing::info!(command_id, status, "a command that is not known ended");
            return Ok(());
        };
        let mut undone = None;
        for entry in &command.entries {
            let origin = Origin { case_id: &entry.case_id, effect: entry.effect, attempt: entry.attempt };
            let settled = self.settle(&origin, &command.node, status, until).await;
            undone = undone.or(settled.err());
        }
        undone.map_or(Ok(()), Err)
    }

    /// Takes in what came of one order of a command that ended: its bundle, or that there is none.
    pub(super) async fn settle(
        &self,
        origin: &Origin<'_>,
        node: &str,
        status: &str,
        until: Instant,
    ) -> Result<(), Undone> {
        let performer = &self.worker.performer;
        let bucket = &performer.deployment.staging_bucket;
        match S3Object::open(performer.clients.s3(), bucket, &bundle_key(origin)).await {
            Ok(_) => return self.arrived(origin, until).await,
            Err(ObjectError::Missing(_)) => {}
            Err(error) => return Err(Undone::Retry(told(error))),
        }
        let event = Event::ContactFailed {
            code: "relay_failed".to_owned(),
            reason: format!("the relay {node} did not carry out the order: SSM says {status}"),
            retryable: true,
        };
        let report = || self.worker.report(origin.case_id, origin.effect, origin.attempt, event.clone());
        self.patiently(until, report).await
    }

    /// Tries for a while if another worker has the case in hand.
    async fn patiently<F>(&self, until: Instant, work: impl Fn() -> F) -> Result<(), Undone>
    where
        F: Future<Output = Result<Resolution, WorkError>>,
    {
        let give_up = (Instant::now() + PATIENCE).min(until);
        let mut pause = Duration::from_millis(100);
        loop {
            match work().await {
                Ok(Resolution::InOtherHands(case_id)) if Instant::now() + pause >= give_up => {
                    return Err(Undone::Retry(format!("case {case_id} is in another worker's hands")));
                }
                Ok(Resolution::InOtherHands(_)) => {}
                Err(WorkError::Stale(_)) if Instant::now() + pause < give_up => {}
                Ok(Resolution::Case(_) | Resolution::Settled(_)) => return Ok(()),
                Err(error) => return Err(Undone::Retry(error.to_string())),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

fn is_success(status: &str) -> bool {
    status == "Success"
}

/// Whether nothing more comes of a command. Both `Status` and `StatusDetails` of SSM are understood.
pub(super) fn is_end(status: &str) -> bool {
    !matches!(status, "Pending" | "InProgress" | "Delayed" | "Cancelling" | "In Progress")
}

#[cfg(test)]
mod tests {
    use super::super::testing::Site;
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_mail_that_came_back_is_noted_on_its_case_once() {
        let Some(site) = Site::start().await else { return };
        let soon = Instant::now() + Duration::from_secs(60);
        site.intake().handle(&[super::super::testing::alert("a", "10.0.0.5")], soon).await;
        let mut step_of = site.cases().await.remove(0);
        // A mail of it was accepted.
        step_of.actions.push(investigation::case::ActionRecord {
            effect: Some(6),
            kind: investigation::act::ActionKind::MailUser,
            to: vec!["alice@example.com".to_owned()],
            status: investigation::case::ActionStatus::Done,
            detail: "accepted by SES".to_owned(),
            attempts: 1,
            at: step_of.updated_at,
        });
        step_of.version += 1;
        let case_id = step_of.id.clone();
        let step = investigation::case::Step {
            case: step_of,
            claims: Vec::new(),
            alert: None,
            alert_was: None,
            requeue: Vec::new(),
        };
        let now = jiff::Timestamp::now();
        assert_eq!(site.store.commit(&step, now).await.unwrap(), Committed::Done);
        let event = include_str!("../../../../events/eventbridge/ses-bounce.json");
        let event = event.replace("ph-20260302-k3m7qd5a", &case_id);
        let progress = site.progress(Role::Progress);
        for _ in 0..2 {
            progress.handle(&event, soon).await.unwrap();
        }
        let case = site.store.case(&case_id).await.unwrap().unwrap();
        let mail = case.actions.last().unwrap();
        assert_eq!(mail.status, investigation::case::ActionStatus::Bounced);
        assert!(mail.detail.contains("5.1.1") && mail.detail.contains("alice@example.com"), "{mail:?}");
        let noted = case.history.iter().filter(|entry| entry.what.starts_with("mail_user came back")).count();
        assert_eq!(noted, 1, "{:?}", case.history);
        // A case that nobody knows any more is nobody's error, and its address goes nowhere.
        let gone = event.replace(&case_id, "ph-20260302-nothing");
        progress.handle(&gone, soon).await.unwrap();
        assert!(site.take(&site.deployment.reports_dlq_url).await.is_empty());
    }

    /// On the way that it goes on AWS: `progress` notes it, `act` tells the ticket with the secret that it alone has.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_ticket_is_told_once_of_a_mail_that_came_back() {
        use crate::deliver::tests::products::forges::github_at_work;

        let Some(site) = Site::start().await else { return };
        let (section, _, github) = github_at_work().await;
        let site = site.with(&format!("[ticket]\n{section}\n"));
        let secret = site.deployment.ticket_secret.clone().unwrap();
        let made = site.clients.secrets().create_secret().name(secret).secret_string("s3cret-t0ken");
        made.send().await.expect("a secret");
        let soon = Instant::now() + Duration::from_secs(60);
        site.intake().handle(&[super::super::testing::alert("a", "10.0.0.5")], soon).await;
        let mut case = site.cases().await.remove(0);
        case.pending.clear();
        case.assessment = serde_json::from_value(serde_json::json!({ "verdict": "policy_violation",
            "confidence": "high", "summary": "s", "findings": [], "missing": [], "indicators_version": "1" }))
        .unwrap();
        let verdict = case.verdict().unwrap();
        case.state = investigation::case::State::Closed {
            outcome: investigation::case::Outcome::Investigated { verdict },
        };
        let now = jiff::Timestamp::now();
        case.evidence = Some(investigation::case::SealedEvidence {
            location: "s3://evidence/x.zip".to_owned(),
            sha256: "ab".repeat(32),
            size: 1,
            sealed_at: now,
        });
        case.ticket = serde_json::from_value(serde_json::json!({ "id": "7", "number": "7" })).unwrap();
        case.actions.push(investigation::case::ActionRecord {
            effect: Some(6),
            kind: investigation::act::ActionKind::MailUser,
            to: vec!["alice@example.com".to_owned()],
            status: investigation::case::ActionStatus::Done,
            detail: "accepted by SES".to_owned(),
            attempts: 1,
            at: now,
        });
        case.version += 1;
        let case_id = case.id.clone();
        let step = investigation::case::Step {
            case,
            claims: Vec::new(),
            alert: None,
            alert_was: None,
            requeue: Vec::new(),
        };
        assert_eq!(site.store.commit(&step, now).await.unwrap(), Committed::Done);
        let event = include_str!("../../../../events/eventbridge/ses-bounce.json");
        let event = event.replace("ph-20260302-k3m7qd5a", &case_id);
        for _ in 0..2 {
            site.progress(Role::Progress).handle(&event, soon).await.unwrap();
        }
        assert_eq!(github.comments().len(), 0, "progress has no secret of the ticket system");
        let go_on = format!("{{\"continue\":\"{case_id}\"}}");
        for _ in 0..2 {
            site.progress(Role::Act).handle(&go_on, soon).await.unwrap();
        }
        let told = github.comments();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].1.contains("came back") && !told[0].1.contains("alice"), "{told:?}");
        let after = site.store.case(&case_id).await.unwrap().unwrap();
        assert!(after.is_closed() && after.is_at_rest(), "{:?}", after.history);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_never_will_be_done_goes_behind_its_own_queue_with_the_reason() {
        let Some(site) = Site::start().await else { return };
        let body = r#"{"continue":"ph-20260302-nothing"}"#;
        for (role, queue) in [
            (Role::Progress, &site.deployment.reports_dlq_url),
            (Role::Act, &site.deployment.actions_dlq_url),
        ] {
            let progress = site.progress(role);
            let until = Instant::now() + Duration::from_secs(30);
            let Err(Undone::Reject(why)) = progress.handle(body, until).await else { panic!("not refused") };
            progress.set_aside("m-1", body, &why).await.unwrap();
            let reason = "there is no case ph-20260302-nothing".to_owned();
            assert_eq!(site.take(queue).await, [(body.to_owned(), reason)]);
        }
        for queue in [&site.deployment.alerts_dlq_url, &site.deployment.reports_dlq_url] {
            assert!(site.take(queue).await.is_empty());
        }
    }
}
