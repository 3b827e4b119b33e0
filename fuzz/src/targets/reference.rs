//! Second readings, written from the formats' own descriptions and sharing no code with the project: what both must
//! agree on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether a network holds an address, bit by bit.
pub(super) fn holds(network: &IpNet, ip: IpAddr) -> bool {
    let (base, ip, width) = match (network.addr(), ip) {
        (IpAddr::V4(base), IpAddr::V4(ip)) => (u128::from(base.to_bits()), u128::from(ip.to_bits()), 32),
        (IpAddr::V6(base), IpAddr::V6(ip)) => (base.to_bits(), ip.to_bits(), 128),
        _ => return false,
    };
    let host_bits = width - u32::from(network.prefix_len());
    let network_of = |bits: u128| bits.checked_shr(host_bits).unwrap_or(0);
    network_of(base) == network_of(ip)
}

/// What is never a machine of anybody's own: metadata services, link-local, multicast, unspecified, broadcast.
pub(super) fn never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip == Ipv4Addr::new(169, 254, 169, 254)
                || (a, b) == (169, 254)
                || (224..240).contains(&a)
                || a == 0
                || ip == Ipv4Addr::BROADCAST
        }
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            ip == Ipv6Addr::UNSPECIFIED || first & 0xff00 == 0xff00 || first & 0xffc0 == 0xfe80
        }
    }
}

/// Where one bencoded value ends, where the value of `info` lies in it if it is a dictionary, and whether it is
/// spelled as BEP 3 demands. `None` for what is no bencode or nested deeper than `depth`.
pub(super) struct Bencoded {
    pub(super) end: usize,
    pub(super) info: Option<(usize, usize)>,
    pub(super) canonical: bool,
}

/// Reads one value. Recursion is bounded by `depth`.
pub(super) fn bencode(input: &[u8], depth: usize) -> Option<Bencoded> {
    let mut info = None;
    let mut canonical = true;
    let end = value(input, 0, depth, &mut canonical, &mut |key, start, end| {
        if key == b"info" && info.is_none() {
            info = Some((start, end));
        }
    })?;
    Some(Bencoded { end, info, canonical })
}

fn value(
    input: &[u8],
    at: usize,
    depth: usize,
    canonical: &mut bool,
    member: &mut dyn FnMut(&[u8], usize, usize),
) -> Option<usize> {
    match input.get(at)? {
        b'i' => {
            let length = input[at..].iter().position(|&b| b == b'e')?;
            let text = std::str::from_utf8(&input[at + 1..at + length]).ok()?;
            let digits = text.strip_prefix('-').unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            *canonical &= text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
            Some(at + length + 1)
        }
        b'0'..=b'9' => string(input, at, canonical).map(|(_, end)| end),
        b'l' => {
            let mut at = at + 1;
            while *input.get(at)? != b'e' {
                at = value(input, at, depth.checked_sub(1)?, canonical, &mut |_, _, _| {})?;
            }
            depth.checked_sub(1)?;
            Some(at + 1)
        }
        b'd' => {
            let mut at = at + 1;
            let mut last: Option<&[u8]> = None;
            depth.checked_sub(1)?;
            while *input.get(at)? != b'e' {
                if !input[at].is_ascii_digit() {
                    return None;
                }
                let (key, start) = string(input, at, canonical)?;
                *canonical &= last.is_none_or(|last| last < key);
                last = Some(key);
                at = value(input, start, depth - 1, canonical, &mut |_, _, _| {})?;
                member(key, start, at);
            }
            Some(at + 1)
        }
        _ => None,
    }
}

fn string<'a>(input: &'a [u8], at: usize, canonical: &mut bool) -> Option<(&'a [u8], usize)> {
    let digits = input[at..].iter().position(|&b| b == b':')?;
    let text = std::str::from_utf8(&input[at..at + digits]).ok()?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let length: usize = text.parse().ok()?;
    *canonical &= length.to_string() == text;
    let start = at + digits + 1;
    Some((input.get(start..start.checked_add(length)?)?, start + length))
}

/// Address and port as `/proc/net/tcp` spells them on a machine with the lowest byte first.
pub(super) fn proc_net_address(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let bytes = data_encoding::HEXUPPER_PERMISSIVE.decode(address.as_bytes()).ok()?;
    let port = data_encoding::HEXUPPER_PERMISSIVE.decode(port.as_bytes()).ok()?;
    let port = u16::from_be_bytes(port.try_into().ok()?);
    let mut bytes = bytes;
    bytes.chunks_mut(4).for_each(<[u8]>::reverse);
    let ip = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => {
            let ip = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
            ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
        }
        _ => return None,
    };
    Some((ip, port))
}
