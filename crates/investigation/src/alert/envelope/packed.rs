//! Text in base64, compressed with gzip, or both.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};

use super::{MAX_BYTES, too_large};
use crate::alert::framing::{Content, Record};
use crate::alert::{GunzipError, Reject, gunzip};

/// Shortest line that is taken for base64: shorter ones are words.
const MIN_ENCODED: usize = 32;

/// The text that `record` is an encoding of; `None` where it is none.
pub(super) fn unpacked(record: &Record, most: usize) -> Result<Option<String>, Reject> {
    let text = match &record.content {
        Content::Line => &record.text,
        Content::Json(serde_json::Value::String(text)) => text,
        _ => return Ok(None),
    };
    let text = text.trim();
    let of_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=-_".contains(&b);
    if text.len() < MIN_ENCODED || !text.bytes().all(of_base64) {
        return Ok(None);
    }
    let Some(bytes) = decode(text) else { return Ok(None) };
    let packed = is_gzip(&bytes);
    if !packed && !bytes.trim_ascii_start().starts_with(b"{") && !bytes.trim_ascii_start().starts_with(b"[") {
        return Ok(None);
    }
    plain(bytes, most).map(Some)
}

/// The text in base64, decompressed where it is compressed.
pub(super) fn from_base64(text: &str) -> Result<String, Reject> {
    let bytes =
        decode(text.trim()).ok_or(Reject::Malformed { format: "base64", why: "it does not decode" })?;
    plain(bytes, MAX_BYTES)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let ways = [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
    ways.iter().find_map(|way| way.decode(text.as_bytes()).ok())
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

fn plain(bytes: Vec<u8>, most: usize) -> Result<String, Reject> {
    let bytes = if is_gzip(&bytes) { unpack(&bytes, most)? } else { bytes };
    String::from_utf8(bytes)
        .map_err(|_| Reject::Malformed { format: "base64", why: "what it encodes is no text" })
}

fn unpack(bytes: &[u8], most: usize) -> Result<Vec<u8>, Reject> {
    gunzip(bytes, most).map_err(|error| match error {
        GunzipError::TooLarge => too_large(),
        GunzipError::Damaged => Reject::Malformed { format: "gzip", why: "it does not decompress" },
    })
}
