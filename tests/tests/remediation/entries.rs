//! What starts by itself: switched off if it is what was collected, and put back byte for byte.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::Duration;

use acceptance::{ALICE, Host, run, wait_until};
use investigation::evidence::{ArtifactKind, AutostartEntry};
use investigation::remediation::{Measure, MeasureStatus};

use crate::bench::{Bench, ended};

/// An entry as it is collected.
pub(crate) fn entry(bench: &Bench, mechanism: &str, command: &str) -> AutostartEntry {
    let entries: Vec<AutostartEntry> = bench.collect(ArtifactKind::Autostart);
    let found = entries.iter().find(|entry| {
        entry.mechanism == mechanism && entry.command.as_deref().unwrap_or_default().contains(command)
    });
    found.unwrap_or_else(|| panic!("{command} is not among {entries:#?}")).clone()
}

/// The measure that switches it off.
pub(crate) fn disable(entry: &AutostartEntry) -> Measure {
    Measure::DisableAutostart {
        mechanism: entry.mechanism.clone(),
        location: entry.location.clone(),
        name: entry.name.clone(),
        command: entry.command.clone(),
    }
}

/// A `cron` of the machine's own, which runs its `@reboot` jobs whenever it is started after a restart.
fn start_cron(host: &mut Host) {
    host.service(&["cron", "-f"], None, "cron.log").expect("cron");
}

fn restart_cron(bench: &mut Bench) {
    bench.sh("rm -f /run/began; kill $(cat /run/crond.pid); while [ -e /proc/$(cat /run/crond.pid) ]; do sleep 0.1; done; rm -f /run/crond.reboot /run/crond.pid");
    start_cron(bench.endpoint.host_mut());
    wait_until("cron has run its jobs", Duration::from_secs(60), || {
        Ok((bench.try_sh("test -e /run/began").code == Some(0)).then_some(()))
    })
    .expect("the other job runs");
}

#[test]
fn a_client_that_cron_starts_does_not_come_back_until_it_may() {
    let Some(mut bench) = Bench::start(&["cron", "aria2c"]) else { return };
    bench.sh("mkdir -p /etc/pam.d; for f in cron other; do printf 'auth required pam_permit.so\\naccount required pam_permit.so\\nsession required pam_permit.so\\n' >/etc/pam.d/$f; done");
    // It has bytes that are no text.
    let table = b"# who: \xff\nPATH=/usr/bin:/bin\n@reboot alice aria2c --enable-rpc=true --no-conf=true\n@reboot root touch /run/began\n*/5 * * * * root true\n";
    let path = bench.endpoint.host().outside("/etc/cron.d/seedbox");
    fs::write(&path, table).expect("a table");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("its mode");
    start_cron(bench.endpoint.host_mut());
    let pid = bench.pid_of("/usr/bin/aria2c");
    let entry = entry(&bench, "cron", "aria2c");

    let stop = Measure::StopProcess { pid, image: "/usr/bin/aria2c".into(), start_time: None };
    let outcomes = bench.remediate(vec![(1, disable(&entry)), (2, stop)]);
    ended(&outcomes[0], MeasureStatus::Done, "commented out");
    ended(&outcomes[1], MeasureStatus::Done, "was ended");
    let changed = fs::read(&path).expect("the table");
    let mark = "# peerhound-ph-20261130-bench-1: @reboot alice";
    let expected = String::from_utf8_lossy(table).replace("@reboot alice", mark);
    assert_eq!(String::from_utf8_lossy(&changed), expected);
    assert_eq!(changed.len(), table.len() + mark.len() - "@reboot alice".len());
    assert_eq!(fs::metadata(&path).expect("the table").mode() & 0o7777, 0o640);
    ended(&bench.measure(1, disable(&entry)), MeasureStatus::Already, "earlier try");

    restart_cron(&mut bench);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(bench.try_sh("pgrep aria2c").code, Some(1), "it stays away");

    let undo = outcomes[0].undo.clone().expect("an undo");
    ended(&bench.undo(1, undo.clone()), MeasureStatus::Done, "as it was");
    assert_eq!(fs::read(&path).expect("the table"), table);
    ended(&bench.undo(1, undo), MeasureStatus::Already, "before");
    restart_cron(&mut bench);
    bench.pid_of("/usr/bin/aria2c");
}

#[test]
fn a_job_that_was_changed_or_a_table_that_is_a_link_is_left_alone() {
    let Some(bench) = Bench::start(&[]) else { return };
    let path = bench.endpoint.host().outside("/var/spool/cron/crontabs/alice");
    fs::write(&path, "@reboot aria2c -D\n@daily backup\n").expect("a table");
    let found = entry(&bench, "cron", "aria2c");
    assert_eq!(found.user.as_deref(), Some(ALICE));
    fs::write(&path, "@reboot aria2c -D --quiet\n@daily backup\n").expect("a table");
    ended(&bench.measure(1, disable(&found)), MeasureStatus::Gone, "no such job");
    fs::remove_file(&path).expect("it goes");
    std::os::unix::fs::symlink("/etc/shadow", &path).expect("a link");
    let shadow = fs::read(bench.endpoint.host().outside("/etc/shadow")).expect("a file");
    ended(&bench.measure(2, disable(&found)), MeasureStatus::Refused, "link");
    assert_eq!(fs::read(bench.endpoint.host().outside("/etc/shadow")).expect("a file"), shadow);
    let elsewhere = AutostartEntry { location: "/etc/passwd".into(), ..found };
    ended(&bench.measure(3, disable(&elsewhere)), MeasureStatus::Refused, "collected from there");
}

#[test]
fn units_and_desktop_files_are_moved_away_and_come_back_as_they_were() {
    let Some(bench) = Bench::start(&[]) else { return };
    bench.sh(
        "cd /etc/systemd/system; printf '[Service]\\nExecStart=/usr/bin/transmission-daemon -f\\nUser=alice\\n' >t.service
         mkdir -p multi-user.target.wants; ln -s /etc/systemd/system/t.service multi-user.target.wants/t.service
         d=/home/alice/.config/autostart; mkdir -p $d; printf '[Desktop Entry]\\nExec=qbittorrent %%U\\n' >$d/qb.desktop
         chmod 640 $d/qb.desktop; touch -d '2026-01-02 03:04:05.678901234' $d/qb.desktop
         chown -R alice:alice /home/alice/.config",
    );
    let (unit, desktop) =
        (entry(&bench, "systemd", "transmission-daemon"), entry(&bench, "xdg", "qbittorrent"));
    let outside = |path: &str| bench.endpoint.host().outside(path);
    let (link, file) = (outside(&unit.location), outside(&desktop.location));
    let look = |path: &std::path::Path| {
        let data = fs::symlink_metadata(path).expect("it is there");
        (
            data.uid(),
            data.gid(),
            data.mode(),
            data.mtime(),
            data.mtime_nsec(),
            fs::read(path).unwrap_or_default(),
        )
    };
    let before = (fs::read_link(&link).expect("a link"), look(&file));

    let outcomes = bench.remediate(vec![(1, disable(&unit)), (2, disable(&desktop))]);
    ended(&outcomes[0], MeasureStatus::Done, "systemd does not run here");
    ended(&outcomes[1], MeasureStatus::Done, "moved");
    assert!(!link.is_symlink() && !file.exists());
    assert!(outside("/etc/systemd/system/t.service").exists(), "what a link leads to stays");
    for again in bench.remediate(vec![(1, disable(&unit)), (2, disable(&desktop))]) {
        ended(&again, MeasureStatus::Already, "earlier try");
    }
    for (n, outcome) in (1..).zip(&outcomes) {
        let undo = outcome.undo.clone().expect("an undo");
        ended(&bench.undo(n, undo.clone()), MeasureStatus::Done, "put back");
        ended(&bench.undo(n, undo), MeasureStatus::Already, "before");
    }
    assert_eq!((fs::read_link(&link).expect("a link"), look(&file)), before);

    // Somebody made it run something else meanwhile.
    fs::write(&file, "[Desktop Entry]\nExec=thunderbird\n").expect("a file");
    ended(&bench.measure(3, disable(&desktop)), MeasureStatus::Refused, "thunderbird");
    assert!(file.exists());
    run(&["true"]).expect("the machine goes on");
}
