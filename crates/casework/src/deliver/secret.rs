//! Secrets that lie in files. They are read when they are used, so that a changed one needs no restart.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::DeliveryError;

/// Longest secret, in bytes.
const MAX_SECRET: u64 = 8 << 10;

/// Reads a secret: the file without the line ends behind it.
///
/// # Errors
/// Not accepted: the file may be put right before the next try.
pub(crate) fn read(path: &Path, what: &str) -> Result<String, DeliveryError> {
    let failed = |why: &str| DeliveryError::not_accepted(&format!("{what} {}: {why}", path.display()));
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SECRET + 1).read_to_string(&mut text));
    match read {
        Err(error) => Err(failed(&error.to_string())),
        Ok(count) if count as u64 > MAX_SECRET => Err(failed("too long")),
        Ok(_) => match text.trim_end_matches(['\r', '\n']) {
            "" => Err(failed("empty")),
            secret if secret.contains(char::is_control) => Err(failed("more than one line")),
            secret => Ok(secret.to_owned()),
        },
    }
}
