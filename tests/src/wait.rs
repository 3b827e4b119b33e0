//! Waiting for something real to happen, with an end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks every 50 ms until the answer is `Some`.
///
/// # Errors
/// When asking fails, or nothing came within the limit: the error names what was waited for.
pub fn wait_until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if started.elapsed() > limit {
            bail!("waited {limit:?} in vain: {what}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
