//! Performs effects on AWS: contacts through relays, evidence in S3, mails through SES, tickets over HTTPS.

mod approvers;
mod follow_up;

use std::sync::Arc;
use std::time::Duration;

use investigation::act::{self, ActionKind, Texts};
use investigation::assess::assess;
use investigation::case::{Case, Delivery, Effect, Event, Pending, SealedEvidence};
use investigation::evidence::manifest::Tool;
use investigation::policy::Policy;
use investigation::remediation::propose;
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
use crate::approval_code::Codes;
use crate::approval_link::LinkKey;
use crate::container::bundle::{Bundle, Caps};
use crate::container::sealed_entries;
use crate::deliver::{self, Attachment, Authority, DeliveryError, Filed, Receipt, TicketConfig, Token};
use crate::directories::Directories;
use crate::rules::Rules;
use crate::worker::case_file::{self, Collected, brief, enclosures, question, rehearsed};
use crate::worker::on_site::{delivery, filed, nothing_to_do};
use crate::worker::{Clock, Performed, Performer};

pub(super) use approvers::link_key;

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
    /// What mails are written from.
    pub texts: Arc<Texts>,
    /// Where users are looked up.
    pub directories: Directories,
    /// Sends orders.
    pub dispatch: Arc<Dispatch>,
    /// The clock.
    pub now: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The secrets of the systems that tickets, pages and messages to chats go to.
    pub tokens: Tokens,
}

impl Performer for ThroughRelays {
    fn performs(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Identify
            | Effect::ReadUserClaims { .. }
            | Effect::Collect
            | Effect::Forensics
            | Effect::Remediate { .. }
            | Effect::Undo { .. } => self.role != Role::Act,
            Effect::ExpireProposals => true,
            Effect::Assess | Effect::Seal | Effect::SealForensics | Effect::Hold { .. } => {
                self.role == Role::Progress
            }
            Effect::LookUpUsers { .. } | Effect::Act { .. } | Effect::Comment { .. } => {
                self.role == Role::Act
            }
        }
    }

    async fn hand_over(&self, case: &Case) {
        let queue = match case.due((self.now)()).map(|pending| &pending.effect) {
            Some(Effect::LookUpUsers { .. } | Effect::Act { .. } | Effect::Comment { .. }) => {
                &self.deployment.actions_queue_url
            }
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
            Effect::Identify
            | Effect::Collect
            | Effect::Forensics
            | Effect::Remediate { .. }
            | Effect::Undo { .. } => {
                if let Some(event) = self.not_sealed(case, pending).await {
                    return Performed::Done(event);
                }
                return self.order(case, pending).await;
            }
            Effect::ExpireProposals => nothing_to_do(effect),
            Effect::ReadUserClaims { .. } => Event::UserClaims { held: Vec::new() },
            Effect::Assess => self.assess(case).await.unwrap_or_else(|why| why.into_event(effect)),
            Effect::Seal => self.seal(case).await.unwrap_or_else(|why| why.into_event(effect)),
            Effect::LookUpUsers { users } => self.directories.look_up(users, &self.policy).await,
            Effect::SealForensics => {
                self.seal_forensics(case).await.unwrap_or_else(|why| why.into_event(effect))
            }
            Effect::Hold { on } => self.hold(case, effect, *on).await,
            Effect::Act { kind, to } => {
                let delivered = self.act(case, effect, *kind, to).await;
                Event::Delivered { effect, delivery: delivered }
            }
            Effect::Comment { text } => {
                let delivered = self.comment(case, effect, text).await;
                Event::Delivered { effect, delivery: delivery(delivered) }
            }
        })
    }

    fn rehearse(&self, case: &Case, kind: ActionKind, to: &[String]) -> String {
        rehearsed(case, &self.policy, &self.texts, kind, to)
    }

    /// Staged bundles are expired by their bucket: no function may delete evidence.
    async fn leave(&self, _: &Case) {}
}

impl ThroughRelays {
    async fn order(&self, case: &Case, pending: &Pending) -> Performed {
        match self.dispatch.send(case, pending, &self.policy, (self.now)()).await {
            Ok(sent) => Performed::Dispatched { until: sent.until, to: sent.to },
            Err(NotSent::NoRelay(no_relay)) => {
                let (code, reason) = (no_relay.code().to_owned(), no_relay.to_string());
                Performed::Done(match pending.effect.changes_endpoint() {
                    true => Event::NotRemediated { effect: pending.n, code, reason, retryable: true },
                    false => Event::ContactFailed { code, reason, retryable: true },
                })
            }
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
        let question = question(case, collected_at);
        let assessment = Box::new(assess(&question, &evidence, self.rules.book()));
        let (suspects, now) = (case.suspects(), (self.now)());
        let proposal = propose(&question, &evidence, &assessment, &suspects, &self.policy, now);
        Ok(Event::Assessed { assessment, proposal: proposal.map(Box::new) })
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
            ActionKind::MailUser | ActionKind::MailSoc => {
                let message = case_file::mail(case, &self.policy, &self.texts, &brief, kind, to);
                let origin = mail::Origin { delivery: Some((&case.id, effect)), key: &key };
                self.mail(to, &message, origin).await
            }
            ActionKind::Ticket | ActionKind::Page | ActionKind::Chat => {
                let filed_ticket = self.ticket(kind, &act::ticket(&brief), &key).await;
                if filed_ticket.is_ok() {
                    self.metrics.add(Metric::ActionsDelivered, 1);
                }
                return filed(filed_ticket);
            }
            ActionKind::Finding => self.finding(&brief).await,
            ActionKind::TicketComment => Err(DeliveryError::rejected("there is nothing to say")),
            ActionKind::MailApprover => match self.asked(case, to).await {
                Ok(asked) => {
                    let message = act::mail_approver(&brief, &asked);
                    let origin = mail::Origin { delivery: Some((&case.id, effect)), key: &key };
                    self.mail(to, &message, origin).await
                }
                Err(why) => Err(why),
            },
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

    async fn mail(
        &self,
        to: &[String],
        message: &act::Message,
        origin: mail::Origin<'_>,
    ) -> Result<Receipt, DeliveryError> {
        self.mail_with(to, message, &[], origin).await
    }

    /// Sends a mail with what is attached to it, in one try.
    pub(super) async fn mail_with(
        &self,
        to: &[String],
        message: &act::Message,
        attachments: &[Attachment],
        origin: mail::Origin<'_>,
    ) -> Result<Receipt, DeliveryError> {
        let config = SesConfig {
            from: self.policy.mail.from.clone(),
            configuration_set: self.deployment.mail_configuration_set.clone(),
        };
        mail::send(self.clients.ses(), &config, to, message, attachments, origin).await
    }

    async fn ticket(
        &self,
        kind: ActionKind,
        ticket: &act::Ticket,
        key: &str,
    ) -> Result<Filed, DeliveryError> {
        // Never used: there is a system.
        let outbox = std::path::Path::new("");
        deliver::post_ticket(&self.desk(kind).await?, ticket, key, outbox).await
    }

    async fn comment(&self, case: &Case, effect: u32, text: &str) -> Result<Receipt, DeliveryError> {
        let ticket = case.ticket.as_ref().ok_or_else(|| DeliveryError::rejected("the case has no ticket"))?;
        let config = self.desk(ActionKind::Ticket).await?;
        let key = format!("{}.effect-{effect}", case.id);
        deliver::update_ticket(&config, &ticket.reference, text, &key).await
    }

    /// The system that an action goes to, with its secret.
    async fn desk(&self, kind: ActionKind) -> Result<TicketConfig, DeliveryError> {
        let Some(desk) = self.policy.desk(kind) else {
            return Err(DeliveryError::rejected(&format!(
                "the policy's [{kind}] names no system, and there is no outbox here"
            )));
        };
        let section = self.policy.desk_section(kind);
        let pem = section.and_then(|section| section.ca_pem.clone());
        if pem.is_none() && section.is_some_and(|section| section.ca_file.is_some()) {
            return Err(DeliveryError::rejected(&format!(
                "[{kind}] ca_file: there are no files here; put the certificates into ca_pem"
            )));
        }
        let token = self.token(kind).await?.map(Token::Value);
        Ok(TicketConfig { desk: Some(desk), token, ca: pem.map(Authority::Pem) })
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

    async fn token(&self, kind: ActionKind) -> Result<Option<String>, DeliveryError> {
        let (deployment, tokens) = (&self.deployment, &self.tokens);
        let (id, kept) = match kind {
            ActionKind::Page => (&deployment.page_secret, &tokens.page),
            ActionKind::Chat => (&deployment.chat_secret, &tokens.chat),
            _ => (&deployment.ticket_secret, &tokens.ticket),
        };
        let Some(id) = id else { return Ok(None) };
        let read = |text: &str| match text.trim() {
            value if value.is_empty() || value.contains(char::is_control) => {
                Err(format!("the secret for [{kind}] is not one line of text"))
            }
            value => Ok(value.to_owned()),
        };
        let token = kept.get(self.clients.secrets(), id, TOKEN_FRESH, read).await;
        token.map(Some).map_err(|why| DeliveryError::not_accepted(&why))
    }
}

/// The secrets of the systems that tickets, pages and messages to chats go to, and of approving by a link, each fetched when
/// it is needed.
#[derive(Debug, Default)]
pub struct Tokens {
    ticket: Kept<String>,
    page: Kept<String>,
    chat: Kept<String>,
    /// What links are signed with.
    pub(super) link: Kept<LinkKey>,
    /// What the codes beside links are held against.
    pub(super) codes: Kept<Arc<Codes>>,
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
