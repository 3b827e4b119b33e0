//! Where an order comes from, as a Windows endpoint sees it: what an isolation must not cut off.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use investigation::scope::fold;

use super::super::OwnConnection;
use super::super::answer::Answer;
use super::super::posix;

/// What orders may come over: SSH, and WinRM without and with TLS.
pub(crate) const PORTS: [u16; 3] = [22, 5985, 5986];

/// The connection, as far as it is known without asking: the ports that it may come over, and the one that it does.
pub(crate) fn unasked(contacted: Option<SocketAddr>) -> OwnConnection {
    let mut ports = PORTS.to_vec();
    ports.extend(contacted.map(|address| address.port()).filter(|port| !PORTS.contains(port)));
    OwnConnection { ports, remote: true, ..OwnConnection::default() }
}

/// Completes it with what the endpoint says. Over SSH that knows where the order comes from. For WinRM (`contacted`) it can
/// only list who is connected, and with several it has to be the address that this machine itself goes there from (`ours`).
///
/// # Errors
/// Why it is not known, a line.
pub(crate) fn asked(
    answer: &Answer,
    contacted: Option<SocketAddr>,
    ours: Option<IpAddr>,
) -> Result<OwnConnection, String> {
    let mut own = unasked(contacted);
    if contacted.is_none() {
        let said = posix::own_connection(&answer.text("ssh").unwrap_or_default());
        own.peer = said.peer;
        own.ports.extend(said.ports);
        return match own.peer {
            Some(_) => Ok(own),
            None => Err(
                "the endpoint does not say where this order comes from: isolated, it could not be reached"
                    .into(),
            ),
        };
    }
    let mut peers: Vec<IpAddr> = answer.texts("peer").iter().filter_map(|text| address(text)).collect();
    peers.sort_unstable();
    peers.dedup();
    own.peer = match peers.as_slice() {
        [] => return Err("the endpoint knows of no connection that this order comes over: isolated, it could not be reached".into()),
        [one] => Some(*one),
        _ => ours.filter(|ours| peers.contains(ours)),
    };
    match own.peer {
        Some(_) => Ok(own),
        None => Err(format!(
            "{} addresses are connected to the endpoint's WinRM, and none is this machine's own: which one stays reachable is not known",
            peers.len()
        )),
    }
}

/// A link-local address names its interface.
fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next().and_then(|text| text.parse().ok()).map(fold)
}

/// The address that this machine would contact another one from. Nothing is sent.
pub(crate) fn ours(contacted: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if contacted.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Only looks up the route.
    socket.connect(contacted).ok()?;
    Some(fold(socket.local_addr().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(told: &[(&str, &str)]) -> Answer {
        let rows: String = told
            .iter()
            .map(|(name, value)| {
                serde_json::json!({ "k": "told", "name": name, "value": value }).to_string() + "\n"
            })
            .collect();
        let text = format!("PEERHOUND-1\n{rows}{{\"k\":\"answer\",\"status\":\"done\"}}\nPEERHOUND-END\n");
        Answer::read_rows(&mut text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn the_only_one_who_is_connected_is_us() {
        let contacted = Some("192.0.2.7:5985".parse().unwrap());
        let peer = |told: &[(&str, &str)], ours: Option<&str>| {
            asked(&answer(told), contacted, ours.map(|ours| ours.parse().unwrap()))
                .map(|own| own.peer.unwrap().to_string())
        };
        assert_eq!(
            peer(&[("peer1", "10.0.0.5"), ("peer2", "::ffff:10.0.0.5")], None).as_deref(),
            Ok("10.0.0.5")
        );
        assert_eq!(peer(&[("peer1", "fe80::5%7")], None).as_deref(), Ok("fe80::5"));
        // Behind address translation it is another one than ours.
        assert_eq!(peer(&[("peer1", "10.0.0.5")], Some("192.0.2.1")).as_deref(), Ok("10.0.0.5"));
        let two = [("peer1", "10.0.0.5"), ("peer2", "10.0.0.66")];
        assert_eq!(peer(&two, Some("10.0.0.66")).as_deref(), Ok("10.0.0.66"));
        for ours in [None, Some("192.0.2.1")] {
            assert!(peer(&two, ours).unwrap_err().contains("2 addresses"), "{ours:?}");
        }
        for nobody in [&[][..], &[("peer1", "$(whoami)")], &[("ssh", "10.0.0.5 1 10.0.0.6 22")]] {
            assert!(peer(nobody, Some("10.0.0.5")).is_err(), "{nobody:?}");
        }
    }

    #[test]
    fn over_ssh_the_endpoint_knows_and_its_other_guests_do_not_matter() {
        let told = [("ssh", "10.0.0.5 50022 10.0.0.6 2222"), ("peer1", "10.0.0.66")];
        let own = asked(&answer(&told), None, None).unwrap();
        assert_eq!(own.peer, "10.0.0.5".parse().ok());
        assert!(own.ports.contains(&2222) && own.ports.contains(&5985));
        assert!(asked(&answer(&[("peer1", "10.0.0.66")]), None, None).is_err());
    }

    #[test]
    fn our_own_address_and_port_need_no_answer() {
        assert_eq!(ours("127.0.0.9:5985".parse().unwrap()), Some([127, 0, 0, 1].into()));
        assert_eq!(unasked(Some("127.0.0.9:5985".parse().unwrap())).ports, PORTS);
        assert_eq!(unasked(Some("127.0.0.9:15985".parse().unwrap())).ports, [22, 5985, 5986, 15985]);
    }
}
