//! What it refuses to start with, and how it ends.

use std::process::Stdio;

use crate::filled::policy;
use crate::server::{Server, peerhound};

fn refused(arguments: &[&str], says: &str) {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path());
    let output =
        peerhound(folder.path()).arg("serve").args(arguments).stdout(Stdio::piped()).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains(says) && err.lines().count() == 1, "{err}");
    assert!(output.stdout.is_empty());
}

#[test]
fn it_does_not_listen_where_the_network_can_hear_it() {
    for listen in ["0.0.0.0:0", "10.0.0.5:8322", "[::]:0"] {
        refused(&["--json", "--listen", listen], "--behind-proxy");
    }
    refused(&["--json", "--behind-proxy", "http://cases.corp.example"], "https");
}

#[test]
fn it_shows_no_token_to_a_log() {
    refused(&["--listen", "127.0.0.1:0"], "--token-file");
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
