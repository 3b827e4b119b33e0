//! What seals messages, whichever way the account was proven by.

use super::kerberos::{KerberosError, Sealed};
use super::ntlm::{Ntlm, NtlmError};

/// The keys of a session.
pub(in crate::transport) enum Sealing {
    /// By NTLM.
    Ntlm(Box<Ntlm>),
    /// By Kerberos.
    Kerberos(Box<Sealed>),
}

/// Why a message cannot be sealed, or does not open: one line that holds no secret.
#[derive(Debug, thiserror::Error)]
pub(in crate::transport) enum SealError {
    /// NTLM's reason.
    #[error(transparent)]
    Ntlm(#[from] NtlmError),
    /// Kerberos' reason.
    #[error(transparent)]
    Kerberos(#[from] KerberosError),
    /// What stands before the message is not NTLM's.
    #[error("its signature has another length than NTLM's")]
    Signature,
}

impl Sealing {
    /// Seals a message in its place, and hands out what stands before it.
    pub(in crate::transport) fn seal(&mut self, message: &mut [u8]) -> Result<Vec<u8>, SealError> {
        Ok(match self {
            Self::Ntlm(ntlm) => ntlm.seal(message)?.to_vec(),
            Self::Kerberos(sealed) => sealed.seal(message)?,
        })
    }

    /// Opens a message in its place, if it is the next one of who holds the key and nobody has changed it.
    pub(in crate::transport) fn open(
        &mut self,
        signature: &[u8],
        message: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        match self {
            Self::Ntlm(ntlm) => {
                ntlm.open(signature.try_into().map_err(|_| SealError::Signature)?, message)?;
            }
            Self::Kerberos(sealed) => sealed.open(signature, message)?,
        }
        Ok(())
    }
}
