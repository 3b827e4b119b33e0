//! Exit codes. They are documented in `--help` and are part of the interface.

use std::process::ExitCode;

use casework::backend::StoreError;
use casework::worker::WorkError;
use investigation::policy::PolicyError;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Every input has its outcome.
    Done = 0,
    /// Something that was tried failed: an endpoint was not reached, an action not delivered, a container is not
    /// intact, AWS said no.
    Failed = 1,
    /// An input could not be used: unreadable, unclear, or an address that may not be contacted.
    BadInput = 2,
    /// The policy or the deployment file is missing or wrong.
    BadPolicy = 3,
    /// The database or the disk failed.
    Storage = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that belongs to an exit code of its own.
#[derive(Debug)]
pub(crate) struct WithExit(pub(crate) Exit);

impl std::fmt::Display for WithExit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Exit::BadPolicy => "policy",
            Exit::BadInput => "input",
            Exit::Storage => "storage",
            Exit::Done | Exit::Failed => "failed",
        })
    }
}

impl std::error::Error for WithExit {}

/// Prints an error on one line of standard error, and says how the program ends.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    let exit = code(error);
    let chain: Vec<String> =
        error.chain().filter(|cause| !cause.is::<WithExit>()).map(ToString::to_string).collect();
    crate::show::note(&format!("peerhound: {}", investigation::text::one_line(&chain.join(": "), 2000)));
    exit
}

fn code(error: &anyhow::Error) -> Exit {
    if let Some(WithExit(exit)) = error.downcast_ref() {
        return *exit;
    }
    for cause in error.chain() {
        if cause.is::<StoreError>() || matches!(cause.downcast_ref(), Some(WorkError::Store(_))) {
            return Exit::Storage;
        }
        if cause.is::<PolicyError>() {
            return Exit::BadPolicy;
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::StorageFull
        {
            return Exit::Storage;
        }
    }
    Exit::Failed
}
