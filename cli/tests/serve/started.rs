//! What it refuses to start with, and how it ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::filled::policy;
use crate::http::send;
use crate::server::{Server, peerhound};

fn refused(arguments: &[&str], says: &str) {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path());
    let mut command = peerhound(folder.path());
    command.arg("serve").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    // One that serves after all is ended, and has no exit code then.
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains(says) && err.lines().count() == 1, "{err}");
    assert!(output.stdout.is_empty());
}

#[test]
fn it_does_not_listen_where_the_network_can_hear_it() {
    for listen in ["0.0.0.0:0", "10.0.0.5:8322", "[::]:0"] {
        refused(&["--listen", listen], "--behind-proxy");
    }
    refused(&["--behind-proxy", "http://cases.corp.example"], "https");
}

#[test]
fn it_shows_no_token_to_a_log() {
    refused(&["--listen", "127.0.0.1:0"], "--token-file");
    refused(&["--json", "--listen", "127.0.0.1:0"], "--token-file");
}

#[test]
fn a_token_that_it_makes_is_shown_on_the_terminal_once_and_opens_the_pages() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path());
    // `script` is a terminal; it ends with what it runs.
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--log-out", "/dev/null", "--command"])
        .arg(format!("exec {} serve --listen 127.0.0.1:0", env!("CARGO_BIN_EXE_peerhound")))
        .current_dir(folder.path())
        .env("USER", "ann")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(terminal.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.next().unwrap();
    let (address, path) = line.trim().strip_prefix("Open http://").unwrap().split_once('/').unwrap();
    let address = address.parse().unwrap();
    let answer = send(address, &format!("GET /{path}"), &[("host", &format!("{address}"))], "");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert!(answer.header("set-cookie").unwrap().contains("HttpOnly"));
    // The key that asks a program on a terminal to end.
    terminal.stdin.take().unwrap().write_all(b"\x03").unwrap();
    let token = path.split('=').nth(1).unwrap();
    assert!(token.len() == 64 && lines.all(|line| !line.contains(token)));
    assert_eq!(terminal.wait().unwrap().code(), Some(0));
}

#[test]
fn it_ends_when_it_is_asked_to_and_its_log_holds_no_token() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path());
    let server = Server::start(folder.path(), &[]);
    let (token, cookie) = (server.token.clone(), server.login());
    server.page("/", &cookie);
    server.as_stranger("GET /login?token=0123456789abcdef0123456789abcdef");
    let (code, log) = server.end(folder.path());
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("a wrong token"), "{log}");
    for secret in [token.as_str(), cookie.split('=').nth(1).unwrap(), "0123456789abcdef"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn behind_a_proxy_it_answers_to_the_name_that_people_type() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path());
    let server = Server::behind_proxy(folder.path(), "cases.corp.example");
    let login = format!("GET /login?token={}", server.token);
    let by_name = send(server.address, &login, &[("host", "cases.corp.example")], "");
    let cookie = by_name.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-peerhound=") && cookie.contains("; Secure"), "{cookie}");
    assert_eq!(server.as_stranger(&login).status, 421, "by its address");
}
