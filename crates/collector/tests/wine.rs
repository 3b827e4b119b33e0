//! Windows programs that are real, under Wine, over the ways that a Windows is reached by: the program for endpoints,
//! sent over SSH and SFTP and over WinRM, and the commands of the catalogue, answered out of Wine's own registry.
//!
//! Wine is no Windows; `docs/windows.md` says what this proves and what it does not.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use collector::program::Programs;
use collector::{Collector, Config};
use investigation::evidence::{
    ArtifactKind, ArtifactStatus, AutostartEntry, Collection, FirewallState, Identity, Process, Socket,
    TorrentFile,
};
use investigation::order::Order;
use investigation::policy::{PinnedFile, Program, Transport};
use support::sshd::Sshd;
use support::wine::{Wine, program};
use support::winrm::WinrmHost;
use support::{collect, config, no_ssh, parsed};

const CLIENT: &str = r"C:\Program Files\qBittorrent\qbittorrent.exe";
/// A torrent of one file, and the SHA-1 of its `info`, by another program.
const TORRENT: &[u8] = b"d8:announce22:http://tracker.example4:infod6:lengthi5e4:name5:a.txt12:piece lengthi16384e6:pieces20:AAAAAAAAAAAAAAAAAAAAee";
const INFOHASH: &str = "57dbb584ee2949d14ea359b3c3e66eba8ff6ac94";

/// What a client leaves in the registry.
const REGISTRY: &str = r#"REGEDIT4

[HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run]
"qBittorrent"="C:\\Program Files\\qBittorrent\\qbittorrent.exe"

[HKEY_LOCAL_MACHINE\Software\WOW6432Node\Microsoft\Windows\CurrentVersion\Run]
"Once"="once.exe"

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Transmission]
"ImagePath"="C:\\t\\transmission-daemon.exe"
"Start"=dword:00000002

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules]
"{0001}"="v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=6881|App=C:\\Program Files\\qBittorrent\\qbittorrent.exe|Name=qBittorrent|"

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\StandardProfile]
"EnableFirewall"=dword:00000001
"#;

fn install_client(wine: &Wine) {
    fs::write(wine.outside(r"C:\client.reg"), REGISTRY).unwrap();
    wine.run(&["wine", "regedit", "/S", r"C:\client.reg"]);
    let downloads = wine.outside(r"C:\users\Public\Downloads");
    fs::create_dir_all(&downloads).unwrap();
    fs::write(downloads.join("file.torrent"), TORRENT).unwrap();
}

fn sha256(file: &Path) -> String {
    let sum = std::process::Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(sum.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

fn programs(file: &Path) -> Programs {
    let windows = Some(PinnedFile { file: file.to_string_lossy().into(), sha256: sha256(file) });
    Programs::load(&Program { windows, linux: None }, |file| PathBuf::from(file)).unwrap()
}

async fn execute(config: Config, order: &Order, into: &Path) -> Collection {
    let collection = Collector::new(config).unwrap().execute(order, into, &|_| {}).await.unwrap();
    for outcome in &collection.outcomes {
        eprintln!("{} {:?} {} {:?}", outcome.artifact, outcome.status, outcome.items, outcome.reasons);
    }
    collection
}

/// One Windows for all of it: making one takes longer than the rest.
#[tokio::test(flavor = "multi_thread")]
async fn windows_programs_are_collected_from_and_run() {
    let Some(file) = program() else { return };
    let Some(wine) = Wine::start() else { return };
    install_client(&wine);
    the_program_over_ssh(&wine, &file).await;
    commands_over_winrm(&wine).await;
    the_program_over_winrm(&wine, &file).await;
}

/// Nothing of a program is left on the endpoint.
fn assert_gone(wine: &Wine, collection: &Collection) {
    let program = collection.program.as_ref().expect("a program was sent");
    assert!(program.removed, "{program:?}");
    let names = fs::read_dir(wine.local_app_data()).unwrap().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("peerhound")).collect();
    assert!(left.is_empty(), "{left:?}");
}

async fn the_program_over_ssh(wine: &Wine, file: &Path) {
    let lines =
        format!("ForceCommand {}\nSubsystem sftp /usr/lib/openssh/sftp-server", wine.shell().display());
    let Some(sshd) = Sshd::start_with(&lines) else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = Config { programs: programs(file), ..config(&["127.0.0.0/8"], sshd.config()) };
    let collection = execute(config, &collect("127.0.0.1", &ArtifactKind::ALL), folder.path()).await;

    let sent = collection.program.as_ref().expect("a program was sent");
    assert_eq!(
        sent.read,
        [ArtifactKind::Connections, ArtifactKind::Processes, ArtifactKind::Firewall, ArtifactKind::Torrents],
        "{:#?}",
        collection.commands
    );
    assert_eq!(sent.sha256, sha256(file));
    assert_gone(wine, &collection);

    // It has seen itself, by its own path, and hashed itself.
    let processes: Vec<Process> = parsed(folder.path(), ArtifactKind::Processes);
    let itself = processes.iter().find(|p| p.name.eq_ignore_ascii_case("peerhound-collect.exe"));
    let itself = itself.unwrap_or_else(|| panic!("{processes:#?}"));
    let path = itself.path.as_ref().unwrap().to_ascii_lowercase();
    assert!(path.starts_with(r"c:\users\") && path.contains(r"\appdata\local\peerhound-"), "{path}");
    assert_eq!(itself.sha256.as_ref(), Some(&sent.sha256));
    let sockets: Vec<Socket> = parsed(folder.path(), ArtifactKind::Connections);
    assert!(sockets.iter().any(|socket| socket.local_port == sshd.port), "{sockets:#?}");
    assert_firewall(folder.path());
    let torrent = torrent(folder.path());
    assert_eq!((torrent.infohash_v1.as_deref(), torrent.name.as_deref()), (Some(INFOHASH), Some("a.txt")));
    assert_client_starts(folder.path());
}

fn assert_firewall(folder: &Path) {
    let firewall: FirewallState = parsed(folder, ArtifactKind::Firewall);
    let rule = firewall.rules.iter().find(|rule| rule.program.as_deref() == Some(CLIENT));
    let rule = rule.unwrap_or_else(|| panic!("{firewall:#?}"));
    assert_eq!((rule.action.as_deref(), rule.ports.as_slice()), (Some("accept"), &[6881][..]));
}

fn torrent(folder: &Path) -> TorrentFile {
    let files: Vec<TorrentFile> = parsed(folder, ArtifactKind::Torrents);
    let wanted = r"C:\users\Public\Downloads\file.torrent";
    let found = files.iter().find(|file| file.path.eq_ignore_ascii_case(wanted));
    found.cloned().unwrap_or_else(|| panic!("{files:#?}"))
}

/// What `reg query` says of the client, in the user's hive, in the 32-bit view and among the services.
fn assert_client_starts(folder: &Path) {
    let entries: Vec<AutostartEntry> = parsed(folder, ArtifactKind::Autostart);
    let named = |name: &str| {
        entries.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("no {name} in {entries:#?}"))
    };
    let client = named("qBittorrent");
    assert_eq!((client.mechanism.as_str(), client.command.as_deref()), ("run_key", Some(CLIENT)));
    assert!(client.user.as_ref().is_some_and(|user| user.starts_with("S-1-5-21-")), "{client:?}");
    assert!(named("Once").location.to_ascii_lowercase().contains("wow6432node"));
    assert_eq!(named("Transmission").enabled, Some(true));
}

fn over_winrm(host: &WinrmHost) -> Config {
    let winrm = Some(host.config());
    Config { winrm, transports: vec![Transport::Winrm], ..config(&["127.0.0.0/8"], no_ssh()) }
}

async fn commands_over_winrm(wine: &Wine) {
    let Some(host) = WinrmHost::start(&wine.shell()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut order = collect("127.0.0.1", &ArtifactKind::ALL);
    order.case_id = "commands".into();
    let collection = execute(over_winrm(&host), &order, folder.path()).await;
    assert_eq!((collection.transport.as_str(), &collection.program), ("winrm", &None));

    let identity: Identity = parsed(folder.path(), ArtifactKind::Identity);
    let host_name = hostname::get().unwrap();
    assert!(identity.host_name.eq_ignore_ascii_case(&host_name.to_string_lossy()), "{identity:?}");
    assert!(identity.addresses.contains(&"127.0.0.1".parse().unwrap()), "{identity:?}");
    assert!(identity.collected_as.is_some() && identity.os.is_some(), "{identity:?}");
    assert_firewall(folder.path());
    assert_client_starts(folder.path());
    // `dir` tells paths, and that this is all.
    assert_eq!(torrent(folder.path()).infohash_v1, None);
    assert_eq!(collection.outcome(ArtifactKind::Torrents).unwrap().status, ArtifactStatus::Partial);
    // Wine's netstat knows no processes, and its tasklist prints nothing: nothing of that may look whole.
    for kind in [ArtifactKind::Connections, ArtifactKind::Processes] {
        assert_ne!(collection.outcome(kind).unwrap().status, ArtifactStatus::Ok, "{kind:?}");
    }
    assert!(!host.log().contains("violation"), "{}", host.log());
}

async fn the_program_over_winrm(wine: &Wine, file: &Path) {
    let Some(host) = WinrmHost::start(&wine.shell()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = Config { programs: programs(file), ..over_winrm(&host) };
    let order = collect("127.0.0.1", &[ArtifactKind::Processes]);
    let collection = tokio::time::timeout(Duration::from_secs(240), execute(config, &order, folder.path()));
    let collection = collection.await.unwrap();
    let sent = collection.program.as_ref().expect("a program was sent");
    assert_eq!(sent.read, [ArtifactKind::Processes], "{:#?}", collection.commands);
    let processes: Vec<Process> = parsed(folder.path(), ArtifactKind::Processes);
    assert!(processes.iter().any(|process| process.sha256.as_ref() == Some(&sent.sha256)));
    assert_gone(wine, &collection);
    assert!(!host.log().contains("violation"), "{}", host.log());
}
