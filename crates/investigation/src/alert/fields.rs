//! What a format reads out of a record, before it is an alert.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;

use super::{Alert, Field, Kind, Reject, time};
use crate::evidence::TransportProtocol;
use crate::scope::parse_address;
use crate::text::one_line;

/// Longest text field of an alert, in characters.
const MAX_TEXT: usize = 1024;
/// Most notes on one alert.
const MAX_NOTES: usize = 16;

/// An [`Alert`] without what does not depend on the format. The fields mean the same.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "each field is described on Alert")]
pub struct AlertFields {
    pub kind: Kind,
    pub event_id: Option<String>,
    pub timestamp: Option<Timestamp>,
    pub rule_name: Option<String>,
    pub rule_id: Option<String>,
    pub source_ip: Option<IpAddr>,
    pub source_address: Option<String>,
    pub source_port: Option<u16>,
    pub source_nat_ip: Option<IpAddr>,
    pub source_nat_port: Option<u16>,
    pub destination_ip: Option<IpAddr>,
    pub destination_address: Option<String>,
    pub destination_port: Option<u16>,
    pub destination_nat_ip: Option<IpAddr>,
    pub destination_nat_port: Option<u16>,
    pub forwarded_ip: Option<IpAddr>,
    pub transport: Option<TransportProtocol>,
    pub user_name: Option<String>,
    pub user_domain: Option<String>,
    pub user_email: Option<String>,
    pub host_name: Option<String>,
    pub observer_name: Option<String>,
    pub severity: Option<String>,
    pub infohash: Option<String>,
    pub origins: BTreeMap<Field, String>,
    pub notes: Vec<String>,
}

/// A field as the sender names it, and its text.
pub(super) type Named<'a> = (&'a str, &'a str);

impl AlertFields {
    pub(crate) fn into_alert(mut self, id: String, format: &str, original: String) -> Alert {
        // ECS: the host on which the event happened, or from which the measurement was taken.
        if self.host_name.is_none() && self.observer_name.is_some() {
            self.host_name.clone_from(&self.observer_name);
            if let Some(origin) = self.origins.get(&Field::ObserverName).cloned() {
                self.origins.insert(Field::HostName, origin);
            }
        }
        Alert {
            id,
            kind: self.kind,
            event_id: self.event_id,
            timestamp: self.timestamp,
            format: format.to_owned(),
            rule_name: self.rule_name,
            rule_id: self.rule_id,
            source_ip: self.source_ip,
            source_address: self.source_address,
            source_port: self.source_port,
            source_nat_ip: self.source_nat_ip,
            source_nat_port: self.source_nat_port,
            destination_ip: self.destination_ip,
            destination_address: self.destination_address,
            destination_port: self.destination_port,
            destination_nat_ip: self.destination_nat_ip,
            destination_nat_port: self.destination_nat_port,
            forwarded_ip: self.forwarded_ip,
            transport: self.transport,
            user_name: self.user_name,
            user_domain: self.user_domain,
            user_email: self.user_email,
            host_name: self.host_name,
            observer_name: self.observer_name,
            severity: self.severity,
            infohash: self.infohash,
            origins: self.origins,
            notes: self.notes,
            original,
        }
    }

    /// Sets one field from what the sender calls `named.0`. Returns whether the text gave a value; what is there and
    /// cannot be used is noted, and spoils nothing.
    ///
    /// # Errors
    /// None at present: formats that are strict say so by themselves, see [`AlertFields::set_addresses`].
    pub(super) fn set(&mut self, field: Field, named: Named<'_>) -> Result<bool, Reject> {
        let Some(value) = text(named.1) else { return Ok(false) };
        let kept = match field {
            Field::SourceIp | Field::DestinationIp => {
                self.set_end(field, named);
                true
            }
            Field::SourceNatIp => {
                let value = self.aside(named);
                self.source_nat_ip.put(value)
            }
            Field::DestinationNatIp => {
                let value = self.aside(named);
                self.destination_nat_ip.put(value)
            }
            // Proxies add themselves behind the client: the first is whom they say they speak for.
            Field::ForwardedIp => {
                let first = named.1.split(',').next().unwrap_or_default();
                let value = self.aside((named.0, first));
                self.forwarded_ip.put(value)
            }
            Field::SourcePort => {
                let value = self.port(named);
                self.source_port.put(value)
            }
            Field::SourceNatPort | Field::DestinationNatPort if value == "0" => false,
            Field::SourceNatPort => {
                let value = self.port(named);
                self.source_nat_port.put(value)
            }
            Field::DestinationPort => {
                let value = self.port(named);
                self.destination_port.put(value)
            }
            Field::DestinationNatPort => {
                let value = self.port(named);
                self.destination_nat_port.put(value)
            }
            Field::Timestamp => {
                let value = self.time(named);
                self.timestamp.put(value)
            }
            Field::Transport => self.transport.put(Self::transport(&value)),
            Field::UserName => {
                self.set_user(&value);
                self.user_name.is_some()
            }
            Field::UserDomain => self.user_domain.put(Some(value)),
            Field::UserEmail => self.user_email.put(Some(value)),
            Field::HostName => self.host_name.put(Some(value)),
            Field::ObserverName => self.observer_name.put(Some(value)),
            Field::RuleName => self.rule_name.put(Some(value)),
            Field::RuleId => self.rule_id.put(Some(value)),
            Field::EventId => self.event_id.put(Some(value)),
            Field::Severity => self.severity.put(Some(value)),
            Field::Infohash => {
                self.set_infohash(named);
                self.infohash.is_some()
            }
        };
        if kept {
            self.came_from(field, named.0);
        }
        Ok(kept)
    }

    /// Notes which field of the sender's a value is from.
    pub(super) fn came_from(&mut self, field: Field, name: &str) {
        self.origins.insert(field, one_line(name, 120));
    }

    /// An end of the flow. What is no address is kept as what the sender wrote, be it a host's name or broken: such an
    /// end is never contacted, and a person has to find the address.
    fn set_end(&mut self, field: Field, (name, value): Named<'_>) {
        let value = value.trim();
        let (ip, address) = match field {
            Field::SourceIp => (&mut self.source_ip, &mut self.source_address),
            _ => (&mut self.destination_ip, &mut self.destination_address),
        };
        match parse_address(value) {
            Some(parsed) => {
                *ip = Some(parsed);
                *address = None;
            }
            None => {
                *address = text(value);
                if looks_like_address(value) {
                    let (name, value) = (one_line(name, 80), one_line(value, 80));
                    self.note(format!("`{name}` is `{value}`, which is no IP address"));
                }
            }
        }
    }

    /// An address that is never contacted for its own sake: noted and left out where it is none.
    fn aside(&mut self, (name, value): Named<'_>) -> Option<IpAddr> {
        let value = value.trim();
        let parsed = parse_address(value);
        if parsed.is_none() {
            self.drop_field(name, value, "no IP address");
        }
        parsed.filter(|ip| !ip.is_unspecified())
    }

    /// Sets both addresses. An address that is none rejects the alert, since it names the machine to contact; only a
    /// destination beside a good source is dropped, as sensors put host names there. Neither is a rejection too,
    /// which names the fields that were `looked_at`.
    pub(super) fn set_addresses(
        &mut self,
        source: Option<Named<'_>>,
        destination: Option<Named<'_>>,
        looked_at: &'static str,
    ) -> Result<(), Reject> {
        let present = |named: Option<Named<'_>>| {
            named.and_then(|(field, value)| text(value).map(|value| (field.to_owned(), value)))
        };
        let read = |(field, value): &(String, String)| {
            parse_address(value).ok_or_else(|| Reject::bad_address(field, value))
        };
        let (source, destination) = (present(source), present(destination));
        self.source_ip = source.as_ref().map(read).transpose()?;
        self.destination_ip = match destination.as_ref().map(read).transpose() {
            Ok(ip) => ip,
            Err(reject) if self.source_ip.is_none() => return Err(reject),
            Err(_) => {
                if let Some((field, value)) = &destination {
                    self.drop_field(field, value, "no IP address");
                    self.destination_address = Some(value.clone());
                }
                None
            }
        };
        if let (Some(_), Some((field, _))) = (self.source_ip, &source) {
            self.came_from(Field::SourceIp, field);
        }
        if let (Some(_), Some((field, _))) = (self.destination_ip, &destination) {
            self.came_from(Field::DestinationIp, field);
        }
        match (self.source_ip, self.destination_ip) {
            (None, None) => Err(Reject::NoSource { looked_at }),
            _ => Ok(()),
        }
    }

    /// A port. Sensors write 0 where the protocol has none.
    fn port(&mut self, (field, value): Named<'_>) -> Option<u16> {
        let value = text(value)?;
        let port = value.parse::<u16>().ok();
        if port.is_none() {
            self.drop_field(field, &value, "no port from 0 to 65535");
        }
        port
    }

    /// A moment, in any of the usual spellings.
    fn time(&mut self, (field, value): Named<'_>) -> Option<Timestamp> {
        match time::read(value) {
            time::When::Absent => None,
            time::When::At(at) => Some(at),
            time::When::WithoutZone(at) => {
                self.note(format!("`{}` names no time zone: read as UTC", one_line(field, 80)));
                Some(at)
            }
            time::When::Unreadable => {
                self.drop_field(field, value, "no time that can be placed");
                None
            }
        }
    }

    /// TCP or UDP, by name or by number. Others are flows without ports, and not noted.
    pub(super) fn transport(value: &str) -> Option<TransportProtocol> {
        let name = value.trim().to_ascii_lowercase();
        match name.split(['/', ' ']).next() {
            Some("tcp" | "6") => Some(TransportProtocol::Tcp),
            Some("udp" | "17") => Some(TransportProtocol::Udp),
            _ => None,
        }
    }

    /// `name`, `DOMAIN\name` (the backslash escaped any number of times) or `name@domain.example`, which may be an
    /// address to write to as well.
    fn set_user(&mut self, value: &str) {
        let Some(user) = text(value) else { return };
        if let Some((domain, name)) = user.split_once('\\') {
            self.user_domain = text(domain).or(self.user_domain.take());
            self.user_name = text(name.trim_start_matches('\\'));
            return;
        }
        if user.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.')) {
            self.user_email.get_or_insert_with(|| user.clone());
        }
        self.user_name = Some(user);
    }

    /// An infohash of version 1 (40 hexadecimal digits, or 32 of base32) or version 2 (64 digits).
    fn set_infohash(&mut self, (field, value): Named<'_>) {
        let Some(value) = text(value) else { return };
        match infohash(&value) {
            Some(hash) => self.infohash = Some(hash),
            None => self.drop_field(field, &value, "no infohash of 40 or 64 hexadecimal digits"),
        }
    }

    /// Takes an infohash from the query of an announce or scrape URL, where its 20 bytes are percent-encoded, or from a
    /// magnet link.
    pub(super) fn set_infohash_from_url(&mut self, (field, url): Named<'_>) {
        let encoded = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("info_hash="));
        let bytes = encoded.and_then(|text| percent_decode(text, 20)).filter(|bytes| bytes.len() == 20);
        let of_magnet = || {
            let (_, rest) = url.split_once("urn:btih:")?;
            infohash(rest.split(|c: char| !c.is_ascii_alphanumeric()).next()?)
        };
        if let Some(hash) = bytes.map(|bytes| data_encoding::HEXLOWER.encode(&bytes)).or_else(of_magnet) {
            self.infohash = Some(hash);
            self.came_from(Field::Infohash, field);
        }
    }

    pub(super) fn drop_field(&mut self, field: &str, value: &str, why: &str) {
        self.note(format!(
            "`{}` is `{}`, which is {why}: left out",
            one_line(field, 80),
            one_line(value, 80)
        ));
    }

    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }
}

/// A text field: trimmed, capped, and nothing where the sender writes that it has nothing.
pub(super) fn text(value: &str) -> Option<String> {
    const NOTHING: [&str; 10] =
        ["", "-", "--", "n/a", "na", "none", "null", "(null)", "unknown", "undefined"];
    let value = value.trim();
    if NOTHING.iter().any(|nothing| value.eq_ignore_ascii_case(nothing)) {
        return None;
    }
    match value.char_indices().nth(MAX_TEXT) {
        None => Some(value.to_owned()),
        Some((end, _)) => Some(format!("{}…", &value[..end])),
    }
}

/// Whether whoever wrote `text` meant an address: right or wrong, it is to be answered as one.
pub(super) fn looks_like_address(text: &str) -> bool {
    let before_zone = text.split('%').next().unwrap_or_default();
    let of_address = |b: u8| b.is_ascii_hexdigit() || b".:/[]".contains(&b);
    before_zone.len() <= 64
        && before_zone.bytes().all(of_address)
        && before_zone.bytes().any(|b| b == b'.' || b == b':')
        && before_zone.bytes().any(|b| b.is_ascii_hexdigit())
}

/// Puts a value where there is one.
trait Put<T> {
    /// Keeps what was there where `value` is nothing. Returns whether it was something.
    fn put(&mut self, value: Option<T>) -> bool;
}

impl<T> Put<T> for Option<T> {
    fn put(&mut self, value: Option<T>) -> bool {
        let some = value.is_some();
        if some {
            *self = value;
        }
        some
    }
}

fn infohash(value: &str) -> Option<String> {
    let value = value.trim_start_matches("urn:btih:");
    let is_hex = value.bytes().all(|b| b.is_ascii_hexdigit());
    match value.len() {
        40 | 64 if is_hex => Some(value.to_ascii_lowercase()),
        32 => {
            let bytes = data_encoding::BASE32.decode(value.to_ascii_uppercase().as_bytes()).ok()?;
            Some(data_encoding::HEXLOWER.encode(&bytes))
        }
        _ => None,
    }
}

/// Undoes percent-encoding, up to `max` bytes and one more that tells of more.
fn percent_decode(text: &str, max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if out.len() > max {
            break;
        }
        out.push(match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            b'#' | b' ' => break,
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announce_url_gives_the_infohash_that_its_twenty_bytes_spell() {
        let url =
            "/announce?info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A&peer_id=-TR3000-abc&port=51413";
        let mut fields = AlertFields::default();
        fields.set_infohash_from_url(("url", url));
        assert_eq!(fields.infohash.as_deref(), Some("123456789abcdef123456789abcdef123456789a"));
        let mut fields = AlertFields::default();
        let link = "magnet:?xt=urn:btih:123456789ABCDEF123456789ABCDEF123456789A&dn=x";
        fields.set_infohash_from_url(("url", link));
        assert_eq!(fields.infohash.as_deref(), Some("123456789abcdef123456789abcdef123456789a"));
        for wrong in [
            "magnet:?xt=urn:btih:1234",
            "/announce?info_hash=%12",
            "/announce?info_hash=%zz",
            "/announce?xinfo_hash=%12",
            "/a?info_hash=%",
        ] {
            let mut fields = AlertFields::default();
            fields.set_infohash_from_url(("url", wrong));
            assert_eq!(fields.infohash, None, "{wrong}");
        }
    }

    #[test]
    fn infohashes_are_read_in_hexadecimal_and_base32() {
        let hex = "123456789abcdef123456789abcdef123456789a";
        assert_eq!(infohash(&hex.to_uppercase()), Some(hex.to_owned()));
        let raw = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");
        assert_eq!(infohash(&data_encoding::BASE32.encode(&raw)), Some(hex.to_owned()));
        assert_eq!(infohash(&hex.repeat(2)), None);
    }

    #[test]
    fn users_are_split_from_their_domain() {
        for (text, name, domain, email) in [
            ("alice", Some("alice"), None, None),
            (r"CORP\alice", Some("alice"), Some("CORP"), None),
            (r"CORP\\\\alice", Some("alice"), Some("CORP"), None),
            ("alice@corp.example", Some("alice@corp.example"), None, Some("alice@corp.example")),
            ("N/A", None, None, None),
            (r"CORP\", None, Some("CORP"), None),
        ] {
            let mut fields = AlertFields::default();
            fields.set_user(text);
            let found =
                (fields.user_name.as_deref(), fields.user_domain.as_deref(), fields.user_email.as_deref());
            assert_eq!(found, (name, domain, email), "{text}");
        }
    }

    #[test]
    fn ports_out_of_range_are_left_out_with_a_note() {
        let mut fields = AlertFields::default();
        assert_eq!(fields.port(("spt", "6881")), Some(6881));
        assert_eq!(fields.port(("spt", "0")), Some(0));
        assert!(fields.notes.is_empty());
        assert_eq!(fields.port(("spt", "70000")), None);
        assert_eq!(fields.notes, ["`spt` is `70000`, which is no port from 0 to 65535: left out"]);
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(text(&"é".repeat(2000)).map(|t| t.chars().count()), Some(MAX_TEXT + 1));
    }
}
