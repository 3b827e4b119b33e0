//! Whole fleets in one process, in virtual time, under every trouble that is known, drawn from a seed.
//!
//! ```text
//! seed ─► Scenario ─► conductor: queue, workers (the real `casework::Worker`), world, store ─► History + Dump
//!                                                                                                  │
//!                                                          checker (uses no code under test) ◄─────┘
//! ```
#![forbid(unsafe_code)]

pub mod broken;
pub mod checker;
pub mod conductor;
pub mod field;
pub mod history;
pub mod life;
pub mod random;
pub mod scenario;
pub mod seam;
pub mod shrink;
pub mod world;
