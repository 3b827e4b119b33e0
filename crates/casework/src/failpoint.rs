//! Named points at which a crash test kills this process. Without the feature `failpoints` they are nothing.

#[cfg(feature = "failpoints")]
pub use armed::{Malformed, arm, failpoint};

/// A point that a crash test can choose to die at. Does nothing here: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn failpoint(_name: &'static str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The one point that kills, with how many more times it is to be reached until then.
    static ARMED: OnceLock<(String, AtomicU32)> = OnceLock::new();

    /// A setting that names no point and count.
    #[derive(Debug, thiserror::Error)]
    #[error("a failpoint is NAME:COUNT with a count from 1, not {0:?}")]
    pub struct Malformed(pub String);

    /// Chooses the point, as `NAME:COUNT`: the process kills itself when `NAME` is reached for the `COUNT`th time. Only
    /// the first call counts.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn arm(text: &str) -> Result<(), Malformed> {
        let parsed = text.split_once(':').and_then(|(name, count)| {
            let count = count.parse().ok().filter(|count| *count > 0)?;
            Some((name.to_owned(), AtomicU32::new(count)))
        });
        let armed = parsed.ok_or_else(|| Malformed(text.to_owned()))?;
        ARMED.get_or_init(|| armed);
        Ok(())
    }

    /// Ends the process at once, as SIGKILL does, if this point is the one that was chosen and its time has come.
    pub fn failpoint(name: &'static str) {
        let Some((armed, left)) = ARMED.get() else { return };
        if armed != name || left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return;
        }
        die()
    }

    #[cfg(unix)]
    fn die() -> ! {
        use rustix::process::{Signal, getpid, kill_process};
        loop {
            // It cannot fail, and the process does not see it return.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }

    #[cfg(not(unix))]
    fn die() -> ! {
        std::process::abort()
    }
}
