//! The relay: Peerhound's hands inside a network that the cloud cannot reach.
//!
//! ```text
//! SSM_Order ─► order_source ─► fetch ─► relay::run ─┬─► work: contact ─► bundle ─► upload
//!                                                   ├─► work: …
//!                                                   └─► …
//! ```
//!
//! It has no rights in the cloud. What it may contact is in its own [`config`], whatever an order says; where it sends
//! what it found is in the order, as presigned URLs, which are secrets and never shown.
#![forbid(unsafe_code)]

mod bundle;
pub mod causes;
pub mod check;
pub mod config;
mod fetch;
mod http;
pub mod order_source;
mod relay;
mod staging;
mod upload;
mod work;

pub use fetch::FetchError;
pub use relay::{RunError, Tally, run};
pub use staging::StagingError;
pub use upload::{UploadError, Uploaded};
pub use work::Outcome;
