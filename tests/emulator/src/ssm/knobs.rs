//! What a test may turn: failures of calls, fate of events, and what was counted.

use std::collections::HashMap;
use std::time::Duration;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// `ThrottlingException`; nothing was done.
    Throttled,
    /// `InternalServerError`, status 500; nothing was done.
    Internal,
    /// The call is carried out, and then answered with status 500: a client that tries again does it twice.
    AnswerLost,
}

/// What becomes of status-change events. They are best effort: each of these happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Events {
    /// Each is delivered once.
    #[default]
    Delivered,
    /// None is delivered.
    Dropped,
    /// Each is delivered twice.
    Doubled,
    /// Each is delivered after this time.
    Delayed(Duration),
}

/// The state of all knobs.
#[derive(Debug, Default)]
pub(super) struct Knobs {
    pub(super) events: Events,
    pub(super) events_queue: Option<String>,
    pub(super) invisible_for: Duration,
    failures: HashMap<String, (Failure, u64)>,
    calls: HashMap<String, u64>,
}

impl Knobs {
    /// Takes note of a call, and says how it must fail.
    pub(super) fn call(&mut self, operation: &str) -> Option<Failure> {
        *self.calls.entry(operation.to_owned()).or_default() += 1;
        let (failure, left) = self.failures.get_mut(operation)?;
        *left = left.checked_sub(1)?;
        Some(*failure)
    }

    pub(super) fn calls(&self, operation: &str) -> u64 {
        self.calls.get(operation).copied().unwrap_or_default()
    }

    pub(super) fn fail_next(&mut self, operation: &str, count: u64, failure: Failure) {
        self.failures.insert(operation.to_owned(), (failure, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_so_many_calls_of_that_operation_fail() {
        let mut knobs = Knobs::default();
        knobs.fail_next("SendCommand", 2, Failure::Throttled);
        let outcomes: Vec<_> = (0..4).map(|_| knobs.call("SendCommand").is_some()).collect();
        assert_eq!(outcomes, [true, true, false, false]);
        assert_eq!(knobs.call("CancelCommand"), None);
        assert_eq!((knobs.calls("SendCommand"), knobs.calls("CancelCommand"), knobs.calls("x")), (4, 1, 0));
    }
}
