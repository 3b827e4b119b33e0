//! What reaches outside on behalf of a worker.

use std::future::Future;
use std::sync::Arc;

use investigation::act::ActionKind;
use investigation::case::{Case, Effect, Event, Pending};
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
        /// To whom, in a form that whoever asks after it later understands.
        to: String,
    },
}

/// Performs effects: contacts endpoints, reads and seals evidence, delivers messages. Performing an effect a second
/// time must be harmless, or end in [`investigation::case::Delivery::Uncertain`].
pub trait Performer: Send + Sync + 'static {
    /// Performs one effect. Dropping the future must end whatever it started elsewhere.
    fn perform(&self, case: &Case, pending: &Pending) -> impl Future<Output = Performed> + Send;

    /// Whether this worker performs an effect. What it leaves is due for another one.
    fn performs(&self, effect: &Effect) -> bool {
        let _ = effect;
        true
    }

    /// Tells the worker that performs what is due next that it is. A failure is logged: whoever looks at the open cases
    /// now and then tells it again.
    fn hand_over(&self, case: &Case) -> impl Future<Output = ()> + Send {
        let _ = case;
        std::future::ready(())
    }

    /// What an action would do, for a case whose policy is tried out. Sends and changes nothing.
    fn rehearse(&self, case: &Case, kind: ActionKind, to: &[String]) -> String {
        let _ = case;
        format!("would have done {kind} {}", to.join(", ")).trim_end().to_owned()
    }

    /// Clears what a closed case left behind.
    fn leave(&self, case: &Case) -> impl Future<Output = ()> + Send;
}
