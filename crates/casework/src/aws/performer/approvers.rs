//! What approvers are asked, and the secrets of approving by a link.

use std::sync::Arc;
use std::time::Duration;

use investigation::act::{Asked, Besides};
use investigation::case::Case;
use jiff::SignedDuration;

use super::super::secret::Kept;
use super::ThroughRelays;
use crate::approval_code::Codes;
use crate::approval_link::LinkKey;
use crate::approval_mail::{Linking, asked};
use crate::deliver::DeliveryError;

/// How long a link to the door is good, unless the policy says otherwise: there is no login before it.
const LASTS: SignedDuration = SignedDuration::from_hours(2);
/// How long a secret is used before it is fetched again: one that is changed puts an end to its links and codes.
const FRESH: Duration = Duration::from_secs(60);

impl ThroughRelays {
    /// What an approver is asked, with the link that is that person's alone.
    pub(super) async fn asked(&self, case: &Case, to: &[String]) -> Result<Asked, DeliveryError> {
        let section = self.policy.remediation.link.as_ref();
        let url = section.and_then(|link| link.url.as_ref()).or(self.deployment.approve_url.as_ref());
        let Some(url) = url.filter(|_| self.deployment.link_secret.is_some()) else {
            return Err(DeliveryError::rejected(
                "the door of this deployment takes no approvals: set door.approve of the Terraform module, or take \
                 [remediation.link] out of the policy; approve with `peerhound approve`",
            ));
        };
        let key = self.link_key().await.map_err(|why| DeliveryError::not_accepted(&why))?;
        let linking =
            Linking { policy: &self.policy, key: &key, url, lasts: Some(LASTS), and: Besides::Code };
        asked(case, to, &linking, (self.now)())
    }

    /// The key that links are signed with.
    pub(in super::super) async fn link_key(&self) -> Result<LinkKey, String> {
        let id = self.deployment.link_secret.as_ref();
        let id =
            id.ok_or("this deployment has no key for links: set door.approve of the Terraform module")?;
        link_key(&self.tokens.link, self.clients.secrets(), id).await
    }

    /// What approvers' codes are held against. Those who may not read it get nothing, and so nobody gets on.
    pub(in super::super) async fn codes(&self) -> Result<Arc<Codes>, String> {
        let id = self.deployment.codes_secret.as_ref();
        let id = id.ok_or("this deployment has no codes: set door.approve of the Terraform module")?;
        let read = |text: &str| {
            let codes = Codes::read(text, |name| self.policy.person(name));
            codes.map(Arc::new).map_err(|fault| format!("the secret of the approvers' codes: {fault}"))
        };
        self.tokens.codes.get(self.clients.secrets(), id, FRESH, read).await
    }
}

/// The key in a secret, kept for a while.
pub(in super::super) async fn link_key(
    kept: &Kept<LinkKey>,
    secrets: &aws_sdk_secretsmanager::Client,
    id: &str,
) -> Result<LinkKey, String> {
    let read = |text: &str| {
        let line = text.lines().next().unwrap_or_default().trim();
        LinkKey::of(line).map_err(|fault| format!("the secret of the links' key: {fault}"))
    };
    kept.get(secrets, id, FRESH, read).await
}
