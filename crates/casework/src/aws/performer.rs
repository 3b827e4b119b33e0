//! Performs effects on AWS: contacts through relays, evidence in S3, mails through SES, tickets over HTTPS.

mod follow_up;

use std::sync::Arc;
use std::time::Duration;

use investigation::act::{self, ActionKind};
use investigation::assess::assess;
use investigation::case::{Case, Delivery, Effect, Event, Pending, SealedEvidence};
use investigation::evidence::manifest::Tool;
use investigation::policy::Policy;
use jiff::Timestamp;

use super::client::Clients;
use super::deployment::Deployment;
use super::dispatch::{Dispatch, NotSent};
use super::evidence::{
    EvidenceBucket, ObjectError, OpenError, Proof, S3Object, SealObjectError, SealedObject, Sealing,
    evidence_key, open_bundle, origin_of,
};
use super::mail::{self, SesConfig};
use super::metrics::{Metric, Metrics};
use super::secret::Kept;
use super::{findings, queues, told};
use crate::container::bundle::{Bundle, Caps};
use crate::container::sealed_entries;
use crate::deliver::{self, DeliveryError, Receipt, TicketConfig, Token, Webhook};
use crate::rules::Rules;
use crate::worker::case_file::{Collected, brief, enclosures, question};
use crate::worker::on_site::delivery;
use crate::worker::{Clock, Performed, Performer};

/// How long a token is used before it is fetched again, so that a changed one needs no deployment.
const TOKEN_FRESH: Duration = Duration::from_secs(300);

/// Entries that are sealed beside a bundle: names and contents.
type Papers = Vec<(&'static str, Vec<u8>)>;

/// Which function a worker runs in. Each performs what it has the rights for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes alerts: opens cases and sends out orders.
    Intake,
    /// Takes what came back: assesses, seals, and sends out further orders.
    Progress,
    /// Delivers.
    Act,
    /// Looks at what is open, now and then.
    Sweep,
}

/// Everything that performing on AWS needs, built once.
pub struct ThroughRelays {
    /// What it is for.
    pub role: Role,
    /// AWS.
    pub clients: Clients,
    /// Where everything is.
    pub deployment: Arc<Deployment>,
    /// What is allowed and wanted.
    pub policy: Arc<Policy>,
    /// What cases are assessed by, read when it is needed.
    pub rules: Rules,
    /// Sends orders.
    pub dispatch: Arc<Dispatch>,
    /// The clock.
    pub now: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The ticket system's token.
    pub token: Kept<String>,
}

impl Performer for ThroughRelays {
    fn performs(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Identify | Effect::ReadUserClaims { .. } | Effect::Collect | Effect::Forensics => {
                self.role != Role::Act
            }
            Effect::Assess | Effect::Seal | Effect::SealForensics | Effect::Hold { .. } => {
                self.role == Role::Progress
            }
            Effect::Act { .. } => self.role == Role::Act,
        }
    }

    async fn hand_over(&self, case: &Case) {
        let queue = match case.due((self.now)()).map(|pending| &pending.effect) {
            Some(Effect::Act { .. }) => &self.deployment.actions_queue_url,
            Some(_) => &self.deployment.reports_queue_url,
            None => return,
        };
        if let Err(error) = queues::go_on(self.clients.sqs(), queue, &case.id).await {
            tracing::warn!(case_id = case.id, %error, "the case goes on with the next sweep");
        }
    }

    async fn perform(&self, case: &Case, pending: &Pending) -> Performed {
        let effect = pending.n;
        Performed::Done(match &pending.effect {
            Effect::Identify | Effect::Collect | Effect::Forensics => return self.order(case, pending).await,
            Effect::ReadUserClaims { .. } => Event::UserClaims { held: Vec::new() },
            Effect::Assess => self.assess(case).await.unwrap_or_else(|why| why.into_event(effect)),
            Effect::Seal => self.seal(case).await.unwrap_or_else(|why| why.into_event(effect)),
            Effect::SealForensics => {
                self.seal_forensics(case).await.unwrap_or_else(|why| why.into_event(effect))
            }
            Effect::Hold { on } => self.hold(case, effect, *on).await,
            Effect::Act { kind, to } => {
                let delivered = self.act(case, effect, *kind, to).await;
                Event::Delivered { effect, delivery: delivered }
            }
        })
    }

    /// Staged bundles are expired by their bucket: no function may delete evidence.
    async fn leave(&self, _: &Case) {}
}

impl ThroughRelays {
    async fn order(&self, case: &Case, pending: &Pending) -> Performed {
        match self.dispatch.send(case, pending, &self.policy, (self.now)()).await {
            Ok(sent) => Performed::Dispatched { until: sent.until, to: sent.to },
            Err(NotSent::NoRelay(no_relay)) => Performed::Done(Event::ContactFailed {
                code: no_relay.code().to_owned(),
                reason: no_relay.to_string(),
                retryable: true,
            }),
            Err(NotSent::Aws(reason)) => Performed::Done(Event::EffectFailed { effect: pending.n, reason }),
        }
    }

    /// The bundle that was collected for a case, and lies under this key.
    async fn bundle(&self, case: &Case, key: Option<&str>) -> Result<Bundle<S3Object>, Undone> {
        let key = key.unwrap_or_default();
        let origin = origin_of(key).filter(|origin| origin.case_id == case.id);
        let origin = origin
            .ok_or_else(|| Undone::Gone("the case does not say where its collection lies".to_owned()))?;
        let bucket = &self.deployment.staging_bucket;
        let opened = open_bundle(self.clients.s3(), bucket, &origin, Caps::default(), Proof::AsRead).await;
        opened.map_err(Undone::from)
    }

    async fn assess(&self, case: &Case) -> Result<Event, Undone> {
        let mut bundle = self.bundle(case, case.staged.as_deref()).await?;
        let outcomes = case.artifacts.clone();
        let collected_at = bundle.collection().map(|collection| collection.started_at);
        let collected_at = collected_at.ok_or_else(Undone::no_collection)?;
        let evidence = tokio::task::spawn_blocking(move || bundle.evidence(&outcomes));
        let evidence = evidence.await.map_err(|error| Undone::Later(error.to_string()))?;
        let evidence = evidence.map_err(OpenError::Bundle)?;
        let assessment = assess(&question(case, collected_at), &evidence, self.rules.book());
        Ok(Event::Assessed { assessment: Box::new(assessment) })
    }

    async fn seal(&self, case: &Case) -> Result<Event, Undone> {
        let bucket = self.evidence_bucket();
        let key = evidence_key(&case.id, case.opened_at);
        // Sealed before an interruption: what was staged may be gone by now.
        if let Some(sealed) = bucket.existing(self.clients.s3(), &key, &case.id, None).await? {
            return Ok(self.sealed(case, sealed));
        }
        let sealed_at = (self.now)();
        let (bundle, extra) = self.enclosed(case, sealed_at).await?;
        let sealing = Sealing {
            key,
            extra,
            case_id: case.id.clone(),
            tool: Tool { name: "peerhound".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            sealed_at,
            supplement: None,
        };
        let sealed = bucket.seal(self.clients.s3(), sealing, bundle).await?;
        Ok(self.sealed(case, sealed))
    }

    fn evidence_bucket(&self) -> EvidenceBucket {
        EvidenceBucket {
            bucket: self.deployment.evidence_bucket.clone(),
            kms_key: self.deployment.evidence_kms_key.clone(),
            lock: None,
        }
    }

    /// The bundle, and what is sealed beside it. What was parsed for the report is let go before anything is sealed.
    async fn enclosed(
        &self,
        case: &Case,
        sealed_at: Timestamp,
    ) -> Result<(Bundle<S3Object>, Papers), Undone> {
        let mut bundle = self.bundle(case, case.staged.as_deref()).await?;
        let (case, policy) = (case.clone(), Arc::clone(&self.policy));
        let work = tokio::task::spawn_blocking(move || {
            let evidence = bundle.evidence(&case.artifacts).map_err(OpenError::Bundle)?;
            let collection = bundle.collection().ok_or_else(Undone::no_collection)?;
            let collected = Collected { collection, evidence: &evidence, entries: sealed_entries(&bundle) };
            let extra = enclosures(&case, &policy, collected, sealed_at);
            let extra = extra.map_err(|error| Undone::Later(error.to_string()))?;
            Ok((bundle, extra))
        });
        work.await.map_err(|error| Undone::Later(error.to_string()))?
    }

    fn sealed(&self, case: &Case, sealed: SealedObject) -> Event {
        if !sealed.already_sealed {
            self.count_sealed(case, sealed.sealed_at);
        }
        Event::Sealed {
            evidence: SealedEvidence {
                location: sealed.location,
                sha256: sealed.sha256,
                size: sealed.size,
                sealed_at: sealed.sealed_at,
            },
        }
    }

    async fn act(&self, case: &Case, effect: u32, kind: ActionKind, to: &[String]) -> Delivery {
        let location = case.evidence.as_ref().map(|evidence| evidence.location.clone()).unwrap_or_default();
        let brief = brief(case, &self.policy, location);
        let key = format!("{}.effect-{effect}", case.id);
        let delivered = match kind {
            ActionKind::MailUser => self.mail(to, &act::mail_user(&brief), &key).await,
            ActionKind::MailSoc => self.mail(to, &act::mail_soc(&brief), &key).await,
            ActionKind::Ticket => self.ticket(&act::ticket(&brief), &key).await,
            ActionKind::Finding => self.finding(&brief).await,
            ActionKind::Custom(name) => self.custom(case, &name, &key).await,
        };
        if delivered.is_ok() {
            self.metrics.add(Metric::ActionsDelivered, 1);
        }
        delivery(delivered)
    }

    fn count_sealed(&self, case: &Case, sealed_at: Timestamp) {
        self.metrics.add(Metric::EvidenceSealed, 1);
        let since = case.alert.timestamp.unwrap_or(case.opened_at);
        self.metrics.put(Metric::SecondsToEvidence, sealed_at.duration_since(since).as_secs_f64());
        if let Some(verdict) = case.verdict() {
            self.metrics.verdict(verdict.as_str());
        }
    }

    async fn mail(&self, to: &[String], message: &act::Message, key: &str) -> Result<Receipt, DeliveryError> {
        let config = SesConfig {
            from: self.policy.mail.from.clone(),
            configuration_set: self.deployment.mail_configuration_set.clone(),
        };
        mail::send(self.clients.ses(), &config, to, message, key).await
    }

    async fn ticket(&self, ticket: &act::Ticket, key: &str) -> Result<Receipt, DeliveryError> {
        let Some(webhook) = &self.policy.ticket.webhook else {
            return Err(DeliveryError::rejected(
                "the policy names no [ticket.webhook], and there is no outbox here",
            ));
        };
        let config = TicketConfig {
            webhook: Some(Webhook {
                url: webhook.url.clone(),
                token: self.token().await?.map(Token::Value),
                honours_idempotency_key: webhook.honours_idempotency_key,
                timeout: webhook.timeout.duration(),
            }),
        };
        // Never used: there is a webhook.
        let outbox = std::path::Path::new("");
        deliver::post_ticket(&config, ticket, key, outbox).await
    }

    async fn finding(&self, brief: &act::Brief) -> Result<Receipt, DeliveryError> {
        let Some(bus) = &self.policy.findings.event_bus else {
            return Err(DeliveryError::rejected(
                "the policy's [findings] names no event_bus, and there is no file here",
            ));
        };
        let finding = act::ocsf_finding(brief, env!("CARGO_PKG_VERSION"));
        let finding = finding.ok_or_else(|| DeliveryError::rejected("the case was not assessed"))?;
        findings::put(self.clients.events(), bus, &finding).await
    }

    async fn token(&self) -> Result<Option<String>, DeliveryError> {
        let Some(id) = &self.deployment.ticket_secret else { return Ok(None) };
        let read = |text: &str| match text.trim() {
            value if value.is_empty() || value.contains(char::is_control) => {
                Err("the ticket system's secret is not one line of text".to_owned())
            }
            value => Ok(value.to_owned()),
        };
        let token = self.token.get(self.clients.secrets(), id, TOKEN_FRESH, read).await;
        token.map(Some).map_err(|why| DeliveryError::not_accepted(&why))
    }
}

/// Why a collection was not assessed or sealed.
enum Undone {
    /// The same may succeed later.
    Later(String),
    /// What was staged is not there any more, or will never be read: trying again would only put off saying so.
    Gone(String),
}

impl Undone {
    fn no_collection() -> Self {
        Self::Gone("the bundle holds no collection".to_owned())
    }

    fn into_event(self, effect: u32) -> Event {
        match self {
            Self::Later(reason) => Event::EffectFailed { effect, reason },
            Self::Gone(why) => Event::EvidenceGone {
                reason: format!("the staged evidence is gone ({why}); submit the alert again"),
            },
        }
    }
}

impl From<OpenError> for Undone {
    fn from(error: OpenError) -> Self {
        match &error {
            // It was there when the relay's report was taken: its time in the staging bucket ran out.
            OpenError::Object(ObjectError::Missing(_)) => Self::Gone(told(error)),
            OpenError::Bundle(bundle) if !bundle.is_retryable() => Self::Gone(told(error)),
            _ => Self::Later(told(error)),
        }
    }
}

impl From<SealObjectError> for Undone {
    fn from(error: SealObjectError) -> Self {
        match &error {
            SealObjectError::Bundle(bundle) if !bundle.is_retryable() => Self::Gone(told(error)),
            _ => Self::Later(told(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::testing::{Site, alert};
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn evidence_that_will_never_be_read_is_gone_and_not_tried_for_days() {
        let Some(site) = Site::start().await else { return };
        let soon = Instant::now() + Duration::from_secs(60);
        site.intake().handle(&[alert("a", "10.0.0.5")], soon).await;
        let mut case = site.cases().await.remove(0);
        let key = format!("staging/{}/2-1/bundle.zip", case.id);
        case.staged = Some(key.clone());
        let worker = site.progress(Role::Progress).worker;
        let assess = Pending { effect: Effect::Assess, ..case.pending[0].clone() };
        for (content, why) in [(None, "does not exist"), (Some("no zip"), "not a relay's bundle")] {
            if let Some(content) = content {
                let put = site.clients.s3().put_object().bucket(&site.deployment.staging_bucket).key(&key);
                put.body(content.as_bytes().to_vec().into()).send().await.expect("an object");
            }
            for effect in [Effect::Assess, Effect::Seal] {
                let pending = Pending { effect, ..assess.clone() };
                let performed = worker.performer.perform(&case, &pending).await;
                let Performed::Done(Event::EvidenceGone { reason }) = performed else {
                    panic!("{performed:?}")
                };
                assert!(reason.contains(why) && reason.contains("submit the alert again"), "{reason}");
            }
        }
    }
}
