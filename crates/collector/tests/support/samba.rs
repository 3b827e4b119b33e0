//! A real Samba on loopback that answers as a Windows would, with its own accounts, registry and shares in a temporary
//! folder.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use collector::SmbConfig;
use tempfile::TempDir;

use super::skip;
use super::sshd::free_port;

pub(crate) const USER: &str = r"CORP\svc-peerhound";
/// An account that may read nothing that is closed.
pub(crate) const NOBODY: &str = r"CORP\nobody";
pub(crate) const PASSWORD: &str = "correct horse";

/// Samba answers for all of `Tcpip\Parameters` with the names of its own system: the address lies beside it.
pub(crate) const INTERFACE: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip6\Parameters\Interfaces\{1}";
pub(crate) const RUN: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
/// Likewise for `Windows NT\CurrentVersion`, so that this is the view for 32-bit programs.
const WINLOGON: &str = r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows NT\CurrentVersion\Winlogon";
const SERVICE: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\qbtsvc";
const FIREWALL: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";
/// Below it, what is installed.
const INSTALLED: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\qBittorrent";
pub(crate) const ALICE: &str = r"HKU\S-1-5-21-1-2-3-1001";

/// What its registry holds: key, name, type, value.
const REGISTRY: &[(&str, &str, &str, &str)] = &[
    (INTERFACE, "EnableDHCP", "dword", "0"),
    (INTERFACE, "IPAddress", "multi_sz", "127.0.0.1"),
    (RUN, "qBittorrent", "sz", r#""C:\Program Files\qBittorrent\qbittorrent.exe""#),
    (RUN, "Ünïcode €", "sz", r"C:\ä.exe"),
    (WINLOGON, "Shell", "sz", "explorer.exe, C:\\evil.exe"),
    (INSTALLED, "DisplayName", "sz", "qBittorrent"),
    (INSTALLED, "DisplayVersion", "sz", "4.6.3"),
    (SERVICE, "Start", "dword", "2"),
    (SERVICE, "Type", "dword", "16"),
    (SERVICE, "ImagePath", "sz", r"C:\qbtsvc.exe"),
    (
        FIREWALL,
        "{1}",
        "sz",
        r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=6881|App=C:\qbittorrent.exe|",
    ),
];

/// Those of a user who is logged on.
const HIVE: &[(&str, &str, &str)] = &[
    (r"Volatile Environment", "USERNAME", "alice"),
    (r"Volatile Environment", "USERDOMAIN", "CORP"),
    (r"Volatile Environment\2", "SESSIONNAME", "RDP-Tcp#3"),
    (r"Volatile Environment\2", "CLIENTNAME", "LAPTOP"),
    (r"Software\Microsoft\Windows\CurrentVersion\Run", "uTorrent", r"C:\Users\alice\uTorrent.exe"),
];

/// A running Samba, ended on drop with everything that it started.
pub(crate) struct Samba {
    folder: TempDir,
    pub(crate) port: u16,
    server: Child,
}

impl Samba {
    /// Starts one. `None`, said in one line, where that is not possible. `more` are further lines of its global section.
    pub(crate) fn start(more: &str) -> Option<Self> {
        Self::start_with(more, "")
    }

    /// As [`Self::start`], with lines for the share `C$`.
    pub(crate) fn start_with(more: &str, share: &str) -> Option<Self> {
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        if !is_root {
            skip("Samba lets accounts in that the system has, which takes root here");
            return None;
        }
        if !Path::new("/usr/sbin/smbd").exists() || !Path::new("/usr/bin/net").exists() {
            skip("no Samba is installed (samba, samba-common-bin)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (dir, port) = (folder.path(), free_port());
        // Samba looks at who else may go there.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["private", "lock", "state", "cache", "pid", "ncalrpc", "c"] {
            fs::create_dir(dir.join(name)).unwrap();
        }
        let configuration = format!(
            "[global]\nnetbios name = PC-07\nworkgroup = CORP\nserver role = standalone server\n\
             interfaces = 127.0.0.1\nbind interfaces only = yes\nsmb ports = {port}\nprivate dir = {d}/private\n\
             lock directory = {d}/lock\nstate directory = {d}/state\ncache directory = {d}/cache\n\
             pid directory = {d}/pid\nncalrpc dir = {d}/ncalrpc\npassdb backend = tdbsam:{d}/private/passdb.tdb\n\
             username map = {d}/users\nlog level = 1 auth_audit:3\nmax log size = 0\ndisable spoolss = yes\n\
             load printers = no\nmap to guest = never\nserver signing = mandatory\n{more}\n\
             [C$]\npath = {d}/c\nread only = no\n{share}\n",
            d = dir.display()
        );
        fs::write(dir.join("smb.conf"), configuration).unwrap();
        fs::write(dir.join("users"), "root = svc-peerhound\n").unwrap();
        let samba = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.arg("-s").arg(dir.join("smb.conf")).args(arguments);
            command.stdout(Stdio::null()).stderr(File::create(dir.join("setup-log")).unwrap());
            command
        };
        for user in ["root", "nobody"] {
            let mut add =
                samba("/usr/bin/pdbedit", &["-a", "-t", "-u", user]).stdin(Stdio::piped()).spawn().unwrap();
            let mut stdin = add.stdin.take().unwrap();
            std::io::Write::write_all(&mut stdin, format!("{PASSWORD}\n{PASSWORD}\n").as_bytes()).unwrap();
            drop(stdin);
            assert!(add.wait().unwrap().success(), "{}", read(&dir.join("setup-log")));
        }
        fs::write(dir.join("password"), format!("{PASSWORD}\n")).unwrap();
        fs::set_permissions(dir.join("password"), fs::Permissions::from_mode(0o600)).unwrap();
        import(dir);
        let server = Command::new("/usr/sbin/smbd")
            .arg("-s")
            .arg(dir.join("smb.conf"))
            .args(["-F", "--no-process-group", "--debug-stdout"])
            .stdin(Stdio::null())
            .stdout(File::create(dir.join("log")).unwrap())
            .stderr(File::create(dir.join("errors")).unwrap())
            .spawn()
            .unwrap();
        let mut samba = Self { folder, port, server };
        samba.wait_until_it_listens();
        Some(samba)
    }

    fn wait_until_it_listens(&mut self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.server.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(60), "smbd: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What lies on its drive C.
    pub(crate) fn drive(&self) -> PathBuf {
        self.folder.path().join("c")
    }

    /// Sets one value of its registry.
    pub(crate) fn set(&self, key: &str, name: &str, kind: &str, value: &str) {
        let set = Command::new("/usr/bin/net")
            .arg("-s")
            .arg(self.folder.path().join("smb.conf"))
            .args(["registry", "setvalue", key, name, kind, value])
            .stdout(Stdio::null())
            .status();
        assert!(set.unwrap().success());
    }

    /// Closes a key of its registry to all but administrators.
    pub(crate) fn close_key(&self, key: &str) {
        let closed = Command::new("/usr/bin/net")
            .arg("-s")
            .arg(self.folder.path().join("smb.conf"))
            .args(["registry", "setsd_sddl", key, "O:BAG:BAD:P(A;;0xf003f;;;BA)"])
            .output()
            .unwrap();
        assert!(closed.status.success(), "{closed:?}");
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        read(&self.folder.path().join("log")) + &read(&self.folder.path().join("errors"))
    }

    /// Logons that it has turned away.
    pub(crate) fn refusals(&self) -> usize {
        self.log().matches("[NT_STATUS_WRONG_PASSWORD]").count()
    }

    /// Settings that reach it.
    pub(crate) fn config(&self) -> SmbConfig {
        SmbConfig {
            user: USER.into(),
            password_file: self.folder.path().join("password"),
            port: self.port,
            expected_hosts: Vec::new(),
            ntlm: true,
            connect_timeout: Duration::from_secs(10),
        }
    }

    /// Another password, in a file of its own.
    pub(crate) fn password(&self, text: &str) -> PathBuf {
        let file = self.folder.path().join("another-password");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        // The process of a session is a child of its own, and those behind pipes are children of another.
        for process in below(self.server.id()) {
            let _ = Command::new("kill").arg("-KILL").arg(process.to_string()).stderr(Stdio::null()).status();
        }
        let helper = fs::read_to_string(self.folder.path().join("pid/samba-dcerpcd.pid")).unwrap_or_default();
        let helper = helper.trim().parse().ok().filter(|pid| command_of(*pid).contains(&self.mark()));
        for process in helper.into_iter().flat_map(|helper: u32| below(helper).into_iter().chain([helper])) {
            let _ = Command::new("kill").arg("-KILL").arg(process.to_string()).stderr(Stdio::null()).status();
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// What the command line of all its processes has.
    fn mark(&self) -> String {
        self.folder.path().join("smb.conf").display().to_string()
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command_of(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned()
}

/// Processes below a process.
fn below(process: u32) -> Vec<u32> {
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| super::sshd::parent_of(&entry.path()))
        .collect();
    let (mut found, mut above) = (Vec::new(), vec![process]);
    while let Some(parent) = above.pop() {
        let children = all.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child);
        let children: Vec<u32> = children.filter(|child| !found.contains(child)).collect();
        found.extend(&children);
        above.extend(children);
    }
    found
}

/// Fills the registry with one call: one for each value would take seconds.
fn import(dir: &Path) {
    let mut text = String::from("Windows Registry Editor Version 5.00\r\n");
    let mut add = |key: &str, name: &str, kind: &str, value: &str| {
        let key = key.replace("HKLM", "HKEY_LOCAL_MACHINE").replace("HKU", "HKEY_USERS");
        let shown = value.replace('\\', "\\\\").replace('"', "\\\"");
        let value = match kind {
            "dword" => format!("dword:{:08x}", value.parse::<u32>().unwrap()),
            "multi_sz" => {
                let utf16 =
                    format!("{value}\0\0").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
                let digits: Vec<String> = utf16.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("hex(7):{}", digits.join(","))
            }
            _ => format!("\"{shown}\""),
        };
        text.push_str(&format!("\r\n[{key}]\r\n\"{name}\"={value}\r\n"));
    };
    REGISTRY.iter().for_each(|(key, name, kind, value)| add(key, name, kind, value));
    HIVE.iter().for_each(|(key, name, value)| add(&format!(r"{ALICE}\{key}"), name, "sz", value));
    // What lies at the very end of the file is not taken.
    text.push_str("\r\n");
    let file = dir.join("registry.reg");
    let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&file, utf16).unwrap();
    let imported = Command::new("/usr/bin/net")
        .arg("-s")
        .arg(dir.join("smb.conf"))
        .args(["registry", "import"])
        .arg(&file)
        .stdout(Stdio::null())
        .output()
        .unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
}

fn read(file: &Path) -> String {
    fs::read(file).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
}
