//! Gzip, with a bound on what comes out of it.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Why compressed bytes are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GunzipError {
    /// More comes out than may. What had come out is thrown away.
    #[error("it is larger than may be when it is decompressed")]
    TooLarge,
    /// It is not gzip, or breaks off.
    #[error("it does not decompress")]
    Damaged,
}

/// What gzip holds, in however many members, at most `most` bytes.
///
/// # Errors
/// See [`GunzipError`].
pub fn gunzip(bytes: &[u8], most: usize) -> Result<Vec<u8>, GunzipError> {
    let mut out = Vec::new();
    match MultiGzDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut out) {
        Ok(read) if read > most => Err(GunzipError::TooLarge),
        Ok(_) => Ok(out),
        Err(_) => Err(GunzipError::Damaged),
    }
}
