//! Ending a process: the one that was seen, and no other.

use std::time::Duration;

use acceptance::ALICE;
use investigation::evidence::{ArtifactKind, Process};
use investigation::remediation::{Measure, MeasureStatus};
use jiff::SignedDuration;

use crate::bench::{Bench, ended};

/// The measure that ends a process.
pub(crate) fn stop(process: &Process) -> Measure {
    Measure::StopProcess {
        pid: process.pid,
        image: process.path.clone().expect("an image"),
        start_time: process.start_time,
    }
}

/// A process as it is collected.
pub(crate) fn seen(bench: &Bench, pid: u32) -> Process {
    let processes: Vec<Process> = bench.collect(ArtifactKind::Processes);
    processes.into_iter().find(|process| process.pid == pid).expect("the process is collected")
}

#[test]
fn a_client_is_ended_once_and_others_are_left_alone() {
    let Some(mut bench) = Bench::start(&["aria2c"]) else { return };
    let client = ["aria2c", "--enable-rpc=true", "--rpc-listen-port=6800", "--no-conf=true"];
    bench.endpoint.host_mut().service(&client, Some(ALICE), "client.log").expect("a client");
    let process = seen(&bench, bench.pid_of("/usr/bin/aria2c"));
    let pid = process.pid;

    // The same number, and yet another process: another image, or one that began at another time.
    let other = Measure::StopProcess {
        pid,
        image: "/usr/bin/qbittorrent-nox".into(),
        start_time: process.start_time,
    };
    ended(&bench.measure(1, other), MeasureStatus::Refused, "/usr/bin/aria2c");
    let start_time = process.start_time.map(|time| time - SignedDuration::from_secs(10));
    let older = Measure::StopProcess { pid, image: "/usr/bin/aria2c".into(), start_time };
    ended(&bench.measure(2, older), MeasureStatus::Refused, "at another time");
    assert!(bench.is_running(pid));

    ended(&bench.measure(3, stop(&process)), MeasureStatus::Done, "SIGTERM");
    assert!(!bench.is_running(pid));
    ended(&bench.measure(3, stop(&process)), MeasureStatus::Already, "earlier try");
    ended(&bench.measure(4, stop(&process)), MeasureStatus::Gone, "no process");
    // The number of a measure is for one measure.
    let stranger = Measure::StopProcess {
        pid: bench.pid_of("/usr/bin/sleep"),
        image: "/usr/bin/sleep".into(),
        start_time: None,
    };
    ended(&bench.measure(3, stranger), MeasureStatus::Refused, "belongs to another measure");
}

#[test]
fn what_ignores_a_polite_request_is_killed_and_the_session_is_not() {
    let Some(mut bench) = Bench::start(&[]) else { return };
    let line = "trap '' TERM; exec -a x sleep 1000";
    bench.endpoint.host_mut().service(&["bash", "-c", line], Some(ALICE), "x.log").expect("a service");
    let pid = {
        let found = acceptance::wait_until("it runs", Duration::from_secs(30), || {
            Ok(bench
                .try_sh("pgrep -f '^x 1000'")
                .stdout
                .split_whitespace()
                .next()
                .and_then(|pid| pid.parse().ok()))
        });
        found.expect("a process")
    };
    // Its image is gone by now, which changes nothing about the process.
    let process = seen(&bench, pid);
    ended(&bench.measure(1, stop(&process)), MeasureStatus::Done, "SIGKILL");
    assert!(!bench.is_running(pid));

    let server: u32 = bench.sh("cat /var/lib/sshd.pid").trim().parse().expect("a number");
    let server = seen(&bench, server);
    ended(&bench.measure(2, stop(&server)), MeasureStatus::Refused, "this very session");
    assert!(bench.is_running(server.pid));
}

#[test]
fn a_deleted_image_and_an_odd_path_are_the_same_process() {
    let Some(mut bench) = Bench::start(&[]) else { return };
    let folder = "/home/alice/a 'b\" $(touch owned)\\n;x";
    let image = format!("{folder}/-rf");
    bench.endpoint.host().run(&["mkdir", folder]).expect("a folder");
    bench.endpoint.host().run(&["cp", "/usr/bin/sleep", &image]).expect("a program");
    bench.endpoint.host_mut().service(&[&image, "1000"], Some(ALICE), "x.log").expect("a service");
    let found = acceptance::wait_until("it runs", Duration::from_secs(30), || {
        let processes: Vec<Process> = bench.collect(ArtifactKind::Processes);
        Ok(processes.into_iter().find(|process| process.path.as_deref() == Some(image.as_str())))
    });
    let process = found.expect("it is collected by its path");
    bench.endpoint.host().run(&["rm", "--", &image]).expect("it is deleted");
    ended(&bench.measure(1, stop(&process)), MeasureStatus::Done, "was ended");
    assert!(!bench.is_running(process.pid));
    assert_eq!(bench.sh("find / -xdev -name owned"), "", "no part of the name was run");
}

#[test]
fn another_host_is_left_alone() {
    let Some(bench) = Bench::start(&[]) else { return };
    let pid = bench.pid_of("/usr/bin/sleep");
    let measure = Measure::StopProcess { pid, image: "/usr/bin/sleep".into(), start_time: None };
    let mut task = bench.measures(vec![(1, measure)]);
    if let investigation::order::Task::Remediate { host_name, .. } = &mut task {
        "desktop".clone_into(host_name);
    }
    let carried = bench.carry_out(task);
    let (code, message) = carried.error.expect("it is refused");
    assert_eq!(code, "other_host");
    assert!(message.contains("laptop") && message.contains("desktop"), "{message}");
    assert!(bench.is_running(pid));
    assert!(!carried.into.join("collection.json").exists());
    assert_eq!(bench.try_sh("ls /var/lib/peerhound").code, Some(2), "nothing was made there");
}

#[test]
fn an_account_without_rights_ends_its_own_processes_only() {
    let Some(mut bench) = Bench::start(&[]) else { return };
    bench.endpoint.host_mut().service(&["sleep", "4321"], None, "root.log").expect("a service");
    bench.log_in_as(ALICE);
    let of = |bench: &Bench, line: &str| -> u32 {
        let found = acceptance::wait_until("it runs", Duration::from_secs(30), || {
            Ok(bench.try_sh(line).stdout.split_whitespace().next().and_then(|pid| pid.parse().ok()))
        });
        found.expect("a process")
    };
    let (roots, own) = (of(&bench, "pgrep -f '^sleep 4321'"), of(&bench, "pgrep -f '^sleep infinity'"));
    let stop = |pid| Measure::StopProcess { pid, image: "/usr/bin/sleep".into(), start_time: None };
    ended(&bench.measure(1, stop(roots)), MeasureStatus::Refused, "does not let this account see");
    ended(&bench.measure(2, stop(own)), MeasureStatus::Done, "SIGTERM");
    assert!(bench.is_running(roots) && !bench.is_running(own));
    assert_eq!(bench.sh("stat -c %U:%a /home/alice/.local/state/peerhound/quarantine").trim(), "alice:700");
}
