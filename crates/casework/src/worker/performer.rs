//! What reaches outside on behalf of a worker.

use std::future::Future;
use std::sync::Arc;

use investigation::case::{Case, Event, Pending};
use jiff::Timestamp;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How far an effect got.
#[derive(Debug)]
pub enum Performed {
    /// It is done, and this is how it went.
    Done(Event),
    /// It was handed to someone who reports later, see [`super::Worker::report`]. It is handed over again at `until`
    /// if nothing was heard by then.
    Dispatched {
        /// When to stop waiting.
        until: Timestamp,
    },
}

/// Performs effects: contacts endpoints, reads and seals evidence, delivers messages. Performing an effect a second
/// time must be harmless, or end in [`investigation::case::Delivery::Uncertain`].
pub trait Performer: Send + Sync + 'static {
    /// Performs one effect. Dropping the future must end whatever it started elsewhere.
    fn perform(&self, case: &Case, pending: &Pending) -> impl Future<Output = Performed> + Send;

    /// Clears what a closed case left behind.
    fn leave(&self, case: &Case) -> impl Future<Output = ()> + Send;
}
