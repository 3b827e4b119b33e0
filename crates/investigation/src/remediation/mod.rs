//! Remediation: what may be changed on an endpoint, and how each change is taken back.
//!
//! A [`Measure`] is typed and never shell text: an endpoint's collector knows how each kind is done on its system, looks
//! first whether what it is about is still the same (the preflight), and says with the [`MeasureOutcome`] how it went and,
//! where the change can be taken back, with which [`Undo`]. Measures and undos may be carried out twice: the second time
//! finds the first one's work and says so.
//!
//! [`propose`] reads off the evidence what could be done, a person approves it, and the case keeps a [`Remediation`] of
//! who said what and how it went.

mod check;
mod measure;
mod outcome;
mod person;
mod propose;
mod protected;
mod record;
#[cfg(test)]
mod tests;
mod windows;

pub use check::{MAX_ISOLATION_SECONDS, MAX_MEASURES, MeasureFault, measures_fault, undos_fault};
pub use measure::{Measure, MeasureKind, MeasureOrder};
pub use outcome::{MEASURES_PATH, MeasureOutcome, MeasureStatus, Undo, UndoOrder};
pub use person::{Decision, Way};
pub use propose::{MAX_PROPOSED, Proposal, Suggestion, Why, propose};
pub use record::{Approval, Proposed, Remediation, Stage};
pub use windows::WindowsAutostart;
