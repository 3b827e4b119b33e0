//! How often an action may be done: the tries of the last hour, in a file that outlives the program.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::super::DeliveryError;
use crate::backend::local::create_private_dir;

const HOUR: i64 = 3600;
/// Largest file that is read: more tries than any policy allows.
const MAX_FILE: u64 = 16 << 20;

/// Counts one more try.
///
/// # Errors
/// Not accepted, with the time to wait, where there were enough already; or where it cannot be counted.
pub(super) async fn admit(
    counts: &Path,
    name: &str,
    per_hour: u32,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    // A name of the policy: letters, digits, `_` and `-`.
    let (folder, file) = (counts.to_owned(), counts.join(name));
    let counted = tokio::task::spawn_blocking(move || {
        create_private_dir(&folder)?;
        count(&file, per_hour, now.as_second())
    });
    match counted.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(None) => Ok(()),
        Ok(Some(wait)) => Err(DeliveryError::NotAccepted {
            why: format!("it was done {per_hour} times in the last hour: see per_hour in the policy"),
            retry_after: Some(wait),
        }),
        Err(error) => {
            Err(DeliveryError::not_accepted(&format!("{} cannot be counted: {error}", counts.display())))
        }
    }
}

/// The wait until there may be another one; nothing where there may be one now, which then is counted.
fn count(path: &Path, per_hour: u32, now: i64) -> io::Result<Option<Duration>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.lock()?;
    let mut tries = tries(&mut file)?;
    // A clock that was set back must not lock an action for longer than an hour.
    tries.retain(|at| (now - HOUR..=now).contains(at));
    tries.sort_unstable();
    let most = usize::try_from(per_hour).unwrap_or(usize::MAX);
    if tries.len() >= most {
        let oldest = tries[tries.len() - most];
        let wait = u64::try_from(oldest + HOUR - now + 1).unwrap_or(1);
        return Ok(Some(Duration::from_secs(wait.max(1))));
    }
    tries.push(now);
    let text: String = tries.iter().map(|at| format!("{at}\n")).collect();
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())?;
    Ok(None)
}

/// What the file says. A line that a crash has torn is none.
fn tries(file: &mut File) -> io::Result<Vec<i64>> {
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_any_hour_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("soar");
        let start = 1_772_442_000;
        for second in [0, 10, 20] {
            assert_eq!(count(&file, 3, start + second).unwrap(), None);
        }
        let wait = count(&file, 3, start + 30).unwrap().unwrap();
        assert_eq!(wait.as_secs(), 3571, "until the first is an hour old");
        // A try that was refused is not counted.
        assert_eq!(count(&file, 3, start + 30).unwrap(), Some(wait));
        assert_eq!(count(&file, 3, start + 30 + 3571).unwrap(), None);
        assert!(count(&file, 3, start + 30 + 3572).unwrap().is_some());
        assert_eq!(count(&file, 3, start + 100_000).unwrap(), None);
        // What a clock of the future wrote is forgotten.
        assert_eq!(count(&file, 1, start).unwrap(), None);
        std::fs::write(&file, "17724\nx\n\n177244200").unwrap();
        assert_eq!(count(&file, 1, start).unwrap(), None);
    }
}
