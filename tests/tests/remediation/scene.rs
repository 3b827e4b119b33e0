//! An endpoint and a peer that talk to each other, over whichever version of the protocol.

use std::net::IpAddr;
use std::time::Duration;

use acceptance::{ENDPOINT, Host, PEER, wait_until};
use investigation::remediation::Measure;

use crate::bench::Bench;

/// The port of the client's that is blocked.
pub(crate) const PORT: u16 = 51413;
/// A port that has nothing to do with it.
pub(crate) const OTHER: u16 = 8080;
/// One that listens on two TCP ports and one UDP port, and says something to whoever comes.
const LISTEN: &str = "
import select, socket, sys
def bound(kind, port):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('::', port))
    return s
tcp = [bound(socket.SOCK_STREAM, int(port)) for port in sys.argv[1:]]
for s in tcp: s.listen()
udp = bound(socket.SOCK_DGRAM, int(sys.argv[1]))
print('ready', flush=True)
while True:
    for s in select.select(tcp + [udp], [], [])[0]:
        if s is udp:
            data, who = s.recvfrom(100)
            s.sendto(b'hello', who)
        else:
            c, _ = s.accept()
            c.sendall(b'hello')
            c.close()
";
/// One that comes, from a port of its own where that is named. Exit code 0: it was answered.
const COME: &str = "
import socket, sys
how, address, port, own = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ':' in address else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM if how == 'tcp' else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.settimeout(2)
if own: s.bind(('', own))
try:
    s.connect((address, port))
    if how == 'udp': s.send(b'x')
    sys.exit(0 if s.recv(5) == b'hello' else 3)
except (TimeoutError, OSError) as error:
    print(error)
    sys.exit(1)
";

/// Both of them.
pub(crate) struct Scene {
    pub(crate) peer: Host,
    pub(crate) bench: Bench,
    here: IpAddr,
    there: IpAddr,
}

impl Scene {
    /// Sets it. `None`, said in one line, where that is not possible.
    pub(crate) fn set(more: &[&str]) -> Option<Self> {
        Self::around(Bench::start(&needing(more))?)
    }

    /// As [`Self::set`], with systemd on the endpoint.
    pub(crate) fn set_with_systemd(more: &[&str]) -> Option<Self> {
        Self::around(Bench::start_with_systemd(&needing(more))?)
    }

    fn around(mut bench: Bench) -> Option<Self> {
        let mut peer = Host::start(&bench.network, "peer", PEER).expect("a peer");
        for host in [bench.endpoint.host_mut(), &mut peer] {
            std::fs::write(host.outside("/srv/listen.py"), LISTEN).expect("a program");
            std::fs::write(host.outside("/srv/come.py"), COME).expect("a program");
            let (one, two) = (PORT.to_string(), OTHER.to_string());
            host.service(&["/usr/bin/python3", "/srv/listen.py", &one, &two], None, "listen.log")
                .expect("a service");
            wait_until("it listens", Duration::from_secs(60), || {
                Ok(host.log("listen.log").contains("ready").then_some(()))
            })
            .expect("it listens");
        }
        let (here, there) = (bench.endpoint.address().into(), peer.address().into());
        let scene = Self { peer, bench, here, there };
        scene.assert_open("before anything is done");
        Some(scene)
    }

    /// Goes on over IPv6: orders come over it, and the two talk over it.
    pub(crate) fn go_on_over_ipv6(&mut self) {
        self.bench.reach_over_ipv6();
        let network = &self.bench.network;
        let address = format!("{}/64", network.address6(PEER));
        self.peer.run(&["ip", "address", "add", &address, "dev", "eth0", "nodad"]).expect("an address");
        (self.here, self.there) = (network.address6(ENDPOINT).into(), network.address6(PEER).into());
        self.assert_open("over IPv6, before anything is done");
    }

    /// Asserts that both reach each other.
    #[track_caller]
    pub(crate) fn assert_open(&self, when: &str) {
        for (how, port) in [("tcp", PORT), ("udp", PORT), ("tcp", OTHER)] {
            assert!(self.comes_in(how, port) && self.goes_out(how, port, 0), "{how} {port} {when}");
        }
    }

    /// Whether the peer reaches the endpoint.
    pub(crate) fn comes_in(&self, how: &str, port: u16) -> bool {
        reaches(&self.peer, how, self.here, port, 0)
    }

    /// Whether the endpoint reaches the peer, from a local port.
    pub(crate) fn goes_out(&self, how: &str, port: u16, own: u16) -> bool {
        reaches(self.bench.endpoint.host(), how, self.there, port, own)
    }

    /// Whether the peer's echo request is answered.
    pub(crate) fn is_pinged(&self) -> bool {
        let here = self.here.to_string();
        self.peer.try_run(&["ping", "-c", "2", "-i", "0.2", "-W", "2", &here]).expect("it runs").code
            == Some(0)
    }

    /// What the packet filter of the endpoint holds.
    pub(crate) fn rules(&self) -> String {
        self.bench.sh("nft list ruleset")
    }

    /// How many processes see to the end of an isolation.
    pub(crate) fn guards(&self) -> usize {
        self.bench.try_sh("pgrep -f '[/]guard peerhound-'").stdout.lines().count()
    }
}

fn needing<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["nft", "python3"].iter().chain(more).copied().collect()
}

fn reaches(from: &Host, how: &str, to: IpAddr, port: u16, own: u16) -> bool {
    let (to, port, own) = (to.to_string(), port.to_string(), own.to_string());
    let said = from.try_run(&["/usr/bin/python3", "/srv/come.py", how, &to, &port, &own]).expect("it runs");
    assert!(matches!(said.code, Some(0 | 1)), "{}", said.told());
    said.code == Some(0)
}

/// The measure that drops the traffic of ports.
pub(crate) fn block(ports: &[u16]) -> Measure {
    Measure::BlockTraffic { image: None, ports: ports.to_vec() }
}

/// The measure that cuts the endpoint off but for some networks.
pub(crate) fn isolate(seconds: u64, keep: &[&str]) -> Measure {
    let keep = keep.iter().map(|network| network.parse().expect("a network")).collect();
    Measure::Isolate { seconds, keep, keep_hosts: Vec::new() }
}
