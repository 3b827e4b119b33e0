//! An isolation where systemd runs: a service of it ends the isolation, whatever happens meanwhile.

use std::time::{Duration, Instant};

use acceptance::wait_until;
use investigation::remediation::{MeasureStatus, Undo};

use crate::bench::ended;
use crate::scene::{OTHER, Scene, isolate};

fn unit(n: u32) -> String {
    format!("peerhound-ph-20261130-bench-{n}.service")
}

fn is_active(scene: &Scene, n: u32) -> bool {
    scene.bench.try_sh(&format!("systemctl is-active {}", unit(n))).stdout.trim() == "active"
}

/// Waits until the peer gets through again and nothing is left; how long that took.
fn until_back(scene: &Scene, n: u32) -> Duration {
    let begun = Instant::now();
    wait_until("it is back", Duration::from_secs(90), || Ok(scene.comes_in("tcp", OTHER).then_some(())))
        .expect("it comes back by itself");
    let took = begun.elapsed();
    wait_until("its end has ended", Duration::from_secs(30), || Ok((scene.guards() == 0).then_some(())))
        .expect("it ends");
    assert_eq!(scene.rules(), "");
    wait_until("its unit is gone", Duration::from_secs(30), || {
        let units = scene.bench.sh(&format!("systemctl list-units --all --plain --no-legend '{}'", unit(n)));
        Ok(units.trim().is_empty().then_some(()))
    })
    .expect("nothing of it is left");
    took
}

#[test]
fn a_unit_of_systemd_ends_an_isolation_and_a_new_order_sets_another_end() {
    let Some(scene) = Scene::set_with_systemd(&[]) else { return };
    let bench = &scene.bench;
    ended(&bench.measure(1, isolate(12, &[])), MeasureStatus::Done, "12 s");
    assert!(is_active(&scene, 1) && !scene.comes_in("tcp", OTHER) && !scene.goes_out("tcp", OTHER, 0));
    assert_eq!(scene.guards(), 1);
    let shown = bench.sh(&format!("systemctl show -p Restart,Transient,KillSignal {}", unit(1)));
    assert!(shown.contains("Restart=always") && shown.contains("Transient=yes"), "{shown}");
    let took = until_back(&scene, 1);
    assert!(took > Duration::from_secs(4), "not before its time: {took:?}");
    println!("back after {took:?}");
    ended(&bench.undo(1, Undo::EndIsolation), MeasureStatus::Gone, "by itself");

    // Later, and then sooner than was said before.
    ended(&bench.measure(2, isolate(8, &[])), MeasureStatus::Done, "8 s");
    let begun = Instant::now();
    ended(&bench.measure(2, isolate(600, &[])), MeasureStatus::Already, "600 s");
    std::thread::sleep(Duration::from_secs(12).saturating_sub(begun.elapsed()));
    assert!(is_active(&scene, 2) && !scene.comes_in("tcp", OTHER), "it was made longer");
    ended(&bench.measure(2, isolate(3, &[])), MeasureStatus::Already, "3 s");
    assert_eq!(scene.guards(), 1, "one ends it, however often it is ordered");
    let took = until_back(&scene, 2);
    assert!(took < Duration::from_secs(45), "a sooner end counts as well: {took:?}");
}

#[test]
fn an_isolation_that_is_taken_back_leaves_no_unit() {
    let Some(scene) = Scene::set_with_systemd(&[]) else { return };
    let bench = &scene.bench;
    let outcome = bench.measure(1, isolate(600, &[]));
    ended(&outcome, MeasureStatus::Done, "600 s");
    let begun = Instant::now();
    ended(&bench.undo(1, outcome.undo.expect("an undo")), MeasureStatus::Done, "back");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(until_back(&scene, 1) < Duration::from_secs(5));
    scene.assert_open("after it was taken back");
    ended(&bench.undo(1, Undo::EndIsolation), MeasureStatus::Already, "before");
    assert_eq!(bench.sh("systemctl --failed --no-legend --plain"), "");
}

#[test]
fn whatever_becomes_of_systemd_and_of_the_unit_the_isolation_ends() {
    let Some(scene) = Scene::set_with_systemd(&[]) else { return };
    let bench = &scene.bench;
    ended(&bench.measure(1, isolate(25, &[])), MeasureStatus::Done, "25 s");
    let begun = Instant::now();
    // Somebody ends it, politely and not, more often than systemd would put up with.
    for _ in 0..4 {
        for signal in ["TERM", "KILL"] {
            let pid = "/var/lib/peerhound/quarantine/ph-20261130-bench/1/pid";
            bench.try_sh(&format!("kill -{signal} $(cat {pid}); sleep 0.3"));
        }
    }
    wait_until("it runs again", Duration::from_secs(10), || Ok((scene.guards() == 1).then_some(())))
        .expect("systemd starts it again");
    // systemd itself is replaced, reads its units anew, and changes to another target.
    bench.sh("systemctl daemon-reexec && systemctl daemon-reload");
    bench.try_sh("systemctl isolate basic.target; sleep 1; systemctl start multi-user.target");
    assert!(is_active(&scene, 1), "{}", bench.try_sh(&format!("systemctl status {}", unit(1))).told());
    assert!(!scene.comes_in("tcp", OTHER), "nothing of that ends it before its time");
    println!("alive {:?} after it was ordered", begun.elapsed());
    until_back(&scene, 1);
}
