//! What is to be done about each record of a message.

use std::net::IpAddr;

use investigation::alert::Alert;
use investigation::case::{Disposition, Intake as Decision, intake};
use jiff::Timestamp;

use super::super::queues::Aside;
use super::{Intake, Message, Taken};
use crate::backend::Unread;
use crate::records::{KEPT, read_records};

/// What is to be done about one record.
pub(super) enum Sorted {
    /// Its machine is worked.
    Machine(IpAddr, Taken),
    /// The policy leaves its machine alone.
    LeftAlone(IpAddr, Disposition, Taken),
    /// A person looks at it.
    Review(Taken),
    /// It cannot be read.
    Unreadable(Aside),
}

impl Intake {
    /// Says of each record of a message what is to be done about it.
    pub(super) fn sort(&self, number: usize, message: &Message, now: Timestamp) -> Vec<Sorted> {
        let mut records = Vec::new();
        let moment = format!("{}#", message.id);
        let origin = format!("message {}", message.id);
        read_records(&origin, message.body.as_bytes(), &moment, &mut |record| {
            records.push(record);
            true
        });
        if records.is_empty() {
            let reason = "the message has no record".to_owned();
            return vec![Sorted::Unreadable(Aside { body: message.body.clone(), origin, reason })];
        }
        let is_only = records.len() == 1;
        let sorted = records.into_iter().map(|record| match record.content {
            Ok(alert) => {
                let taken = Taken { message: number, origin: record.origin, alert };
                match intake(&taken.alert, &self.worker.policy, now) {
                    Decision::Open(step) => Sorted::Machine(step.case.target, taken),
                    Decision::Settled(disposition) => match concerns(&taken.alert, &disposition) {
                        Some(ip) => Sorted::LeftAlone(ip, disposition, taken),
                        None => Sorted::Review(taken),
                    },
                }
            }
            Err(unread) => Sorted::Unreadable(unreadable(message, record.origin, unread, is_only)),
        });
        sorted.collect()
    }
}

/// What of a record that cannot be read is put where a person finds it: the whole of it, if that can be had.
fn unreadable(message: &Message, origin: String, unread: Unread, is_only: bool) -> Aside {
    let is_cut = unread.original.len() + 4 > KEPT;
    if unread.original.is_empty() || (is_cut && is_only) {
        return Aside { body: message.body.clone(), origin, reason: unread.reason };
    }
    let reason = match is_cut {
        true => format!("(only the first {} bytes are kept) {}", unread.original.len(), unread.reason),
        false => unread.reason,
    };
    Aside { body: unread.original, origin, reason }
}

/// The machine that an alert is about which nobody has to look at; `None` where a person has to.
fn concerns(alert: &Alert, disposition: &Disposition) -> Option<IpAddr> {
    match disposition {
        Disposition::Exempt { .. } | Disposition::Refused { .. } => alert.source_ip.or(alert.destination_ip),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aside(body: &str, original: &str, is_only: bool) -> Aside {
        let message = Message { id: "m".to_owned(), body: body.to_owned() };
        let unread = Unread { reason: "no format fits".to_owned(), original: original.to_owned() };
        unreadable(&message, "message m".to_owned(), unread, is_only)
    }

    #[test]
    fn a_record_is_set_aside_whole_or_says_that_it_is_not() {
        let long = "x".repeat(100_000);
        let kept = &long[..KEPT];
        assert_eq!(aside(&long, kept, true).body, long);
        let one_of_many = aside(&format!("{long}\n{{}}"), kept, false);
        assert_eq!(one_of_many.body, kept);
        assert_eq!(one_of_many.reason, "(only the first 65536 bytes are kept) no format fits");
        let short = aside("short\n{}", "short", false);
        assert_eq!((short.body.as_str(), short.reason.as_str()), ("short", "no format fits"));
        assert_eq!(aside("all of it", "", false).body, "all of it", "what is no text is not split");
    }
}
