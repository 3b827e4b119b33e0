//! KRB-ERROR: why a KDC, or an endpoint, refuses (RFC 4120, 5.9.1). Nothing protects it: it is taken for what it says
//! and for no more. Read by hand: some writers put fields where the types of others have none.

use investigation::text::one_line;
use jiff::Timestamp;
use picky_krb::crypto::CipherSuite;

use super::suite;
use crate::transport::account::der::{element, field, items, number};

/// Tag of a KRB-ERROR.
pub(super) const TAG: u8 = 0x7e;

/// The account is unknown, and so on.
pub(super) const UNKNOWN_CLIENT: u32 = 6;
pub(super) const UNKNOWN_SERVICE: u32 = 7;
pub(super) const PREAUTH_REQUIRED: u32 = 25;
pub(super) const TICKET_EXPIRED: u32 = 32;
pub(super) const SKEW: u32 = 37;

/// Longest salt. Active Directory's are the realm and the account's name.
const SALT: usize = 512;

/// What a KRB-ERROR says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u32,
    /// Where it was written: its clock.
    pub(super) clock: Option<Timestamp>,
    /// How a password becomes a key, where that is said.
    pub(super) hint: Option<Hint>,
}

/// How a password becomes a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) suite: CipherSuite,
    /// None: made of the realm and the account's name.
    pub(super) salt: Option<String>,
}

impl Refusal {
    /// None where it is something else.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (error, _) = element(der, TAG)?;
        let (error, _) = element(error, 0x30)?;
        let code = number(field(error, 6, 0x02)?)?;
        let clock = field(error, 4, 0x18).and_then(time);
        let hint = field(error, 12, 0x04).and_then(hint);
        Some(Self { code, clock, hint })
    }

    /// In words, with what can be done.
    pub(super) fn meaning(&self) -> String {
        match self.code {
            1 => "the account has expired".into(),
            UNKNOWN_CLIENT => "it knows no such account: see the name and the realm of user".into(),
            12 => "its policy does not allow it: see the logon hours and the machines that the account may be used from".into(),
            14 => "account and service have no key for AES: allow AES for both, and set the password anew".into(),
            18 => "the account is disabled, locked or expired".into(),
            23 => "the password has expired: set it anew".into(),
            24 => "the password is wrong".into(),
            TICKET_EXPIRED => "it takes our ticket for expired".into(),
            SKEW => "the clocks differ too much".into(),
            41 => "what was sent was changed on the way, or the key that it has is not the endpoint's: the machine's account may be stale".into(),
            68 => "the account is in another realm: set realm".into(),
            code => format!("Kerberos error {code}"),
        }
    }

    /// Whether it refuses the account itself, and will again.
    pub(super) fn is_about_the_account(&self) -> bool {
        matches!(self.code, 1 | UNKNOWN_CLIENT | 12 | 18 | 23 | 24)
    }
}

/// By how much its clock is ahead of ours, in words.
pub(super) fn skew(clock: Option<Timestamp>, now: Timestamp) -> String {
    let Some(clock) = clock else { return "by how much it does not say".to_owned() };
    let seconds = clock.as_second().saturating_sub(now.as_second());
    let which = if seconds < 0 { "behind" } else { "ahead" };
    format!("its is {} s {which}", seconds.unsigned_abs())
}

/// METHOD-DATA, and the ETYPE-INFO2 in it: the first kind of key that we can make.
fn hint(method_data: &[u8]) -> Option<Hint> {
    let (methods, _) = element(method_data, 0x30)?;
    let info = items(methods).filter(|(tag, _)| *tag == 0x30).find_map(|(_, method)| {
        (field(method, 1, 0x02).and_then(number)? == 19).then(|| field(method, 2, 0x04))?
    })?;
    let (entries, _) = element(info, 0x30)?;
    items(entries).filter(|(tag, _)| *tag == 0x30).find_map(|(_, entry)| {
        let suite = suite(field(entry, 0, 0x02)?)?;
        // Another number of rounds than the usual one is not made here.
        if field(entry, 2, 0x04).is_some_and(|rounds| rounds != [0, 0, 0x10, 0]) {
            return None;
        }
        let salt = match field(entry, 1, 0x1b) {
            Some(salt) if salt.len() > SALT => return None,
            Some(salt) => Some(std::str::from_utf8(salt).ok()?.to_owned()),
            None => None,
        };
        Some(Hint { suite, salt })
    })
}

/// A KerberosTime: `20261130153400Z`.
fn time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii() && text.len() == 15)?;
    let spelled = format!(
        "{}-{}-{}T{}:{}:{}",
        &text[..4],
        &text[4..6],
        &text[6..8],
        &text[8..10],
        &text[10..12],
        &text[12..14]
    );
    (text.ends_with('Z')).then(|| format!("{spelled}Z").parse().ok())?
}

/// What somebody else wrote, for a message.
pub(super) fn shown(text: &str) -> String {
    one_line(text, 120)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::account::der::wrapped as tlv;

    fn error(code: u8, data: &[u8]) -> Vec<u8> {
        let stime = tlv(0xa4, &tlv(0x18, b"20261130153400Z"));
        // A field that RFC 4120 has and few write.
        let cusec = tlv(0xa3, &tlv(2, &[5]));
        let code = tlv(0xa6, &tlv(2, &[code]));
        let data = tlv(0xac, &tlv(4, data));
        tlv(TAG, &tlv(0x30, &[cusec, stime, code, data].concat()))
    }

    fn etype_info(entries: &[(u8, Option<&str>)]) -> Vec<u8> {
        let entry = |(etype, salt): &(u8, Option<&str>)| {
            let salt = salt.map(|salt| tlv(0xa1, &tlv(0x1b, salt.as_bytes()))).unwrap_or_default();
            tlv(0x30, &[tlv(0xa0, &tlv(2, &[*etype])), salt].concat())
        };
        let info = tlv(0x30, &entries.iter().flat_map(entry).collect::<Vec<_>>());
        let other = tlv(0x30, &[tlv(0xa1, &tlv(2, &[2])), tlv(0xa2, &tlv(4, b""))].concat());
        let method = tlv(0x30, &[tlv(0xa1, &tlv(2, &[19])), tlv(0xa2, &tlv(4, &info))].concat());
        tlv(0x30, &[other, method].concat())
    }

    #[test]
    fn an_error_says_how_to_make_the_key_and_what_time_it_is() {
        let data = etype_info(&[(23, None), (17, Some("CORP.EXAMPLE.COMsvc")), (18, None)]);
        let refusal = Refusal::read(&error(25, &data)).unwrap();
        assert_eq!(refusal.code, PREAUTH_REQUIRED);
        let hint = refusal.hint.unwrap();
        assert_eq!(
            (hint.suite, hint.salt.as_deref()),
            (CipherSuite::Aes128CtsHmacSha196, Some("CORP.EXAMPLE.COMsvc"))
        );
        let now: Timestamp = "2026-11-30T14:34:00Z".parse().unwrap();
        assert_eq!(skew(refusal.clock, now), "its is 3600 s ahead");
        assert_eq!(Refusal::read(&error(25, &etype_info(&[(23, None)]))).unwrap().hint, None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..300, to: u8) {
            let _ = Refusal::read(&bytes);
            let mut whole = error(25, &etype_info(&[(18, Some("salt"))]));
            let at = at % whole.len();
            whole[at] = to;
            if let Some(refusal) = Refusal::read(&whole) {
                let _ = (refusal.meaning(), skew(refusal.clock, Timestamp::MIN));
            }
        }
    }
}
