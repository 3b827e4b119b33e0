//! What a digest is read from, and where it is on record that it was mailed: what a store promises besides the seam of the
//! worker.
//!
//! Both tellings give each row once, in any order, and hold no more than a page of rows at a time, so that a time with a
//! hundred thousand alerts takes no more memory than one with a hundred.

use std::future::Future;

use investigation::case::Case;
use investigation::digest::daily::Mailing;
use investigation::digest::{AlertLine, Window};

use super::{Backend, Stored};

/// What is told of alerts.
pub type TellAlert<'t> = dyn FnMut(AlertLine) + Send + 't;
/// What is told of cases.
pub type TellCase<'t> = dyn FnMut(&Case) + Send + 't;

/// A store that a digest is written from.
pub trait Ledger: Backend {
    /// Tells of every alert that was received in the window: once, as what became of it. Repeats may come as one line
    /// with their number.
    fn tell_alerts(
        &self,
        window: Window,
        tell: &mut TellAlert<'_>,
    ) -> impl Future<Output = Stored<()>> + Send;

    /// Tells of every case that was opened in the window.
    fn tell_cases(&self, window: Window, tell: &mut TellCase<'_>) -> impl Future<Output = Stored<()>> + Send;

    /// What is on record of a day's digest, as it was last written.
    fn mailing(&self, day: &str) -> impl Future<Output = Stored<Option<Mailing>>> + Send;

    /// The latest day of which something is on record.
    fn last_mailing(&self) -> impl Future<Output = Stored<Option<Mailing>>> + Send;

    /// Writes what becomes of a day's digest, durably. False, and nothing is written, where it is not the next version of
    /// what lies there: another worker was faster.
    fn keep_mailing(&self, mailing: &Mailing) -> impl Future<Output = Stored<bool>> + Send;
}
