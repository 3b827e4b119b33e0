//! The Windows programs, built for Windows and run under Wine: what they read of a Windows machine from within.
//!
//! Wine is no Windows. What it answers as Windows does is held here to what was put there; `docs/windows.md` says what
//! that proves and what it does not.

use std::net::TcpListener;
use std::time::Duration;

use acceptance::{Network, Peerhound, PolicyText, Wine, artifact, run, wait_until};
use serde_json::Value;

const RUN: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
const WINLOGON: &str = r"HKLM\Software\Microsoft\Windows NT\CurrentVersion\Winlogon";
const FIREWALL: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy";
const SERVICE: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Transmission";
const CLIENT: &str = r"C:\Program Files\qBittorrent\qbittorrent.exe";
/// A torrent of one file, and the SHA-1 of its `info`, by another program.
const TORRENT: &[u8] = b"d8:announce22:http://tracker.example4:infod6:lengthi5e4:name5:a.txt12:piece lengthi16384e6:pieces20:AAAAAAAAAAAAAAAAAAAAee";
const INFOHASH: &str = "57dbb584ee2949d14ea359b3c3e66eba8ff6ac94";
const PROGRAM: &str = r"C:\peerhound\peerhound.exe";
const RELAY: &str = r"C:\peerhound\peerhound-relay.exe";

/// Puts on the machine what a client leaves there.
fn install_client(wine: &Wine<'_>) {
    let set = |key: &str, name: &str, kind: &str, value: &str| {
        wine.set(key, name, kind, value).expect("a value in the registry");
    };
    set(&format!(r"HKCU\{RUN}"), "qBittorrent", "REG_SZ", CLIENT);
    set(&format!(r"HKLM\{RUN}"), "Updater", "REG_EXPAND_SZ", r"%ProgramFiles%\up.exe");
    set(r"HKLM\Software\WOW6432Node\Microsoft\Windows\CurrentVersion\Run", "Once", "REG_SZ", "once.exe");
    set(WINLOGON, "Shell", "REG_SZ", "explorer.exe,hidden.exe");
    set(SERVICE, "ImagePath", "REG_EXPAND_SZ", r"C:\t\transmission-daemon.exe");
    set(SERVICE, "Type", "REG_DWORD", "16");
    set(SERVICE, "Start", "REG_DWORD", "3");
    let rule =
        format!("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=6881|App={CLIENT}|Name=qBittorrent|");
    set(&format!(r"{FIREWALL}\FirewallRules"), "{0001}", "REG_SZ", &rule);
    let list = format!(r"{FIREWALL}\StandardProfile\AuthorizedApplications\List");
    set(&list, r"C:\uTorrent\utorrent.exe", "REG_SZ", r"C:\uTorrent\utorrent.exe:*:Enabled:uTorrent");
    set(&format!(r"{FIREWALL}\StandardProfile"), "EnableFirewall", "REG_DWORD", "1");
    let downloads = wine.outside(r"C:\users\Public\Downloads");
    std::fs::create_dir_all(&downloads).expect("a folder");
    std::fs::write(downloads.join("file.torrent"), TORRENT).expect("a torrent");
}

/// The row of a list whose field has this value.
fn row<'a>(rows: &'a Value, field: &str, wanted: &str) -> &'a Value {
    let found = rows.as_array().into_iter().flatten().find(|row| row[field] == wanted);
    found.unwrap_or_else(|| panic!("no {field} = {wanted} in {rows:#}"))
}

#[test]
fn the_collector_reads_a_windows_machine_from_within() {
    let network = Network::new().expect("a network");
    let Some(wine) = Wine::start(&network).expect("Wine") else { return };
    install_client(&wine);

    // Something that listens: the program itself, waiting for alerts over HTTP.
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        free.local_addr().expect("its address").port()
    };
    let folder = wine.outside(r"C:\watch");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("keys"), format!("{}\n", "k".repeat(64))).expect("keys");
    let policy = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[door]\nkeys_file = 'keys'\n";
    std::fs::write(folder.join("peerhound.toml"), policy).expect("a policy");
    let listen = format!("127.0.0.1:{port}");
    let mut watch = wine
        .spawn(&[PROGRAM, "--policy", r"C:\watch\peerhound.toml", "watch", "--listen", &listen])
        .expect("a program that listens");
    wait_until("the door is open", Duration::from_mins(2), || {
        assert!(watch.try_wait()?.is_none(), "ended: {}", said(&network));
        let tables = network.on_soc(&["cat", "/proc/net/tcp"])?.stdout;
        Ok(tables.contains(&format!(":{port:04X} 00000000:0000 0A")).then_some(()))
    })
    .expect("a program that listens");

    let output = wine.run(&[PROGRAM, "--json", "demo", "--dir", r"C:\demo"]).expect("peerhound.exe");
    assert_eq!(output.code, Some(0), "{}", output.told());
    let outcomes: Vec<Value> = output.stdout.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    assert_eq!(outcomes.len(), 2, "{}", output.told());
    let container = outcomes[0]["evidence"]["location"].as_str().expect("a container");
    let container = wine.outside(container).to_string_lossy().into_owned();
    let here = Peerhound::new(&network, &PolicyText::new(&network).text()).expect("peerhound");
    let verified = here.run(&["verify", &container]).expect("peerhound");
    assert_eq!(verified.code, Some(0), "{}", verified.told());

    let read = |name| artifact(&container, name).expect(name);
    assert_identity(&read("identity"));
    assert_processes(&read("processes"), &wine);
    assert_socket(&read("connections"), port);
    assert_autostart(&read("autostart"));
    assert_firewall(&read("firewall"));
    let torrent = read("torrents");
    let torrent = row(&torrent, "path", r"C:\users\Public\Downloads\file.torrent");
    assert_eq!(
        (&torrent["infohash_v1"], &torrent["name"]),
        (&INFOHASH.into(), &"a.txt".into()),
        "{torrent:#}"
    );
    drop(wine);
    let _ = watch.wait();
}

fn said(network: &Network) -> String {
    std::fs::read_to_string(network.workspace().folder().join("wine.log")).unwrap_or_default()
}

fn assert_identity(identity: &Value) {
    let host = run(&["uname", "-n"]).expect("a host name").stdout;
    let name = identity["host_name"].as_str().expect("a host name");
    assert!(name.eq_ignore_ascii_case(host.trim()), "{identity:#}");
    assert!(identity["os"].as_str().is_some_and(|os| os.contains("Windows")), "{identity:#}");
    assert!(identity["boot_time"].is_string(), "{identity:#}");
    let user = run(&["id", "-un"]).expect("a user").stdout;
    assert_eq!(row(&identity["users"], "name", user.trim())["session"], "Console", "{identity:#}");
    assert_eq!(identity["collected_as"], user.trim(), "{identity:#}");
}

fn assert_processes(processes: &Value, wine: &Wine<'_>) {
    let listens = |row: &&Value| row["command_line"].as_str().is_some_and(|line| line.contains("watch"));
    let process = processes.as_array().into_iter().flatten().find(listens);
    let process = process.unwrap_or_else(|| panic!("no process that watches in {processes:#}"));
    assert_eq!((&process["name"], &process["path"]), (&"peerhound.exe".into(), &PROGRAM.into()));
    let hash = run(&["sha256sum", &wine.outside(PROGRAM).to_string_lossy()]).expect("a hash").stdout;
    assert_eq!(process["sha256"], hash.split(' ').next().unwrap_or_default(), "{process:#}");
    assert!(process["start_time"].is_string() && process["user"].is_string(), "{process:#}");
    assert!(process["pid"].as_u64().is_some_and(|pid| pid > 0), "{process:#}");
}

/// Wine keeps a program's sockets in its server and so does not know whose they are: a process is held to only where it is
/// told.
fn assert_socket(sockets: &Value, port: u16) {
    let ours = |row: &&Value| row["local_port"] == port && row["state"] == "listening";
    let socket = sockets.as_array().into_iter().flatten().find(ours);
    let socket = socket.unwrap_or_else(|| panic!("no socket at {port} in {sockets:#}"));
    if socket["pid"].is_null() {
        println!("not proved: this Wine does not tell the process of a socket");
    } else {
        assert_eq!(
            (&socket["process"], &socket["path"]),
            (&"peerhound.exe".into(), &PROGRAM.into()),
            "{socket:#}"
        );
    }
}

fn assert_autostart(entries: &Value) {
    let user = run(&["id", "-un"]).expect("a user").stdout;
    let client = row(entries, "name", "qBittorrent");
    assert_eq!((&client["mechanism"], &client["command"]), (&"run_key".into(), &CLIENT.into()), "{client:#}");
    assert_eq!(client["user"], user.trim(), "{client:#}");
    let location = client["location"].as_str().expect("a key").to_ascii_lowercase();
    assert!(location.starts_with(r"hku\s-1-5-21-") && location.ends_with(r"\run"), "{client:#}");
    let machine = row(entries, "name", "Updater");
    assert_eq!((&machine["user"], &machine["command"]), (&Value::Null, &r"%ProgramFiles%\up.exe".into()));
    let once = row(entries, "name", "Once");
    assert!(once["location"].as_str().is_some_and(|key| key.contains("WOW6432Node")), "{once:#}");
    let shell = row(entries, "name", "Shell");
    assert_eq!(
        (&shell["mechanism"], &shell["command"]),
        (&"winlogon".into(), &"explorer.exe,hidden.exe".into())
    );
    let service = row(entries, "name", "Transmission");
    assert_eq!(
        (&service["mechanism"], &service["enabled"]),
        (&"service".into(), &false.into()),
        "{service:#}"
    );
}

fn assert_firewall(firewall: &Value) {
    assert_eq!((&firewall["engines"][0], &firewall["active"]), (&"windows".into(), &true.into()));
    let rule = row(&firewall["rules"], "program", CLIENT);
    assert_eq!((&rule["action"], &rule["ports"][0]), (&"accept".into(), &6881.into()), "{rule:#}");
    let old = row(&firewall["rules"], "program", r"C:\uTorrent\utorrent.exe");
    assert_eq!((&old["chain"], &old["action"]), (&"in, StandardProfile".into(), &"accept".into()), "{old:#}");
}

#[test]
fn the_relay_starts_and_checks_its_machine() {
    let network = Network::new().expect("a network");
    let Some(wine) = Wine::start(&network).expect("Wine") else { return };
    for (asked, word) in
        [("--version", "peerhound-relay"), ("--help", r"C:\ProgramData\Peerhound\relay.toml")]
    {
        let output = wine.run(&[RELAY, asked]).expect("peerhound-relay.exe");
        assert_eq!(output.code, Some(0), "{}", output.told());
        assert!(output.stdout.contains(word), "{}", output.told());
    }
    let missing = wine.run(&[RELAY, "check"]).expect("peerhound-relay.exe");
    assert_eq!(missing.code, Some(3), "{}", missing.told());

    // As the installer lays it out, where the relay looks by itself.
    let folder = wine.outside(r"C:\ProgramData\Peerhound");
    std::fs::create_dir_all(folder.join("keys")).expect("a folder");
    std::fs::create_dir_all(folder.join("staging")).expect("a folder");
    let config = "version = 1\nname = 'site-1'\nstaging_dir = 'C:\\ProgramData\\Peerhound\\staging'\n\
                  [scope]\nnetworks = ['10.0.0.0/8']\n[ssh]\nidentity_files = ['keys\\peerhound']\n";
    std::fs::write(folder.join("relay.toml"), config).expect("a configuration");
    std::fs::write(folder.join("keys/peerhound"), "-----BEGIN OPENSSH PRIVATE KEY-----\n").expect("a key");
    std::fs::write(folder.join("known_hosts"), "10.0.0.5 ssh-ed25519 AAAA\n").expect("a host key");
    let checked = wine.run(&[RELAY, "check"]).expect("peerhound-relay.exe");
    let wrong: Vec<&str> = checked.stdout.lines().filter(|line| !line.starts_with("ok")).collect();
    assert_eq!((checked.code, wrong.len()), (Some(0), 0), "{}", checked.told());
    assert!(checked.stdout.contains(r"C:\ProgramData\Peerhound\relay.toml"), "{}", checked.told());

    // As the document of Systems Manager starts it, without an order.
    let run = wine
        .run(&[RELAY, "run", "--config", r"C:\ProgramData\Peerhound\relay.toml"])
        .expect("peerhound-relay.exe");
    assert_eq!(run.code, Some(2), "{}", run.told());
}
