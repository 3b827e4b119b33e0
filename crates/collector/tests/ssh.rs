//! A real sshd on loopback, through the SSH transport.

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use collector::{Collector, ContactError, Privilege, SshConfig};
use investigation::evidence::{
    ArtifactKind, ArtifactStatus, Collection, FirewallState, Identity, Process, Socket, TorrentFile,
};
use investigation::order::{Limits, Task};
use support::sshd::{Sshd, free_port};
use support::{Scene, collect, config, identify, parsed};

#[allow(clippy::unwrap_used, reason = "a failure here is a failed test")]
async fn execute(
    ssh: SshConfig,
    order: &investigation::order::Order,
    into: &Path,
) -> Result<Collection, ContactError> {
    Collector::new(config(&["127.0.0.0/8"], ssh)).unwrap().execute(order, into, &|_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_collection_over_ssh_sees_what_is_there() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::set();
    let torrents = tempfile::tempdir().unwrap();
    let hostile = "a\nhit\nf\n\u{1b}[2J.torrent";
    std::fs::write(torrents.path().join(hostile), TORRENT).unwrap();
    std::fs::create_dir(torrents.path().join("BT_backup")).unwrap();
    std::fs::write(torrents.path().join("BT_backup/x.fastresume"), "d4:name1:ae").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let order = collect("127.0.0.1", &ArtifactKind::ALL);
    let collection = execute(sshd.config(), &order, folder.path()).await.unwrap();

    assert_eq!(collection.transport, "ssh");
    assert!(collection.endpoint_key.as_ref().unwrap().starts_with("SHA256:"));
    assert!(collection.clock_skew_ms.unwrap().abs() < 2000, "{:?}", collection.clock_skew_ms);
    scene.assert_in_processes(&parsed::<Vec<Process>>(folder.path(), ArtifactKind::Processes));
    scene.assert_in_sockets(&parsed::<Vec<Socket>>(folder.path(), ArtifactKind::Connections));
    let identity: Identity = parsed(folder.path(), ArtifactKind::Identity);
    assert_eq!(identity.collected_as.as_deref(), Some(sshd.user.as_str()));
    assert!(identity.addresses.contains(&"127.0.0.1".parse().unwrap()));

    let files: Vec<TorrentFile> = parsed(folder.path(), ArtifactKind::Torrents);
    let path = torrents.path().join(hostile);
    let found = files.iter().find(|f| Some(f.path.as_str()) == path.to_str()).expect("the torrent is listed");
    assert_eq!(found.infohash_v1.as_deref(), Some(INFOHASH));
    assert_eq!((found.name.as_deref(), found.size), (Some("a.iso"), TORRENT.len() as u64));
    assert_eq!(found.owner.as_deref(), Some(sshd.user.as_str()));
    assert!(found.modified.is_some() && found.accessed.is_some());
    assert!(
        files
            .iter()
            .any(|f| f.path.ends_with("/BT_backup") && f.application.as_deref() == Some("qBittorrent"))
    );
    assert!(
        files.iter().any(|f| f.path.ends_with("/BT_backup/x.fastresume") && f.name.as_deref() == Some("a"))
    );

    let kinds: Vec<_> = collection.outcomes.iter().map(|outcome| outcome.kind).collect();
    // What Linux does not have is not looked for, and makes the collection no poorer.
    let windows_alone = [ArtifactKind::DnsCache, ArtifactKind::Prefetch];
    let own: Vec<_> = ArtifactKind::ALL.into_iter().filter(|kind| !windows_alone.contains(kind)).collect();
    assert_eq!(kinds, own);
    for kind in [
        ArtifactKind::Processes,
        ArtifactKind::Connections,
        ArtifactKind::Torrents,
        ArtifactKind::Autostart,
        ArtifactKind::Neighbors,
    ] {
        let outcome = collection.outcome(kind).unwrap();
        assert_ne!(outcome.status, ArtifactStatus::Failed, "{outcome:?}");
        assert!(outcome.entries.iter().all(|entry| folder.path().join(entry).is_file()));
    }
    assert_eq!(collection.commands.len(), own.len());
    assert!(collection.commands.iter().all(|c| c.exit_code == Some(0)), "{:#?}", collection.commands);
    assert!(folder.path().join("collection.json").is_file());
    if collection.outcome(ArtifactKind::Firewall).unwrap().status != ArtifactStatus::Failed {
        let _: FirewallState = parsed(folder.path(), ArtifactKind::Firewall);
    }
}

const TORRENT: &[u8] = b"d8:announce26:http://tracker.example/ann4:infod6:lengthi7e4:name5:a.iso12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";
/// SHA-1 of the bytes of `info`, by an independent tool.
const INFOHASH: &str = "e110ae4481063579d82fde96881fe362f45c838f";

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_key_is_refused_and_pinned_only_when_told() {
    let Some(sshd) = Sshd::start() else { return };
    std::fs::write(sshd.path("known_hosts"), "# empty\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let refused = execute(sshd.config(), &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    let ContactError::HostKeyUnknown { fingerprint, .. } = &refused else { panic!("{refused:?}") };
    assert!(!refused.retryable() && refused.to_string().contains("SHA256:"));
    assert!(!folder.path().join("collection.json").exists());
    assert!(!sshd.log().contains("Accepted publickey"), "we never authenticated to it");

    let trusting = SshConfig { accept_new_host_keys: true, ..sshd.config() };
    let collection = execute(trusting, &identify("127.0.0.1"), folder.path()).await.unwrap();
    assert_eq!(collection.endpoint_key.as_ref(), Some(fingerprint));
    assert!(collection.commands[0].command.contains("first use"), "{:?}", collection.commands);
    // From now on it is pinned, without being told.
    let collection = execute(sshd.config(), &identify("127.0.0.1"), folder.path()).await.unwrap();
    assert_eq!(collection.commands.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_host_key_is_refused_even_when_new_ones_are_accepted() {
    let Some(sshd) = Sshd::start() else { return };
    sshd.pin("stranger");
    let before = std::fs::read(sshd.path("known_hosts")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trusting = SshConfig { accept_new_host_keys: true, ..sshd.config() };
    let refused = execute(trusting, &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    let ContactError::HostKeyChanged { expected, got, line, .. } = &refused else { panic!("{refused:?}") };
    assert!(expected != got && *line == 1 && !refused.retryable());
    assert_eq!(std::fs::read(sshd.path("known_hosts")).unwrap(), before);
    assert!(!sshd.log().contains("Accepted publickey"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_authorised_is_tried_once() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let stranger = SshConfig { identity_files: vec![sshd.path("stranger")], ..sshd.config() };
    let refused = execute(stranger, &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    assert_eq!((refused.code(), refused.retryable()), ("authentication_failed", false), "{refused:?}");
    assert!(refused.to_string().contains("stranger"), "{refused}");
    let log = sshd.log();
    assert_eq!(log.matches("Connection from").count(), 1, "{log}");
    assert_eq!(log.matches("Failed publickey").count(), 1, "{log}");

    let nothing = SshConfig { identity_files: vec![sshd.path("absent")], ..sshd.config() };
    let refused = execute(nothing, &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    assert_eq!(refused.code(), "authentication_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_key_is_accepted() {
    let Some(sshd) = Sshd::start() else { return };
    let socket = sshd.path("agent");
    let mut agent = std::process::Command::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !socket.exists() {
        assert!(agent.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let added = std::process::Command::new("ssh-add")
        .arg("-q")
        .arg(sshd.path("user"))
        .env("SSH_AUTH_SOCK", &socket)
        .status();
    assert!(added.unwrap().success());
    let folder = tempfile::tempdir().unwrap();
    let ssh = SshConfig { identity_files: Vec::new(), agent_socket: Some(socket), ..sshd.config() };
    let result = execute(ssh, &identify("127.0.0.1"), folder.path()).await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert_eq!(result.unwrap().transport, "ssh");
}

#[tokio::test]
async fn a_listener_that_never_speaks_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let port = silent.local_addr().unwrap().port();
    let ssh = SshConfig { port, connect_timeout: Duration::from_millis(500), ..support::no_ssh() };
    let begun = Instant::now();
    let late = execute(ssh, &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    assert!(matches!(late, ContactError::TimedOut { phase: "key exchange", .. }), "{late:?}");
    assert!(late.retryable() && begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let ssh = SshConfig { port: free_port(), ..support::no_ssh() };
    let closed = execute(ssh, &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    assert_eq!((closed.code(), closed.retryable()), ("unreachable", true), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_a_shell_is_unsupported() {
    let Some(sshd) = Sshd::start_with("ForceCommand echo This account is not available") else { return };
    let folder = tempfile::tempdir().unwrap();
    let error = execute(sshd.config(), &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("unsupported", false), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sudo_falls_back_and_says_so() {
    // A sudo that refuses, first in the endpoint's path.
    let tools = tempfile::tempdir().unwrap();
    let sudo = tools.path().join("sudo");
    std::fs::write(&sudo, "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&sudo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("SetEnv PATH={}:/usr/bin:/bin", tools.path().display());
    let Some(sshd) = Sshd::start_with(&path) else { return };
    let folder = tempfile::tempdir().unwrap();
    let ssh = SshConfig { privilege: Some(Privilege::Sudo), ..sshd.config() };
    let collection = execute(ssh, &identify("127.0.0.1"), folder.path()).await.unwrap();
    let outcome = collection.outcome(ArtifactKind::Identity).unwrap();
    assert_eq!(outcome.status, ArtifactStatus::Partial);
    assert!(outcome.reasons.iter().any(|reason| reason.contains("a password is required")), "{outcome:?}");
    assert_eq!(collection.commands.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn caps_truncate_one_artifact_and_the_rest_goes_on() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut order = collect("127.0.0.1", &[ArtifactKind::Processes, ArtifactKind::Autostart]);
    if let Task::Collect { limits, .. } = &mut order.task {
        *limits = Limits { artifact_bytes: 3000, ..Limits::default() };
    }
    let collection = execute(sshd.config(), &order, folder.path()).await.unwrap();
    let outcome = collection.outcome(ArtifactKind::Processes).unwrap();
    assert_eq!(outcome.status, ArtifactStatus::Truncated);
    assert!(outcome.items > 0 && outcome.reasons.iter().any(|r| r.contains("3000 bytes")), "{outcome:?}");
    assert_eq!(std::fs::metadata(folder.path().join("artifacts/raw/processes.stdout")).unwrap().len(), 3000);
    assert!(collection.outcome(ArtifactKind::Autostart).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_collection_leaves_nothing_running_on_the_endpoint() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (ssh, into) = (sshd.config(), folder.path().to_owned());
    let running = tokio::spawn(async move { execute(ssh, &identify("127.0.0.1"), &into).await.map(drop) });
    let shell = sshd.stop_the_shell().await;
    running.abort();
    shell.assert_gone().await;
    assert!(!folder.path().join("collection.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_whose_time_is_up_is_ended_on_the_endpoint() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (ssh, into) = (sshd.config(), folder.path().to_owned());
    let mut order = collect("127.0.0.1", &[]);
    if let Task::Collect { limits, .. } = &mut order.task {
        *limits = Limits { artifact_seconds: 2, ..Limits::default() };
    }
    let running = tokio::spawn(async move { execute(ssh, &order, &into).await });
    let shell = sshd.stop_the_shell().await;
    let late = running.await.unwrap();
    shell.assert_gone().await;
    // By then it may have said enough to be known.
    match late {
        Err(error) => assert_eq!((error.code(), error.retryable()), ("timed_out", true), "{error:?}"),
        Ok(collection) => assert_eq!(collection.outcomes[0].status, ArtifactStatus::Truncated),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_rights_gets_partial_artifacts_and_the_reasons() {
    // Where the test itself is root, the endpoint's shell gives that up.
    let unprivileged = "ForceCommand setpriv --reuid=65534 --regid=65534 --clear-groups sh -s";
    let root = std::fs::read("/etc/shadow").is_ok();
    let Some(sshd) = Sshd::start_with(if root { unprivileged } else { "" }) else { return };
    let _scene = Scene::set();
    let folder = tempfile::tempdir().unwrap();
    let order =
        collect("127.0.0.1", &[ArtifactKind::Processes, ArtifactKind::Connections, ArtifactKind::Firewall]);
    let collection = execute(sshd.config(), &order, folder.path()).await.unwrap();
    let outcome = |kind| collection.outcome(kind).unwrap();
    for kind in [ArtifactKind::Processes, ArtifactKind::Connections] {
        // A linker that runs on this machine has a command line of over 32 KiB, which is cut.
        let status = outcome(kind).status;
        assert!(matches!(status, ArtifactStatus::Partial | ArtifactStatus::Truncated), "{:?}", outcome(kind));
        let why = "processes do not let this account see";
        assert!(outcome(kind).reasons.iter().any(|reason| reason.contains(why)), "{:?}", outcome(kind));
    }
    let sockets: Vec<Socket> = parsed(folder.path(), ArtifactKind::Connections);
    assert!(sockets.iter().any(|s| s.pid.is_none() && s.local_port == sshd.port), "kept without its process");
    // Nothing is loaded, or nothing may be said: never an empty list that looks whole.
    let firewall = outcome(ArtifactKind::Firewall);
    assert!(firewall.status != ArtifactStatus::Ok || firewall.items == 0, "{firewall:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_does_not_hold_the_address_is_the_wrong_one() {
    let isolated = std::process::Command::new("unshare").args(["-rn", "true"]).output();
    if !isolated.is_ok_and(|output| output.status.success()) {
        return support::skip("network namespaces are not permitted here");
    }
    // A shell in a network namespace of its own: what a translated address leads to.
    let Some(sshd) = Sshd::start_with("ForceCommand unshare -rn sh -s") else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = execute(sshd.config(), &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    assert_eq!((wrong.code(), wrong.retryable()), ("wrong_machine", false), "{wrong:?}");
    assert!(wrong.to_string().contains("NAT") && !folder.path().join("collection.json").exists());
}
