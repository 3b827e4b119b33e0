//! This very machine, through the local transport.

mod support;

use collector::{Collector, Progress};
use investigation::evidence::{
    ArtifactKind, ArtifactStatus, Collection, Identity, Neighbor, Process, Program, Socket,
};
use support::{Scene, collect, config, no_ssh, own_address, parsed, skip};

const ALL_BUT_FILES: [ArtifactKind; 7] = [
    ArtifactKind::Identity,
    ArtifactKind::Processes,
    ArtifactKind::Connections,
    ArtifactKind::Autostart,
    ArtifactKind::Firewall,
    ArtifactKind::Neighbors,
    ArtifactKind::Programs,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_process_and_its_sockets_are_found_with_pid_name_and_hash() {
    let Some(address) = own_address() else { return skip("this machine has no address but loopback") };
    let scene = Scene::set();
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::new(config(&[&format!("{address}/32")], no_ssh())).unwrap();
    let seen = std::sync::Mutex::new(Vec::new());
    let watch = |progress: Progress| seen.lock().unwrap().push(progress);
    let order = collect(&address.to_string(), &ALL_BUT_FILES);
    let collection = collector.execute(&order, folder.path(), &watch).await.unwrap();

    assert_eq!((collection.transport.as_str(), collection.target), ("local", address));
    scene.assert_in_processes(&parsed::<Vec<Process>>(folder.path(), ArtifactKind::Processes));
    scene.assert_in_sockets(&parsed::<Vec<Socket>>(folder.path(), ArtifactKind::Connections));
    let identity: Identity = parsed(folder.path(), ArtifactKind::Identity);
    assert!(identity.addresses.contains(&address));
    assert_eq!(identity.host_name, hostname::get().unwrap().to_string_lossy());
    assert!(identity.collected_as.is_some() && identity.boot_time.is_some() && identity.os.is_some());
    assert!(collection.clock_skew_ms.unwrap().abs() < 1000, "the same clock: {:?}", collection.clock_skew_ms);

    // The kernel lists every neighbour that it knows, and dpkg itself is a package of a Debian.
    let neighbors: Vec<Neighbor> = parsed(folder.path(), ArtifactKind::Neighbors);
    let table = std::fs::read_to_string("/proc/net/arp").unwrap_or_default();
    for line in table.lines().skip(1) {
        let ip: std::net::IpAddr = line.split_whitespace().next().unwrap().parse().unwrap();
        assert!(neighbors.iter().any(|row| row.ip == ip), "{line} is not in {neighbors:?}");
    }
    if std::path::Path::new("/var/lib/dpkg/status").is_file() {
        let programs: Vec<Program> = parsed(folder.path(), ArtifactKind::Programs);
        let dpkg = programs.iter().find(|program| program.name == "dpkg").expect("dpkg is installed");
        assert!(dpkg.source == "dpkg" && dpkg.version.is_some(), "{dpkg:?}");
    } else {
        skip("no dpkg lists packages here");
    }

    let order: Vec<_> = collection.outcomes.iter().map(|outcome| outcome.kind).collect();
    let volatile_first: Vec<_> =
        ArtifactKind::ALL.into_iter().filter(|kind| ALL_BUT_FILES.contains(kind)).collect();
    assert_eq!(order, volatile_first);
    for outcome in &collection.outcomes {
        for entry in &outcome.entries {
            assert!(folder.path().join(entry).is_file(), "{entry}");
        }
        assert_eq!(outcome.reasons.is_empty(), outcome.status == ArtifactStatus::Ok, "{outcome:?}");
    }
    assert_eq!(seen.lock().unwrap()[..2], [Progress::Connecting, Progress::Connected { transport: "local" }]);
    let written: Collection =
        serde_json::from_slice(&std::fs::read(folder.path().join("collection.json")).unwrap()).unwrap();
    assert_eq!(written, collection);
}

#[tokio::test]
async fn what_is_out_of_scope_is_not_contacted() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::new(config(&["10.9.0.0/16"], no_ssh())).unwrap();
    for target in ["8.8.8.8", "10.8.0.1", "169.254.169.254", "127.0.0.1", "::1", "224.0.0.1"] {
        let refused =
            collector.execute(&support::identify(target), folder.path(), &|_| {}).await.unwrap_err();
        assert_eq!((refused.code(), refused.retryable()), ("out_of_scope", false), "{target}");
        assert!(!refused.to_string().contains('\n'));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}

#[tokio::test]
async fn loopback_is_this_machine_only_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::new(config(&["127.0.0.0/8"], no_ssh())).unwrap().with_loopback_as_local();
    let collection =
        collector.execute(&support::identify("127.0.0.1"), folder.path(), &|_| {}).await.unwrap();
    assert_eq!(collection.transport, "local");
    assert_eq!(collection.outcomes.len(), 1);
}
