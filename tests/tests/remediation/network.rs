//! The network: ports that are dropped, and a host that is cut off and comes back, by itself if need be.

use std::time::{Duration, Instant};

use acceptance::wait_until;
use investigation::remediation::{MeasureStatus, Undo};

use crate::bench::ended;
use crate::scene::{OTHER, PORT, Scene, block, isolate};

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
    assert_eq!(scene.guards(), 1, "one ends it, however often it is ordered");

    ended(&bench.undo(1, Undo::EndIsolation), MeasureStatus::Done, "back");
    assert!(scene.comes_in("tcp", OTHER) && scene.comes_in("udp", PORT) && scene.goes_out("tcp", OTHER, 0));
    assert_eq!(scene.guards(), 0);
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
    wait_until("its end has ended", Duration::from_secs(30), || Ok((scene.guards() == 0).then_some(())))
        .expect("it ends");
    assert_eq!(scene.rules(), "");
    ended(&bench.undo(1, Undo::EndIsolation), MeasureStatus::Gone, "by itself");

    ended(&bench.measure(2, isolate(12, &[])), MeasureStatus::Done, "12 s");
    let begun = Instant::now();
    ended(&bench.measure(2, isolate(300, &[])), MeasureStatus::Already, "300 s");
    std::thread::sleep(Duration::from_secs(16).saturating_sub(begun.elapsed()));
    assert!(!scene.comes_in("tcp", OTHER), "it was made longer");
    assert_eq!(scene.guards(), 1);

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
        crate::contact::kill(contact);
    }
    wait_until("it is back", Duration::from_secs(120), || {
        Ok((scene.rules().is_empty() && scene.guards() == 0).then_some(()))
    })
    .expect("every one that was begun ends by itself");
    assert!(scene.comes_in("tcp", OTHER));
}
