//! The digest as a mail.

use super::figures::Digest;
use super::text::{text, title};
use crate::act::{Message, subject};

/// The mail to the SOC: the digest as text and, for those who read mail so, as a plain page of tables.
pub fn message(digest: &Digest) -> Message {
    let without = match digest.people.share_without {
        Some(share) => format!(", {:.0} % needed nobody", (share * 100.0).floor()),
        None => String::new(),
    };
    let alerts = match digest.alerts.received {
        1 => "1 alert".to_owned(),
        number => format!("{number} alerts"),
    };
    let cases = match digest.cases.opened {
        1 => "1 case".to_owned(),
        number => format!("{number} cases"),
    };
    let line =
        format!("[peerhound] digest of {}: {alerts}, {cases}{without}", digest.to.strftime("%Y-%m-%d"));
    let html = crate::report::digest_mail(digest, &title(digest));
    Message { subject: subject(&line), text: text(digest), html: Some(html) }
}
