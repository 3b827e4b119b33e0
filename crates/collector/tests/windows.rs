//! A real sshd, and a WS-Man host, whose shell is a Windows's by what it prints: which way is taken, and what comes of it. The outputs are
//! those that the parsers' own tests read; no Windows runs here.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use collector::{Collector, Config, ContactError, Privilege, SshConfig};
use investigation::evidence::{
    ArtifactKind, ArtifactStatus, AutostartEntry, Collection, DnsRecord, FirewallState, Identity, Login,
    Prefetched, Process, Program, RecentExecutable, ScheduledTask, Socket, TorrentFile,
};
use investigation::policy::Transport;
use support::sshd::Sshd;
use support::winrm::WinrmHost;
use support::{collect, config, identify, no_ssh, parsed};
use tempfile::TempDir;

/// What answers in place of cmd.exe. It knows a script by a word that is in no other.
const SHELL: &str = r#"#!/bin/sh
dir=$(dirname "$0")
printf '%s\n' "$SSH_ORIGINAL_COMMAND" >>"$dir/log"
case $SSH_ORIGINAL_COMMAND in
powershell.exe*)
	[ ! -e "$dir/no-powershell" ] || { echo "'powershell.exe' is not recognized as an internal or external command" >&2; exit 1; }
	script=$(cat)
	case $script in
	*Win32_SystemDriver*) cat "$dir/kernel_modules.ndjson" ;;
	*ServiceDll*) cat "$dir/services.ndjson" ;;
	*LogonType*) cat "$dir/logins.ndjson" ;;
	*DataBasePath*) cat "$dir/name_resolution.ndjson" ;;
	*Export-ScheduledTask*) cat "$dir/scheduled_tasks.ndjson" ;;
	*AuthorizedKeys*) cat "$dir/authorized_keys.ndjson" ;;
	*PSReadLine*) cat "$dir/shell_histories.ndjson" ;;
	*Zone.Identifier*) cat "$dir/recent_executables.ndjson" ;;
	*__EventFilter*) cat "$dir/wmi_subscriptions.ndjson" ;;
	*SilentProcessExit*) cat "$dir/registry_persistence.ndjson" ;;
	*Win32_UserAccount*) cat "$dir/accounts.ndjson" ;;
	*Get-SmbSession*) cat "$dir/shares.ndjson" ;;
	*Get-MpPreference*) cat "$dir/antivirus.ndjson" ;;
	*IsEnabled*) cat "$dir/event_logs.ndjson" ;;
	*Get-BitsTransfer*) cat "$dir/transfer_jobs.ndjson" ;;
	*Get-NetIPAddress*) cat "$dir/identity.ndjson" ;;
	*Get-NetTCPConnection*) cat "$dir/connections.ndjson" ;;
	*Get-AuthenticodeSignature*) cat "$dir/processes.ndjson" ;;
	*Get-ScheduledTask*) cat "$dir/autostart.ndjson" ;;
	*Win32_LogicalDisk*) cat "$dir/torrents.ndjson" ;;
	*FirewallPolicy*) cat "$dir/firewall.ndjson" ;;
	*Get-NetNeighbor*) cat "$dir/neighbors.ndjson" ;;
	*Get-DnsClientCache*) cat "$dir/dns_cache.ndjson" ;;
	*Prefetch*) cat "$dir/prefetch.ndjson" ;;
	*DisplayName*) cat "$dir/programs.ndjson" ;;
	*) exit 1 ;;
	esac ;;
*=4624*) cat "$dir/wevtutil-4624.txt" ;;
*=4625*) cat "$dir/wevtutil-4625.txt" ;;
*=4634*) ;;
*=4672*) cat "$dir/wevtutil-4672.txt" ;;
*=4648*) cat "$dir/wevtutil-4648.txt" ;;
*=1102*) cat "$dir/wevtutil-1102.txt" ;;
*=1116*) cat "$dir/wevtutil-1116.txt" ;;
*=104]*) cat "$dir/wevtutil-104.txt" ;;
*=59]*) cat "$dir/wevtutil-59.txt" ;;
*=12]*) cat "$dir/wevtutil-starts.txt" ;;
*LocalSessionManager*) cat "$dir/wevtutil-sessions.txt" ;;
*'wevtutil gl '*) cat "$dir/wevtutil-gl.txt" ;;
*'wevtutil gli '*) cat "$dir/wevtutil-gli.txt" ;;
*'/v ImagePath'*) cat "$dir/reg-drivers-images.txt" ;;
*'/v Type'*) cat "$dir/reg-services-types.txt" ;;
*'/v Start'*) cat "$dir/reg-services-starts.txt" ;;
*ServiceDll*) cat "$dir/reg-services-libraries.txt" ;;
*'sc query'*) cat "$dir/sc-query-de.txt" ;;
*'etc\hosts'*) cat "$dir/hosts.txt" ;;
*'Parameters\Interfaces'*) cat "$dir/reg-interfaces.txt" ;;
*'/xml ONE'*) cat "$dir/schtasks-xml.txt" ;;
*TaskCache*) cat "$dir/reg-task-tree.txt" ;;
*'authorized_keys NUL'*) cat "$dir/findstr-keys.txt" ;;
*PSReadLine*) cat "$dir/echo-histories.txt" ;;
*robocopy*Users*) cat "$dir/robocopy.txt"; exit 1 ;;
*__EventFilter*) cat "$dir/wmic-filters.txt" ;;
*CommandLineEventConsumer*) cat "$dir/wmic-consumers.txt" ;;
*__FilterToConsumerBinding*) cat "$dir/wmic-bindings.txt" ;;
*'Control\Lsa') cat "$dir/reg-lsa.txt" ;;
*'/v Debugger'*) cat "$dir/reg-debuggers.txt" ;;
*'Session Manager"') cat "$dir/reg-session-manager.txt" ;;
*'wmic useraccount'*) cat "$dir/wmic-accounts.txt" ;;
*'wmic group '*) cat "$dir/wmic-groups.txt" ;;
*Win32_GroupUser*) cat "$dir/wmic-members.txt" ;;
*'wmic share'*) cat "$dir/wmic-shares.txt" ;;
*'net session') cat "$dir/net-session-de.txt" ;;
*'net use') cat "$dir/net-use-de.txt" ;;
*AntiVirusProduct*) cat "$dir/wmic-antivirus.txt" ;;
*'SOFTWARE\Microsoft\Windows Defender'*) cat "$dir/reg-defender.txt" ;;
*displaydns) cat "$dir/displaydns-de.txt" ;;
*'arp -a') cat "$dir/arp-de.txt" ;;
*netsh*) cat "$dir/netsh-neighbors-de.txt" ;;
*'wmic datafile'*) cat "$dir/wmic-datafile.txt" ;;
*Prefetch*) cat "$dir/dir-prefetch.txt" ;;
*'HKU'*Uninstall*) cat "$dir/reg-uninstall-users.txt" ;;
*Uninstall*) cat "$dir/reg-uninstall.txt" ;;
*'HKU'*StartupApproved*) cat "$dir/reg-approved-users.txt" ;;
*'wmic startup'*) cat "$dir/wmic-startup.txt" ;;
*'Programs\Startup"') printf 'desktop.ini\r\nTixati.lnk\r\n' ;;
*mountvol) cat "$dir/mountvol-de.txt" ;;
*ipconfig*) sed 's/10\.20\.3\.7/127.0.0.1/' "$dir/ipconfig-de.txt" ;;
*chcp*) echo 'Aktive Codepage: 65001.' ;;
*hostname*) echo PC-07 ;;
*whoami*) printf 'corp\134svc-peerhound\n' ;;
*quser*) cat "$dir/quser-de.txt" ;;
*explorer.exe*) cat "$dir/tasklist-v-de.csv" ;;
*'wmic os'*) cat "$dir/wmic-os.txt" ;;
*'netstat -ano') cat "$dir/netstat-de.txt" ;;
*'netstat -anob') cat "$dir/netstat-b-de.txt" ;;
*'tasklist /v'*) cat "$dir/tasklist-v-de.csv" ;;
*tasklist*) cat "$dir/tasklist.csv" ;;
*'wmic process'*) cat "$dir/wmic-process.txt" ;;
*Winlogon*) cat "$dir/reg-winlogon.txt" ;;
*FirewallPolicy*) cat "$dir/reg-firewall.txt" ;;
*schtasks*) cat "$dir/schtasks-de.csv" ;;
*'/a:d-l'*) cat "$dir/dir-folders.txt" ;;
*'/a:-d'*) cat "$dir/dir-files.txt" ;;
*)
	echo "'${SSH_ORIGINAL_COMMAND%% *}' is not recognized as an internal or external command" >&2
	exit 1 ;;
esac
"#;

/// An endpoint that answers as a Windows does.
struct Windows {
    sshd: Sshd,
    folder: TempDir,
}

impl Windows {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/artifact/windows/samples");
        for sample in std::fs::read_dir(samples).unwrap() {
            let sample = sample.unwrap();
            std::fs::copy(sample.path(), folder.path().join(sample.file_name())).unwrap();
        }
        let shell = folder.path().join("shell");
        std::fs::write(&shell, SHELL).unwrap();
        std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
        let sshd = Sshd::start_with(&format!("ForceCommand {}", shell.display()))?;
        Some(Self { sshd, folder })
    }

    /// The same shell behind WS-Man.
    fn over_winrm(&self) -> Option<WinrmHost> {
        WinrmHost::start(&self.folder.path().join("shell"))
    }

    fn without_powershell(self) -> Self {
        std::fs::write(self.folder.path().join("no-powershell"), "").unwrap();
        self
    }

    /// What it was asked to run.
    fn asked(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

async fn execute(
    ssh: SshConfig,
    order: &investigation::order::Order,
    into: &Path,
) -> Result<Collection, ContactError> {
    Collector::new(config(&["127.0.0.0/8"], ssh)).unwrap().execute(order, into, &|_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_windows_endpoint_is_collected_by_powershell() {
    let Some(windows) = Windows::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    // The settings are the same for all endpoints, and sudo means nothing there.
    let ssh = SshConfig { privilege: Some(Privilege::Sudo), ..windows.sshd.config() };
    let collection = execute(ssh, &collect("127.0.0.1", &ArtifactKind::ALL), folder.path()).await.unwrap();

    let ids: Vec<_> = collection.outcomes.iter().map(|outcome| outcome.artifact.as_str()).collect();
    assert_eq!(
        ids,
        [
            "Windows.System.Identity",
            "Windows.Network.Connections",
            "Windows.Network.Neighbors",
            "Windows.Network.DnsCache",
            "Windows.System.Processes",
            "Windows.Execution.Prefetch",
            "Windows.Persistence.Autostart",
            "Windows.Network.Firewall",
            "Windows.System.Programs",
            "Windows.Files.Torrents",
        ]
    );
    for outcome in &collection.outcomes {
        assert!(outcome.items > 0 && outcome.status != ArtifactStatus::Failed, "{outcome:?}");
        assert!(outcome.reasons.iter().all(|reason| !reason.contains("sudo")), "{outcome:?}");
        assert!(outcome.entries.iter().all(|entry| folder.path().join(entry).is_file()), "{outcome:?}");
    }
    let identity: Identity = parsed(folder.path(), ArtifactKind::Identity);
    assert_eq!((identity.host_name.as_str(), identity.users.len()), ("PC-07", 2));
    assert_eq!(identity.users[1].name, "alice");
    let processes: Vec<Process> = parsed(folder.path(), ArtifactKind::Processes);
    assert!(processes.iter().any(|p| p.signer.as_deref().is_some_and(|s| s.starts_with("CN=Microsoft"))));
    let sockets: Vec<Socket> = parsed(folder.path(), ArtifactKind::Connections);
    assert!(sockets.iter().any(|s| s.pid == Some(4242) && s.remote_port == Some(6881)));
    let torrents: Vec<TorrentFile> = parsed(folder.path(), ArtifactKind::Torrents);
    assert!(
        torrents.iter().any(|t| t.infohash_v1.as_deref() == Some("e110ae4481063579d82fde96881fe362f45c838f"))
    );
    assert!(collection.commands.iter().any(|c| c.command.ends_with("< Windows.Files.Torrents")));
    assert!(windows.asked().iter().all(|line| !line.starts_with("cmd.exe")), "{:?}", windows.asked());
    assert!(collection.clock_skew_ms.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_winrm_the_same_is_collected_in_both_ways() {
    let Some(mut windows) = Windows::start() else { return };
    let mut found = Vec::new();
    for way in ["PowerShell", "commands"] {
        if way == "commands" {
            windows = windows.without_powershell();
        }
        let Some(host) = windows.over_winrm() else { return };
        let folder = tempfile::tempdir().unwrap();
        let settings = Config {
            winrm: Some(host.config()),
            transports: vec![Transport::Winrm],
            ..config(&["127.0.0.0/8"], no_ssh())
        };
        let order = collect("127.0.0.1", &ArtifactKind::ALL);
        let collection =
            Collector::new(settings).unwrap().execute(&order, folder.path(), &|_| {}).await.unwrap();

        assert_eq!(
            (collection.transport.as_str(), collection.outcomes.len()),
            ("winrm", ArtifactKind::ALL.len())
        );
        for outcome in &collection.outcomes {
            assert!(outcome.artifact.starts_with("Windows.") && outcome.items > 0, "{way}: {outcome:?}");
            assert!(outcome.entries.iter().all(|entry| folder.path().join(entry).is_file()), "{outcome:?}");
        }
        let sockets: Vec<Socket> = parsed(folder.path(), ArtifactKind::Connections);
        assert!(
            sockets.iter().any(|s| s.process.as_deref() == Some("qbittorrent.exe")),
            "{way}: {sockets:?}"
        );
        let identity: Identity = parsed(folder.path(), ArtifactKind::Identity);
        assert!(identity.addresses.contains(&"127.0.0.1".parse().unwrap()));
        // No POSIX shell is asked for, and every message was sealed.
        assert!(windows.asked().iter().all(|line| !line.contains("sh -s")), "{:?}", windows.asked());
        assert!(!host.log().contains("violation"), "{}", host.log());
        found.push(identity.host_name);
    }
    assert_eq!(found, ["PC-07", "PC-07"]);
}

/// What is asked besides where the machine is compromised, by either way, with nothing of what only Linux has.
#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_windows_is_looked_into_deeper_in_both_ways() {
    let Some(mut windows) = Windows::start() else { return };
    for way in ["PowerShell", "commands"] {
        if way == "commands" {
            windows = windows.without_powershell();
        }
        let folder = tempfile::tempdir().unwrap();
        let order = collect("127.0.0.1", &ArtifactKind::FORENSIC);
        let collection = execute(windows.sshd.config(), &order, folder.path()).await.unwrap();
        // Beside the identity, which is always asked.
        let kinds: Vec<_> = collection.outcomes.iter().skip(1).map(|outcome| outcome.kind).collect();
        let here =
            ArtifactKind::FORENSIC.into_iter().filter(|kind| !ArtifactKind::LINUX_ALONE.contains(kind));
        assert_eq!(kinds, here.collect::<Vec<_>>(), "{way}");
        for outcome in &collection.outcomes {
            assert!(outcome.artifact.starts_with("Windows.") && outcome.items > 0, "{way}: {outcome:?}");
            assert!(outcome.entries.iter().all(|entry| folder.path().join(entry).is_file()), "{outcome:?}");
        }
        let logins: Vec<Login> = parsed(folder.path(), ArtifactKind::Logins);
        assert!(
            logins.iter().any(|row| row.event == Some(4624) && row.from.as_deref() == Some("203.0.113.9"))
        );
        let tasks: Vec<ScheduledTask> = parsed(folder.path(), ArtifactKind::ScheduledTasks);
        let hides = |row: &ScheduledTask| row.only_in.is_some() && row.path.ends_with("Tarrask");
        assert!(tasks.iter().any(hides), "{way}: {tasks:#?}");
        let recent: Vec<RecentExecutable> = parsed(folder.path(), ArtifactKind::RecentExecutables);
        let hashed = recent.iter().any(|row| row.sha256.is_some() && row.zone == Some(3));
        assert_eq!(hashed, way == "PowerShell", "{recent:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_utf_16_in_the_output_of_a_command_spoils_nothing_else() {
    let Some(windows) = Windows::start().map(Windows::without_powershell) else { return };
    let path = windows.folder.path().join("wmic-process.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    // A row whose path is two halves of characters that have no other half, and half a unit at the end of everything.
    let (low, high) = ([0x00, 0xdc], [0x00, 0xd8]);
    bytes.extend("\r\nCommandLine=".encode_utf16().flat_map(u16::to_le_bytes));
    bytes.extend([low, high].concat());
    bytes.extend("\r\nProcessId=77\r\n\r\n".encode_utf16().flat_map(u16::to_le_bytes));
    bytes.push(0x41);
    std::fs::write(&path, bytes).unwrap();
    let Some(host) = windows.over_winrm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = Config {
        winrm: Some(host.config()),
        transports: vec![Transport::Winrm],
        ..config(&["127.0.0.0/8"], no_ssh())
    };
    let order = collect("127.0.0.1", &ArtifactKind::ALL);
    let collection = Collector::new(settings).unwrap().execute(&order, folder.path(), &|_| {}).await.unwrap();

    assert!(collection.outcomes.iter().all(|outcome| outcome.items > 0), "{:?}", collection.outcomes);
    let processes: Vec<Process> = parsed(folder.path(), ArtifactKind::Processes);
    assert!(processes.iter().any(|process| process.path.is_some()), "what was there before is kept");
    let text = std::fs::read_to_string(folder.path().join("artifacts/processes.json")).unwrap();
    assert!(!text.contains('\0'), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_powershell_it_is_collected_by_commands() {
    let Some(windows) = Windows::start().map(Windows::without_powershell) else { return };
    let folder = tempfile::tempdir().unwrap();
    let order = collect("127.0.0.1", &ArtifactKind::ALL);
    let collection = execute(windows.sshd.config(), &order, folder.path()).await.unwrap();

    assert_eq!(collection.outcomes.len(), ArtifactKind::ALL.len());
    for outcome in &collection.outcomes {
        assert!(outcome.artifact.starts_with("Windows."), "{outcome:?}");
        assert!(outcome.items > 0 && outcome.status != ArtifactStatus::Failed, "{outcome:?}");
        let raw = outcome.entries.iter().filter(|entry| entry.contains("/raw/")).count();
        assert!(
            raw > 0 && outcome.entries.iter().all(|entry| folder.path().join(entry).is_file()),
            "{outcome:?}"
        );
    }
    let identity = collection.outcome(ArtifactKind::Identity).unwrap();
    assert!(
        identity.reasons.iter().any(|reason| reason.contains("PowerShell did not answer")),
        "{identity:?}"
    );
    let identity: Identity = parsed(folder.path(), ArtifactKind::Identity);
    assert_eq!(identity.collected_as.as_deref(), Some("corp\\svc-peerhound"));
    assert!(identity.addresses.contains(&"127.0.0.1".parse().unwrap()));
    let sockets: Vec<Socket> = parsed(folder.path(), ArtifactKind::Connections);
    assert!(sockets.iter().any(|s| s.process.as_deref() == Some("qbittorrent.exe")));
    let entries: Vec<AutostartEntry> = parsed(folder.path(), ArtifactKind::Autostart);
    assert!(entries.iter().any(|entry| entry.mechanism == "scheduled_task"));
    assert!(entries.iter().any(|entry| entry.name == "Tixati.lnk" && entry.enabled == Some(true)));
    let programs: Vec<Program> = parsed(folder.path(), ArtifactKind::Programs);
    assert!(programs.iter().any(|p| p.name == "\u{b5}Torrent" && p.user.is_some()), "{programs:?}");
    let names: Vec<DnsRecord> = parsed(folder.path(), ArtifactKind::DnsCache);
    assert!(names.iter().any(|record| record.name == "router.bittorrent.com"), "{names:?}");
    let ran: Vec<Prefetched> = parsed(folder.path(), ArtifactKind::Prefetch);
    assert!(ran.iter().any(|file| file.program == "QBITTORRENT.EXE" && file.modified.is_some()), "{ran:?}");
    let firewall: FirewallState = parsed(folder.path(), ArtifactKind::Firewall);
    assert_eq!((firewall.active, firewall.rules.len()), (Some(true), 2));
    // PowerShell is asked once, and not again for each artifact.
    let powershell = windows.asked().iter().filter(|line| line.starts_with("powershell")).count();
    assert_eq!(powershell, 1);
    // What commands are is on record as they were run.
    let netstat = collection.commands.iter().find(|c| c.command.ends_with("netstat -ano")).unwrap();
    assert_eq!((netstat.artifact.as_str(), netstat.exit_code), ("Windows.Network.Connections", Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_windows_that_does_not_hold_the_address_is_the_wrong_machine() {
    let Some(windows) = Windows::start() else { return };
    let path = windows.folder.path().join("identity.ndjson");
    let without = std::fs::read_to_string(&path).unwrap().replace("127.0.0.1", "10.20.3.8");
    std::fs::write(&path, without).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = execute(windows.sshd.config(), &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    assert!(matches!(error, ContactError::WrongMachine { .. }), "{error:?}");
    assert!(error.to_string().contains("10.20.3.7") && error.to_string().contains("PC-07"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_speaks_neither_is_asked_little_and_named_by_its_first_words() {
    let Some(windows) = Windows::start() else { return };
    let shell = "#!/bin/sh\nprintf '%s\\n' \"$SSH_ORIGINAL_COMMAND\" >>\"$(dirname \"$0\")/log\"\necho 'This account is not available.' >&2\nexit 1\n";
    std::fs::write(windows.folder.path().join("shell"), shell).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = execute(windows.sshd.config(), &identify("127.0.0.1"), folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("This account is not available"), "{error}");
    assert_eq!(windows.asked().len(), 4, "a shell, PowerShell, and two commands: {:?}", windows.asked());
}
