//! What the mail to an approver asks, with the link that is that person's alone.

use investigation::act::{Asked, Besides};
use investigation::case::Case;
use investigation::policy::Policy;
use investigation::remediation::Proposed;
use jiff::{SignedDuration, Timestamp};

use crate::approval_link::{LinkKey, Offer};
use crate::deliver::DeliveryError;

/// What links are made with.
pub(crate) struct Linking<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) key: &'a LinkKey,
    /// What people type, before `/approve`.
    pub(crate) url: &'a str,
    /// How long a link is good where the policy says nothing; `None`: as long as the proposal waits.
    pub(crate) lasts: Option<SignedDuration>,
    pub(crate) and: Besides,
}

/// What the approver with this address is asked.
pub(crate) fn asked(
    case: &Case,
    to: &[String],
    linking: &Linking<'_>,
    now: Timestamp,
) -> Result<Asked, DeliveryError> {
    let no = DeliveryError::rejected;
    let section = linking.policy.remediation.link.as_ref();
    let section = section.ok_or_else(|| no("the policy's [remediation.link] is not set"))?;
    let by = to.first().and_then(|to| linking.policy.approver_at(to));
    let by = by.ok_or_else(|| no("this address is no approver's any more"))?;
    let kept = case.remediation.as_ref().ok_or_else(|| no("nothing was proposed"))?;
    let waiting: Vec<&Proposed> = kept.waiting(now).collect();
    if waiting.is_empty() {
        return Err(no("nothing waits for an approval any more"));
    }
    let lasts = section.lasts.map(|lasts| lasts.signed()).or(linking.lasts);
    let until = lasts.and_then(|lasts| now.checked_add(lasts).ok());
    let until = until.map_or(kept.expires_at, |until| until.min(kept.expires_at));
    let offer = Offer {
        case_id: case.id.clone(),
        evidence_sha256: kept.evidence_sha256.clone(),
        measures: waiting.iter().map(|proposed| proposed.n).collect(),
        by: by.to_owned(),
        expires_at: until,
    };
    let link = linking.key.sign(&offer).ok_or_else(|| no("the link cannot be signed"))?;
    let line = |proposed: &&Proposed| {
        format!("{}. {} ({})", proposed.n, proposed.measure.words(), persons(proposed.needs))
    };
    Ok(Asked {
        measures: waiting.iter().map(line).collect(),
        until,
        url: format!("{}/approve?link={link}", linking.url.trim_end_matches('/')),
        and: linking.and,
    })
}

/// How many have to approve.
fn persons(needs: u32) -> &'static str {
    if needs > 1 { "two persons approve" } else { "one person approves" }
}
