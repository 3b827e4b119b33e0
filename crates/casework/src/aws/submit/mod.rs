//! Handing alerts to a deployment: what is written into a message, and how messages reach the queue.

mod message;
mod send;

pub use message::Outgoing;
pub use send::{Batch, Sender, Sent};
