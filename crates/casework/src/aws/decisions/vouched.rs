//! Who vouches for a word.

use investigation::remediation::Way;

use super::super::progress::Progress;
use super::caller::{StsEndpoint, ask};
use super::{Spoken, StsProof, Voucher};

/// Somebody whose word it surely is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Who.
    pub by: String,
    /// How that is known.
    pub how: Way,
}

/// Why a word is nobody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotVouched {
    /// Nobody vouches for it, and nobody will. One line.
    Refused(String),
    /// Whoever has to be asked cannot be asked at this moment. One line.
    Later(String),
}

impl Progress {
    /// Whose word it is, as the voucher tells and not as the message says.
    pub(super) async fn vouched(&self, spoken: &Spoken) -> Result<Speaker, NotVouched> {
        match &spoken.voucher {
            Voucher::Sts(proof) => self.signed(spoken, proof).await,
            Voucher::Link { token } => self.vouched_by_link(spoken, token).await,
        }
    }

    /// The principal that signed for this word on this deployment, as AWS says.
    async fn signed(&self, spoken: &Spoken, proof: &StsProof) -> Result<Speaker, NotVouched> {
        let performer = &self.worker.performer;
        let endpoint = StsEndpoint::of(&performer.deployment).await.map_err(NotVouched::Later)?;
        let digest = spoken.digest(performer.deployment.identity());
        let by = ask(&performer.clients, &endpoint, spoken, &digest, proof).await?;
        Ok(Speaker { by, how: Way::Aws })
    }
}
