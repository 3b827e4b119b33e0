//! From bytes to alerts: the records of one stream, whatever brought it.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{BufRead, BufReader, Read};

use data_encoding::HEXLOWER;
use flate2::bufread::MultiGzDecoder;
use investigation::alert::framing::Framing;
use investigation::alert::{self, Alert, Kind, Rejected, SiteFormat};
use sha2::{Digest, Sha256};

use crate::backend::{Received, Unread};

/// Bytes of a record that could not be read which are kept for whoever looks at it.
pub(crate) const KEPT: usize = 64 << 10;
/// Most bytes that a compressed stream unpacks to.
const MAX_UNPACKED: u64 = 1 << 30;
/// How what gzip writes begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The formats whose records say nothing about when: an address is the same every day, an alert is not.
const ADDRESS_FORMAT: &str = "address";

/// How a stream is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// What the stream is called, for people.
    pub origin: &'a str,
    /// Tells one reading of an address from the next.
    pub moment: &'a str,
    /// The formats that the site has besides those that are known.
    pub formats: &'a [SiteFormat],
    /// Where records that are no alerts are counted, which are then passed over; `None` gives them too.
    pub passed_over: Option<&'a Cell<usize>>,
    /// An address counts once in this reading, on whatever line it stands.
    pub once: bool,
}

impl<'a> Reading<'a> {
    /// A reading of the known formats.
    pub fn new(origin: &'a str, moment: &'a str) -> Self {
        Self { origin, moment, formats: &[], passed_over: None, once: false }
    }
}

/// Reads the records of one stream, compressed with gzip or not, and gives each of them, until `give` returns false;
/// returns whether it never did.
pub fn read_records(
    reading: Reading<'_>,
    mut input: impl BufRead,
    give: &mut impl FnMut(Received) -> bool,
) -> bool {
    // What cannot be read here fails in the same way when it is read as text, and is answered there.
    if !input.fill_buf().is_ok_and(|start| start.starts_with(&GZIP)) {
        return read_text(reading, input, give);
    }
    read_packed(reading, input, MAX_UNPACKED, give)
}

fn read_packed(
    reading: Reading<'_>,
    input: impl BufRead,
    most: u64,
    give: &mut impl FnMut(Received) -> bool,
) -> bool {
    let mut unpacked = MultiGzDecoder::new(input).take(most + 1);
    let go_on = read_text(reading, BufReader::new(&mut unpacked), give);
    if !go_on || unpacked.limit() > 0 {
        return go_on;
    }
    let reason = format!("it unpacks to more than {} MiB: what follows was not read", most >> 20);
    give(unread(reading.origin.to_owned(), &reason, ""))
}

fn read_text(reading: Reading<'_>, input: impl BufRead, give: &mut impl FnMut(Received) -> bool) -> bool {
    for framed in Framing::new(input) {
        let line = framed.line;
        let origin = match line {
            0 => reading.origin.to_owned(),
            line => format!("{}, line {line}", reading.origin),
        };
        let record = match framed.content {
            Ok(record) => record,
            Err(unreadable) => {
                if !give(unread(origin, &unreadable.to_string(), "")) {
                    return false;
                }
                continue;
            }
        };
        let moment = |alert: &Alert| match (is_timeless(alert), reading.once) {
            (false, _) => Cow::Borrowed(""),
            (true, true) => Cow::Borrowed(reading.moment),
            (true, false) => Cow::Owned(format!("{}#{line}", reading.moment)),
        };
        let mut alerts = alert::read_told_apart(&record, reading.formats, &moment);
        if let Some(passed_over) = reading.passed_over {
            let before = alerts.len();
            alerts.retain(|alert| !alert.as_ref().is_ok_and(|alert| alert.kind == Kind::Event));
            passed_over.set(passed_over.get() + before - alerts.len());
        }
        let go_on = alerts.into_iter().all(|alert| {
            give(match alert {
                Ok(alert) => Received { id: alert.id.clone(), origin: origin.clone(), content: Ok(alert) },
                Err(Rejected { reject, original }) => unread(origin.clone(), &reject.to_string(), &original),
            })
        });
        if !go_on {
            return false;
        }
    }
    true
}

/// Whether an alert says nothing about when: the same words may be another alert tomorrow.
fn is_timeless(alert: &Alert) -> bool {
    alert.format == ADDRESS_FORMAT || (alert.timestamp.is_none() && alert.event_id.is_none())
}

/// A record that could not be read. Its id follows from what it is and where it was, so that reading it again after
/// a crash does not list it twice.
pub fn unread(origin: String, reason: &str, original: &str) -> Received {
    let mut hash = Sha256::new();
    for part in [origin.as_str(), reason, original] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let id = HEXLOWER.encode(&hash.finalize()[..10]);
    let kept = original.floor_char_boundary(KEPT);
    let unread = Unread { reason: reason.to_owned(), original: original[..kept].to_owned() };
    Received { id, origin, content: Err(unread) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(write: impl Fn(&mut flate2::write::GzEncoder<Vec<u8>>)) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        write(&mut encoder);
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Vec<Received> {
        let mut records = Vec::new();
        read_records(Reading::new("test", "now"), bytes, &mut |record| {
            records.push(record);
            true
        });
        records
    }

    #[test]
    fn a_compressed_file_reads_as_what_is_in_it() {
        let text = b"10.0.0.5\n10.0.0.6\n";
        let ids = |records: Vec<Received>| records.into_iter().map(|record| record.id).collect::<Vec<_>>();
        let packed = gzip(|encoder| encoder.write_all(text).unwrap());
        assert_eq!(ids(read(&packed)), ids(read(text)));
        let records = read(&packed[..packed.len() - 9]);
        assert!(records.iter().any(|record| record.content.is_err()), "cut off, and nobody is told");
    }

    #[test]
    fn a_bomb_is_cut_and_said_to_be() {
        let packed = gzip(|encoder| encoder.write_all(&[b' '; (1 << 20) + 1]).unwrap());
        let mut records = Vec::new();
        read_packed(Reading::new("test", "now"), packed.as_slice(), 1 << 20, &mut |record| {
            records.push(record);
            true
        });
        let reasons = records.iter().filter_map(|record| record.content.as_ref().err());
        assert!(reasons.clone().any(|unread| unread.reason.contains("unpacks to more than")), "{records:?}");
    }
}
