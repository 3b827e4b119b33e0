//! Rows of `/proc/net/{tcp,tcp6,udp,udp6}` (proc(5)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use investigation::evidence::{SocketState, TransportProtocol};
use investigation::scope::fold;

/// One socket, not yet joined to a process.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) transport: TransportProtocol,
    pub(crate) local: SocketAddr,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) state: SocketState,
    /// 0 where no process can hold it, as in TIME_WAIT.
    pub(crate) inode: u64,
    pub(crate) uid: Option<u32>,
}

impl Row {
    /// Reads one line; the table's heading and what is no row give `None`.
    pub(crate) fn parse(line: &str, transport: TransportProtocol, big_endian: bool) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = address(fields.next()?, big_endian)?;
        let remote = address(fields.next()?, big_endian)?;
        let state = u8::from_str_radix(fields.next()?, 16).ok()?;
        let uid = fields.nth(3)?.parse().ok();
        let inode: u64 = fields.nth(1)?.parse().ok()?;
        Some(Self {
            transport,
            local,
            remote: Some(remote).filter(|remote| remote.port() != 0 || !remote.ip().is_unspecified()),
            state: fold_state(state, transport),
            inode,
            // The kernel forgets the owner of a socket that no process holds.
            uid: uid.filter(|_| inode != 0),
        })
    }
}

/// `0100007F:1F90`: 32-bit words as the processor keeps them, the port as a number.
fn address(text: &str, big_endian: bool) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    // What reads numbers would take a sign as well.
    if !text.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
        return None;
    }
    let port = u16::from_str_radix(port, 16).ok().filter(|_| text.len() - address.len() == 5)?;
    let word = |hex: &str| {
        let word = u32::from_str_radix(hex, 16).ok()?;
        Some(if big_endian { word } else { word.swap_bytes() })
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(address)?)),
        32 => {
            let mut bits = 0u128;
            for at in (0..32).step_by(8) {
                bits = bits << 32 | u128::from(word(&address[at..at + 8])?);
            }
            fold(Ipv6Addr::from(bits).into())
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Numbers of `include/net/tcp_states.h`; UDP borrows two of them.
fn fold_state(state: u8, transport: TransportProtocol) -> SocketState {
    match (transport, state) {
        (_, 0x01) => SocketState::Established,
        (TransportProtocol::Udp, 0x07) | (TransportProtocol::Tcp, 0x0a) => SocketState::Listening,
        (TransportProtocol::Tcp, 0x02 | 0x03 | 0x0c) => SocketState::Opening,
        (TransportProtocol::Tcp, 0x04..=0x06 | 0x08 | 0x09 | 0x0b) => SocketState::Closing,
        _ => SocketState::Other,
    }
}
