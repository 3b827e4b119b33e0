//! What this browser of cases is: the same on each of its pages.

use jiff::Timestamp;

/// What stands on each page.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// Which store.
    pub(super) place: String,
    /// Who releases cooldowns here.
    pub(super) operator: String,
    /// When it was started.
    pub(super) started_at: Timestamp,
}
