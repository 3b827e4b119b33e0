//! The network: ports that are dropped, and a host that is cut off and comes back, by itself if need be.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use acceptance::{Host, PEER, wait_until};
use investigation::remediation::{Measure, MeasureStatus, Undo};

use crate::bench::{Bench, ended};

/// The port of the client's that is blocked.
const PORT: u16 = 51413;
/// A port that has nothing to do with it.
const OTHER: u16 = 8080;
/// One that listens on two TCP ports and one UDP port, and says something to whoever comes.
const LISTEN: &str = "
import select, socket, sys
tcp = []
for port in map(int, sys.argv[1:]):
    s = socket.create_server(('0.0.0.0', port))
    tcp.append(s)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('0.0.0.0', int(sys.argv[1])))
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
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if how == 'tcp' else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.settimeout(2)
if own: s.bind(('0.0.0.0', own))
try:
    s.connect((address, port))
    if how == 'udp': s.send(b'x')
    sys.exit(0 if s.recv(5) == b'hello' else 3)
except (TimeoutError, OSError) as error:
    print(error)
    sys.exit(1)
";

struct Scene {
    peer: Host,
    bench: Bench,
}

impl Scene {
    fn set(more: &[&str]) -> Option<Self> {
        let mut tools = vec!["nft", "python3"];
        tools.extend(more);
        let mut bench = Bench::start(&tools)?;
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
        let scene = Self { peer, bench };
        for (how, port) in [("tcp", PORT), ("udp", PORT), ("tcp", OTHER)] {
            assert!(
                scene.comes_in(how, port) && scene.goes_out(how, port, 0),
                "{how} {port} before anything is done"
            );
        }
        Some(scene)
    }

    /// Whether the peer reaches the endpoint.
    fn comes_in(&self, how: &str, port: u16) -> bool {
        reaches(&self.peer, how, self.bench.endpoint.address(), port, 0)
    }

    /// Whether the endpoint reaches the peer, from a local port.
    fn goes_out(&self, how: &str, port: u16, own: u16) -> bool {
        reaches(self.bench.endpoint.host(), how, self.peer.address(), port, own)
    }

    /// What the packet filter of the endpoint holds.
    fn rules(&self) -> String {
        self.bench.sh("nft list ruleset")
    }
}

fn reaches(from: &Host, how: &str, to: Ipv4Addr, port: u16, own: u16) -> bool {
    let (to, port, own) = (to.to_string(), port.to_string(), own.to_string());
    let said = from.try_run(&["/usr/bin/python3", "/srv/come.py", how, &to, &port, &own]).expect("it runs");
    assert!(matches!(said.code, Some(0 | 1)), "{}", said.told());
    said.code == Some(0)
}

fn block(ports: &[u16]) -> Measure {
    Measure::BlockTraffic { image: None, ports: ports.to_vec() }
}

fn isolate(seconds: u64, keep: &[&str]) -> Measure {
    let keep = keep.iter().map(|network| network.parse().expect("a network")).collect();
    Measure::Isolate { seconds, keep, keep_hosts: Vec::new() }
}

#[test]
fn blocked_ports_are_silent_until_they_are_free_again() {
    let Some(scene) = Scene::set(&[]) else { return };
    let bench = &scene.bench;
    ended(&bench.measure(1, block(&[PORT, 22])), MeasureStatus::Refused, "port 22");
    assert_eq!(scene.rules(), "");
    // Rules of somebody else's, which stay.
    bench.sh("nft add table inet other; nft add chain inet other c; nft add rule inet other c counter");
    let others = scene.rules();

    let outcome = bench.measure(2, block(&[PORT]));
    ended(&outcome, MeasureStatus::Done, "peerhound_ph_20261130_bench_2");
    assert!(!scene.comes_in("tcp", PORT) && !scene.comes_in("udp", PORT));
    assert!(!scene.goes_out("udp", OTHER, 0) || scene.goes_out("tcp", OTHER, 0), "others are let through");
    assert!(scene.comes_in("tcp", OTHER) && scene.goes_out("tcp", PORT, 0));
    assert!(!scene.goes_out("tcp", OTHER, 51_413) || !scene.bench.sh("ss -ltn").contains(":51413"));
    ended(&bench.measure(2, block(&[PORT])), MeasureStatus::Already, "anew");
    let undo = outcome.undo.expect("an undo");
    ended(&bench.undo(2, undo.clone()), MeasureStatus::Done, "taken away");
    assert!(scene.comes_in("tcp", PORT) && scene.comes_in("udp", PORT));
    assert_eq!(scene.rules(), others);
    ended(&bench.undo(2, undo.clone()), MeasureStatus::Already, "before");

    // A restart takes rules away.
    ended(&bench.measure(3, block(&[PORT])), MeasureStatus::Done, "");
    bench.sh("nft delete table inet peerhound_ph_20261130_bench_3");
    ended(&bench.undo(3, undo), MeasureStatus::Gone, "restart");
}

#[test]
fn without_nft_iptables_blocks_and_nothing_is_isolated() {
    let Some(scene) = Scene::set(&["iptables"]) else { return };
    let bench = &scene.bench;
    bench.sh("mount --bind /dev/null /usr/sbin/nft");
    let outcome = bench.measure(1, block(&[PORT]));
    ended(&outcome, MeasureStatus::Done, "iptables");
    assert!(!scene.comes_in("tcp", PORT) && !scene.comes_in("udp", PORT) && scene.comes_in("tcp", OTHER));
    ended(&bench.measure(1, block(&[PORT])), MeasureStatus::Already, "anew");
    assert!(!scene.comes_in("tcp", PORT));
    ended(&bench.measure(2, isolate(60, &[])), MeasureStatus::Refused, "no nft");
    ended(&bench.undo(1, outcome.undo.expect("an undo")), MeasureStatus::Done, "taken away");
    assert!(scene.comes_in("tcp", PORT) && scene.comes_in("udp", PORT));
    assert!(!bench.sh("iptables -S; ip6tables -S").contains("PH-"));
}

#[test]
fn an_isolated_host_is_reached_by_who_ordered_it_alone() {
    let Some(scene) = Scene::set(&[]) else { return };
    let bench = &scene.bench;
    let outcome = bench.measure(1, isolate(600, &[]));
    ended(&outcome, MeasureStatus::Done, "600 s");
    assert!(
        !scene.comes_in("tcp", OTHER) && !scene.comes_in("udp", PORT) && !scene.goes_out("tcp", OTHER, 0)
    );
    assert!(
        bench.try_sh("/usr/bin/python3 /srv/come.py tcp 127.0.0.1 8080 0").code == Some(0),
        "loopback stays"
    );
    // The collector still comes, and its order can be given again with another network to keep.
    let peer = format!("{}/32", scene.peer.address());
    ended(&bench.measure(1, isolate(600, &[&peer])), MeasureStatus::Already, "from now on");
    assert!(scene.comes_in("tcp", OTHER) && scene.goes_out("tcp", OTHER, 0));
    ended(&bench.measure(1, isolate(600, &[])), MeasureStatus::Already, "from now on");
    assert!(!scene.comes_in("tcp", OTHER));
    assert_eq!(guards(bench), 1, "one ends it, however often it is ordered");

    ended(&bench.undo(1, Undo::EndIsolation), MeasureStatus::Done, "back");
    assert!(scene.comes_in("tcp", OTHER) && scene.comes_in("udp", PORT) && scene.goes_out("tcp", OTHER, 0));
    assert_eq!(guards(bench), 0);
    assert_eq!(scene.rules(), "");
    ended(&bench.undo(1, Undo::EndIsolation), MeasureStatus::Already, "before");
}

#[test]
fn an_isolation_ends_by_itself_and_later_if_it_is_ordered_again() {
    let Some(scene) = Scene::set(&[]) else { return };
    let bench = &scene.bench;
    ended(&bench.measure(1, isolate(10, &[])), MeasureStatus::Done, "10 s");
    let begun = Instant::now();
    assert!(!scene.comes_in("tcp", OTHER));
    // Nobody comes back. The session that began it has ended.
    wait_until("it is back", Duration::from_secs(120), || Ok(scene.comes_in("tcp", OTHER).then_some(())))
        .expect("it comes back by itself");
    assert!(begun.elapsed() > Duration::from_secs(5), "not before its time: {:?}", begun.elapsed());
    println!("back after {:?}", begun.elapsed());
    wait_until("its end has ended", Duration::from_secs(30), || Ok((guards(bench) == 0).then_some(())))
        .expect("it ends");
    assert_eq!(scene.rules(), "");
    ended(&bench.undo(1, Undo::EndIsolation), MeasureStatus::Gone, "by itself");

    ended(&bench.measure(2, isolate(12, &[])), MeasureStatus::Done, "12 s");
    let begun = Instant::now();
    ended(&bench.measure(2, isolate(300, &[])), MeasureStatus::Already, "300 s");
    std::thread::sleep(Duration::from_secs(16).saturating_sub(begun.elapsed()));
    assert!(!scene.comes_in("tcp", OTHER), "it was made longer");
    assert_eq!(guards(bench), 1);

    // Somebody killed what ends it: the next order sees to another.
    bench.sh("kill -KILL $(cat /var/lib/peerhound/quarantine/ph-20261130-bench/2/pid)");
    ended(&bench.measure(2, isolate(5, &[])), MeasureStatus::Already, "5 s");
    wait_until("it is back", Duration::from_secs(120), || Ok(scene.comes_in("tcp", OTHER).then_some(())))
        .expect("it comes back by itself");
}

#[test]
fn killed_at_any_time_an_isolation_still_ends() {
    let Some(scene) = Scene::set(&[]) else { return };
    let bench = &scene.bench;
    for n in 1..=4_u32 {
        let (contact, _) = bench.begin(bench.measures(vec![(n, isolate(4, &[]))]));
        std::thread::sleep(Duration::from_millis(250 * u64::from(n)));
        crate::bench::kill(contact);
    }
    wait_until("it is back", Duration::from_secs(120), || {
        Ok((scene.rules().is_empty() && guards(bench) == 0).then_some(()))
    })
    .expect("every one that was begun ends by itself");
    assert!(scene.comes_in("tcp", OTHER));
}

/// How many processes see to the end of an isolation.
fn guards(bench: &Bench) -> usize {
    bench.try_sh("pgrep -f '[/]guard peerhound-'").stdout.lines().count()
}
