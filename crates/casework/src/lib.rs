//! Performs what the core decides: the loop, the stores, the evidence container and the deliveries.
#![forbid(unsafe_code)]

#[cfg(feature = "aws")]
pub mod aws;
pub mod backend;
pub mod container;
pub mod deliver;
pub mod door;
pub mod failpoint;
pub mod follow_up;
pub mod lists;
mod partial;
pub mod places;
pub mod reassess;
pub mod records;
pub mod release;
pub mod rules;
pub mod worker;
