//! The order in which ways to an endpoint are tried, and where it stops.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use collector::{Collector, Config, ContactError, SshConfig, WinrmConfig};
use investigation::policy::Transport::{self, Ssh, Winrm};
use support::sshd::{Sshd, free_port};
use support::{config, identify, no_ssh};

fn winrm(port: u16, folder: &std::path::Path) -> WinrmConfig {
    let file = folder.join("password");
    std::fs::write(&file, "secret").unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    WinrmConfig {
        user: "svc".into(),
        https: false,
        port,
        ca_file: None,
        expected_hosts: Vec::new(),
        password_file: Some(file),
        client_certificate: None,
        kerberos: None,
        ntlm: true,
        connect_timeout: Duration::from_secs(5),
    }
}

async fn execute(
    ssh: SshConfig,
    winrm: Option<WinrmConfig>,
    transports: &[Transport],
) -> Result<&'static str, ContactError> {
    let config = Config { winrm, transports: transports.to_vec(), ..config(&["127.0.0.0/8"], ssh) };
    let folder = tempfile::tempdir().unwrap();
    let done =
        Collector::new(config).unwrap().execute(&identify("127.0.0.1"), folder.path(), &|_| {}).await?;
    Ok(if done.transport == "ssh" { "ssh" } else { "another" })
}

/// Answers every request with the same, and counts them.
fn server(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_leads_to_the_next_way() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let closed = Some(winrm(free_port(), folder.path()));
    assert_eq!(execute(sshd.config(), closed, &[Winrm, Ssh]).await.unwrap(), "ssh");
    // What is not configured is passed over, and so is what is not listed.
    assert_eq!(execute(sshd.config(), None, &[Winrm, Ssh]).await.unwrap(), "ssh");
    let (open, count) = server("");
    let unlisted = Some(winrm(open, folder.path()));
    assert_eq!(execute(sshd.config(), unlisted, &[Ssh]).await.unwrap(), "ssh");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_and_refuses_is_not_asked_in_another_way() {
    let (ssh_port, asked) = server("");
    let folder = tempfile::tempdir().unwrap();
    let (port, _) = server("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n");
    let ssh = SshConfig { port: ssh_port, ..no_ssh() };
    let refused = execute(ssh, Some(winrm(port, folder.path())), &[Winrm, Ssh]).await.unwrap_err();
    assert_eq!((refused.code(), refused.retryable()), ("winrm_refused", false), "{refused}");
    assert!(refused.to_string().contains("Basic"), "{refused}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn where_nothing_answers_each_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (free_port(), free_port());
    let ssh = SshConfig { port: one, ..no_ssh() };
    let error = execute(ssh.clone(), Some(winrm(two, folder.path())), &[Winrm, Ssh]).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("unreachable", true), "{error:?}");
    let text = error.to_string();
    let (first, second) = (text.find(&format!("winrm: port {two}")), text.find(&format!("ssh: port {one}")));
    assert!(first.is_some() && first < second, "{text}");
    // With one way, its own error says it all, as ever.
    let error = execute(ssh, None, &[Winrm, Ssh]).await.unwrap_err();
    assert!(matches!(error, ContactError::Unreachable { .. }), "{error:?}");
    let error = execute(no_ssh(), None, &[Winrm]).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("no_transport", false));
}

#[test]
fn settings_that_would_not_be_safe_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sound = winrm(5985, folder.path());
    for (wrong, says) in [
        (WinrmConfig { ntlm: false, ..sound.clone() }, "NTLM"),
        (WinrmConfig { password_file: None, ..sound.clone() }, "neither"),
        (
            WinrmConfig { password_file: None, client_certificate: Some("c".into()), ..sound.clone() },
            "needs https",
        ),
        (WinrmConfig { client_certificate: Some("c".into()), ..sound.clone() }, "not both"),
        (WinrmConfig { port: 0, ..sound.clone() }, "port 0"),
    ] {
        let config = Config { winrm: Some(wrong), ..config(&["127.0.0.0/8"], no_ssh()) };
        let error = Collector::new(config).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
}
