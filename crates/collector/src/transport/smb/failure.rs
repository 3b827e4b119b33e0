//! Why something that was asked came to nothing.

use super::bytes::Malformed;
use super::header::Status;
use super::rpc::Win32;
use crate::contact_error::ContactError;

/// Why something came to nothing. All but the last are reasons for an outcome, and the session goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The endpoint does not do it.
    #[error("{0}")]
    Refused(Status),
    /// The service behind a pipe does not do it.
    #[error("{0}")]
    Service(Win32),
    /// The service behind a pipe does not understand it.
    #[error("the service does not do that (fault 0x{0:08X})")]
    Fault(u32),
    /// What came back makes no sense.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// Nothing more can be asked.
    #[error("{0}")]
    Broken(Box<ContactError>),
}

impl Failure {
    /// Whether it was closed to the account.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self, Self::Refused(Status::ACCESS_DENIED) | Self::Service(Win32::ACCESS_DENIED))
            || matches!(self, Self::Fault(5))
    }

    /// Whether there is nothing of that name.
    pub(super) fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::Refused(Status::NAME_NOT_FOUND | Status::PATH_NOT_FOUND) | Self::Service(Win32::NOT_FOUND)
        )
    }
}
