//! The real program against a real sshd on loopback: what arrives, what a hung host holds up, and what is left when the
//! program is stopped or killed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use investigation::evidence::{ArtifactKind, Collection, Identity, Process};
use investigation::order::{RelayResult, Task};
use support::sshd::Sshd;
use support::{Ran, Scene, batch, collect};

const LOOPBACK: &str = "'127.0.0.0/8'";

fn scene(sshd: &Sshd) -> Scene {
    let path = |name: &str| sshd.path(name).display().to_string();
    let ssh = format!(
        "user = '{}'\nport = {}\nidentity_files = ['{}']\nknown_hosts = '{}'",
        sshd.user,
        sshd.port,
        path("user"),
        path("known_hosts")
    );
    Scene::set(LOOPBACK, "", &ssh)
}

#[test]
fn an_identity_and_a_collection_arrive_whole() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = scene(&sshd);
    let kinds = [ArtifactKind::Identity, ArtifactKind::Processes];
    let orders = vec![
        scene.order("c", 1, "127.0.0.1", Task::Identify),
        // The same machine, spelled as IPv6.
        scene.order("c", 2, "::ffff:127.0.0.1", collect(&kinds)),
    ];
    let ran = scene.run_batch(&batch(orders));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout.matches(" staged, ").count(), 2, "{ran:?}");

    let (report, entries) = scene.bundle("c", 1);
    assert_eq!(report.result, RelayResult::Staged);
    let identity: Identity = serde_json::from_slice(&entries["artifacts/identity.json"]).unwrap();
    assert_eq!(identity.host_name, hostname::get().unwrap().to_string_lossy());
    assert!(!ran.stdout.contains(&identity.host_name), "no host name in {}", ran.stdout);

    let (_, entries) = scene.bundle("c", 2);
    let collection: Collection = serde_json::from_slice(&entries["collection.json"]).unwrap();
    assert_eq!((collection.case_id.as_str(), collection.transport.as_str()), ("c", "ssh"));
    let collected: Vec<_> = collection.outcomes.iter().map(|outcome| outcome.kind).collect();
    assert_eq!(collected, kinds);
    for entry in collection.outcomes.iter().flat_map(|outcome| &outcome.entries) {
        assert!(entries.contains_key(entry), "{entry} is in the bundle");
    }
    let processes: Vec<Process> = serde_json::from_slice(&entries["artifacts/processes.json"]).unwrap();
    assert!(processes.iter().any(|process| process.pid == std::process::id()), "this very process is seen");
    for put in scene.store.seen("PUT") {
        let size = scene.store.get(&put.path).unwrap().len();
        assert_eq!(put.headers["content-length"], size.to_string(), "S3 takes no chunked upload");
        assert!(!put.headers.contains_key("transfer-encoding"), "{put:?}");
    }
    assert!(scene.left().is_empty(), "nothing stays on the relay");
}

#[test]
fn a_contact_that_breaks_says_why_as_the_collector_does() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = scene(&sshd);
    sshd.pin("stranger");
    let orders = vec![
        scene.order("c", 1, "127.0.0.1", Task::Identify),
        // Nobody listens there.
        scene.order("d", 1, "127.0.0.3", Task::Identify),
    ];
    assert_eq!(scene.run_batch(&batch(orders)).code, Some(0));
    for (case_id, expected) in [("c", ("host_key_changed", false)), ("d", ("unreachable", true))] {
        let (report, _) = scene.bundle(case_id, 1);
        let RelayResult::Failed { code, reason, retryable } = report.result else { panic!("{report:?}") };
        assert_eq!((code.as_str(), retryable), expected, "{reason}");
        assert!(reason.contains("127.0.0."), "{reason}");
    }
}

#[test]
fn one_hung_host_delays_no_other() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = scene(&sshd);
    // They accept connections and never say a word.
    let addresses = ["127.0.0.2", "127.0.0.4", "127.0.0.5", "127.0.0.6"];
    let hung = addresses.map(|address| TcpListener::bind((address, sshd.port)).unwrap());
    let mut orders: Vec<_> = (1..)
        .zip(addresses)
        .map(|(effect, address)| scene.order("hung", effect, address, Task::Identify))
        .collect();
    orders.iter_mut().for_each(|order| order.timeout_seconds = 15);
    orders.push(scene.order("well", 1, "127.0.0.1", Task::Identify));
    let begun = Instant::now();
    let mut child = scene.start(&scene.publish(&batch(orders)));
    wait_until(|| scene.store.get("/bundle/well/1-1").is_some());
    assert!((1..=4).all(|effect| scene.store.get(&format!("/bundle/hung/{effect}-1")).is_none()));
    assert!(child.try_wait().unwrap().is_none(), "the others still hang");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(40), "they hang side by side: {:?}", begun.elapsed());
    for effect in 1..=4 {
        let (report, _) = scene.bundle("hung", effect);
        let RelayResult::Failed { code, reason, retryable } = report.result else { panic!("{report:?}") };
        assert_eq!((code.as_str(), retryable), ("timed_out", true), "{reason}");
    }
    drop(hung);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_leaves_nothing_on_the_endpoint_and_nothing_here() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = scene(&sshd);
    let orders = batch(vec![scene.order("c", 1, "127.0.0.1", collect(&[ArtifactKind::Autostart]))]);
    let child = scene.start(&scene.publish(&orders));
    let shell = sshd.stop_the_shell().await;
    assert_eq!(scene.left().len(), 1, "its folder is there");
    signal(&child, "TERM");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("stopped with 1 orders not done"), "{ran:?}");
    shell.assert_gone().await;
    assert!(scene.left().is_empty(), "{:?}", scene.left());
    assert!(scene.store.seen("PUT").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_it_leaves_nothing_on_the_endpoint_and_the_next_run_clears_up_here() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = scene(&sshd);
    let orders = batch(vec![scene.order("c", 1, "127.0.0.1", collect(&[ArtifactKind::Autostart]))]);
    let link = scene.publish(&orders);
    let child = scene.start(&link);
    let shell = sshd.stop_the_shell().await;
    // As Systems Manager cancels.
    signal(&child, "KILL");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, None, "{ran:?}");
    shell.assert_gone().await;
    assert_eq!(scene.left().len(), 1, "nobody could clear up");

    let ran = scene.run(&link);
    assert_eq!(ran.code, Some(0), "the same orders again: {ran:?}");
    scene.bundle("c", 1);
    assert!(scene.left().is_empty(), "{:?}", scene.left());
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}
