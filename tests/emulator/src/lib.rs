//! What stands in for AWS in the tests.
//!
//! [`Ministack`] is an emulator of SQS, DynamoDB, S3, SES, Lambda and others, started and stopped by the test.
//! [`ssm::SsmServer`] serves Systems Manager, which no emulator runs for machines outside AWS: it runs what is sent to
//! the nodes that the test registers. [`StsServer`] says who signed a request, and checks the signature.
#![forbid(unsafe_code)]

mod http;
mod ministack;
mod requirements;
mod settings;
pub mod ssm;
mod sts;

pub use ministack::{Ministack, Options};
pub use requirements::{services_are_given, skip_reason, skipped};
pub use sts::StsServer;
