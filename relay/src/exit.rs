//! Exit codes. They are documented in `--help` and are part of the interface: a document of Systems Manager hands them on.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use investigation::text::one_line;
use relay::causes::with_causes;
use relay::config::ConfigError;
use relay::order_source::OrderSourceError;
use relay::{FetchError, RunError};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Every order's bundle is uploaded.
    Done = 0,
    /// Some order's bundle is not.
    NotUploaded = 1,
    /// The orders cannot be used.
    BadOrders = 2,
    /// The configuration cannot be used.
    BadConfig = 3,
    /// The staging folder cannot be used.
    Staging = 4,
    /// The orders could not be fetched for now.
    NotFetched = 5,
    /// It was told to stop.
    Stopped = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    Config(PathBuf, ConfigError),
    Orders(OrderSourceError),
    Runtime(std::io::Error),
    Run(RunError),
}

impl From<OrderSourceError> for Failure {
    fn from(error: OrderSourceError) -> Self {
        Self::Orders(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl Failure {
    pub(crate) fn config(path: &Path, error: ConfigError) -> Self {
        Self::Config(path.to_owned(), error)
    }

    /// Prints it, a line for each thing that is wrong, and says how the program ends.
    pub(crate) fn report(&self) -> Exit {
        let text = match self {
            Self::Config(_, error @ ConfigError::Unreadable { .. }) => with_causes(error),
            Self::Config(path, error) => {
                let lines = with_causes(error);
                lines.lines().map(|line| format!("{}: {line}", path.display())).collect::<Vec<_>>().join("\n")
            }
            Self::Orders(error) => with_causes(error),
            Self::Runtime(error) => format!("cannot start the runtime: {error}"),
            Self::Run(error) => with_causes(error),
        };
        for line in text.lines() {
            eprintln!("peerhound-relay: {}", one_line(line, 1000));
        }
        self.exit()
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Config(..) | Self::Run(RunError::Config(_)) => Exit::BadConfig,
            Self::Orders(_) => Exit::BadOrders,
            Self::Runtime(_) | Self::Run(RunError::Staging(_)) => Exit::Staging,
            Self::Run(RunError::Fetch(FetchError::GaveUp { .. })) => Exit::NotFetched,
            Self::Run(RunError::Stopped { .. }) => Exit::Stopped,
            Self::Run(_) => Exit::BadOrders,
        }
    }
}
