//! Names from a real DNS server, in a namespace of its own: the test runs itself there once more.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::host::{Host, skip};
use super::kdc::Kdc;
use super::*;

const INSIDE: &str = "transport::winrm::tests::names::inside_a_namespace";

/// Only loopback, and our own files where the system keeps its resolver's.
const ENTER: &str = r#"set -e
ip link set lo up
printf 'nameserver 127.0.0.1\n' >"$0/resolv.conf"
printf '127.0.0.9 localhost\n' >"$0/hosts"
printf 'hosts: files dns\n' >"$0/nsswitch.conf"
for file in resolv.conf hosts nsswitch.conf; do mount --bind "$0/$file" "/etc/$file"; done
exec "$@"
"#;

#[test]
fn a_ticket_is_asked_for_a_name_that_is_expected_and_leads_back() {
    let works = |program: &str, arguments: &[&str]| {
        let run = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    if !works("unshare", &["-mn", "ip", "link", "set", "lo", "up"]) {
        return skip("namespaces need root, util-linux and iproute2");
    }
    if !Path::new("/usr/sbin/dnsmasq").exists() {
        return skip("dnsmasq is not installed (scripts/test-requirements installs it)");
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["-mn", "sh", "-c", ENTER])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", INSIDE, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{problems}");
    // What is skipped inside is skipped here.
    for line in problems.lines().filter(|line| line.starts_with("skipped")) {
        eprintln!("{line}");
    }
}

/// It ends with its value.
struct Dns(Child);

impl Dns {
    /// `127.0.0.1` is ws1, both ways. `127.0.0.2` says that it is ws1, `127.0.0.3` has an honest name elsewhere, and
    /// `127.0.0.4` has none.
    fn start() -> Self {
        let child = Command::new("/usr/sbin/dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--user=root",
            ])
            .args(["--pid-file", "--listen-address=127.0.0.1", "--bind-interfaces"])
            .args(["--local=/com/", "--local=/net/", "--local=/127.in-addr.arpa/"])
            .arg("--host-record=ws1.corp.example.com,127.0.0.1")
            .arg("--ptr-record=2.0.0.127.in-addr.arpa,ws1.corp.example.com")
            .arg("--host-record=pc.elsewhere.example.net,127.0.0.3")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test above, in a namespace"]
async fn inside_a_namespace() {
    let _dns = Dns::start();
    let Some(kdc) = Kdc::start() else { return };
    let keytab = kdc.keys("HTTP/ws1.corp.example.com").display().to_string();
    let options = ["--keytab", &keytab, "--name", "ws1.corp.example.com", "--address", "0.0.0.0"];
    let Some(host) = Host::start(&options) else { return };
    let config = WinrmConfig { expected_hosts: vec!["*.corp.example.com".into()], ..kdc.config(&host) };
    let connect = async |last: u8| {
        WinrmSession::connect(IpAddr::from([127, 0, 0, last]), &config, &Accounts::default()).await
    };
    for (last, says) in
        [(2, "does not lead back"), (3, "not among expected_hosts"), (4, "has no name in DNS")]
    {
        let error = connect(last).await.err().unwrap();
        assert_eq!(error.code(), "kerberos_failed", "{error:?}");
        assert!(error.to_string().contains(says), "{last}: {error}");
    }
    assert_eq!(kdc.count("_REQ", ""), 0, "{}", kdc.log());
    let session = connect(1).await.unwrap();
    assert_eq!(session.endpoint(), Some("Kerberos:HTTP/ws1.corp.example.com"));
    session.close().await;
}
