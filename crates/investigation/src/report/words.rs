//! Numbers, sizes, times and addresses as people read them.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::html::Html;
use crate::evidence::{SocketState, TransportProtocol};

/// A time in UTC to the second.
pub(super) fn instant(page: &mut Html, at: Timestamp) {
    let civil = Offset::UTC.to_datetime(at);
    let text = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    );
    page.say("time", &[("datetime", &at.to_string())], &text);
}

/// A number with its thousands apart, as in `20 000`, where the space does not break.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}

/// Bytes, as in `1.4 GiB`.
pub(super) fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if value < 1024 {
        return format!("{value}\u{a0}B");
    }
    let exponent = (value.ilog2() / 10) as usize;
    let tenths = u128::from(value) * 10 / (1_u128 << (10 * exponent));
    format!("{}.{}\u{a0}{}", tenths / 10, tenths % 10, UNITS[exponent - 1])
}

/// `1 socket`, `2 sockets`.
pub(super) fn count(value: usize, one: &str, many: &str) -> String {
    if value == 1 { format!("1 {one}") } else { format!("{} {many}", number(value as u64)) }
}

/// `10.0.0.5:51413` or `[2001:db8::1]:80`.
pub(super) fn end(ip: IpAddr, port: Option<u16>) -> String {
    match (ip, port) {
        (ip, None) => ip.to_string(),
        (IpAddr::V4(ip), Some(port)) => format!("{ip}:{port}"),
        (IpAddr::V6(ip), Some(port)) => format!("[{ip}]:{port}"),
    }
}

pub(super) fn transport(transport: TransportProtocol) -> &'static str {
    match transport {
        TransportProtocol::Tcp => "tcp",
        TransportProtocol::Udp => "udp",
    }
}

pub(super) fn state(state: SocketState) -> &'static str {
    match state {
        SocketState::Listening => "listening",
        SocketState::Established => "established",
        SocketState::Opening => "opening",
        SocketState::Closing => "closing",
        SocketState::Other => "other",
    }
}

/// The last part of a path of either kind of system.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes_read_well() {
        let plain = |text: String| text.replace('\u{a0}', " ");
        assert_eq!(plain(number(0)), "0");
        assert_eq!(plain(number(9_999)), "9999");
        assert_eq!(plain(number(12_345_678)), "12 345 678");
        assert_eq!(plain(bytes(0)), "0 B");
        assert_eq!(plain(bytes(1023)), "1023 B");
        assert_eq!(plain(bytes(1536)), "1.5 KiB");
        assert_eq!(plain(bytes(u64::MAX)), "15.9 EiB");
        assert_eq!(file_name("C:\\Users\\a\\b.torrent"), "b.torrent");
        assert_eq!(file_name("/home/a/"), "a");
    }
}
