//! Peerhound on AWS: the clients, the queues, the relays behind SSM and the evidence in S3.
//!
//! ```text
//! alerts ─► Intake ─► cases, cooldowns (DynamoDB) ─► Relays ─► SSM ─► peerhound-relay ─► staging (S3)
//!                                                                                            │
//!           Sweep ◄── every minute          reports ◄── ObjectCreated, command events ◄──────┘
//!                           people ─► decisions ─► Progress ─► evidence (S3) ─► actions ─► SES, tickets
//! ```
//!
//! Each of the four is a worker like the one on one machine, over the same core and the same seam. They differ in the
//! effects that they perform, so that each function needs few rights.

pub mod client;
pub mod decisions;
pub mod deployment;
pub mod dispatch;
pub mod door;
pub mod evidence;
pub mod findings;
pub mod intake;
pub mod mail;
pub mod messages;
pub mod metrics;
pub mod performer;
pub mod progress;
pub mod queues;
pub mod relays;
pub mod seals;
pub mod secret;
pub mod submit;
pub mod sweep;
#[cfg(test)]
mod testing;

use aws_smithy_types::error::display::DisplayErrorContext;

/// An error of the SDK with everything behind it, on one line.
pub(crate) fn told<E: std::error::Error>(error: E) -> String {
    investigation::text::one_line(&DisplayErrorContext(error).to_string(), 400)
}
