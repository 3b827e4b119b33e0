//! Units of a real systemd: stopped and not wanted any more, until they may be again; and processes that it would start
//! again.

use std::time::Duration;

use acceptance::{ALICE, wait_until};
use investigation::evidence::AutostartEntry;
use investigation::remediation::MeasureStatus;

use crate::bench::{Bench, ended};
use crate::entries::{disable, entry};
use crate::processes::{seen, stop};

const ARIA: &str = "/usr/bin/aria2c";
/// A client that waits for orders.
const CLIENT: &str = "/usr/bin/aria2c --enable-rpc=true --no-conf=true";

/// Writes a unit and switches it on, as an administrator does.
fn enable(bench: &Bench, unit: &str, section: &str, wanted_by: &str) {
    let text = format!("{section}\n[Install]\nWantedBy={wanted_by}\n");
    std::fs::write(bench.endpoint.host().outside(&format!("/etc/systemd/system/{unit}")), text)
        .expect("a unit");
    bench.sh(&format!("systemctl daemon-reload && systemctl enable --now {unit} 2>&1"));
}

fn service(restart: &str) -> String {
    format!("[Service]\nUser={ALICE}\nExecStart={CLIENT}\nRestart={restart}")
}

/// What systemd says of a unit: whether it is enabled, and whether it runs.
fn state(bench: &Bench, unit: &str) -> (String, String) {
    let ask = |what: &str| bench.try_sh(&format!("systemctl {what} {unit}")).stdout.trim().to_owned();
    (ask("is-enabled"), ask("is-active"))
}

#[track_caller]
fn assert_state(bench: &Bench, unit: &str, enabled: &str, active: &str) {
    assert_eq!(state(bench, unit), (enabled.to_owned(), active.to_owned()), "{unit}");
}

/// Starts what is enabled, as the next start of the machine does.
fn start_what_is_enabled(bench: &Bench) {
    bench.sh("systemctl start multi-user.target timers.target && sleep 1");
}

#[test]
fn an_enabled_service_stays_away_until_it_may_come_back() {
    let Some(bench) = Bench::start_with_systemd(&["aria2c"]) else { return };
    bench.sh("mkdir -p /etc/systemd/system/seedbox.service.d; printf '[Service]\\nNice=5\\n' >/etc/systemd/system/seedbox.service.d/nice.conf");
    enable(&bench, "seedbox.service", &service("always"), "multi-user.target");
    let pid = bench.pid_of(ARIA);
    assert_state(&bench, "seedbox.service", "enabled", "active");
    let unit = entry(&bench, "systemd", "aria2c");
    assert_eq!(unit.location, "/etc/systemd/system/multi-user.target.wants/seedbox.service");

    // Whatever the order says, what would start it again is switched off first: so it is gone before its turn comes.
    let outcomes = bench.remediate(vec![(1, stop(&seen(&bench, pid))), (2, disable(&unit))]);
    ended(&outcomes[0], MeasureStatus::Gone, "no process");
    ended(&outcomes[1], MeasureStatus::Done, "the link was moved");
    assert!(!outcomes[1].detail.contains(';'), "nothing is left to say: {:?}", outcomes[1]);
    assert_state(&bench, "seedbox.service", "disabled", "inactive");
    start_what_is_enabled(&bench);
    assert_eq!(bench.try_sh("pgrep -x aria2c").code, Some(1), "it stays away");
    ended(&bench.measure(2, disable(&unit)), MeasureStatus::Already, "earlier try");

    // systemd is replaced by itself meanwhile, which changes nothing.
    bench.sh("systemctl daemon-reexec");
    assert_state(&bench, "seedbox.service", "disabled", "inactive");
    let undo = outcomes[1].undo.clone().expect("an undo");
    ended(&bench.undo(2, undo.clone()), MeasureStatus::Done, "systemctl start seedbox.service");
    assert_state(&bench, "seedbox.service", "enabled", "inactive");
    ended(&bench.undo(2, undo), MeasureStatus::Already, "before");
    start_what_is_enabled(&bench);
    assert_state(&bench, "seedbox.service", "enabled", "active");
    assert_eq!(
        bench.sh("systemctl show -p Nice seedbox.service").trim(),
        "Nice=5",
        "its drop-in is still there"
    );
    bench.pid_of(ARIA);
}

#[test]
fn what_would_still_start_a_unit_is_named() {
    let Some(bench) = Bench::start_with_systemd(&["aria2c"]) else { return };
    let socket = "[Socket]\nListenStream=127.0.0.1:9999\n";
    std::fs::write(bench.endpoint.host().outside("/etc/systemd/system/seedbox.socket"), socket)
        .expect("a unit");
    let unit = bench.endpoint.host().outside("/etc/systemd/system/seedbox.service");
    std::fs::write(unit, service("no")).expect("a unit");
    bench.sh("systemctl daemon-reload; systemctl start seedbox.socket");
    enable(&bench, "seedbox.service", &service("no"), "multi-user.target timers.target");
    bench.pid_of(ARIA);
    let unit = entry(&bench, "systemd", "aria2c");
    let folder = "/etc/systemd/system";
    let at = |target: &str| AutostartEntry {
        location: format!("{folder}/{target}.wants/seedbox.service"),
        ..unit.clone()
    };
    let outcome = bench.measure(1, disable(&at("multi-user.target")));
    ended(&outcome, MeasureStatus::Done, "something else still wants seedbox.service");
    assert!(outcome.detail.contains("seedbox.socket"), "{outcome:?}");
    assert_state(&bench, "seedbox.service", "enabled", "inactive");
    let outcome = bench.measure(2, disable(&at("timers.target")));
    ended(&outcome, MeasureStatus::Done, "seedbox.socket");
    assert!(!outcome.detail.contains("wants"), "{outcome:?}");
    assert_state(&bench, "seedbox.service", "disabled", "inactive");
}

#[test]
fn a_timer_stops_and_starts_with_its_link() {
    let Some(bench) = Bench::start_with_systemd(&[]) else { return };
    let job = "[Service]\nType=oneshot\nExecStart=/usr/bin/true\n";
    std::fs::write(bench.endpoint.host().outside("/etc/systemd/system/fetch.service"), job).expect("a unit");
    enable(&bench, "fetch.timer", "[Timer]\nOnCalendar=daily", "timers.target");
    let timers = |bench: &Bench| bench.sh("systemctl list-timers --all --no-legend").contains("fetch.timer");
    assert!(timers(&bench));
    let timer = entry(&bench, "systemd", "at daily");
    assert_eq!(timer.name, "fetch.timer");
    let outcome = bench.measure(1, disable(&timer));
    ended(&outcome, MeasureStatus::Done, "moved");
    assert_state(&bench, "fetch.timer", "disabled", "inactive");
    start_what_is_enabled(&bench);
    assert!(!timers(&bench), "its time does not come");
    ended(&bench.undo(1, outcome.undo.expect("an undo")), MeasureStatus::Done, "put back");
    assert_state(&bench, "fetch.timer", "enabled", "inactive");
    start_what_is_enabled(&bench);
    assert!(timers(&bench));
}

#[test]
fn a_unit_of_a_users_own_systemd_is_stopped_there_without_a_log_in() {
    let Some(bench) = Bench::start_with_systemd(&["aria2c", "setpriv"]) else { return };
    let host = bench.endpoint.host();
    let units = "/home/alice/.config/systemd/user";
    bench.sh(&format!(
        "mkdir -p {units}; printf '[Service]\\nExecStart={CLIENT}\\nRestart=always\\n[Install]\\nWantedBy=default.target\\n' >{units}/seedbox.service
         chown -R alice:alice /home/alice/.config; touch /var/log/lastlog /var/log/wtmp"
    ));
    // Nobody is logged in, and nothing runs: nothing is started for the sake of stopping something.
    host.run(&["mkdir", "-p", &format!("{units}/default.target.wants")]).expect("a folder");
    host.run(&["ln", "-s", &format!("{units}/seedbox.service"), &format!("{units}/default.target.wants/")])
        .expect("a link");
    let unit = entry(&bench, "systemd", "aria2c");
    let outcome = bench.measure(1, disable(&unit));
    ended(&outcome, MeasureStatus::Done, "no systemd of account 1000 runs");
    assert_eq!(bench.try_sh("systemctl is-active user@1000.service").stdout.trim(), "inactive");
    ended(&bench.undo(1, outcome.undo.expect("an undo")), MeasureStatus::Done, "put back");

    host.start_systemd_of_alice().expect("her systemd");
    let pid = bench.pid_of(ARIA);
    let sessions =
        bench.sh("loginctl list-sessions --no-legend; stat -c %s:%y /var/log/lastlog /var/log/wtmp");
    // Ended alone, her systemd starts it again, and that is said.
    let alone = bench.measure(2, stop(&seen(&bench, pid)));
    ended(&alone, MeasureStatus::Failed, "seedbox.service, Restart=always");
    let pid = bench.pid_of(ARIA);
    let outcomes = bench.remediate(vec![(3, disable(&unit)), (4, stop(&seen(&bench, pid)))]);
    ended(&outcomes[0], MeasureStatus::Done, "the link was moved");
    assert!(!outcomes[0].detail.contains(';'), "nothing is left to say: {:?}", outcomes[0]);
    ended(&outcomes[1], MeasureStatus::Gone, "no process");
    let ask = |what: &str| host.systemctl_of_alice(&[what, "seedbox.service"]).expect("systemctl");
    assert_eq!((ask("is-enabled"), ask("is-active")), ("disabled".to_owned(), "inactive".to_owned()));
    assert!(!bench.is_running(pid));
    let now = bench.sh("loginctl list-sessions --no-legend; stat -c %s:%y /var/log/lastlog /var/log/wtmp");
    assert_eq!(now, sessions, "no session, and no trace of a log-in that nobody made");
    ended(
        &bench.undo(3, outcomes[0].undo.clone().expect("an undo")),
        MeasureStatus::Done,
        "systemctl --user start",
    );
    assert_eq!((ask("is-enabled"), ask("is-active")), ("enabled".to_owned(), "inactive".to_owned()));
}

#[test]
fn a_process_that_systemd_starts_again_is_not_said_to_be_done() {
    let Some(bench) = Bench::start_with_systemd(&["aria2c"]) else { return };
    // After a second as well as at once, and a while later.
    for (n, restart) in [(1, "always"), (2, "always\nRestartSec=30"), (3, "on-success")] {
        enable(&bench, "seedbox.service", &service(restart), "multi-user.target");
        bench.sh("systemctl restart seedbox.service");
        let process = seen(&bench, bench.pid_of(ARIA));
        let outcome = bench.measure(n, stop(&process));
        let word = restart.split('\n').next().expect("a word");
        ended(&outcome, MeasureStatus::Failed, &format!("starts it again (seedbox.service, Restart={word})"));
        assert!(outcome.detail.contains("was ended by SIGTERM"), "{outcome:?}");
        // Asked again, it is still not done.
        ended(&bench.measure(n, stop(&process)), MeasureStatus::Failed, "earlier try");
    }
    // It ended well, and that is no reason to start it again.
    enable(&bench, "seedbox.service", &service("on-failure"), "multi-user.target");
    bench.sh("systemctl restart seedbox.service");
    let process = seen(&bench, bench.pid_of(ARIA));
    let outcome = bench.measure(4, stop(&process));
    ended(&outcome, MeasureStatus::Done, "SIGTERM");
    assert!(!outcome.detail.contains("again"), "{outcome:?}");
    wait_until("it has ended", Duration::from_secs(5), || {
        Ok((state(&bench, "seedbox.service").1 == "inactive").then_some(()))
    })
    .expect("it has");
    assert_state(&bench, "seedbox.service", "enabled", "inactive");
}

#[test]
fn an_account_without_rights_switches_off_its_own_unit_and_no_other() {
    let Some(mut bench) = Bench::start_with_systemd(&["aria2c"]) else { return };
    let host = bench.endpoint.host();
    let units = "/home/alice/.config/systemd/user";
    bench.sh(&format!(
        "mkdir -p {units}; printf '[Service]\\nExecStart={CLIENT}\\n[Install]\\nWantedBy=default.target\\n' >{units}/seedbox.service
         chown -R alice:alice /home/alice"
    ));
    host.start_systemd_of_alice().expect("her systemd");
    host.systemctl_of_alice(&["enable", "--now", "seedbox.service"]).expect("systemctl");
    bench.pid_of(ARIA);
    enable(&bench, "other.service", "[Service]\nExecStart=/usr/bin/sleep 4321", "multi-user.target");
    let (own, roots) = (entry(&bench, "systemd", "aria2c"), entry(&bench, "systemd", "4321"));
    bench.log_in_as(ALICE);
    let outcome = bench.measure(1, disable(&own));
    ended(&outcome, MeasureStatus::Done, "/home/alice/.local/state/peerhound/quarantine");
    assert!(!outcome.detail.contains(';'), "nothing is left to say: {outcome:?}");
    let ask =
        |what: &str| bench.endpoint.host().systemctl_of_alice(&[what, "seedbox.service"]).expect("systemctl");
    assert_eq!((ask("is-enabled"), ask("is-active")), ("disabled".to_owned(), "inactive".to_owned()));
    ended(&bench.measure(2, disable(&roots)), MeasureStatus::Failed, "cannot be moved");
    assert_state(&bench, "other.service", "enabled", "active");
    ended(&bench.undo(1, outcome.undo.expect("an undo")), MeasureStatus::Done, "systemctl --user start");
    assert_eq!(ask("is-enabled"), "enabled");
}
