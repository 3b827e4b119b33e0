//! IPv6: what is dropped is dropped there as well, and who ordered it over IPv6 still gets through.

use std::time::Duration;

use investigation::remediation::{MeasureStatus, Undo};

use crate::bench::ended;
use crate::scene::{OTHER, PORT, Scene, block, isolate};

#[test]
fn blocked_ports_are_silent_over_ipv6_too() {
    let Some(mut scene) = Scene::set(&["ping"]) else { return };
    scene.go_on_over_ipv6();
    let bench = &scene.bench;
    ended(&bench.measure(1, block(&[22])), MeasureStatus::Refused, "port 22");
    ended(&bench.measure(1, block(&[PORT])), MeasureStatus::Done, "drops them");
    assert!(!scene.comes_in("tcp", PORT) && !scene.comes_in("udp", PORT));
    assert!(scene.comes_in("tcp", OTHER) && scene.goes_out("tcp", PORT, 0) && scene.is_pinged());
    assert!(
        !scene.goes_out("udp", PORT, PORT + 1) || scene.goes_out("tcp", OTHER, 0),
        "others are let through"
    );
    ended(&bench.undo(1, Undo::UnblockTraffic), MeasureStatus::Done, "taken away");
    scene.assert_open("after it was taken back");
}

#[test]
fn without_nft_ip6tables_blocks_over_ipv6() {
    let Some(mut scene) = Scene::set(&["ip6tables"]) else { return };
    scene.go_on_over_ipv6();
    let bench = &scene.bench;
    bench.sh("mount --bind /dev/null /usr/sbin/nft");
    ended(&bench.measure(1, block(&[PORT])), MeasureStatus::Done, "iptables");
    assert!(!scene.comes_in("tcp", PORT) && !scene.comes_in("udp", PORT) && scene.comes_in("tcp", OTHER));
    ended(&bench.undo(1, Undo::UnblockTraffic), MeasureStatus::Done, "taken away");
    scene.assert_open("after it was taken back");
}

#[test]
fn a_host_that_was_isolated_over_ipv6_is_still_found_by_who_ordered_it() {
    let Some(mut scene) = Scene::set(&["ping", "ip"]) else { return };
    scene.go_on_over_ipv6();
    let bench = &scene.bench;
    // As many switches do: who does not say that it wants multicast, and solicitations are that, gets none.
    bench.network.listen_to_multicast().expect("a bridge that listens");
    assert!(scene.is_pinged());
    let outcome = bench.measure(1, isolate(600, &[]));
    ended(&outcome, MeasureStatus::Done, "600 s");
    assert!(!scene.is_pinged(), "an echo request of others");
    assert!(
        !scene.comes_in("tcp", OTHER) && !scene.comes_in("udp", PORT) && !scene.goes_out("tcp", OTHER, 0)
    );
    // By its other addresses, and over IPv4: who ordered it came over IPv6.
    let four = bench.endpoint.address().to_string();
    let soc = |argv: &[&str]| bench.network.on_soc(argv).expect("it runs").code == Some(0);
    assert!(!soc(&["ping", "-c", "1", "-W", "2", &four]));
    // Both sides forget where the other one is, and the switch whom it has not heard.
    std::thread::sleep(Duration::from_secs(5));
    bench.sh("ip -6 neighbour flush dev eth0");
    assert!(soc(&["ip", "-6", "neighbour", "flush", "dev", "eth0"]));
    ended(&bench.measure(1, isolate(300, &[])), MeasureStatus::Already, "300 s");
    assert_eq!(scene.guards(), 1);

    // A network to keep, of IPv6.
    let peer = format!("{}/128", bench.network.address6(acceptance::PEER));
    ended(&bench.measure(1, isolate(300, &[&peer])), MeasureStatus::Already, "300 s");
    assert!(scene.is_pinged() && scene.comes_in("tcp", OTHER) && scene.goes_out("tcp", OTHER, 0));
    ended(&bench.undo(1, outcome.undo.expect("an undo")), MeasureStatus::Done, "back");
    scene.assert_open("after it was taken back");
    assert_eq!(scene.rules(), "");
}
