//! Remediation: what may be changed on an endpoint, and how each change is taken back.
//!
//! A [`Measure`] is typed and never shell text: an endpoint's collector knows how each kind is done on its system, looks
//! first whether what it is about is still the same (the preflight), and says with the [`MeasureOutcome`] how it went and,
//! where the change can be taken back, with which [`Undo`]. Measures and undos may be carried out twice: the second time
//! finds the first one's work and says so.

mod check;
mod measure;
mod outcome;

pub use check::{MAX_ISOLATION_SECONDS, MAX_MEASURES, MeasureFault, measures_fault, undos_fault};
pub use measure::{Measure, MeasureOrder};
pub use outcome::{MEASURES_PATH, MeasureOutcome, MeasureStatus, Undo, UndoOrder};
