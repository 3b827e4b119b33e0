//! Somebody between us and a real Samba: whatever is changed on the way is noticed, and ends the contact.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use collector::{Collector, Config, SmbConfig};
use investigation::policy::Transport;
use support::samba::Samba;
use support::tamper::{Way, tamper};
use support::{config, identify, no_ssh};

/// What an identification through somebody who changes frames comes to.
async fn through(
    samba: &Samba,
    change: impl Fn(Way, usize, &mut Vec<u8>) + Send + Sync + 'static,
) -> Result<(), (&'static str, String)> {
    let port = tamper(samba.port, change);
    let smb = SmbConfig { port, connect_timeout: std::time::Duration::from_secs(3), ..samba.config() };
    let transports = vec![Transport::Smb];
    let settings = Config { smb: Some(smb), transports, ..config(&["127.0.0.0/8"], no_ssh()) };
    let folder = tempfile::tempdir().unwrap();
    let done =
        Collector::new(settings).unwrap().execute(&identify("127.0.0.1"), folder.path(), &|_| {}).await;
    done.map(drop).map_err(|error| (error.code(), error.to_string()))
}

/// Answers 0 to 2 are those of negotiation and logon; what follows is under the session's key.
const FIRST: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn changed_answers_are_noticed_signed_or_sealed() {
    for more in [
        "server max protocol = SMB2_10",
        "server max protocol = SMB3_02\nsmb encrypt = off",
        "smb encrypt = off",
        "smb encrypt = required",
    ] {
        let Some(samba) = Samba::start(more) else { return };
        through(&samba, |_, _, _| {}).await.unwrap_or_else(|error| panic!("{more}: untouched: {error:?}"));
        for number in [FIRST - 1, FIRST, FIRST + 2, FIRST + 20] {
            let is_done = AtomicBool::new(false);
            let changed = through(&samba, move |way, at, frame| {
                // Of an answer that says to wait, nothing is believed: the next one then.
                let says_to_wait = frame.get(8..12) == Some(&[3, 1, 0, 0]);
                if way == Way::ToClient
                    && at >= number
                    && !says_to_wait
                    && !is_done.swap(true, Ordering::SeqCst)
                    && let Some(last) = frame.last_mut()
                {
                    *last ^= 1;
                }
            });
            let (code, text) = changed.await.expect_err("a changed byte is noticed");
            assert_eq!(code, "not_sealed", "{more} {number}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_a_signature_are_none() {
    for more in ["server max protocol = SMB2_10", "smb encrypt = off"] {
        let Some(samba) = Samba::start(more) else { return };
        let bare = through(&samba, |way, at, frame| {
            if way == Way::ToClient && at >= FIRST {
                // The flag that it is signed, and the signature.
                frame[16] &= !8;
                frame[48..64].fill(0);
            }
        });
        let (code, text) = bare.await.unwrap_err();
        assert!(code == "not_sealed" && text.contains("neither signed nor sealed"), "{more}: {text}");
        // Another question's answer.
        let other = through(&samba, |way, at, frame| {
            if way == Way::ToClient && at == FIRST + 1 {
                frame[24] ^= 1;
            }
        });
        let (code, text) = other.await.unwrap_err();
        assert!(code == "disconnected" && text.contains("was not asked"), "{more}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_on_the_way_chooses_the_version() {
    let Some(samba) = Samba::start("") else { return };
    let offers = |at: usize, frame: &[u8]| at == 0 && frame[12] == 0;
    for (count, kept) in [(1_u8, "2.1"), (2, "3.0"), (3, "3.0.2")] {
        let weakened = through(&samba, move |way, at, frame| {
            if way == Way::ToServer && offers(at, frame) {
                // The dialects are offered in their order: fewer of them, and no contexts.
                frame[64 + 2] = count;
                frame[64 + 28..64 + 36].fill(0);
            }
        });
        let (code, text) = weakened.await.expect_err("a weakened version is noticed");
        // Samba itself hangs up when it is told what was really offered.
        assert!(code == "not_sealed" || text.contains("the check of what was negotiated"), "{kept}: {text}");
    }
    // What 3.1.1 negotiates is part of its keys.
    let weakened = through(&samba, |way, at, frame| {
        if way == Way::ToClient && at == 0 {
            frame[64 + 24] ^= 4;
        }
    });
    let (code, text) = weakened.await.unwrap_err();
    assert_eq!(code, "not_sealed", "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_lengths_and_other_protocols_are_refused() {
    let Some(samba) = Samba::start("smb encrypt = off") else { return };
    for (at, change) in [
        (0, (|frame: &mut Vec<u8>| *frame = vec![0; 16 << 20]) as fn(&mut Vec<u8>)),
        (0, |frame| frame.truncate(70)),
        (0, |frame| frame.clear()),
        (0, |frame| *frame = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        (1, |frame| frame.truncate(80)),
        (1, |frame| frame.fill(0xff)),
        (FIRST, |frame| frame.truncate(66)),
        (FIRST, |frame| *frame = vec![0; 2 << 20]),
    ] {
        let refused = through(&samba, move |way, number, frame| {
            if way == Way::ToClient && number == at {
                change(frame);
            }
        });
        let (code, text) = refused.await.unwrap_err();
        assert!(matches!(code, "smb_refused" | "disconnected" | "not_sealed"), "{at}: {code} {text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_not_waited_for_longer_than_said() {
    // It is connected to, and nobody ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let smb = SmbConfig {
        user: "svc".into(),
        password_file: folder.path().join("password"),
        port: silent.local_addr().unwrap().port(),
        expected_hosts: Vec::new(),
        ntlm: true,
        connect_timeout: std::time::Duration::from_secs(1),
    };
    let transports = vec![Transport::Smb];
    let settings = Config { smb: Some(smb), transports, ..config(&["127.0.0.0/8"], no_ssh()) };
    let begun = std::time::Instant::now();
    let done =
        Collector::new(settings).unwrap().execute(&identify("127.0.0.1"), folder.path(), &|_| {}).await;
    let error = done.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("timed_out", true), "{error}");
    assert!(error.to_string().contains("negotiation") && begun.elapsed().as_secs() < 60, "{error}");
}
