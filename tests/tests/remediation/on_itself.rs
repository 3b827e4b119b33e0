//! An endpoint that works on itself: what an analyst does on the machine that they sit at, without any connection.

use std::time::Duration;

use acceptance::{Peerhound, wait_until};
use investigation::remediation::{Measure, MeasureOutcome, MeasureStatus};
use serde_json::Value;

use crate::bench::{Bench, ended};
use crate::entries::{disable, entry};
use crate::processes::{seen, stop};
use crate::scene::{OTHER, PORT, Scene, block, isolate};

const TRANSMISSION: &str = "/usr/bin/transmission-daemon";
/// Where the program works on the machine.
const SITE: &str = "/srv/soc";

/// A client that is started with the machine, and a torrent file.
fn set_up(bench: &Bench) {
    let unit = format!(
        "[Service]\nUser=alice\nExecStart={TRANSMISSION} -f -g /home/alice/.config/transmission-daemon\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"
    );
    let host = bench.endpoint.host();
    std::fs::write(host.outside("/etc/systemd/system/seedbox.service"), unit).expect("a unit");
    bench.sh("printf 12345 >/home/alice/Downloads/a.torrent; chown -R alice:alice /home/alice; systemctl daemon-reload; systemctl enable --now seedbox.service 2>&1");
    bench.pid_of(TRANSMISSION);
}

#[test]
fn every_measure_works_on_the_machine_itself() {
    let Some(mut scene) = Scene::set_with_systemd(&["transmission-daemon"]) else { return };
    set_up(&scene.bench);
    scene.bench.work_on_itself();
    let bench = &scene.bench;
    let process = seen(bench, bench.pid_of(TRANSMISSION));
    let unit = entry(bench, "systemd", TRANSMISSION);
    let file =
        Measure::QuarantineFile { path: "/home/alice/Downloads/a.torrent".into(), path_hex: None, size: 5 };
    let measures = vec![
        (1, disable(&unit)),
        (2, stop(&process)),
        (3, block(&[PORT])),
        (4, file),
        (5, isolate(600, &[])),
    ];
    let carried = bench.carry_out(bench.measures(measures));
    assert_eq!(carried.collection.as_ref().expect("a record").transport, "local");
    let outcomes = carried.measures();
    for (outcome, says) in outcomes.iter().zip(["moved", "", "drops them", "moved", "600 s"]) {
        let status = if outcome.n == 2 { MeasureStatus::Gone } else { MeasureStatus::Done };
        ended(outcome, status, says);
    }
    assert!(!bench.is_running(process.pid) && scene.guards() == 1);
    // Nobody is far away: nobody gets through.
    assert!(!scene.comes_in("tcp", OTHER) && !scene.goes_out("tcp", OTHER, 0));
    assert_eq!(bench.try_sh("/usr/bin/python3 /srv/come.py tcp 127.0.0.1 8080 0").code, Some(0));
    for MeasureOutcome { n, undo, .. } in outcomes.into_iter().rev() {
        if let Some(undo) = undo {
            ended(&bench.undo(n, undo.clone()), MeasureStatus::Done, "");
            ended(&bench.undo(n, undo), MeasureStatus::Already, "");
        }
    }
    scene.assert_open("after all was taken back");
    assert_eq!(scene.rules(), "");
    assert_eq!(bench.try_sh("systemctl is-enabled seedbox.service").stdout.trim(), "enabled");
    assert_eq!(bench.sh("cat /home/alice/Downloads/a.torrent"), "12345");
    // An isolation that nobody takes back ends here, too.
    ended(&bench.measure(6, isolate(5, &[])), MeasureStatus::Done, "5 s");
    assert!(!scene.comes_in("tcp", OTHER));
    wait_until("it is back", Duration::from_secs(90), || Ok(scene.comes_in("tcp", OTHER).then_some(())))
        .expect("it comes back by itself");
}

/// Runs the program on the machine and reads what it prints, one object a line.
fn peerhound(bench: &Bench, line: &str) -> Vec<Value> {
    let output = bench.try_sh(&format!("cd {SITE} && ./peerhound --json {line}"));
    assert_eq!(output.code, Some(0), "{line}: {}", output.told());
    output.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_program_itself_does_what_is_approved_on_the_machine_that_it_runs_on() {
    let Some(bench) = Bench::start_with_systemd(&["transmission-daemon"]) else { return };
    set_up(&bench);
    let (host, program) = (bench.endpoint.host(), Peerhound::binary().expect("peerhound"));
    let (site, here) = (host.outside(SITE), bench.endpoint.address());
    std::fs::create_dir(&site).expect("a folder");
    if std::fs::hard_link(program, site.join("peerhound")).is_err() {
        std::fs::copy(program, site.join("peerhound")).expect("a copy");
    }
    let policy = format!(
        "version = 1\n[scope]\nnetworks = [\"{here}/32\"]\n[storage]\ndata_dir = \"data\"\n\
         [actions]\npolicy_violation = [\"ticket\"]\n[remediation]\n\
         policy_violation = [\"disable_autostart\", \"stop_process\", \"block_traffic\"]\napprovers = [\"root\"]\n"
    );
    std::fs::write(site.join("peerhound.toml"), policy).expect("a policy");
    let outcome = peerhound(&bench, &format!("investigate {here}")).remove(0);
    assert_eq!(outcome["verdict"], "policy_violation", "{outcome:#}");
    let case = outcome["case_id"].as_str().expect("a case").to_owned();
    let process = bench.pid_of(TRANSMISSION);
    let waiting = peerhound(&bench, "approvals").remove(0);
    println!("{waiting:#}");

    bench.sh(&format!("cd {SITE} && ./peerhound approve {case} --yes"));
    let stages = |bench: &Bench| -> Vec<(String, String)> {
        let shown = peerhound(bench, &format!("case show {case}")).remove(0);
        let measures = shown["remediation"]["measures"].as_array().expect("measures").clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        measures.iter().map(|m| (text(&m["measure"]["measure"]), text(&m["stage"]))).collect()
    };
    let expected = |disable: &str, block: &str| {
        [("disable_autostart", disable), ("stop_process", "gone"), ("block_traffic", block)]
            .map(|(measure, stage)| (measure.to_owned(), stage.to_owned()))
    };
    assert_eq!(stages(&bench), expected("done", "done"));
    assert!(!bench.is_running(process));
    assert_eq!(bench.try_sh("systemctl is-enabled seedbox.service").stdout.trim(), "disabled");
    assert!(bench.sh("nft list ruleset").contains("51413"));

    bench.sh(&format!("cd {SITE} && ./peerhound undo {case} --yes"));
    assert_eq!(stages(&bench), expected("undone", "undone"));
    assert_eq!(bench.try_sh("systemctl is-enabled seedbox.service").stdout.trim(), "enabled");
    assert_eq!(bench.sh("nft list ruleset"), "");
}
