//! One end of a flow, as ASA writes it: `inside:10.20.1.17/51413 (198.51.100.1/2000)(CORP\alice)`.

use crate::scope::parse_address;

/// Most pairs of parentheses behind an address that are looked into.
const MAX_PARENTHESES: usize = 4;

/// One end of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct End<'a> {
    /// Its address, or the name that the device has for it.
    pub(super) host: &'a str,
    pub(super) port: Option<&'a str>,
    /// What the address is translated to.
    pub(super) mapped: Option<&'a str>,
    pub(super) mapped_port: Option<&'a str>,
    /// Who is logged in there.
    pub(super) user: Option<&'a str>,
}

/// The end at the start of `text`; `None` where there is none. Behind it only what stands in parentheses is looked at.
pub(super) fn read(text: &str) -> Option<End<'_>> {
    let text = text.trim_start();
    let length = text.find(|c: char| c.is_whitespace() || "(),<>".contains(c)).unwrap_or(text.len());
    let (word, mut behind) = (text[..length].trim_end_matches(['.', ';']), &text[length..]);
    let (host, port) = host_and_port(word)?;
    let mut end = End { host, port, ..End::default() };
    for _ in 0..MAX_PARENTHESES {
        let Some((inside, rest)) = in_parentheses(behind) else { break };
        behind = rest;
        let inside = inside.trim();
        match inside.rsplit_once('/').filter(|(address, _)| parse_address(address).is_some()) {
            _ if end.port.is_none() && is_number(inside) => end.port = Some(inside),
            Some((mapped, port)) if mapped != host => {
                (end.mapped, end.mapped_port) = (Some(mapped), Some(port).filter(|port| is_number(port)));
            }
            Some(_) => {}
            None if end.user.is_none() && inside.contains('\\') => end.user = Some(inside),
            None => {}
        }
    }
    Some(end)
}

/// `interface:address/port`, `interface/address`, `address/port`, `address:port`, `address`; a name in place of the
/// address only behind an interface.
fn host_and_port(word: &str) -> Option<(&str, Option<&str>)> {
    if parse_address(word).is_some() {
        return Some((word, None));
    }
    match word.rsplit_once('/') {
        Some((_, address)) if parse_address(address).is_some() => Some((address, None)),
        Some((host, port)) => {
            let host = without_interface(host)?;
            Some((host, Some(port).filter(|port| is_number(port))))
        }
        None => {
            if let Some(host) = without_interface(word).filter(|host| parse_address(host).is_some()) {
                return Some((host, None));
            }
            let (host, port) = word.rsplit_once(':').filter(|(_, port)| is_number(port))?;
            parse_address(host).map(|_| (host, Some(port)))
        }
    }
}

fn without_interface(host: &str) -> Option<&str> {
    if parse_address(host).is_some() {
        return Some(host);
    }
    host.split_once(':').map(|(_, behind)| behind).filter(|behind| !behind.is_empty())
}

fn in_parentheses(text: &str) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix('(')?.split_once(')')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_in_every_spelling() {
        let of = |host, port, mapped, mapped_port, user| Some(End { host, port, mapped, mapped_port, user });
        for (text, end) in [
            ("10.20.1.17 to x", of("10.20.1.17", None, None, None, None)),
            ("10.20.1.17/51413 to x", of("10.20.1.17", Some("51413"), None, None, None)),
            ("in/10.20.1.17(51413) -> x", of("10.20.1.17", Some("51413"), None, None, None)),
            ("in:fd12::1/80 (fd12::1/80)", of("fd12::1", Some("80"), None, None, None)),
            (
                r"in:10.20.1.17/80 (192.0.2.1/99) (CORP\alice) to",
                of("10.20.1.17", Some("80"), Some("192.0.2.1"), Some("99"), Some(r"CORP\alice")),
            ),
            ("in:server/http by", of("server", None, None, None, None)),
            ("192.0.2.1:500 Remote", of("192.0.2.1", Some("500"), None, None, None)),
            ("out:192.0.2.1.", of("192.0.2.1", None, None, None, None)),
            ("nothing here", None),
            ("", None),
            ("(", None),
        ] {
            assert_eq!(read(text), end, "{text}");
        }
    }
}
