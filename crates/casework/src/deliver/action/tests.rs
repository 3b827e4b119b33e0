//! Actions against a server that answers what it is told, and against real programs.

use std::time::Instant;

use super::*;
use crate::deliver::tests::servers::{closed_port, http};

fn http_action(url: String, header: Option<Header>, idempotent: bool) -> CustomAction {
    CustomAction {
        name: "soar".to_owned(),
        what: What::Http { url, put: false, header },
        idempotent,
        timeout: Duration::from_secs(5),
    }
}

const DOCUMENT: &[u8] = br#"{"format":"peerhound-case/1","case_id":"ph-1"}"#;

async fn send(action: &CustomAction) -> Result<Receipt, DeliveryError> {
    send_action(action, DOCUMENT.to_vec(), "ph-1.effect-7").await
}

fn answered(status: &str) -> Option<String> {
    Some(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
}

#[tokio::test]
async fn the_case_the_key_and_the_header_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("header");
    std::fs::write(&file, "Authorization: ApiKey s3cret\n").unwrap();
    let (port, running) = http(answered("204 No Content")).await;
    let url = format!("http://127.0.0.1:{port}/hook?key=s3cret");
    let receipt = send(&http_action(url, Some(Header::File(file)), false)).await.unwrap();
    assert_eq!(receipt.to_string(), format!("accepted by 127.0.0.1:{port}"));
    let request = running.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?key=s3cret HTTP/1.1\r\n"), "{head}");
    for header in
        ["idempotency-key: ph-1.effect-7", "authorization: ApiKey s3cret", "content-type: application/json"]
    {
        assert!(head.lines().any(|line| line.eq_ignore_ascii_case(header)), "{header} in {head}");
    }
    assert_eq!(body.as_bytes(), DOCUMENT);

    let (port, running) = http(answered("200 OK")).await;
    let mut action = http_action(format!("http://127.0.0.1:{port}/"), None, false);
    if let What::Http { put, .. } = &mut action.what {
        *put = true;
    }
    send(&action).await.unwrap();
    assert!(running.await.unwrap().starts_with("PUT / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn what_came_of_a_request_is_told_apart() {
    let of = |status: &'static str, idempotent: bool| async move {
        let (port, _running) = http(answered(status)).await;
        send(&http_action(format!("http://127.0.0.1:{port}/"), None, idempotent)).await.unwrap_err()
    };
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        assert!(matches!(of(status, false).await, DeliveryError::NotAccepted { .. }), "{status}");
    }
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "302 Found"] {
        assert!(matches!(of(status, false).await, DeliveryError::Rejected { .. }), "{status}");
    }
    for status in ["500 Internal Server Error", "502 Bad Gateway"] {
        assert!(matches!(of(status, false).await, DeliveryError::Uncertain { .. }), "{status}");
    }
    assert!(matches!(of("409 Conflict", false).await, DeliveryError::Rejected { .. }));
    assert!(matches!(of("409 Conflict", true).await, DeliveryError::Uncertain { .. }));

    let port = closed_port().await;
    let error = send(&http_action(format!("http://127.0.0.1:{port}/?k=s3cret"), None, false)).await;
    let Err(DeliveryError::NotAccepted { why, .. }) = error else { panic!("{error:?}") };
    assert!(!why.contains("s3cret"), "{why}");
    let (port, _running) = http(None).await;
    let lost = send(&http_action(format!("http://127.0.0.1:{port}/"), None, false)).await;
    assert!(matches!(lost, Err(DeliveryError::Uncertain { .. })), "{lost:?}");
}

#[tokio::test]
async fn a_header_goes_over_a_protected_connection_only_and_is_one() {
    let line = |text: &str| Some(Header::Line(text.to_owned()));
    let far = http_action("http://soar.example/".to_owned(), line("X-Key: s3cret"), false);
    let Err(DeliveryError::Rejected { why }) = send(&far).await else { panic!("sent") };
    assert!(why.contains("https") && !why.contains("s3cret"), "{why}");
    assert!(!format!("{far:?}").contains("s3cret"));
    for none in ["X-Key", "X Key: a", "Host: a", "Idempotency-Key: a", "X-Key:", "X-Key: a\u{7}"] {
        let action = http_action("http://127.0.0.1:9/".to_owned(), line(none), false);
        let error = send(&action).await.unwrap_err();
        assert!(error.to_string().contains("Name: value"), "{none}: {error}");
    }
    // An answer that quotes the secret is not repeated.
    let quoted = "HTTP/1.1 403 Forbidden\r\nContent-Length: 16\r\nConnection: close\r\n\r\nkey s3cret is bad";
    let (port, _running) = http(Some(quoted.to_owned())).await;
    let url = format!("http://127.0.0.1:{port}/");
    let error = send(&http_action(url, line("Authorization: Bearer s3cret"), false)).await.unwrap_err();
    assert!(error.to_string().contains("403") && !error.to_string().contains("s3cret"), "{error}");
}

#[cfg(unix)]
mod programs {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Site {
        folder: tempfile::TempDir,
    }

    impl Site {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn action(&self, script: &str, seconds: u64) -> CustomAction {
            let path = self.folder.path().join("program");
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            CustomAction {
                name: "isolate".to_owned(),
                what: What::Program {
                    path,
                    args: vec![self.folder.path().display().to_string(), "a b;c".to_owned()],
                },
                idempotent: false,
                timeout: Duration::from_secs(seconds),
            }
        }

        async fn run(&self, script: &str, seconds: u64) -> Result<Receipt, DeliveryError> {
            let action = self.action(script, seconds);
            perform_action(&action, DOCUMENT.to_vec(), "ph-1.effect-7").await
        }

        fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
        }
    }

    #[tokio::test]
    async fn it_gets_the_case_its_arguments_and_nothing_of_our_environment() {
        let site = Site::new();
        let script = "cat >\"$1/case\"; env | sort >\"$1/env\"; pwd >\"$1/pwd\"; echo \"$2\" >\"$1/second\"; \
                      ps -o pgid= -p $$ >\"$1/group\"; echo $$ >>\"$1/group\"; echo '  '; echo isolated port 7; echo more";
        let receipt = site.run(script, 10).await.unwrap();
        assert_eq!(receipt.channel, crate::deliver::Channel::Program);
        assert!(receipt.to_string().ends_with("; isolated port 7"), "{receipt}");
        assert_eq!(site.read("case").as_bytes(), DOCUMENT);
        assert_eq!((site.read("pwd").trim(), site.read("second").trim()), ("/", "a b;c"));
        let env = site.read("env");
        // What a shell itself sets.
        let own = |line: &&str| !["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own));
        assert_eq!(env.lines().filter(own).collect::<Vec<_>>(), ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
        let group = site.read("group");
        let mut ids = group.split_whitespace();
        assert_eq!(ids.next(), ids.next(), "its own group: {group}");
    }

    #[tokio::test]
    async fn exit_codes_say_what_may_be_done_next() {
        let site = Site::new();
        let again = site.run("echo busy >&2; exit 75", 10).await.unwrap_err();
        assert!(
            matches!(&again, DeliveryError::NotAccepted { why, .. } if why.contains("busy")),
            "{again:?}"
        );
        let refused = site.run("printf 'no\\033[2J such host\\n' >&2; exit 3", 10).await.unwrap_err();
        let DeliveryError::Rejected { why } = &refused else { panic!("{refused:?}") };
        assert!(why.contains("exit code 3") && why.contains("such host") && !why.contains('\u{1b}'), "{why}");
        let killed = site.run("kill -9 $$", 10).await.unwrap_err();
        assert!(
            matches!(&killed, DeliveryError::Uncertain { why } if why.contains("signal 9")),
            "{killed:?}"
        );
        let missing = CustomAction {
            what: What::Program { path: "/nonexistent/program".into(), args: Vec::new() },
            ..site.action("true", 5)
        };
        let error = perform_action(&missing, Vec::new(), "k").await.unwrap_err();
        assert!(matches!(error, DeliveryError::NotAccepted { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn when_its_time_is_up_nothing_of_it_is_left() {
        let site = Site::new();
        let begun = Instant::now();
        let script = "sleep 300 & echo $! >\"$1/pids\"; echo $$ >>\"$1/pids\"; trap '' TERM; wait";
        let late = site.run(script, 1).await.unwrap_err();
        assert!(matches!(&late, DeliveryError::Uncertain { why } if why.contains("within 1 s")), "{late:?}");
        assert!(begun.elapsed() < Duration::from_secs(20));
        gone(&site.read("pids")).await;

        // What it leaves behind ends with it, and does not keep its outputs open.
        let begun = Instant::now();
        site.run("sleep 300 & echo $! >\"$1/pids\"; echo done", 60).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20));
        gone(&site.read("pids")).await;

        // Whoever waits for it gives up.
        let action = site.action(script, 60);
        let running = perform_action(&action, DOCUMENT.to_vec(), "k");
        let _ = tokio::time::timeout(Duration::from_secs(1), running).await;
        gone(&site.read("pids")).await;
    }

    /// Waits until none of the processes is there, or is more than a name.
    async fn gone(pids: &str) {
        assert!(pids.split_whitespace().count() > 0);
        for pid in pids.split_whitespace() {
            let stat = format!("/proc/{pid}/stat");
            let lives = || {
                let stat = std::fs::read_to_string(&stat).unwrap_or_default();
                stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
            };
            for _ in 0..100 {
                if !lives() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(!lives(), "process {pid} is left");
        }
    }

    #[tokio::test]
    async fn a_flood_of_output_neither_stops_it_nor_is_kept() {
        let site = Site::new();
        let receipt = site.run("echo first; head -c 50000000 /dev/zero; exit 0", 60).await.unwrap();
        assert_eq!(receipt.reference.as_deref(), Some("first"));
        // It does not read what it is given either.
        let action = site.action("exec <&-; echo done", 10);
        let large = vec![b' '; 4 << 20];
        perform_action(&action, large, "k").await.unwrap();
    }

    #[tokio::test]
    async fn a_program_that_anybody_may_write_is_not_run() {
        let site = Site::new();
        let action = site.action("touch \"$1/ran\"", 10);
        let What::Program { path, .. } = &action.what else { panic!("a program") };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o757)).unwrap();
        let error = perform_action(&action, Vec::new(), "k").await.unwrap_err();
        assert!(matches!(&error, DeliveryError::Rejected { why } if why.contains("chmod")), "{error:?}");
        assert!(!site.folder.path().join("ran").exists());
    }

    #[tokio::test]
    async fn aws_runs_no_program() {
        let site = Site::new();
        let action = site.action("touch \"$1/ran\"", 10);
        let refused = send_action(&action, Vec::new(), "k").await.unwrap_err();
        assert!(matches!(refused, DeliveryError::Rejected { .. }), "{refused:?}");
        assert!(!site.folder.path().join("ran").exists());
    }
}
