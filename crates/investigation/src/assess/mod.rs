//! What the evidence means.

mod verdict;

pub use verdict::{Assessment, Bearing, Citation, Confidence, Finding, Verdict};

/// Rows that one finding cites at most; the explanation gives the whole number.
pub const MAX_CITATIONS: usize = 10;
