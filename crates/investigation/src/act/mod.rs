//! What is said to whom: the notice to the user, the mail to the SOC, the ticket, the finding for the SIEM and the report
//! in Markdown; and the whole case as JSON, for the actions that a site made itself.
//!
//! Pure functions from a [`Brief`] to text. Whatever came from outside is escaped for where it goes: control
//! characters in plain text, syntax in Markdown. Times are in UTC, RFC 3339, to the minute.

mod approver;
mod brief;
mod document;
mod kind;
pub mod mail;
mod message;
mod observables;
mod ocsf;
mod report;
mod ticket;

#[cfg(test)]
mod tests;

pub use approver::{Asked, Besides, mail_approver};
pub use brief::Brief;
pub use document::{CASE_FORMAT, CaseDocument, case_document};
pub use kind::{ActionKind, CustomName};
pub use mail::{TextFault, TextFile, Texts};
pub(crate) use message::title as subject;
pub use message::{Message, Priority, Ticket};
pub use ocsf::{OCSF_VERSION, ocsf_finding};
pub use report::report_markdown;
pub use ticket::{repeats_comment, ticket};
