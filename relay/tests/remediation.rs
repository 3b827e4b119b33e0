//! Orders to change an endpoint: the relay's own configuration has the last word.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::process::{Child, Command, Stdio};

use investigation::order::{RelayResult, Task};
use investigation::remediation::{
    MEASURES_PATH, Measure, MeasureOrder, MeasureOutcome, MeasureStatus, Undo, UndoOrder,
};
use support::sshd::Sshd;
use support::{Scene, batch, skip};

/// A case of this run's own: what is kept for it on this machine is removed at the end.
struct Case(String);

impl Case {
    fn new() -> Self {
        Self(format!("relay-test-{}", std::process::id()))
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(format!("/var/lib/peerhound/quarantine/{}", self.0));
        // Only where nothing else is kept there.
        for folder in ["/var/lib/peerhound/quarantine", "/var/lib/peerhound"] {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

fn scene(sshd: &Sshd, allow: &str) -> Scene {
    let ssh = format!(
        "user = '{}'\nport = {}\nidentity_files = ['{}']\nknown_hosts = '{}'\n[remediation]\nallow = [{allow}]\n",
        sshd.user,
        sshd.port,
        sshd.path("user").display(),
        sshd.path("known_hosts").display(),
    );
    Scene::set("'127.0.0.0/8'", "attempts = 2", &ssh)
}

fn sleeping() -> Child {
    Command::new("sleep").arg("987").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

fn stop(child: &Child) -> Task {
    let image = std::fs::read_link(format!("/proc/{}/exe", child.id())).unwrap();
    let image = image.to_string_lossy().into_owned();
    let measure = Measure::StopProcess { pid: child.id(), image, start_time: None };
    Task::Remediate { host_name: host_name(), measures: vec![MeasureOrder { n: 1, measure }] }
}

fn host_name() -> String {
    hostname::get().unwrap().to_string_lossy().into_owned()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n")
}

#[test]
fn nothing_is_changed_where_the_site_does_not_allow_it() {
    let Some(sshd) = Sshd::start() else { return };
    let mut child = sleeping();
    for (allow, word) in [("", "stop_process"), ("'isolate', 'block_traffic'", "stop_process")] {
        let scene = scene(&sshd, allow);
        let undo = UndoOrder {
            n: 1,
            undo: Undo::RestoreFile { path: "/x".into(), path_hex: None, sha256: "a".repeat(64) },
        };
        let undo = Task::Undo { host_name: host_name(), measures: vec![undo] };
        let ran = scene.run_batch(&batch(vec![
            scene.order("c", 1, "127.0.0.1", stop(&child)),
            scene.order("c", 2, "127.0.0.1", undo),
        ]));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for (effect, word) in [(1, word), (2, "quarantine_file")] {
            let (report, entries) = scene.bundle("c", effect);
            let RelayResult::Failed { code, reason, retryable } = report.result else { panic!("{report:?}") };
            assert_eq!((code.as_str(), retryable), ("remediation_not_allowed", false));
            assert!(reason.contains(word) && reason.contains("relay.toml"), "{reason}");
            assert!(entries.is_empty());
        }
    }
    assert!(!sshd.log().contains("Connection from"), "nothing was contacted");
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_is_allowed_is_done_and_told_in_the_bundle() {
    if !is_root() {
        return skip("what is kept of a measure would lie in the home folder of who runs the tests");
    }
    let Some(sshd) = Sshd::start() else { return };
    let (scene, case) = (scene(&sshd, "'stop_process'"), Case::new());
    let mut child = sleeping();
    let mut elsewhere = stop(&child);
    if let Task::Remediate { host_name, .. } = &mut elsewhere {
        host_name.push_str("-2");
    }
    let ran = scene.run_batch(&batch(vec![scene.order(&case.0, 1, "127.0.0.1", elsewhere)]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let (report, _) = scene.bundle(&case.0, 1);
    let RelayResult::Failed { code, .. } = report.result else { panic!("{report:?}") };
    assert_eq!(code, "other_host");
    assert!(child.try_wait().unwrap().is_none());

    let ran = scene.run_batch(&batch(vec![scene.order(&case.0, 2, "127.0.0.1", stop(&child))]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let (report, entries) = scene.bundle(&case.0, 2);
    assert_eq!(report.result, RelayResult::Staged);
    let outcomes: Vec<MeasureOutcome> = serde_json::from_slice(&entries[MEASURES_PATH]).unwrap();
    // It stays a zombie until this process asks for it: the endpoint takes it as ended.
    assert_eq!(
        (outcomes.len(), outcomes[0].n, outcomes[0].status),
        (1, 1, MeasureStatus::Done),
        "{outcomes:?}"
    );
    assert!(!child.wait().unwrap().success());
    assert!(scene.left().is_empty(), "nothing stays on the relay");
}
