//! Performs effects from this machine: the collector in this process, folders, SMTP and HTTP. Every effect may be
//! performed again after a crash: what was finished before is found and taken over, what was half done is thrown away.

mod follow_up;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use collector::{Collector, ContactError, Progress};
use investigation::act::{self, ActionKind, Besides, Brief, Texts};
use investigation::assess::assess;
use investigation::case::{Case, Delivery, Effect, Event, Pending, SealedEvidence};
use investigation::evidence::manifest::Tool;
use investigation::evidence::{ArtifactKind, Collection, Identity};

use investigation::policy::Policy;
use investigation::remediation::propose;

use super::case_file::{Collected, brief, enclosures, mail, moved, question, rehearsed};
use super::{Clock, Notice, Observer, Performed, Performer, Phase, staged};
use crate::approval_link::LinkKey;
use crate::approval_mail::{Linking, asked};
use crate::container::{self, SealRequest};
use crate::deliver::{self, CustomAction, DeliveryError, Filed, MailConfig, Receipt, TicketConfig};
use crate::directories::Directories;
use crate::failpoint::failpoint;
use crate::places::Places;
use crate::rules::Rules;

/// Everything that performing needs, built once.
pub struct OnSite {
    /// Reaches endpoints.
    pub collector: Collector,
    /// What is allowed and wanted.
    pub policy: Arc<Policy>,
    /// What cases are assessed by.
    pub rules: Rules,
    /// Folders.
    pub places: Places,
    /// What mails are written from.
    pub texts: Arc<Texts>,
    /// Where users are looked up.
    pub directories: Directories,
    /// How mail goes out.
    pub mail: MailConfig,
    /// How tickets, pages and messages to chats go out.
    pub desks: Desks,
    /// File that findings are appended to.
    pub findings: Option<PathBuf>,
    /// What links for approvers are signed with.
    pub link: Option<LinkKey>,
    /// The site's own actions.
    pub actions: Vec<CustomAction>,
    /// Told about progress inside a contact.
    pub observer: Arc<dyn Observer>,
    /// The clock.
    pub now: Clock,
}

impl Performer for OnSite {
    async fn perform(&self, case: &Case, pending: &Pending) -> Performed {
        let effect = pending.n;
        Performed::Done(match &pending.effect {
            Effect::Identify => self.identify(case, pending).await,
            Effect::ReadUserClaims { .. } => Event::UserClaims { held: Vec::new() },
            Effect::Collect => self.collect(case, pending, "collect").await,
            Effect::Forensics => self.collect(case, pending, "forensics").await,
            Effect::SealForensics => self.seal_forensics(case, effect).await,
            Effect::Hold { on } => self.hold(case, effect, *on).await,
            Effect::Assess => self.assess(case, effect).await,
            Effect::Seal => self.seal(case, effect).await,
            Effect::LookUpUsers { users } => self.directories.look_up(users, &self.policy).await,
            Effect::Act { kind, to } => {
                let delivery = self.act(case, effect, *kind, to).await;
                Event::Delivered { effect, delivery }
            }
            Effect::Comment { text } => {
                let delivery = delivery(self.comment(case, effect, text).await);
                Event::Delivered { effect, delivery }
            }
            Effect::Remediate { .. } | Effect::Undo { .. } => self.change(case, pending).await,
            // To begin it ends it: nothing of it is ever performed.
            Effect::ExpireProposals => nothing_to_do(effect),
        })
    }

    fn rehearse(&self, case: &Case, kind: ActionKind, to: &[String]) -> String {
        rehearsed(case, &self.policy, &self.texts, kind, to)
    }

    /// Clears what a closed case left in the staging area. It is only disk space: a failure is logged.
    async fn leave(&self, case: &Case) {
        if let Err(error) = self.places.clear_staging(&case.id) {
            tracing::warn!(case_id = case.id, %error, "could not remove the staged evidence");
        }
    }
}

impl OnSite {
    async fn identify(&self, case: &Case, pending: &Pending) -> Event {
        let contact = self.contact(case, pending, "identify");
        let Some((staging, contact)) = self.within(pending, contact).await else {
            return timed_out(case, "identification", self.policy.collection.identify_timeout, "collection");
        };
        if let Err(error) = contact {
            return failed(pending.n, &error);
        }
        let identity = blocking(move || staged::artifact::<Identity>(&staging, ArtifactKind::Identity)).await;
        match identity {
            Ok(Some(identity)) => Event::Identified { identity },
            Ok(None) => Event::ContactFailed {
                code: "no_identity".to_owned(),
                reason: format!("{} did not say who it is: its host name could not be read", case.target),
                retryable: true,
            },
            Err(error) => Event::EffectFailed { effect: pending.n, reason: error.to_string() },
        }
    }

    /// A whole collection of this very effect was made before a crash and is taken over. Another effect's is another
    /// try's: the machine was asked anew who it is since.
    async fn collect(&self, case: &Case, pending: &Pending, what: &str) -> Event {
        let task = format!("{what}-{}", pending.n);
        let staging = self.places.staged(&case.id, &task);
        let collection = match staged::collection(&staging, &case.id) {
            Some(collection) => collection,
            None => {
                if let Err(error) = self.places.clear_staging(&case.id) {
                    return Event::EffectFailed { effect: pending.n, reason: error.to_string() };
                }
                match self.within(pending, self.contact(case, pending, &task)).await {
                    Some((_, Ok(collection))) => collection,
                    Some((_, Err(error))) => return failed(pending.n, &error),
                    None => {
                        let limit = pending.effect.contact_timeout(&self.policy);
                        let section = if pending.effect == Effect::Forensics { what } else { "collection" };
                        return timed_out(case, "the collection", limit, section);
                    }
                }
            }
        };
        // The address may have gone to another machine between the two contacts.
        let read = staging.clone();
        let host = blocking(move || staged::artifact::<Identity>(&read, ArtifactKind::Identity)).await;
        if let (Ok(Some(now)), Some(before)) = (host, &case.identity)
            && let Some(moved) = moved(case.target, before, &now)
        {
            // The next try has a folder of its own, so that one which cannot be removed is only disk space.
            if let Err(error) = self.places.clear_staging(&case.id) {
                tracing::warn!(case_id = case.id, %error, "could not remove what another machine gave");
            }
            return moved;
        }
        Event::Collected { outcomes: collection.outcomes, staged: Some(task) }
    }

    /// Changes something on the endpoint, or takes it back. Each try has a folder of its own: what an earlier one left
    /// says nothing about this one.
    async fn change(&self, case: &Case, pending: &Pending) -> Event {
        let effect = pending.n;
        let task = format!("change-{effect}-{}", pending.attempts);
        let (staging, contact) = match self.within(pending, self.contact(case, pending, &task)).await {
            Some(contacted) => contacted,
            None => {
                let limit = self.policy.remediation.timeout;
                return Event::NotRemediated {
                    effect,
                    code: "timed_out".to_owned(),
                    reason: format!(
                        "{} did not finish within {limit}; raise [remediation] timeout",
                        case.target
                    ),
                    retryable: true,
                };
            }
        };
        if let Err(error) = contact {
            return match failed(effect, &error) {
                Event::ContactFailed { code, reason, retryable } => {
                    Event::NotRemediated { effect, code, reason, retryable }
                }
                other => other,
            };
        }
        let read = blocking(move || staged::measures(&staging)).await;
        match read {
            Ok(Some(outcomes)) => Event::Remediated { effect, outcomes },
            Ok(None) => Event::NotRemediated {
                effect,
                code: "not_carried_out".to_owned(),
                reason: format!("the collector of {} carries out no measures", case.target),
                retryable: false,
            },
            Err(error) => Event::NotRemediated {
                effect,
                code: "unreadable".to_owned(),
                reason: format!("what became of the measures cannot be read: {error}"),
                retryable: true,
            },
        }
    }

    /// Where the collection lies that the case is about.
    fn collected(&self, case: &Case) -> PathBuf {
        // A case that was collected by an earlier version does not say.
        self.places.staged(&case.id, case.staged.as_deref().unwrap_or("collect"))
    }

    /// Contacts the endpoint into a fresh staging folder.
    async fn contact(
        &self,
        case: &Case,
        pending: &Pending,
        task: &str,
    ) -> (PathBuf, Result<Collection, ContactError>) {
        let staging = self.places.staged(&case.id, task);
        if let Err(source) = fresh(&staging) {
            return (staging.clone(), Err(ContactError::Staging { path: staging, source }));
        }
        failpoint("contact.fresh");
        let Some(order) = case.order(&pending.effect, &self.policy) else {
            unreachable!("only effects that contact an endpoint come here");
        };
        let progress = |progress: Progress| {
            failpoint("contact.progress");
            let phase = Phase::Contact(progress);
            self.observer.notice(&Notice {
                alert_id: &case.alert.id,
                case_id: &case.id,
                target: case.target,
                phase,
            });
        };
        let contact = self.collector.execute(&order, &staging, &progress).await;
        failpoint("contact.done");
        (staging, contact)
    }

    /// `None` where the policy's time for the effect ran out. Dropping the contact ends what runs on the endpoint.
    async fn within<T>(&self, pending: &Pending, contact: impl Future<Output = T>) -> Option<T> {
        let limit = pending.effect.contact_timeout(&self.policy);
        tokio::time::timeout(limit.duration(), contact).await.ok()
    }

    async fn assess(&self, case: &Case, effect: u32) -> Event {
        let staging = self.collected(case);
        let outcomes = case.artifacts.clone();
        let case_id = case.id.clone();
        let read = blocking(move || {
            let Some(collection) = staged::collection(&staging, &case_id) else { return Ok(None) };
            Ok(Some((staged::evidence(&staging, &outcomes)?, collection.started_at)))
        });
        let (evidence, collected_at) = match read.await {
            Ok(Some(read)) => read,
            Ok(None) => return gone(),
            Err(error) => return Event::EffectFailed { effect, reason: error.to_string() },
        };
        let question = question(case, collected_at);
        let assessment = Box::new(assess(&question, &evidence, self.rules.book()));
        let (suspects, now) = (case.suspects(), (self.now)());
        let proposal = propose(&question, &evidence, &assessment, &suspects, &self.policy, now);
        Event::Assessed { assessment, proposal: proposal.map(Box::new) }
    }

    async fn seal(&self, case: &Case, effect: u32) -> Event {
        let sealed_at = (self.now)();
        let staging = self.collected(case);
        let destination = self.places.container(&case.id);
        let (case, policy) = (case.clone(), Arc::clone(&self.policy));
        let sealed = blocking(move || {
            let Some(collection) = staged::collection(&staging, &case.id) else { return Ok(None) };
            let evidence = staged::evidence(&staging, &case.artifacts)?;
            let entries = container::staged_entries(&staging)
                .map_err(|error| io::Error::other(with_sources(&error)))?;
            let collected = Collected { collection: &collection, evidence: &evidence, entries };
            let enclosed = enclosures(&case, &policy, collected, sealed_at)?;
            let extra: Vec<(&str, &[u8])> =
                enclosed.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
            seal(&SealRequest {
                staging: &staging,
                extra: &extra,
                case_id: &case.id,
                tool: &Tool { name: "peerhound".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
                sealed_at,
                supplement: None,
                collection: &collection,
                destination: &destination,
            })
        });
        came_of_sealing(sealed.await, effect)
    }

    async fn act(&self, case: &Case, effect: u32, kind: ActionKind, to: &[String]) -> Delivery {
        let location = case.evidence.as_ref().map(|evidence| evidence.location.clone()).unwrap_or_default();
        let brief = brief(case, &self.policy, location);
        let key = format!("{}.effect-{effect}", case.id);
        let outbox = &self.places.outbox;
        let delivered = match kind {
            ActionKind::MailUser | ActionKind::MailSoc => {
                let mail = mail(case, &self.policy, &self.texts, &brief, kind, to);
                deliver::send_mail(&self.mail, to, &mail, &key, outbox).await
            }
            ActionKind::Ticket | ActionKind::Page | ActionKind::Chat => {
                let config = self.desks.of(kind);
                let filed_ticket = deliver::post_ticket(config, &act::ticket(&brief), &key, outbox).await;
                failpoint("delivery.done");
                return filed(filed_ticket);
            }
            ActionKind::Finding => self.finding(&brief).await,
            ActionKind::TicketComment => Err(DeliveryError::rejected("there is nothing to say")),
            ActionKind::MailApprover => match self.asked(case, to) {
                Ok(asked) => {
                    let mail = act::mail_approver(&brief, &asked);
                    deliver::send_mail(&self.mail, to, &mail, &key, outbox).await
                }
                Err(why) => Err(why),
            },
            ActionKind::Custom(name) => self.custom(case, &name, &key).await,
        };
        failpoint("delivery.done");
        delivery(delivered)
    }
}

/// How tickets, pages and messages to chats go out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desks {
    /// Tickets.
    pub ticket: TicketConfig,
    /// Pages.
    pub page: TicketConfig,
    /// Messages to a chat.
    pub chat: TicketConfig,
}

impl Desks {
    /// The one that an action goes to.
    pub fn of(&self, kind: ActionKind) -> &TicketConfig {
        match kind {
            ActionKind::Page => &self.page,
            ActionKind::Chat => &self.chat,
            _ => &self.ticket,
        }
    }
}

impl OnSite {
    async fn comment(&self, case: &Case, effect: u32, text: &str) -> Result<Receipt, DeliveryError> {
        let ticket = case.ticket.as_ref().ok_or_else(|| DeliveryError::rejected("the case has no ticket"))?;
        let key = format!("{}.effect-{effect}", case.id);
        deliver::update_ticket(&self.desks.ticket, &ticket.reference, text, &key).await
    }

    /// What an approver is asked, with the link that is that person's alone.
    fn asked(&self, case: &Case, to: &[String]) -> Result<act::Asked, DeliveryError> {
        let url = self.policy.remediation.link.as_ref().and_then(|link| link.url.as_deref());
        let both = url.zip(self.link.as_ref());
        let (url, key) = both.ok_or_else(|| {
            DeliveryError::rejected("the policy's [remediation.link] names no url, or there is no key")
        })?;
        let linking = Linking { policy: &self.policy, key, url, lasts: None, and: Besides::Login };
        asked(case, to, &linking, (self.now)())
    }

    async fn finding(&self, brief: &Brief) -> Result<Receipt, DeliveryError> {
        let Some(file) = &self.findings else {
            return Err(DeliveryError::rejected(
                "the policy's [findings] names no file, and there is no event bus here",
            ));
        };
        let finding = act::ocsf_finding(brief, env!("CARGO_PKG_VERSION"));
        let finding = finding.ok_or_else(|| DeliveryError::rejected("the case was not assessed"))?;
        deliver::append_finding(file, &brief.case_id, &finding).await
    }
}

/// An empty folder. What an earlier try left there is half done.
fn fresh(folder: &std::path::Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    crate::backend::local::create_private_dir(folder)
}

pub(crate) fn nothing_to_do(effect: u32) -> Event {
    Event::EffectFailed { effect, reason: "there is nothing to perform".to_owned() }
}

/// Seals a container, and says where it lies.
fn seal(request: &SealRequest<'_>) -> io::Result<Option<SealedEvidence>> {
    let sealed = container::seal(request).map_err(|error| io::Error::other(with_sources(&error)))?;
    Ok(Some(SealedEvidence {
        location: sealed.path.display().to_string(),
        sha256: sealed.sha256,
        size: sealed.size,
        sealed_at: request.sealed_at,
    }))
}

/// What came of sealing; nothing where there was nothing to seal any more.
fn came_of_sealing(sealed: io::Result<Option<SealedEvidence>>, effect: u32) -> Event {
    match sealed {
        Ok(None) => gone(),
        Ok(Some(evidence)) => Event::Sealed { evidence },
        Err(error) => Event::EffectFailed { effect, reason: error.to_string() },
    }
}

fn gone() -> Event {
    Event::EvidenceGone { reason: "the staged evidence is gone; submit the alert again".to_owned() }
}

fn failed(effect: u32, error: &ContactError) -> Event {
    match error {
        // Our own disk: the endpoint is not to blame, and the case waits for space.
        ContactError::Staging { .. } => Event::EffectFailed { effect, reason: with_sources(error) },
        _ => Event::ContactFailed {
            code: error.code().to_owned(),
            reason: with_sources(error),
            retryable: error.retryable(),
        },
    }
}

fn timed_out(case: &Case, what: &str, limit: investigation::policy::Span, section: &str) -> Event {
    Event::ContactFailed {
        code: "timed_out".to_owned(),
        reason: format!(
            "{} did not finish {what} within {limit}; raise the time-out in [{section}]",
            case.target
        ),
        retryable: true,
    }
}

/// How the delivery of a ticket ended. One that its system named can be commented on later.
pub(crate) fn filed(result: Result<Filed, DeliveryError>) -> Delivery {
    match result {
        Ok(Filed { receipt, ticket: Some(ticket) }) => {
            Delivery::Filed { receipt: receipt.to_string(), ticket }
        }
        other => delivery(other.map(|filed| filed.receipt)),
    }
}

pub(crate) fn delivery(result: Result<Receipt, DeliveryError>) -> Delivery {
    match result {
        Ok(receipt) => Delivery::Accepted { receipt: receipt.to_string() },
        Err(DeliveryError::NotAccepted { why, retry_after }) => {
            Delivery::NotAccepted { why, retry_after: retry_after.map(|wait| wait.as_secs()) }
        }
        Err(DeliveryError::Rejected { why }) => Delivery::Rejected { why },
        Err(DeliveryError::Uncertain { why }) => Delivery::Uncertain { why },
    }
}

/// An error with everything behind it, on one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    investigation::text::one_line(&text, 600)
}

/// Runs disk work on a thread where blocking is fine.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => Err(io::Error::other(panicked)),
    }
}
