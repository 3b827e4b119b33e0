//! What was worked and is still there.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// The longest rest. An alert whose claim was given up waits again at any time, and is looked at within this.
const LONGEST: Duration = Duration::from_secs(120);

/// Alerts and cases that were worked and may be due all the same: as the store was busy, as another program was faster,
/// or for a reason that nobody has thought of. They rest for a while, longer each time, so that what cannot be helped
/// neither keeps the worker busy nor takes the place of what can.
#[derive(Default)]
pub(super) struct Again {
    resting: HashMap<String, Rest>,
}

struct Rest {
    times: u32,
    until: Instant,
}

impl Again {
    /// It was worked just now.
    pub(super) fn worked(&mut self, id: String, now: Instant) {
        let rest = self.resting.entry(id).or_insert(Rest { times: 0, until: now });
        let pause = Duration::from_secs(1 << rest.times.min(7)).min(LONGEST);
        rest.times += 1;
        rest.until = now + pause;
    }

    /// Whether it is left alone for now.
    pub(super) fn rests(&self, id: &str, now: Instant) -> bool {
        self.resting.get(id).is_some_and(|rest| now < rest.until)
    }

    /// It went well.
    pub(super) fn forget(&mut self, id: &str) {
        self.resting.remove(id);
    }

    /// Forgets what is not there any more, so that it begins anew if it comes again.
    pub(super) fn forget_all_but(&mut self, there: &HashSet<&str>) {
        self.resting.retain(|id, _| there.contains(id.as_str()));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.resting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_there_rests_longer_each_time_and_never_for_long() {
        let (mut again, start) = (Again::default(), Instant::now());
        let mut rested = Vec::new();
        for _ in 0..10 {
            again.worked("a".to_owned(), start);
            let over = (0..).find(|second| !again.rests("a", start + Duration::from_secs(*second)));
            rested.push(over.unwrap());
        }
        assert_eq!(rested, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
        assert!(!again.rests("b", start));
    }

    #[test]
    fn what_comes_again_after_it_was_gone_is_taken_at_once() {
        let (mut again, now) = (Again::default(), Instant::now());
        again.worked("a".to_owned(), now);
        again.worked("b".to_owned(), now);
        again.forget_all_but(&HashSet::from(["b"]));
        assert!(!again.rests("a", now) && again.rests("b", now));
        assert_eq!(again.len(), 1);
    }
}
