//! What is said to whom: the notice to the user, the mail to the SOC, the ticket and the report.

mod kind;

pub use kind::ActionKind;
