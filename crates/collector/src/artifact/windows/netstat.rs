//! `netstat -ano` and `netstat -anob`: rows are told by their protocol and the shape of their columns. Headers, states
//! and the sentences between rows are in the language of the endpoint.

use std::net::{IpAddr, Ipv4Addr};

use investigation::evidence::{Socket, SocketState, TransportProtocol};

/// What one line is.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A socket.
    Socket {
        /// The row, without what only other tables know.
        socket: Socket,
        /// Its state is a word of a language that is not known here.
        unknown_state: bool,
    },
    /// A row whose own address is a name: it was not asked with `-n`.
    Named,
    /// The program that holds the socket above (`-b`).
    Module(String),
    /// Anything else.
    Other,
}

/// Reads one line.
pub(super) fn line(text: &str) -> Line {
    let words: Vec<&str> = text.split_whitespace().collect();
    let transport = match words.first().map(|word| word.to_ascii_uppercase()).as_deref() {
        Some("TCP" | "TCPV6") => TransportProtocol::Tcp,
        Some("UDP" | "UDPV6") => TransportProtocol::Udp,
        _ => return module(text),
    };
    let [_, local, remote, rest @ ..] = words.as_slice() else { return Line::Other };
    let (Some((host, port)), Some((peer, peer_port))) = (local.rsplit_once(':'), remote.rsplit_once(':'))
    else {
        return Line::Other;
    };
    let Some(local_ip) = address(host) else {
        return if port.parse::<u16>().is_ok() && !host.is_empty() { Line::Named } else { Line::Other };
    };
    let Ok(local_port) = port.parse() else { return Line::Other };
    // The PID is the last word, and a state is none of digits only.
    let (pid, state) = match rest.split_last() {
        Some((last, state)) if last.bytes().all(|b| b.is_ascii_digit()) => {
            (last.parse::<u32>().ok(), state.join(" "))
        }
        _ => (None, rest.join(" ")),
    };
    let peer_port = peer_port.parse::<u16>().ok();
    let peer_ip = address(peer);
    // A socket without a peer has port 0 there, or `*:*`.
    let alone = peer == "*"
        || (peer_port == Some(0) && (peer_ip.is_none() || peer_ip.is_some_and(|ip| ip.is_unspecified())));
    let known = if transport == TransportProtocol::Udp || alone {
        Some(SocketState::Listening)
    } else {
        // A socket that waits to be forgotten belongs to nobody any more.
        state_of(&state).or((pid == Some(0)).then_some(SocketState::Closing))
    };
    let socket = Socket {
        transport,
        local_ip,
        local_port,
        remote_ip: peer_ip.filter(|_| !alone),
        remote_port: peer_port.filter(|_| !alone),
        state: if transport == TransportProtocol::Tcp
            && alone
            && state_of(&state).is_some_and(|s| s != SocketState::Listening)
        {
            SocketState::Other
        } else {
            known.unwrap_or(SocketState::Other)
        },
        pid: pid.filter(|&pid| pid != 0),
        process: None,
        path: None,
        user: None,
    };
    Line::Socket { socket, unknown_state: known.is_none() }
}

/// `[svchost.exe]`. Lines without brackets are the name of a service, or say that the owner is not known.
fn module(text: &str) -> Line {
    match text.trim().strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(name) if !name.is_empty() && !name.contains(['[', ']']) => {
            Line::Module(super::named(name.to_owned()))
        }
        _ => Line::Other,
    }
}

/// An address, without brackets and the number of its interface. IPv4-mapped IPv6 is folded.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches(['[', ']']);
    let text = text.split('%').next().unwrap_or(text);
    if text == "*" {
        return Some(Ipv4Addr::UNSPECIFIED.into());
    }
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// States as netstat and `Get-NetTCPConnection` spell them, and as German, French, Polish and Russian systems are known
/// to. Most languages leave them in English.
pub(super) fn state_of(word: &str) -> Option<SocketState> {
    let word = word.to_lowercase().replace(['_', '-', ' '], "");
    Some(match word.as_str() {
        "listening" | "listen" | "abhören" | "écoute" | "nasłuchiwanie" => SocketState::Listening,
        "established" | "estab" | "hergestellt" | "établie" | "ustanowiono" | "установлено" => {
            SocketState::Established
        }
        "synsent" | "synreceived" | "synrcvd" | "syngesendet" | "synempfangen" => SocketState::Opening,
        "timewait"
        | "closewait"
        | "finwait1"
        | "finwait2"
        | "lastack"
        | "closing"
        | "closed"
        | "deletetcb"
        | "wartend"
        | "schliessenwarten"
        | "schließenwarten"
        | "finwarten1"
        | "finwarten2"
        | "letzteack"
        | "attente"
        | "czasoczekiwania"
        | "oczekiwaniezamknięcia" => SocketState::Closing,
        "bound" => SocketState::Other,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn socket(text: &str) -> Socket {
        match line(text) {
            Line::Socket { socket, .. } => socket,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn rows_of_every_shape() {
        let s = socket("  TCP    10.0.0.5:50123     203.0.113.7:6881       ESTABLISHED     4242");
        assert_eq!((s.local_ip.to_string().as_str(), s.local_port), ("10.0.0.5", 50123));
        assert_eq!((s.remote_ip.unwrap().to_string().as_str(), s.remote_port), ("203.0.113.7", Some(6881)));
        assert_eq!((s.state, s.pid), (SocketState::Established, Some(4242)));

        let s = socket("  TCP    [fe80::1%12]:139   [::]:0   ABH\u{d6}REN   4");
        assert_eq!(
            (s.state, s.pid, s.remote_ip, s.remote_port),
            (SocketState::Listening, Some(4), None, None)
        );
        let s = socket("  UDP    [::1]:1900             *:*");
        assert_eq!((s.transport, s.state, s.pid), (TransportProtocol::Udp, SocketState::Listening, None));
        let s = socket("  UDP    0.0.0.0:51413          *:*                                    4242");
        assert_eq!((s.local_port, s.pid), (51413, Some(4242)));
        let s = socket("  TCP    [::ffff:10.0.0.5]:1    [::ffff:10.0.0.6]:2   TIME_WAIT   0");
        assert_eq!((s.local_ip.is_ipv4(), s.state, s.pid), (true, SocketState::Closing, None));
    }

    #[test]
    fn unknown_words_are_no_reason_to_lose_a_row() {
        for (text, state, unknown) in [
            ("TCP 10.0.0.5:1 10.0.0.6:2 NÉCO JINÉHO 7", SocketState::Other, true),
            ("TCP 10.0.0.5:1 0.0.0.0:0 NÉCO 7", SocketState::Listening, false),
            ("TCP 10.0.0.5:1 10.0.0.6:2 NÉCO 0", SocketState::Closing, false),
            ("TCP 10.0.0.5:1 10.0.0.6:2", SocketState::Other, true),
        ] {
            let Line::Socket { socket, unknown_state } = line(text) else { panic!("{text}") };
            assert_eq!((socket.state, unknown_state), (state, unknown), "{text}");
        }
    }

    #[test]
    fn names_in_place_of_numbers() {
        let s = socket("  TCP    10.0.2.15:54628        a172-226-117-113:https  ESTABLISHED");
        assert_eq!((s.remote_ip, s.remote_port, s.state), (None, None, SocketState::Established));
        let s = socket("  TCP    0.0.0.0:135            DESKTOP-9JPISDO:0      LISTENING");
        assert_eq!((s.state, s.remote_port), (SocketState::Listening, None));
        assert_eq!(line("  TCP    desktop:135            x:0      LISTENING"), Line::Named);
    }

    #[test]
    fn what_is_no_row() {
        assert_eq!(line(" [svchost.exe]"), Line::Module("svchost.exe".into()));
        for text in [
            "",
            "  RpcSs",
            " Can not obtain ownership information",
            "  Proto  Lokale Adresse  Remoteadresse",
            "TCP",
            "TCP a b",
            "[]",
            "x [a]",
        ] {
            assert_eq!(line(text), Line::Other, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            line(&text);
            line(&format!("TCP {text}"));
        }
    }
}
