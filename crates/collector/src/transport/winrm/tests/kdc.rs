//! A real KDC, MIT's, with a realm, a database and a port of its own on loopback, and what stands between it and us.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use investigation::policy::{Kdc as Address, Kerberos};

use super::host::{Host, PASSWORD, python, skip};
use crate::transport::winrm::WinrmConfig;

pub(super) const REALM: &str = "CORP.EXAMPLE.COM";
pub(super) const USER: &str = "svc-peerhound@corp.example.com";

/// A running KDC; it ends with its value.
pub(super) struct Kdc {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Kdc {
    /// One that knows the account and `HTTP/localhost`. None where the test has to be skipped.
    pub(super) fn start() -> Option<Self> {
        Self::start_at(None)
    }

    /// One whose clock is ahead, as `+1h`.
    pub(super) fn start_at(ahead: Option<&str>) -> Option<Self> {
        if !found("krb5kdc") || !found("kadmin.local") {
            skip(
                "krb5-kdc and krb5-admin-server are not installed (scripts/test-requirements installs them)",
            );
            return None;
        }
        python("spnego, gssapi, krb5")?;
        let library = faketime();
        if ahead.is_some() && library.is_none() {
            skip("faketime is not installed (scripts/test-requirements installs it)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        settings(folder.path(), port);
        run(folder.path(), "kdb5_util", &["create", "-s", "-r", REALM, "-P", "master", "-W"]);
        let mut kdc = Command::new("krb5kdc");
        kdc.arg("-n").envs(environment(folder.path())).stdin(Stdio::null()).stdout(Stdio::null());
        if let (Some(ahead), Some(library)) = (ahead, library) {
            kdc.env("LD_PRELOAD", library).env("FAKETIME", ahead);
        }
        let child = kdc.stderr(Stdio::null()).spawn().unwrap();
        let kdc = Self { folder, child, port };
        kdc.admin(&format!("addprinc -pw \"{PASSWORD}\" svc-peerhound"));
        kdc.keys("HTTP/localhost");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the KDC does not start: {}", kdc.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(kdc)
    }

    /// Makes a service and its keys, which lie in the file that this names. Made again, its old keys count no more.
    pub(super) fn keys(&self, service: &str) -> PathBuf {
        let number = std::fs::read_dir(self.folder.path()).unwrap().count();
        let file = self.folder.path().join(format!("keytab-{number}"));
        self.admin(&format!("addprinc -randkey {service}"));
        self.admin(&format!("ktadd -k {} {service}", file.display()));
        file
    }

    /// The newest keys of `HTTP/localhost`.
    pub(super) fn keytab(&self) -> PathBuf {
        self.keys("HTTP/localhost")
    }

    pub(super) fn admin(&self, query: &str) {
        run(self.folder.path(), "kadmin.local", &["-q", query]);
    }

    /// A WinRM host that takes its tickets.
    pub(super) fn host(&self, more: &[&str]) -> Option<Host> {
        let keytab = self.keytab().display().to_string();
        Host::start(&[&["--keytab", &keytab], more].concat())
    }

    /// The same over HTTPS.
    pub(super) fn host_tls(&self, more: &[&str]) -> Option<Host> {
        let keytab = self.keytab().display().to_string();
        Host::start_tls_with(false, &[&["--keytab", &keytab], more].concat())
    }

    /// How a host is reached by Kerberos and nothing else.
    pub(super) fn config(&self, host: &Host) -> WinrmConfig {
        self.config_at(host, self.port)
    }

    /// The same, with the KDC at another port.
    pub(super) fn config_at(&self, host: &Host, port: u16) -> WinrmConfig {
        let config = host.config();
        let mut expected_hosts = config.expected_hosts.clone();
        expected_hosts.push("localhost".to_owned());
        let kerberos = Kerberos {
            principal: "svc-peerhound".to_owned(),
            realm: REALM.to_owned(),
            kdcs: vec![Address { host: "127.0.0.1".to_owned(), port }],
        };
        WinrmConfig { user: USER.to_owned(), expected_hosts, kerberos: Some(kerberos), ntlm: false, ..config }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("kdc.log")).unwrap_or_default()
    }

    /// How many requests of a kind came to this end.
    pub(super) fn count(&self, kind: &str, end: &str) -> usize {
        self.log().lines().filter(|line| line.contains(kind) && line.contains(end)).count()
    }

    /// Stands between the KDC and us: `change` gets each reply and its number from 0. It goes on until the test ends.
    pub(super) fn behind(&self, change: impl Fn(usize, Vec<u8>) -> Vec<u8> + Send + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, kdc) = (listener.local_addr().unwrap().port(), self.port);
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                let mut client = client;
                let mut forward = || -> std::io::Result<()> {
                    let mut kdc = TcpStream::connect(("127.0.0.1", kdc))?;
                    kdc.write_all(&message(&mut client)?)?;
                    let reply = message(&mut kdc)?;
                    let changed = change(number, reply[4..].to_vec());
                    client.write_all(&u32::try_from(changed.len()).unwrap().to_be_bytes())?;
                    client.write_all(&changed)
                };
                let _ = forward();
            }
        });
        port
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A message with its length before it.
fn message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut message = length.to_vec();
    stream.take(u64::from(u32::from_be_bytes(length))).read_to_end(&mut message)?;
    Ok(message)
}

fn settings(folder: &Path, port: u16) {
    let here = folder.display();
    let client = format!(
        "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
         dns_canonicalize_hostname = false\n rdns = false\n[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
    );
    let kdc = format!(
        "[kdcdefaults]\n kdc_listen = \"\"\n kdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n {REALM} = {{\n  \
         database_name = {here}/principal\n  key_stash_file = {here}/stash\n  acl_file = {here}/acl\n  \
         supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal\n  \
         default_principal_flags = +preauth\n }}\n[logging]\n kdc = FILE:{here}/kdc.log\n"
    );
    std::fs::write(folder.join("krb5.conf"), client).unwrap();
    std::fs::write(folder.join("kdc.conf"), kdc).unwrap();
}

fn environment(folder: &Path) -> [(&'static str, PathBuf); 2] {
    [("KRB5_CONFIG", folder.join("krb5.conf")), ("KRB5_KDC_PROFILE", folder.join("kdc.conf"))]
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .envs(environment(folder))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Debian keeps such programs where only root looks.
fn found(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

/// What moves the clock of a program, in one of the folders that Debian names after the processor.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|library| library.exists())
}
