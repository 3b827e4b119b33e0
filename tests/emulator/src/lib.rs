//! What stands in for AWS in the tests.
//!
//! [`Ministack`] is an emulator of SQS, DynamoDB, S3, SES, Lambda and others, started and stopped by the test.
#![forbid(unsafe_code)]

mod http;
mod ministack;
mod requirements;
mod settings;

pub use ministack::{Ministack, Options};
pub use requirements::{skip_reason, skipped};
