//! How long an invocation may last.

use std::time::{Duration, Instant, SystemTime};

use lambda_runtime::Context;

/// Kept free at the end, to say what was not done.
const MARGIN: Duration = Duration::from_secs(5);
/// Assumed where the deadline makes no sense: some tools that stand in for Lambda give one of 1970.
const ASSUMED: Duration = Duration::from_secs(25);

/// One invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation {
    until: Instant,
}

impl Invocation {
    pub(crate) fn of(context: &Context) -> Self {
        Self { until: Instant::now() + rest(context.deadline(), SystemTime::now()) }
    }

    /// Nothing new is begun after this moment.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

fn rest(deadline: SystemTime, now: SystemTime) -> Duration {
    let left = deadline.duration_since(now).unwrap_or(ASSUMED);
    left.checked_sub(MARGIN).unwrap_or(left / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_kept_with_a_margin_and_nonsense_is_no_deadline() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(rest(now + Duration::from_secs(60), now), Duration::from_secs(55));
        assert_eq!(rest(now + Duration::from_secs(4), now), Duration::from_secs(2));
        assert_eq!(rest(SystemTime::UNIX_EPOCH, now), ASSUMED - MARGIN);
    }
}
