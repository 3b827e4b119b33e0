//! Performs what the core decides: the loop, the stores, the evidence container and the deliveries.
#![forbid(unsafe_code)]

// What the tests of other crates take in knows this one by its name.
#[cfg(test)]
extern crate self as casework;

pub mod approval_code;
pub mod approval_link;
mod approval_mail;
#[cfg(feature = "aws")]
pub mod aws;
pub mod backend;
pub mod container;
pub mod deliver;
pub mod digest;
pub mod directories;
pub mod door;
pub mod failpoint;
pub mod follow_up;
pub mod lists;
pub mod page;
mod partial;
pub mod places;
pub mod reassess;
pub mod records;
pub mod release;
pub mod remediate;
pub mod rules;
pub mod texts;
pub mod worker;
