//! The site's own actions: the case as JSON, to a server or to a program on this machine.

mod http;
mod program;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use investigation::policy::{CustomAction as Section, CustomKind, Method};

use super::DeliveryError;
use super::Receipt;

/// An action with everything that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomAction {
    /// Its name in the policy.
    pub name: String,
    /// What is done.
    pub what: What,
    /// Doing it twice is as good as doing it once.
    pub idempotent: bool,
    /// Time for one try as a whole.
    pub timeout: Duration,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Sends the case to a server.
    Http {
        /// Where to. May hold a secret, so only its host is ever shown.
        url: String,
        /// By PUT instead of POST.
        put: bool,
        /// A header that the server wants besides.
        header: Option<Header>,
    },
    /// Gives the case to a program.
    Program {
        /// Absolute path.
        path: PathBuf,
        /// Arguments.
        args: Vec<String>,
    },
}

/// Where a whole header, `Name: value`, is.
#[derive(Clone, PartialEq, Eq)]
pub enum Header {
    /// In this file.
    File(PathBuf),
    /// Here.
    Line(String),
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Line(_) => f.write_str("Line"),
        }
    }
}

impl CustomAction {
    /// An action of the policy; `at` says where its relative paths lie.
    pub fn from_section(section: &Section, at: impl Fn(&str) -> PathBuf) -> Self {
        let what = match section.kind {
            CustomKind::Http => What::Http {
                url: section.url.clone().unwrap_or_default(),
                put: section.method == Method::Put,
                header: section.header_file.as_deref().map(|file| Header::File(at(file))),
            },
            CustomKind::Program => What::Program {
                path: PathBuf::from(section.path.as_deref().unwrap_or_default()),
                args: section.args.clone(),
            },
        };
        Self {
            name: section.name.clone(),
            what,
            idempotent: section.idempotent,
            timeout: section.timeout.duration(),
        }
    }
}

/// Does it once. How often that may be is decided before, with the case.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn perform_action(
    action: &CustomAction,
    document: Vec<u8>,
    key: &str,
) -> Result<Receipt, DeliveryError> {
    match &action.what {
        What::Http { .. } => send_action(action, document, key).await,
        What::Program { path, args } => program::run(path, args, document, action.timeout).await,
    }
}

/// Sends the case to a server, whatever was sent before.
///
/// # Errors
/// See [`DeliveryError`]; rejected, where the action is a program.
pub async fn send_action(
    action: &CustomAction,
    document: Vec<u8>,
    key: &str,
) -> Result<Receipt, DeliveryError> {
    match &action.what {
        What::Http { url, put, header } => {
            let request = http::Request { url, put: *put, header: header.as_ref(), key };
            http::send(&request, document, action.idempotent, action.timeout).await
        }
        What::Program { .. } => {
            Err(DeliveryError::rejected("a program runs on one machine only; use kind = \"http\" on AWS"))
        }
    }
}
