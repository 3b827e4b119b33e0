//! How often may be knocked: a bucket that fills evenly.

use std::sync::Mutex;
use std::time::Instant;

/// A bucket of requests. Ten seconds' worth may come at once.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    most: f64,
    left: Mutex<(f64, Instant)>,
}

impl Rate {
    /// A full bucket.
    pub fn new(per_minute: u32, now: Instant) -> Self {
        let per_second = f64::from(per_minute) / 60.0;
        let most = (per_second * 10.0).max(1.0);
        Self { per_second, most, left: Mutex::new((most, now)) }
    }

    /// Takes one request out, if there is one.
    pub fn take(&self, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let filled = now.saturating_duration_since(left.1).as_secs_f64() * self.per_second;
        *left = ((left.0 + filled).min(self.most), now);
        let some = left.0 >= 1.0;
        if some {
            left.0 -= 1.0;
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_spent_comes_back_with_time() {
        let start = Instant::now();
        let rate = Rate::new(60, start);
        assert_eq!((0..20).filter(|_| rate.take(start)).count(), 10);
        assert!(rate.take(start + Duration::from_secs(1)) && !rate.take(start + Duration::from_secs(1)));
        assert_eq!((0..20).filter(|_| rate.take(start + Duration::from_secs(3600))).count(), 10);
    }
}
