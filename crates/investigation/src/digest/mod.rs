//! The digest: what came in over a time, what became of it, and what is left to people.
//!
//! [`Fold`] takes alerts and cases one by one, in any order and in any number, and keeps counts, not rows: what it holds
//! grows with the cases of the time and not with its alerts, and is capped. [`Digest`] is what comes of it, and is written
//! as text, as a table of comma-separated values, as JSON, as a page ([`page`]) and as a mail ([`message`]).
//!
//! [`daily`] decides when the mail of a day is due and who sends it, so that it goes out once.

mod csv;
pub mod daily;
mod figures;
mod fold;
mod mail;
mod sections;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod window;

pub use self::csv::csv;
pub use self::figures::{
    Actions, Alerts, Cases, Digest, LastSent, NotDone, Offender, OldCase, OpenCases, People, Rule, Slot,
    TimeToEvidence, Unreached, VERSION, Why,
};
pub use self::fold::{AlertLine, Fold, OLDEST, OWNERS};
pub use self::mail::message;
pub use self::sections::{Cell, Section, span};
pub use self::text::text;
pub use self::window::{Window, WindowError, moment};
pub use crate::report::digest_page as page;
