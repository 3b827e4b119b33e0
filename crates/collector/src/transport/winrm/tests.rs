//! Against a host that is not ours: `tests/src/winrm/host.py`, with NTLM and sealing by pyspnego. What it runs is run by
//! `sh` on this machine.
#![cfg(unix)]

mod host;
mod kdc;
mod kerberos;
#[cfg(target_os = "linux")]
mod names;

use std::path::Path;
use std::time::Instant;

use investigation::evidence::ArtifactKind;

use super::*;
use crate::staging::Staging;
use host::{Event as Logged, Host};

/// Runs one script. What it printed lies in `folder`.
async fn run(
    session: &mut WinrmSession,
    script: Script,
    cap: u64,
    limit: Duration,
    folder: &Path,
) -> Result<(Run, Vec<u8>), ContactError> {
    let staging = Staging::open(folder)?;
    let mut out = staging.raw_output(&Staging::raw_entry(ArtifactKind::Processes), cap)?;
    let run = session.run(script, &mut out, limit).await?;
    Ok((run, std::fs::read(out.close()?).unwrap()))
}

const LONG: Duration = Duration::from_secs(120);

async fn connect(host: &Host) -> Result<WinrmSession, ContactError> {
    WinrmSession::connect(host.target(), &host.config(), &Accounts::default()).await
}

/// One script on a host that may misbehave.
async fn once(host: &Host, script: Script) -> Result<(Run, Vec<u8>), ContactError> {
    let folder = tempfile::tempdir().unwrap();
    let mut session = connect(host).await?;
    let result = run(&mut session, script, 64 << 20, LONG, folder.path()).await;
    session.close().await;
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_with_their_input_output_and_exit_code_and_all_is_sealed() {
    let Some(host) = Host::start(&[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut session = connect(&host).await.unwrap();
    assert!(session.endpoint().unwrap().starts_with("NTLM:"), "{:?}", session.endpoint());
    let script = Script::PowerShell("echo 'out: äöü'\necho problem >&2\nexit 7\n");
    let (seen, out) = run(&mut session, script, 1 << 20, LONG, folder.path()).await.unwrap();
    assert_eq!((seen.exit_code, seen.ended), (Some(7), Ended::ByItself));
    assert_eq!((String::from_utf8(out).unwrap().as_str(), seen.stderr.as_str()), ("out: äöü\n", "problem\n"));
    assert!(seen.first_byte.is_some());

    let script = Script::Command("echo \"a & b\" | cat; printf '<%s>' \"$PATH\" >/dev/null; exit 0");
    let (seen, out) = run(&mut session, script, 1 << 20, LONG, folder.path()).await.unwrap();
    assert_eq!((seen.exit_code, out.as_slice()), (Some(0), &b"a & b\n"[..]));
    // A command that reads its input finds its end.
    let (seen, out) =
        run(&mut session, Script::Command("cat; echo end"), 1 << 20, LONG, folder.path()).await.unwrap();
    assert_eq!((seen.exit_code, out.as_slice()), (Some(0), &b"end\n"[..]));
    let refused = run(&mut session, Script::Posix("true"), 1 << 20, LONG, folder.path()).await.unwrap_err();
    assert_eq!(refused.code(), "unsupported");
    session.close().await;

    let log = host.log();
    assert!(!log.iter().any(|event| matches!(event, Logged::Violation { .. })), "{log:?}");
    assert_eq!(log.iter().filter(|event| matches!(event, Logged::Authenticate { .. })).count(), 1);
    let actions = host.actions();
    assert_eq!(actions.iter().filter(|action| *action == "Create").count(), 3);
    assert_eq!(actions.iter().filter(|action| *action == "Delete").count(), 3);
    assert!(log.iter().any(|event| matches!(event, Logged::Request { action, options }
        if action == "Create" && options.get("WINRS_CODEPAGE").is_some_and(|page| page == "65001"))));
    assert!(log.iter().any(|event| matches!(event, Logged::Request { action, options }
        if action == "Command" && options.get("WINRS_CONSOLEMODE_STDIN").is_some_and(|mode| mode == "FALSE"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once_and_then_rests() {
    let Some(host) = Host::start(&[]) else { return };
    host.write_password("wrong");
    let accounts = Accounts::default();
    let refused = WinrmSession::connect(host.target(), &host.config(), &accounts).await.err().unwrap();
    assert_eq!((refused.code(), refused.retryable()), ("logon_refused", false), "{refused:?}");
    let clone = accounts.clone();
    let resting = WinrmSession::connect(host.target(), &host.config(), &clone).await.err().unwrap();
    assert_eq!((resting.code(), resting.retryable()), ("account_rests", true), "{resting:?}");
    for error in [&refused, &resting] {
        assert!(error.to_string().contains(host::USER) && !error.to_string().contains("wrong "), "{error}");
    }
    let tried = |accepted| {
        let is_such =
            |event: &&Logged| matches!(event, Logged::Authenticate { accepted: was, .. } if *was == accepted);
        host.log().iter().filter(is_such).count()
    };
    assert_eq!((tried(false), tried(true)), (1, 0));
    // A password that was put right is tried at once.
    host.write_password(host::PASSWORD);
    let session = WinrmSession::connect(host.target(), &host.config(), &accounts).await.unwrap();
    session.close().await;
    assert_eq!((tried(false), tried(true)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_output_comes_whole() {
    let Some(host) = Host::start(&[]) else { return };
    let begun = Instant::now();
    let (seen, out) = once(&host, Script::Command("yes 0123456789abcde | head -c 20000000")).await.unwrap();
    assert_eq!((seen.exit_code, out.len()), (Some(0), 20_000_000));
    assert!(out.chunks_exact(16).all(|line| line == b"0123456789abcde\n"));
    println!("20 MB in {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_output_is_ended_on_the_host() {
    let Some(host) = Host::start(&[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    for (script, kept) in [(Script::Command("exec yes"), 100_000), (Script::Command("exec yes >&2"), 0)] {
        let mut session = connect(&host).await.unwrap();
        let (seen, out) = run(&mut session, script, 100_000, LONG, folder.path()).await.unwrap();
        assert_eq!((seen.ended, out.len()), (Ended::TooMuch, kept));
        assert!(seen.stderr.len() <= 4 << 10);
        host.assert_nothing_runs(Duration::ZERO).await;
        session.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_time_is_up_is_ended_on_the_host_and_the_next_one_runs() {
    let Some(host) = Host::start(&[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut session = connect(&host).await.unwrap();
    let script = Script::PowerShell("echo begun; sleep 1000");
    let limit = Duration::from_secs(2);
    let (seen, out) = run(&mut session, script, 1 << 20, limit, folder.path()).await.unwrap();
    assert_eq!((seen.ended, seen.exit_code, out.as_slice()), (Ended::TimeUp, None, &b"begun\n"[..]));
    host.assert_nothing_runs(Duration::ZERO).await;
    assert!(host.actions().contains(&"Signal".to_owned()));
    let (seen, _) = run(&mut session, Script::Command("exit 3"), 1 << 20, LONG, folder.path()).await.unwrap();
    assert_eq!(seen.exit_code, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_command_is_ended_on_the_host() {
    let Some(host) = Host::start(&[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut session = connect(&host).await.unwrap();
    let script = Script::Command("sleep 1000 & sleep 1000");
    let running = run(&mut session, script, 1 << 20, LONG, folder.path());
    tokio::select! {
        result = running => panic!("{result:?}"),
        () = host.until_something_runs() => {}
    }
    drop(session);
    host.assert_nothing_runs(Duration::from_secs(30)).await;
    let begun = Instant::now();
    while !host.actions().ends_with(&["Signal".to_owned(), "Delete".to_owned()]) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", host.actions());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_no_end() {
    let Some(host) = Host::start(&[]) else { return };
    let (seen, out) = once(&host, Script::Command("sleep 12; echo late")).await.unwrap();
    assert_eq!((seen.exit_code, out.as_slice()), (Some(0), &b"late\n"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_what_it_should_be_ends_the_contact() {
    for (mode, code, says) in [
        ("malformed", "disconnected", "XML"),
        ("oversize", "disconnected", "length limit"),
        ("plain", "not_sealed", "not encrypted"),
        ("tamper", "not_sealed", "MessageAltered"),
        ("replay", "not_sealed", "MessageAltered"),
        ("reset", "disconnected", "collection"),
    ] {
        let Some(host) = Host::start(&["--misbehave", mode]) else { return };
        let error = once(&host, Script::Command("echo hi")).await.unwrap_err();
        assert!(error.code() == code && error.to_string().contains(says), "{mode}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stops_in_the_middle_is_given_up() {
    let Some(host) = Host::start(&["--misbehave", "hang"]) else { return };
    let begun = Instant::now();
    let error = once(&host, Script::Command("echo hi")).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("timed_out", true), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_open_no_shell_is_told_so() {
    let Some(host) = Host::start(&["--denied"]) else { return };
    let error = once(&host, Script::Command("echo hi")).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("winrm_refused", false), "{error:?}");
    assert!(error.to_string().contains("Access is denied"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unexpected_host_gets_no_answer_to_its_challenge() {
    let Some(host) = Host::start(&[]) else { return };
    let config = WinrmConfig { expected_hosts: vec!["*.corp.example.com".into()], ..host.config() };
    let error = WinrmSession::connect(host.target(), &config, &Accounts::default()).await.err().unwrap();
    assert_eq!((error.code(), error.retryable()), ("unexpected_host", false), "{error:?}");
    assert!(!host.log().iter().any(|event| matches!(event, Logged::Authenticate { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_behind_which_is_something_else_is_no_winrm() {
    let Some(host) = Host::start(&[]) else { return };
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (stream, text) in
            server.incoming().flatten().zip(["HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "SSH-2.0-x\r\n"])
        {
            let mut stream = stream;
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = std::io::Write::write_all(&mut stream, text.as_bytes());
        }
    });
    let config = WinrmConfig { port, ..host.config() };
    let accounts = Accounts::default();
    let error = WinrmSession::connect(host.target(), &config, &accounts).await.err().unwrap();
    assert!(error.to_string().contains("no WinRM service"), "{error}");
    let error = WinrmSession::connect(host.target(), &config, &accounts).await.err().unwrap();
    assert_eq!(error.code(), "disconnected", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_ntlm_is_bound_to_the_certificate() {
    let Some(host) = Host::start_tls(false) else { return };
    let (seen, out) = once(&host, Script::PowerShell("echo over TLS")).await.unwrap();
    assert_eq!((seen.exit_code, out.as_slice()), (Some(0), &b"over TLS\n"[..]));
    let session = connect(&host).await.unwrap();
    assert!(session.endpoint().unwrap().starts_with("SHA256:"));
    session.close().await;
    assert!(!host.log().iter().any(|event| matches!(event, Logged::Violation { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_host_or_of_nobody_known_gets_no_logon() {
    let Some(host) = Host::start_tls(false) else { return };
    let config = host.config();
    for config in [
        WinrmConfig { expected_hosts: vec!["*.elsewhere.example.com".into()], ..config.clone() },
        WinrmConfig { expected_hosts: Vec::new(), ..config.clone() },
        WinrmConfig { ca_file: Some(host.path("other.pem")), ..config.clone() },
    ] {
        let error = WinrmSession::connect(host.target(), &config, &Accounts::default()).await.err().unwrap();
        assert_eq!((error.code(), error.retryable()), ("certificate_refused", false), "{error:?}");
    }
    let config = WinrmConfig { ca_file: Some(host.path("absent.pem")), ..config };
    let error = WinrmSession::connect(host.target(), &config, &Accounts::default()).await.err().unwrap();
    assert_eq!(error.code(), "winrm_file");
    assert!(!host.log().iter().any(|event| matches!(event, Logged::Negotiate)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_stands_in_for_a_password() {
    let Some(host) = Host::start_tls(true) else { return };
    let (seen, out) = once(&host, Script::PowerShell("echo by certificate")).await.unwrap();
    assert_eq!((seen.exit_code, out.as_slice()), (Some(0), &b"by certificate\n"[..]));
    assert!(!host.log().iter().any(|event| matches!(event, Logged::Negotiate | Logged::Violation { .. })));
}
