//! From bytes to alerts: the records of one stream, whatever brought it.

use std::io::BufRead;

use data_encoding::HEXLOWER;
use investigation::alert::{self, framing::Framing};
use sha2::{Digest, Sha256};

use crate::backend::{Received, Unread};

/// Bytes of a record that could not be read which are kept for whoever looks at it.
pub(crate) const KEPT: usize = 64 << 10;
/// The formats whose records say nothing about when: an address is the same every day, an alert is not.
const ADDRESS_FORMAT: &str = "address";

/// Reads the records of one stream and gives each of them, until `give` returns false; returns whether it never did.
/// `moment` tells one reading of an address from the next.
pub fn read_records(
    origin: &str,
    input: impl BufRead,
    moment: &str,
    give: &mut impl FnMut(Received) -> bool,
) -> bool {
    for framed in Framing::new(input) {
        let line = framed.line;
        let origin = if line == 0 { origin.to_owned() } else { format!("{origin}, line {line}") };
        let record = match framed.content {
            Ok(record) => record,
            Err(unreadable) => {
                if !give(unread(origin, &unreadable.to_string(), "")) {
                    return false;
                }
                continue;
            }
        };
        let alerts = alert::read(&record, "").and_then(|alerts| {
            let timeless = alerts.first().is_some_and(|alert| alert.format == ADDRESS_FORMAT);
            if timeless { alert::read(&record, &format!("{moment}#{line}")) } else { Ok(alerts) }
        });
        let go_on = match alerts {
            Ok(alerts) => alerts.into_iter().all(|alert| {
                give(Received { id: alert.id.clone(), origin: origin.clone(), content: Ok(alert) })
            }),
            Err(reject) => give(unread(origin, &reject.to_string(), &record.text)),
        };
        if !go_on {
            return false;
        }
    }
    true
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
