//! By Kerberos: a real KDC, and the host with MIT's GSS-API. Endpoints have to have a name, and loopback's is
//! `localhost`; what comes of other names is tested in a namespace with a DNS server of its own.

use super::host::{Event as Logged, Host};
use super::kdc::Kdc;
use super::*;

/// Connects with what is known of the account so far.
async fn with(config: &WinrmConfig, accounts: &Accounts) -> Result<WinrmSession, ContactError> {
    WinrmSession::connect(IpAddr::from([127, 0, 0, 1]), config, accounts).await
}

async fn fails(config: &WinrmConfig, accounts: &Accounts) -> ContactError {
    with(config, accounts).await.err().expect("it must not get in")
}

/// Whether the host was shown nothing at all.
fn was_shown_nothing(host: &Host) -> bool {
    !host.log().iter().any(|event| matches!(event, Logged::Negotiate | Logged::Authenticate { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_all_is_sealed_and_many_sessions_cost_one_logon() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host(&[]) else { return };
    let (config, accounts, folder) = (kdc.config(&host), Accounts::default(), tempfile::tempdir().unwrap());
    let mut session = with(&config, &accounts).await.unwrap();
    assert_eq!(session.endpoint(), Some("Kerberos:HTTP/localhost"));
    let script = Script::PowerShell("echo 'out: äöü'\necho problem >&2\nexit 7\n");
    let (seen, out) = run(&mut session, script, 1 << 20, LONG, folder.path()).await.unwrap();
    assert_eq!(
        (seen.exit_code, seen.stderr.as_str(), out.as_slice()),
        (Some(7), "problem\n", "out: äöü\n".as_bytes())
    );
    let begun = Instant::now();
    let script = Script::Command("yes 0123456789abcde | head -c 20000000");
    let (seen, out) = run(&mut session, script, 64 << 20, LONG, folder.path()).await.unwrap();
    assert_eq!((seen.exit_code, out.len()), (Some(0), 20_000_000));
    assert!(out.chunks_exact(16).all(|line| line == b"0123456789abcde\n"));
    println!("20 MB sealed by Kerberos in {:?}", begun.elapsed());
    session.close().await;

    let mut others = Vec::new();
    for _ in 0..8 {
        let (config, accounts) = (config.clone(), accounts.clone());
        others.push(tokio::spawn(async move { with(&config, &accounts).await.map(drop) }));
    }
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!((kdc.count("AS_REQ", "ISSUE"), kdc.count("TGS_REQ", "ISSUE")), (1, 9), "{}", kdc.log());
    assert_eq!(host.proven_by(), ["kerberos"; 9]);
    assert!(!host.log().iter().any(|event| matches!(event, Logged::Violation { .. })), "{:?}", host.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_it_is_bound_to_the_certificate() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host_tls(&[]) else { return };
    let (config, folder) = (kdc.config(&host), tempfile::tempdir().unwrap());
    let mut session = with(&config, &Accounts::default()).await.unwrap();
    assert_eq!(session.endpoint(), Some("Kerberos:HTTP/localhost"));
    let script = Script::PowerShell("echo over TLS");
    let (_, out) = run(&mut session, script, 1 << 20, LONG, folder.path()).await.unwrap();
    assert_eq!(out, b"over TLS\n");
    session.close().await;
    assert_eq!(host.proven_by(), ["kerberos"]);

    // Somebody in between, whose certificate is accepted as well.
    let Some(other) = kdc.host_tls(&["--other-binding"]) else { return };
    let (config, accounts) = (kdc.config(&other), Accounts::default());
    let refused = fails(&config, &accounts).await;
    assert_eq!((refused.code(), refused.retryable()), ("logon_refused", false), "{refused:?}");
    assert!(refused.to_string().contains("HTTP/localhost"), "{refused}");
    assert!(other.proven_by().is_empty());
    // The endpoint has not seen the password: that does not rest.
    assert_eq!(fails(&config, &accounts).await.code(), "logon_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once_at_the_kdc_and_then_rests_for_ntlm_too() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host(&[]) else { return };
    host.write_password("wrong horse");
    let (config, accounts) = (WinrmConfig { ntlm: true, ..kdc.config(&host) }, Accounts::default());
    let refused = fails(&config, &accounts).await;
    assert_eq!((refused.code(), refused.retryable()), ("logon_refused", false), "{refused:?}");
    assert!(
        refused.to_string().contains("the KDC 127.0.0.1 port")
            && refused.to_string().contains("password is wrong")
    );
    let resting = fails(&config, &accounts).await;
    assert_eq!((resting.code(), resting.retryable()), ("account_rests", true), "{resting:?}");
    assert_eq!(
        (kdc.count("AS_REQ", "PREAUTH_FAILED"), kdc.count("AS_REQ", "NEEDED_PREAUTH")),
        (1, 1),
        "{}",
        kdc.log()
    );
    assert!(was_shown_nothing(&host), "{:?}", host.log());
    for error in [&refused, &resting] {
        assert!(!error.to_string().contains("horse"), "{error}");
    }
    host.write_password(host::PASSWORD);
    with(&config, &accounts).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_log_on_is_told_why() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host(&[]) else { return };
    let config = kdc.config(&host);
    for (change, says) in [
        ("modprinc -expire 2020-01-01 svc-peerhound", "the account has expired"),
        ("modprinc -expire never -pwexpire 2020-01-01 svc-peerhound", "the password has expired"),
        ("modprinc -pwexpire never -allow_tix svc-peerhound", "disabled"),
        ("delprinc -force svc-peerhound", "knows no such account"),
    ] {
        kdc.admin(change);
        let error = fails(&config, &Accounts::default()).await;
        assert_eq!((error.code(), error.retryable()), ("logon_refused", false), "{change}: {error:?}");
        assert!(error.to_string().contains(says), "{change}: {error}");
    }
    assert!(was_shown_nothing(&host));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_ticket_is_replaced_by_one_more_logon() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host(&[]) else { return };
    let (config, accounts) = (kdc.config(&host), Accounts::default());
    kdc.admin("modprinc -maxlife 3seconds svc-peerhound");
    with(&config, &accounts).await.unwrap().close().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    with(&config, &accounts).await.unwrap().close().await;
    assert_eq!(kdc.count("AS_REQ", "ISSUE"), 2, "{}", kdc.log());
    kdc.admin("modprinc -maxlife 1hour svc-peerhound");

    // A KDC that takes each ticket for expired gets one more logon, and not a third.
    let port = kdc.behind(|_, reply| if reply.first() == Some(&0x6d) { expired() } else { reply });
    let error = fails(&kdc.config_at(&host, port), &Accounts::default()).await;
    assert_eq!((error.code(), error.retryable()), ("kerberos_failed", false), "{error:?}");
    assert!(error.to_string().contains("expired"), "{error}");
    assert_eq!(kdc.count("AS_REQ", "ISSUE"), 4, "{}", kdc.log());
    // One that does so once, as after its restart.
    let port = kdc.behind(|number, reply| if number == 2 { expired() } else { reply });
    with(&kdc.config_at(&host, port), &Accounts::default()).await.unwrap().close().await;
    assert_eq!(kdc.count("AS_REQ", "ISSUE"), 6, "{}", kdc.log());
}

/// KRB-ERROR with KRB_AP_ERR_TKT_EXPIRED.
fn expired() -> Vec<u8> {
    let time = [&[0xa4, 0x11, 0x18, 0x0f][..], b"20261130153400Z"].concat();
    let inner = [&time[..], &[0xa5, 3, 2, 1, 0, 0xa6, 3, 2, 1, 32]].concat();
    let length = u8::try_from(inner.len()).unwrap();
    [&[0x7e, length + 2, 0x30, length], &inner[..]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_differs_is_named_with_the_difference() {
    let Some(kdc) = Kdc::start_at(Some("+1h")) else { return };
    let Some(host) = kdc.host(&[]) else { return };
    let error = fails(&WinrmConfig { ntlm: true, ..kdc.config(&host) }, &Accounts::default()).await;
    assert_eq!((error.code(), error.retryable()), ("kerberos_failed", false), "{error:?}");
    let text = error.to_string();
    let seconds = text.split("its is ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!((3500..3700).contains(&seconds.parse::<u32>().unwrap()) && text.contains("ahead"), "{text}");
    assert!(was_shown_nothing(&host));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_the_kdc_does_not_know_is_named() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host(&[]) else { return };
    kdc.admin("delprinc -force HTTP/localhost");
    let error = fails(&WinrmConfig { ntlm: true, ..kdc.config(&host) }, &Accounts::default()).await;
    assert_eq!((error.code(), error.retryable()), ("kerberos_failed", false), "{error:?}");
    assert!(error.to_string().contains("knows no HTTP/localhost"), "{error}");
    assert!(was_shown_nothing(&host));
    // The others go on with the ticket that there is.
    let accounts = Accounts::default();
    for _ in 0..3 {
        assert_eq!(fails(&kdc.config(&host), &accounts).await.code(), "kerberos_failed");
    }
    assert_eq!(kdc.count("AS_REQ", "ISSUE"), 2, "one for each of the two collectors: {}", kdc.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_key_is_another_takes_no_ticket() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host(&[]) else { return };
    // The machine was joined again, elsewhere.
    kdc.keytab();
    let error = fails(&kdc.config(&host), &Accounts::default()).await;
    assert_eq!(error.code(), "logon_refused", "{error:?}");
    assert!(error.to_string().contains("stale"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ticket_is_asked_for_a_host_that_is_not_expected_and_ntlm_stands_in_only_where_it_may() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host_tls(&[]) else { return };
    let config = WinrmConfig { expected_hosts: vec!["*.corp.example.com".into()], ..kdc.config(&host) };
    let error = fails(&config, &Accounts::default()).await;
    assert_eq!((error.code(), error.retryable()), ("kerberos_failed", false), "{error:?}");
    for says in ["localhost", "expected_hosts", "NTLM is forbidden"] {
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(was_shown_nothing(&host));
    assert_eq!(kdc.count("_REQ", ""), 0, "{}", kdc.log());

    let by_ntlm = WinrmConfig { ntlm: true, user: host::USER.into(), ..config };
    let session = with(&by_ntlm, &Accounts::default()).await.unwrap();
    assert!(session.endpoint().unwrap().starts_with("SHA256:"), "{:?}", session.endpoint());
    session.close().await;
    assert_eq!(host.proven_by(), ["ntlm"]);
    assert_eq!(kdc.count("_REQ", ""), 0, "{}", kdc.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_kdc_answers_ntlm_stands_in_only_where_it_may() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host_tls(&[]) else { return };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = kdc.config_at(&host, closed);
    let error = fails(&config, &Accounts::default()).await;
    assert_eq!((error.code(), error.retryable()), ("kerberos_failed", true), "{error:?}");
    assert!(
        error.to_string().contains("no KDC answers") && error.to_string().contains("NTLM is forbidden"),
        "{error}"
    );
    assert!(was_shown_nothing(&host));
    let by_ntlm = WinrmConfig { ntlm: true, user: host::USER.into(), ..config };
    with(&by_ntlm, &Accounts::default()).await.unwrap().close().await;
    assert_eq!(host.proven_by(), ["ntlm"]);
    // The next one is asked where the first does not answer.
    let mut config = kdc.config_at(&host, closed);
    let second = kdc.config(&host).kerberos.unwrap().kdcs;
    config.kerberos.as_mut().unwrap().kdcs.extend(second);
    with(&config, &Accounts::default()).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_somebody_changed_proves_nothing() {
    let Some(kdc) = Kdc::start() else { return };
    for (mode, code, says) in [
        ("unproven", "winrm_refused", "does not answer to Kerberos"),
        ("forge", "not_sealed", "proof is not sealed with the ticket's key"),
        ("plain", "not_sealed", "not encrypted"),
        ("tamper", "not_sealed", "altered"),
        ("replay", "not_sealed", "next one"),
    ] {
        let Some(host) = kdc.host(&["--misbehave", mode]) else { return };
        let (config, folder) = (kdc.config(&host), tempfile::tempdir().unwrap());
        let error = match with(&config, &Accounts::default()).await {
            Err(error) => error,
            Ok(mut session) => {
                run(&mut session, Script::Command("echo hi"), 1 << 20, LONG, folder.path()).await.unwrap_err()
            }
        };
        assert!(error.code() == code && error.to_string().contains(says), "{mode}: {error:?}");
    }
}

/// Keeps all that is said in a log, at every level.
#[derive(Clone, Default)]
struct Everything(std::sync::Arc<std::sync::Mutex<String>>);

impl tracing::field::Visit for Everything {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write as _;
        let _ = writeln!(self.0.lock().unwrap(), "{field}={value:?}");
    }
}

impl tracing::Subscriber for Everything {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// On one thread, so that one log hears all.
#[tokio::test]
async fn no_secret_is_in_any_log_or_error() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host(&[]) else { return };
    let everything = Everything::default();
    let _guard = tracing::subscriber::set_default(everything.clone());
    tracing::trace!("this is heard");
    let session = with(&kdc.config(&host), &Accounts::default()).await.unwrap();
    session.close().await;
    let by_ntlm = WinrmConfig { user: host::USER.into(), ..host.config() };
    with(&by_ntlm, &Accounts::default()).await.unwrap().close().await;
    let heard = everything.0.lock().unwrap().clone();
    assert!(heard.contains("this is heard"));
    // What sspi and its messages call keys, tickets and what is encrypted with them.
    for secret in [host::PASSWORD, "EncryptionKey", "key_value", "Authenticator", "TicketInner", "enc_part"] {
        assert!(!heard.contains(secret), "{secret}: {}", heard.split(secret).next().unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kdcs_reply_counts_only_for_its_request() {
    let Some(kdc) = Kdc::start() else { return };
    let Some(host) = kdc.host(&[]) else { return };
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    for (what, says) in
        [("old", "another request"), ("old ticket", "not sealed with our key"), ("text", "no Kerberos")]
    {
        let kept = std::sync::Arc::clone(&kept);
        let port = kdc.behind(move |_, reply| {
            let mut kept = kept.lock().unwrap();
            let is = |tag: u8| reply.first() == Some(&tag);
            match what {
                // The first logon is kept, and given again to the second.
                "old" if is(0x6b) => {
                    kept.push(reply.clone());
                    kept[0].clone()
                }
                "old ticket" if is(0x6d) => {
                    let mut changed = reply;
                    let last = changed.len() - 1;
                    changed[last] ^= 1;
                    changed
                }
                "text" => b"HTTP/1.1 400 Bad Request".to_vec(),
                _ => reply,
            }
        });
        let config = kdc.config_at(&host, port);
        if what == "old" {
            with(&config, &Accounts::default()).await.unwrap().close().await;
        }
        let error = fails(&config, &Accounts::default()).await;
        assert_eq!((error.code(), error.retryable()), ("kerberos_failed", false), "{what}: {error:?}");
        assert!(error.to_string().contains(says), "{what}: {error}");
    }
}
