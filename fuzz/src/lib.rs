//! Feeds hostile input to every parser of outside data, and holds what comes back to what the parser promises.
//!
//! ```text
//! seeds ─► mutation ─► target (parser + properties) ─► outcome ─► corpus
//!                            └► panic, too slow, too much memory ─► findings/
//! ```
//!
//! A target is a function on bytes, so that the same one runs under the in-process runner of this crate on any
//! toolchain and under libFuzzer where there is one. See `docs/fuzzing.md`.
#![forbid(unsafe_code)]

mod black_box;
pub mod finding;
pub mod mutation;
pub mod random;
pub mod run;
pub mod targets;

use peak_alloc::PeakAlloc;

/// Counts what a target takes of memory.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

pub use targets::{TARGETS, Target};
