//! A real Samba whose registry and shares look like a Windows's: what is read over SMB, and what is refused.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use collector::{Collector, Config, ContactError, Progress, SmbConfig};
use investigation::evidence::{
    ArtifactKind, ArtifactOutcome, ArtifactStatus, AutostartEntry, Collection, FirewallState, Identity,
    Program, TorrentFile,
};
use investigation::order::{Limits, Order, Task};
use investigation::policy::Transport;
use support::samba::{INTERFACE, NOBODY, RUN, Samba};
use support::sshd::free_port;
use support::tamper::{Way, tamper};
use support::{collect, config, identify, no_ssh, parsed};

/// A torrent, and its infohash as `sha1sum` has it of what it calls `info`.
const TORRENT: &[u8] = b"d8:announce18:http://tracker/ann4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";
const INFOHASH: &str = "4de9b0e9855b349178fb7a42f37dc0f2fac3018d";

fn collector(smb: SmbConfig) -> Collector {
    let transports = vec![Transport::Smb];
    Collector::new(Config { smb: Some(smb), transports, ..config(&["127.0.0.0/8"], no_ssh()) }).unwrap()
}

async fn execute(smb: SmbConfig, order: &Order, into: &Path) -> Result<Collection, ContactError> {
    collector(smb).execute(order, into, &|_| {}).await
}

async fn identified(smb: SmbConfig) -> Result<Collection, ContactError> {
    let folder = tempfile::tempdir().unwrap();
    execute(smb, &identify("127.0.0.1"), folder.path()).await
}

async fn refused(smb: SmbConfig) -> (&'static str, bool, String) {
    let error = identified(smb).await.unwrap_err();
    assert!(!error.to_string().contains('\n'));
    (error.code(), error.retryable(), error.to_string())
}

fn outcome(collection: &Collection, kind: ArtifactKind) -> &ArtifactOutcome {
    collection.outcome(kind).unwrap()
}

fn host_name() -> String {
    let name = std::process::Command::new("uname").arg("-n").output().unwrap();
    String::from_utf8(name.stdout).unwrap().trim().to_lowercase()
}

fn says(outcome: &ArtifactOutcome, words: &str) -> bool {
    outcome.reasons.iter().any(|reason| reason.contains(words))
}

fn order(artifacts: &[ArtifactKind], limits: Limits) -> Order {
    Order { task: Task::Collect { artifacts: artifacts.to_vec(), limits }, ..collect("127.0.0.1", &[]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_smb_tells_is_collected() {
    let Some(samba) = Samba::start("") else { return };
    let drive = samba.drive();
    fs::create_dir_all(drive.join("Users/alice/Downloads")).unwrap();
    fs::create_dir_all(drive.join("Windows/System32")).unwrap();
    fs::write(drive.join("Users/alice/Downloads/ä.torrent"), TORRENT).unwrap();
    fs::write(drive.join("Users/alice/Downloads/other.txt"), TORRENT).unwrap();
    fs::write(drive.join("Windows/System32/left-out.torrent"), TORRENT).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let order = collect("127.0.0.1", &ArtifactKind::ALL);
    let collection = execute(samba.config(), &order, folder.path()).await.unwrap();

    assert_eq!((collection.transport.as_str(), collection.outcomes.len()), ("smb", ArtifactKind::ALL.len()));
    let key = collection.endpoint_key.as_ref().unwrap().to_lowercase();
    assert!(key.starts_with(&format!("ntlm:{}", host_name())), "{key}");
    assert!(
        collection.clock_skew_ms.is_some_and(|skew| skew.abs() < 5_000),
        "{:?}",
        collection.clock_skew_ms
    );
    for kind in [
        ArtifactKind::Processes,
        ArtifactKind::Connections,
        ArtifactKind::Neighbors,
        ArtifactKind::DnsCache,
        ArtifactKind::Prefetch,
    ] {
        let outcome = outcome(&collection, kind);
        assert_eq!((outcome.status, outcome.items), (ArtifactStatus::Failed, 0));
        assert!(says(outcome, "WinRM or SSH") && outcome.entries.is_empty(), "{outcome:?}");
    }
    let identity: Identity = parsed(folder.path(), ArtifactKind::Identity);
    // Samba's registry has its system's own name.
    assert_eq!(identity.host_name.to_lowercase(), host_name());
    assert!(identity.kernel.is_some(), "{identity:?}");
    assert!(identity.addresses.contains(&"127.0.0.1".parse().unwrap()));
    assert_eq!(identity.users.len(), 1, "{:?}", identity.users);
    let alice = &identity.users[0];
    assert_eq!((alice.name.as_str(), alice.domain.as_deref()), ("alice", Some("CORP")));
    assert_eq!((alice.session.as_deref(), alice.from.as_deref()), (Some("RDP-Tcp#3"), Some("LAPTOP")));
    assert!(says(outcome(&collection, ArtifactKind::Identity), "read over SMB"));

    let entries: Vec<AutostartEntry> = parsed(folder.path(), ArtifactKind::Autostart);
    let entry = |name: &str| {
        let found = entries.iter().find(|entry| entry.name == name);
        found.unwrap_or_else(|| panic!("{name}: {entries:?}"))
    };
    assert_eq!(entry("Ünïcode €").command.as_deref(), Some(r"C:\ä.exe"));
    let torrent = entry("uTorrent");
    assert_eq!((torrent.mechanism.as_str(), torrent.user.as_deref()), ("run_key", Some("alice")));
    assert_eq!(entry("qbtsvc").mechanism, "service");
    assert_eq!(entry("Shell").command.as_deref(), Some(r"explorer.exe, C:\evil.exe"));
    assert!(says(outcome(&collection, ArtifactKind::Autostart), "scheduled tasks"));

    let firewall: FirewallState = parsed(folder.path(), ArtifactKind::Firewall);
    assert_eq!((firewall.rules.len(), firewall.rules[0].ports.as_slice()), (1, &[6881][..]));

    let programs: Vec<Program> = parsed(folder.path(), ArtifactKind::Programs);
    assert_eq!(programs.len(), 1, "{programs:?}");
    assert_eq!((programs[0].name.as_str(), programs[0].version.as_deref()), ("qBittorrent", Some("4.6.3")));

    let torrents: Vec<TorrentFile> = parsed(folder.path(), ArtifactKind::Torrents);
    assert_eq!(torrents.len(), 1, "{torrents:?}");
    let found = &torrents[0];
    assert_eq!(found.path, r"C:\Users\alice\Downloads\ä.torrent");
    assert_eq!((found.infohash_v1.as_deref(), found.size), (Some(INFOHASH), TORRENT.len() as u64));
    assert!(found.modified.is_some() && found.owner.as_ref().is_some_and(|owner| owner.starts_with("S-1-")));
    assert_eq!(outcome(&collection, ArtifactKind::Torrents).status, ArtifactStatus::Ok);

    // Everything that was asked is on record, and what came back lies beside it.
    let asked: Vec<&str> = collection.commands.iter().map(|record| record.command.as_str()).collect();
    for words in [
        r"winreg: values of HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run",
        r"smb: list the folders of \\127.0.0.1\C$",
        r"smb: look at C:\Users\alice\Downloads\ä.torrent",
        "wkssvc: NetrWkstaUserEnum, level 1",
        "srvsvc: NetrSessionEnum, level 10",
    ] {
        assert!(asked.contains(&words), "{words}: {asked:?}");
    }
    let raw = fs::read_to_string(folder.path().join("artifacts/raw/torrents.stdout")).unwrap();
    assert!(raw.contains("base64\tZDg6YW5ub3VuY2U"), "{raw}");
    for kind in [ArtifactKind::Identity, ArtifactKind::Autostart, ArtifactKind::Firewall] {
        let entries = &outcome(&collection, kind).entries;
        assert!(entries.len() == 2 && entries.iter().all(|entry| folder.path().join(entry).is_file()));
    }
    // No secret is in any of it, and the endpoint is as it was.
    for entry in fs::read_dir(folder.path().join("artifacts/raw")).unwrap().flatten() {
        assert!(!String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).contains("correct horse"));
    }
    assert_eq!(fs::read(drive.join("Users/alice/Downloads/ä.torrent")).unwrap(), TORRENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_is_signed_or_sealed() {
    let only = |version: &str, more: &str| {
        format!("server min protocol = {version}\nserver max protocol = {version}\n{more}")
    };
    for more in [
        only("SMB2_10", ""),
        only("SMB3_00", "smb encrypt = off"),
        only("SMB3_00", "smb encrypt = required"),
        only("SMB3_02", "smb encrypt = required"),
        only("SMB3_11", "smb encrypt = off"),
        only("SMB3_11", "smb encrypt = required"),
        only("SMB3_11", "smb encrypt = required\nserver smb3 encryption algorithms = AES-128-CCM"),
    ] {
        let Some(samba) = Samba::start(&more) else { return };
        fs::write(samba.drive().join("a.torrent"), TORRENT).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let order = collect("127.0.0.1", &[ArtifactKind::Torrents]);
        let collection = execute(samba.config(), &order, folder.path()).await;
        let collection = collection.unwrap_or_else(|error| panic!("{more}: {error}"));
        assert_eq!(outcome(&collection, ArtifactKind::Torrents).items, 1, "{more}: {collection:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_spoken_is_said_in_one_line() {
    for (more, words) in [
        ("server min protocol = NT1\nserver max protocol = NT1", "SMB 1"),
        ("server min protocol = SMB2_02\nserver max protocol = SMB2_02", "takes none of SMB 2.1"),
        ("server max protocol = SMB2_10\nsmb encrypt = required", "encryption"),
        ("smb encrypt = required\nserver smb3 encryption algorithms = AES-256-GCM", "encryption"),
        ("rpc start on demand helpers = no", "RemoteRegistry"),
    ] {
        let Some(samba) = Samba::start(more) else { return };
        let (code, retryable, text) = refused(samba.config()).await;
        assert!(matches!(code, "smb_refused" | "logon_refused") && !retryable, "{more}: {code} {text}");
        assert!(text.contains(words), "{more}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once_and_then_rests() {
    let Some(samba) = Samba::start("") else { return };
    let wrong = SmbConfig { password_file: samba.password("wrong"), ..samba.config() };
    let collector = collector(wrong);
    let folder = tempfile::tempdir().unwrap();
    let mut codes = Vec::new();
    for _ in 0..3 {
        let error = collector.execute(&identify("127.0.0.1"), folder.path(), &|_| {}).await.unwrap_err();
        assert!(!error.to_string().contains("wrong\n"), "{error}");
        codes.push(error.code());
    }
    assert_eq!(codes, ["logon_refused", "account_rests", "account_rests"]);
    assert_eq!(samba.refusals(), 1, "{}", samba.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_nobody() {
    let Some(samba) = Samba::start("map to guest = bad password\nguest account = nobody") else { return };
    let wrong = SmbConfig { password_file: samba.password("wrong"), ..samba.config() };
    let (code, _, text) = refused(wrong).await;
    assert_eq!(code, "logon_refused", "{text}");
    assert!(text.contains("guest"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unexpected_host_gets_no_answer_to_its_challenge() {
    let Some(samba) = Samba::start("") else { return };
    let expect = |name: &str| SmbConfig { expected_hosts: vec![name.into()], ..samba.config() };
    let (code, _, text) = refused(expect("*.corp.example.org")).await;
    assert_eq!(code, "unexpected_host", "{text}");
    assert!(!samba.log().contains("Auth:"), "{}", samba.log());
    // It calls itself after the system that it runs on.
    let own = identified(samba.config()).await.unwrap().endpoint_key.unwrap();
    identified(expect(own.trim_start_matches("NTLM:"))).await.unwrap();
    assert!(samba.log().contains("Auth:"), "the log does tell of a logon");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_is_named_and_nothing_is_collected() {
    let Some(samba) = Samba::start("") else { return };
    samba.set(INTERFACE, "IPAddress", "sz", "10.9.9.9");
    let (code, retryable, text) = refused(samba.config()).await;
    assert_eq!((code, retryable), ("wrong_machine", false));
    assert!(text.contains("10.9.9.9"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_is_a_reason_and_not_the_end() {
    let Some(samba) = Samba::start_with("", "valid users = root") else { return };
    samba.close_key(RUN);
    let folder = tempfile::tempdir().unwrap();
    let order = collect("127.0.0.1", &ArtifactKind::ALL);
    let nobody = SmbConfig { user: NOBODY.into(), ..samba.config() };
    let collection = execute(nobody, &order, folder.path()).await.unwrap();
    let torrents = outcome(&collection, ArtifactKind::Torrents);
    assert_eq!(torrents.status, ArtifactStatus::Failed);
    assert!(says(torrents, "C$ is closed to this account"), "{torrents:?}");
    let autostart = outcome(&collection, ArtifactKind::Autostart);
    assert_eq!(autostart.status, ArtifactStatus::Partial);
    assert!(says(autostart, "1 registry key is closed") && autostart.items > 0, "{autostart:?}");
    assert_eq!(outcome(&collection, ArtifactKind::Firewall).status, ArtifactStatus::Ok);
    assert!(collection.commands.iter().any(|record| record.stderr == "access denied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_are_closed_deep_or_circular_are_counted() {
    let Some(samba) = Samba::start("") else { return };
    let drive = samba.drive();
    let deep = drive.join(vec!["d"; 90].join("/"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("deep.torrent"), TORRENT).unwrap();
    fs::create_dir_all(drive.join("closed")).unwrap();
    fs::set_permissions(drive.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir_all(drive.join("open")).unwrap();
    fs::write(drive.join("open/large.torrent"), vec![b'x'; 70_000]).unwrap();
    fs::write(drive.join("open/b.torrent"), TORRENT).unwrap();
    std::os::unix::fs::symlink("..", drive.join("open/loop")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let nobody = SmbConfig { user: NOBODY.into(), ..samba.config() };
    let limits = Limits { torrent_bytes: 60_000, ..Limits::default() };
    let collection = execute(nobody, &order(&[ArtifactKind::Torrents], limits), folder.path()).await.unwrap();
    let outcome = outcome(&collection, ArtifactKind::Torrents);
    assert_eq!(outcome.status, ArtifactStatus::Truncated);
    assert!(
        says(outcome, "deeper than the cap on depth") && says(outcome, "folders are closed"),
        "{outcome:?}"
    );
    let torrents: Vec<TorrentFile> = parsed(folder.path(), ArtifactKind::Torrents);
    assert!(torrents.iter().all(|file| !file.path.contains("deep.torrent")));
    let of = |path: &str| torrents.iter().find(|file| file.path == path).unwrap();
    assert_eq!(of(r"C:\open\b.torrent").infohash_v1.as_deref(), Some(INFOHASH));
    let large = of(r"C:\open\large.torrent");
    assert!(
        large.infohash_v1.is_none() && large.notes.iter().any(|note| note.contains("larger")),
        "{large:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_a_hundred_thousand_is_walked_up_to_the_cap() {
    let Some(samba) = Samba::start("") else { return };
    let many = samba.drive().join("many");
    fs::create_dir(&many).unwrap();
    fs::write(samba.drive().join("first.torrent"), TORRENT).unwrap();
    for number in 0..100_000 {
        fs::File::create(many.join(format!("a file with a name of some length {number:06}"))).unwrap();
    }
    let seen = Mutex::new(0);
    let progress = |progress| {
        if let Progress::Files { seen: now } = progress {
            *seen.lock().unwrap() = now;
        }
    };
    for (files, status) in [(200_000, ArtifactStatus::Ok), (50_000, ArtifactStatus::Truncated)] {
        let folder = tempfile::tempdir().unwrap();
        let order = order(&[ArtifactKind::Torrents], Limits { files, ..Limits::default() });
        let collection = collector(samba.config()).execute(&order, folder.path(), &progress).await.unwrap();
        let outcome = outcome(&collection, ArtifactKind::Torrents);
        assert_eq!((outcome.status, outcome.items), (status, 1), "{outcome:?}");
        assert!(files > 100_000 || says(outcome, "more than 50000 files"), "{outcome:?}");
    }
    assert_eq!(*seen.lock().unwrap(), 50_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_is_up_ends_what_is_read() {
    let Some(samba) = Samba::start("smb encrypt = off") else { return };
    for number in 0..300 {
        fs::create_dir(samba.drive().join(format!("{number}"))).unwrap();
    }
    // Each list of a folder takes its time on the way.
    let port = tamper(samba.port, |way, _, frame| {
        if way == Way::ToServer && frame.get(12) == Some(&14) {
            std::thread::sleep(Duration::from_millis(400));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let limits = |artifact_seconds| Limits { artifact_seconds, ..Limits::default() };
    let smb = SmbConfig { port, ..samba.config() };
    let order_of = |seconds| order(&[ArtifactKind::Torrents], limits(seconds));
    // What Samba starts for each service takes its time as well, once.
    identified(samba.config()).await.unwrap();
    let begun = Instant::now();
    let collection = execute(smb.clone(), &order_of(10), folder.path()).await.unwrap();
    let outcome = outcome(&collection, ArtifactKind::Torrents);
    assert_eq!(outcome.status, ArtifactStatus::Truncated);
    assert!(says(outcome, "its time was up") && begun.elapsed() < Duration::from_secs(40), "{outcome:?}");
    // An identity that had no time proves nothing, and accuses nobody.
    let error = execute(smb, &order_of(0), folder.path()).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("timed_out", true), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_in_the_middle_ends_the_contact() {
    let Some(samba) = Samba::start("") else { return };
    for number in 0..3000 {
        fs::create_dir(samba.drive().join(format!("{number}"))).unwrap();
    }
    let samba = Mutex::new(samba);
    let smb = samba.lock().unwrap().config();
    let smb = SmbConfig { connect_timeout: Duration::from_secs(3), ..smb };
    let progress = |progress| {
        if matches!(progress, Progress::Files { .. }) {
            samba.lock().unwrap().kill();
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let order = collect("127.0.0.1", &[ArtifactKind::Torrents]);
    let error = collector(smb).execute(&order, folder.path(), &progress).await.unwrap_err();
    assert!(matches!(error.code(), "disconnected" | "timed_out") && error.retryable(), "{error}");
    assert!(!folder.path().join("collection.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_tried_where_nothing_else_answers() {
    let Some(samba) = Samba::start("") else { return };
    let ssh = collector::SshConfig { port: free_port(), ..no_ssh() };
    let transports = Transport::ALL.to_vec();
    let config = Config { smb: Some(samba.config()), transports, ..config(&["127.0.0.0/8"], ssh) };
    let folder = tempfile::tempdir().unwrap();
    let order = identify("127.0.0.1");
    let collection = Collector::new(config).unwrap().execute(&order, folder.path(), &|_| {}).await.unwrap();
    assert_eq!(collection.transport, "smb");
}

#[test]
fn settings_that_would_not_work_are_refused() {
    let sound = SmbConfig {
        user: "svc".into(),
        password_file: "p".into(),
        port: 445,
        expected_hosts: Vec::new(),
        ntlm: true,
        connect_timeout: Duration::from_secs(5),
    };
    for (wrong, says) in [
        (SmbConfig { ntlm: false, ..sound.clone() }, "NTLM"),
        (SmbConfig { password_file: "".into(), ..sound.clone() }, "no password file"),
        (SmbConfig { port: 0, ..sound.clone() }, "port 0"),
        (SmbConfig { user: " ".into(), ..sound.clone() }, "no name"),
        (SmbConfig { connect_timeout: Duration::ZERO, ..sound.clone() }, "nothing through"),
    ] {
        let config = Config { smb: Some(wrong), ..config(&["127.0.0.0/8"], no_ssh()) };
        let error = Collector::new(config).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
}
