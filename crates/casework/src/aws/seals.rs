//! Seals of approvals: whoever may write the table of cases can write an approval, and cannot seal it.
//!
//! A seal is an HMAC-SHA256 that KMS makes, under a key that never leaves it: `progress` may make seals, and the functions
//! that give orders may only have them checked. A secret that functions read would be able to do both wherever it got to, and
//! would lie in Terraform's state; and each use of this key is on record in CloudTrail.

use aws_sdk_kms::operation::verify_mac::VerifyMacError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::MacAlgorithmSpec;
use data_encoding::HEXLOWER;
use investigation::case::{Case, Event, Pending};
use investigation::remediation::Approval;

use super::metrics::Metric;
use super::performer::ThroughRelays;
use super::told;

const ALGORITHM: MacAlgorithmSpec = MacAlgorithmSpec::HmacSha256;

impl ThroughRelays {
    fn seal_key(&self) -> Result<&str, String> {
        let key = self.deployment.approval_key.as_deref().filter(|key| !key.is_empty());
        key.ok_or_else(|| "there is no key to seal approvals with: apply the Terraform module".to_owned())
    }

    /// Seals an approval as it stands on this case. Lower-case hex.
    ///
    /// # Errors
    /// One line, where KMS does not.
    pub(super) async fn seal_of(&self, case: &Case, approval: &Approval) -> Result<String, String> {
        let text = case.seal_text(approval, self.deployment.identity());
        let call = self.clients.kms().generate_mac().key_id(self.seal_key()?).mac_algorithm(ALGORITHM);
        let made = call.message(Blob::new(text)).send().await.map_err(told)?;
        let mac = made.mac().ok_or("KMS made no seal")?;
        Ok(HEXLOWER.encode(mac.as_ref()))
    }

    /// Which of these approvals, by position, carry no seal of this deployment over what the case says now. Each is counted.
    ///
    /// # Errors
    /// One line, where it cannot be told: then nothing may be done on them.
    pub(super) async fn unsealed(&self, case: &Case, positions: &[usize]) -> Result<Vec<usize>, String> {
        let mut unsealed = Vec::new();
        let approvals = case.remediation.iter().flat_map(|remediation| &remediation.approvals).enumerate();
        for (position, approval) in approvals.filter(|(position, _)| positions.contains(position)) {
            if !self.is_sealed(case, approval).await? {
                tracing::error!(
                    case_id = case.id,
                    by = approval.by,
                    "an approval carries no valid seal: somebody wrote it who must not"
                );
                self.metrics.add(Metric::ApprovalsUnsealed, 1);
                unsealed.push(position);
            }
        }
        Ok(unsealed)
    }

    async fn is_sealed(&self, case: &Case, approval: &Approval) -> Result<bool, String> {
        let key = self.seal_key()?;
        let mac = approval.seal.as_ref().and_then(|seal| HEXLOWER.decode(seal.as_bytes()).ok());
        let Some(mac) = mac.filter(|mac| mac.len() == 32) else { return Ok(false) };
        let text = case.seal_text(approval, self.deployment.identity());
        let call = self.clients.kms().verify_mac().key_id(key).mac_algorithm(ALGORITHM);
        match call.message(Blob::new(text)).mac(Blob::new(mac)).send().await {
            Ok(checked) => Ok(checked.mac_valid()),
            Err(error)
                if error.as_service_error().is_some_and(VerifyMacError::is_kms_invalid_mac_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(told(error)),
        }
    }

    /// Why an order does not go out that changes an endpoint: each approval that it rests on has to carry its seal, on every
    /// try, and there has to be one.
    pub(super) async fn not_sealed(&self, case: &Case, pending: &Pending) -> Option<Event> {
        if !pending.effect.changes_endpoint() {
            return None;
        }
        let (effect, rests_on) = (pending.n, case.rests_on(pending, (self.now)()));
        match self.unsealed(case, &rests_on).await {
            Ok(approvals) if approvals.is_empty() && !rests_on.is_empty() => None,
            Ok(approvals) => Some(Event::NotSealed { effect, approvals }),
            Err(reason) => Some(Event::EffectFailed { effect, reason }),
        }
    }
}
