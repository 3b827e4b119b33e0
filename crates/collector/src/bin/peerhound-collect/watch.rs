//! What ends the program, whatever it is doing: the end of its input, and its time.

use std::io::{self, BufRead, Read as _, Write as _};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use collector::program::ASK_CAP;

/// What it exits with when it was stopped.
const STOPPED: i32 = 3;
/// After its time is up it says what it has; after that much more it is ended.
const GRACE: Duration = Duration::from_secs(10);
/// How often it says how far it is.
const EVERY: Duration = Duration::from_secs(10);

/// Reads the order: one line, up to its cap and one byte, so that a longer one shows.
pub(crate) fn order(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(ASK_CAP as u64 + 2).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\n") {
        Some(line) => Ok(line.to_vec()),
        // Whoever was to send it is gone already.
        None if line.len() <= ASK_CAP => Err(io::Error::other("no order came: it is one line of JSON")),
        None => Ok(line),
    }
}

/// Watches the input and the clock from now on. With the sign to come to an end.
pub(crate) fn start(mut input: impl BufRead + Send + 'static, time: Duration) -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    std::thread::spawn(move || {
        // Nothing may follow an order. What does is as good as its end, and so is an error.
        let mut byte = [0];
        let _ = input.read(&mut byte);
        std::process::exit(STOPPED);
    });
    let sign = Arc::clone(&cancel);
    std::thread::spawn(move || {
        std::thread::sleep(time);
        sign.store(true, Ordering::Relaxed);
        std::thread::sleep(GRACE);
        std::process::exit(STOPPED);
    });
    cancel
}

/// Says now and then how many files were walked past.
pub(crate) fn progress() -> impl Fn(u64) + Sync {
    let last = Mutex::new(Instant::now());
    move |seen| {
        // Somebody else is saying it.
        let Ok(mut last) = last.try_lock() else { return };
        if last.elapsed() >= EVERY {
            *last = Instant::now();
            let _ = writeln!(io::stderr(), "files {seen}");
        }
    }
}
