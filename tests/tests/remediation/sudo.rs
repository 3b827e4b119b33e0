//! An account that is not root, and a real `sudo` with a rule for it, or with none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use acceptance::{ALICE, wait_until};
use investigation::remediation::{Measure, MeasureOutcome, MeasureStatus};

use crate::bench::{Bench, ended};
use crate::entries::{disable, entry};
use crate::processes::{seen, stop};
use crate::scene::{OTHER, Scene, isolate};

/// What `docs/operating.md` tells to write.
const RULE: &str = "alice ALL=(root) NOPASSWD: /bin/sh\n";

/// What sudo needs of a system, with these rules. A password of hers, so that one can be asked for.
fn give_sudo(bench: &mut Bench, rules: &str) {
    bench.sh(
        "mkdir -p /etc/pam.d /run/sudo /var/lib/sudo
         printf 'auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n' >/etc/pam.d/sudo
         sed -i 's|^alice:[*]:|alice:$6$salt$egUxKNxDs8kPfh8iPMNcosMhb2eWah6d3R44JDm5Rj/j/XWR5E33QPd0YmHXoDHOIDR6kL5D3JcQcz0O8FHE00:|' /etc/shadow
         chown root:root / /etc /run /var /var/lib",
    );
    let path = bench.endpoint.host().outside("/etc/sudoers");
    fs::write(&path, format!("Defaults use_pty\nroot ALL=(ALL:ALL) ALL\n{rules}")).expect("rules");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).expect("their mode");
    bench.log_in_as(ALICE);
    bench.use_sudo();
}

/// A service of root's, which alice may not touch.
fn roots(bench: &mut Bench) -> Measure {
    bench.endpoint.host_mut().service(&["sleep", "4321"], None, "root.log").expect("a service");
    let found = wait_until("it runs", Duration::from_secs(30), || {
        let said = bench.try_sh("pgrep -f '^[^ ]*sleep 4321'").stdout;
        Ok(said.split_whitespace().next().and_then(|pid| pid.parse().ok()))
    });
    // An account of its own does not get to see its image.
    Measure::StopProcess { pid: found.expect("a process"), image: "/usr/bin/sleep".into(), start_time: None }
}

#[test]
fn everything_is_done_over_sudo_as_root_would() {
    let Some(mut scene) = Scene::set(&["sudo"]) else { return };
    give_sudo(&mut scene.bench, RULE);
    let stop = roots(&mut scene.bench);
    let bench = &scene.bench;
    bench.sh("mkdir -p /etc/cron.d; printf '@reboot root /usr/bin/aria2c -D\n' >/etc/cron.d/seedbox; printf 12345 >/srv/a.torrent; chmod 600 /srv/a.torrent");
    let job = entry(bench, "cron", "aria2c");
    let file = Measure::QuarantineFile { path: "/srv/a.torrent".into(), path_hex: None, size: 5 };
    let outcomes = bench.remediate(vec![(1, stop), (2, disable(&job)), (3, file), (4, isolate(600, &[]))]);
    for (outcome, says) in
        outcomes.iter().zip(["SIGTERM", "commented out", "/var/lib/peerhound/quarantine", "600 s"])
    {
        ended(outcome, MeasureStatus::Done, says);
    }
    assert!(!scene.comes_in("tcp", OTHER));
    assert_eq!(bench.try_sh("test -e /srv/a.torrent").code, Some(1));
    assert_eq!(bench.try_sh("pgrep -f '^[^ ]*sleep 4321'").code, Some(1));
    for MeasureOutcome { n, undo, .. } in outcomes.into_iter().rev() {
        if let Some(undo) = undo {
            ended(&bench.undo(n, undo), MeasureStatus::Done, "");
        }
    }
    assert!(scene.comes_in("tcp", OTHER));
    assert_eq!(bench.sh("cat /etc/cron.d/seedbox /srv/a.torrent"), "@reboot root /usr/bin/aria2c -D\n12345");
    assert_eq!(bench.try_sh("test -e /home/alice/.local").code, Some(1), "nothing is kept with the account");
}

#[test]
fn where_sudo_wants_a_password_or_a_terminal_nothing_is_changed() {
    for (rules, says) in [
        ("alice ALL=(root) /bin/sh\n", "password is required"),
        ("Defaults requiretty\nalice ALL=(root) NOPASSWD: /bin/sh\n", "tty"),
        ("alice ALL=(root) NOPASSWD: /bin/true\n", "password is required"),
        ("", "password is required"),
    ] {
        let Some(mut bench) = Bench::start(&["sudo"]) else { return };
        give_sudo(&mut bench, rules);
        let own = bench.pid_of("/usr/bin/sleep");
        let others = roots(&mut bench);
        let own = stop(&seen(&bench, own));
        let carried = bench.carry_out(bench.measures(vec![(1, others), (2, own)]));
        for outcome in carried.measures() {
            ended(&outcome, MeasureStatus::Refused, "sudo -n was refused");
            assert!(outcome.detail.contains(says), "{rules:?}: {outcome:?}");
        }
        let commands = carried.collection.expect("a record").commands;
        assert!(commands.iter().all(|record| !record.artifact.contains("Remediation")), "{commands:#?}");
        assert_eq!(bench.sh("pgrep -c -x sleep").trim(), "2", "not even what the account might have ended");
        assert_eq!(bench.try_sh("ls /var/lib/peerhound /home/alice/.local").stdout, "");
    }
}
