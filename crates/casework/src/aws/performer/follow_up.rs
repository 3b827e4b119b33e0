//! What follows a case on AWS: the second container, the legal hold, and the site's own actions.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use investigation::act::{self, CustomName};
use investigation::case::{Case, Event, SealedEvidence};
use investigation::evidence::manifest::Tool;

use super::super::evidence::{HoldError, Sealing, evidence_key, forensic_key};
use super::super::secret::Kept;
use super::super::told;
use super::{TOKEN_FRESH, ThroughRelays, Undone};
use crate::deliver::{self, CustomAction, DeliveryError, Header, Receipt, What};
use crate::worker::case_file::{forensic_papers, supplement};

impl ThroughRelays {
    /// Seals the second collection next to the first.
    pub(super) async fn seal_forensics(&self, case: &Case) -> Result<Event, Undone> {
        let bucket = self.evidence_bucket();
        let key = forensic_key(&case.id, case.opened_at);
        let supplement =
            supplement(case).ok_or_else(|| Undone::Gone("the case names no first container".to_owned()))?;
        // Sealed before an interruption: what was staged may be gone by now.
        let sealed = match bucket.existing(self.clients.s3(), &key, &case.id, Some(&supplement)).await? {
            Some(sealed) => sealed,
            None => {
                let staged = case.forensics.as_ref().and_then(|forensics| forensics.staged.as_deref());
                let bundle = self.bundle(case, staged).await?;
                let sealed_at = (self.now)();
                let (papers_of, policy) = (case.clone(), Arc::clone(&self.policy));
                let work = tokio::task::spawn_blocking(move || {
                    let collection = bundle.collection().ok_or_else(Undone::no_collection)?;
                    let extra = forensic_papers(&papers_of, &policy, collection)
                        .map_err(|error| Undone::Later(error.to_string()))?;
                    Ok::<_, Undone>((bundle, extra))
                });
                let (bundle, extra) = work.await.map_err(|error| Undone::Later(error.to_string()))??;
                let sealing = Sealing {
                    key,
                    extra,
                    case_id: case.id.clone(),
                    tool: Tool {
                        name: "peerhound".to_owned(),
                        version: env!("CARGO_PKG_VERSION").to_owned(),
                    },
                    sealed_at,
                    supplement: Some(supplement),
                };
                bucket.seal(self.clients.s3(), sealing, bundle).await?
            }
        };
        Ok(Event::Sealed {
            evidence: SealedEvidence {
                location: sealed.location,
                sha256: sealed.sha256,
                size: sealed.size,
                sealed_at: sealed.sealed_at,
            },
        })
    }

    /// Sets or lifts the legal hold of every container of the case.
    pub(super) async fn hold(&self, case: &Case, effect: u32, on: bool) -> Event {
        let bucket = self.evidence_bucket();
        let mut keys = vec![evidence_key(&case.id, case.opened_at)];
        if case.forensics.as_ref().is_some_and(|forensics| forensics.evidence.is_some()) {
            keys.push(forensic_key(&case.id, case.opened_at));
        }
        for key in &keys {
            match bucket.hold(self.clients.s3(), key, on).await {
                Ok(()) => {}
                // What is gone needs no release.
                Err(HoldError::Missing(_)) if !on => {}
                Err(error) => return Event::EffectFailed { effect, reason: told(error) },
            }
        }
        let what = if on { "set" } else { "lifted" };
        let detail = format!("Object Lock: legal hold {what} on {}", keys.join(" and "));
        Event::Held { effect, detail }
    }

    /// Does one of the site's own actions.
    pub(super) async fn custom(
        &self,
        case: &Case,
        name: &CustomName,
        key: &str,
    ) -> Result<Receipt, DeliveryError> {
        let section = self.policy.action(name).ok_or_else(|| {
            DeliveryError::rejected(&format!("the policy has no [[action]] named {}", name.name()))
        })?;
        let mut action = CustomAction::from_section(section, |file| file.into());
        if let What::Http { header, .. } = &mut action.what {
            *header = match (&section.header_secret, &section.header_file) {
                (Some(id), _) => Some(Header::Line(self.header(id).await?)),
                (None, Some(_)) => {
                    return Err(DeliveryError::rejected(
                        "a header_file lies on no function: name the secret that holds it as header_secret",
                    ));
                }
                (None, None) => None,
            };
        }
        let document = serde_json::to_vec(&act::case_document(case, key))
            .map_err(|error| DeliveryError::rejected(&error.to_string()))?;
        deliver::send_action(&action, document, key).await
    }

    async fn header(&self, id: &str) -> Result<String, DeliveryError> {
        let read = |text: &str| match text.trim() {
            line if !line.contains(':') || line.contains(char::is_control) => {
                Err("the action's secret is not one header, `Name: value`".to_owned())
            }
            line => Ok(line.to_owned()),
        };
        let kept = Kept::<String>::default();
        let header = kept.get(self.clients.secrets(), id, TOKEN_FRESH, read).await;
        header.map_err(|why| DeliveryError::not_accepted(&why))
    }
}
