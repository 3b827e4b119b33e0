//! The site's own actions from functions that work side by side, over the tables of an emulator.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use emulator::ssm::Behaviour;
use investigation::assess::{Assessment, Confidence, Verdict};
use investigation::case::{ActionStatus, State};
use investigation::evidence::Identity;
use investigation::policy::Policy;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::super::testing::{Site, alert};
use super::super::Role;
use super::*;
use crate::backend::{Backend as _, Committed};
use crate::worker::Pace;

/// A server that takes every case, and counts. Returns its address.
async fn server(count: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 64 << 10];
            let mut request = String::new();
            while !request.contains("\"peerhound-case/1\"") {
                match stream.read(&mut buffer).await {
                    Ok(read) if read > 0 => request.push_str(&String::from_utf8_lossy(&buffer[..read])),
                    _ => break,
                }
            }
            count.fetch_add(1, Ordering::Relaxed);
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    format!("http://{address}/")
}

/// Brings a case to where only its action is left.
async fn acting(site: &Site, mut case: Case, policy: &Policy, now: Timestamp) -> Case {
    let assessment = Assessment {
        verdict: Verdict::Inconclusive,
        confidence: Confidence::Low,
        summary: String::new(),
        findings: Vec::new(),
        missing: Vec::new(),
        indicators_version: "1".to_owned(),
        basis: Default::default(),
    };
    let evidence =
        SealedEvidence { location: "x.zip".to_owned(), sha256: "00".to_owned(), size: 1, sealed_at: now };
    for event in [
        Event::Identified { identity: Identity::default() },
        Event::Collected { outcomes: Vec::new(), staged: None },
        Event::Assessed { assessment: Box::new(assessment), proposal: None },
        Event::Sealed { evidence },
    ] {
        let step = case.advance(event, policy, now).expect("a step");
        assert_eq!(site.store.commit(&step, now).await.expect("a write"), Committed::Done);
        case = step.case;
    }
    assert!(matches!(case.state, State::Acting), "{case:#?}");
    case
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_side_by_side_do_an_action_no_more_often_than_the_policy_says() {
    let Some(site) = Site::start().await else { return };
    let count = Arc::new(AtomicUsize::new(0));
    let url = server(Arc::clone(&count)).await;
    let site = site.with(&format!(
        "[actions]\noff = ['finding']\ninconclusive = ['action:soar']\n\
         [[action]]\nname = 'soar'\nkind = 'http'\nurl = '{url}'\nper_hour = 2\n"
    ));
    // It is asked who the machines are, and never answers: they are brought on by hand.
    site.node("hq", Behaviour::Hangs);
    let soon = Instant::now() + Duration::from_secs(60);
    let alerts: Vec<_> = (1..=6).map(|n| alert(&format!("a{n}"), &format!("10.0.0.{n}"))).collect();
    site.intake().handle(&alerts, soon).await;
    let functions = [site.progress(Role::Act).worker, site.progress(Role::Act).worker];
    let mut ids = Vec::new();
    for case in site.cases().await {
        ids.push(acting(&site, case, &functions[0].policy, Timestamp::now()).await.id);
    }
    assert_eq!(ids.len(), 6);
    for hour in 1..=3 {
        let mut going = tokio::task::JoinSet::new();
        for (number, id) in ids.iter().cloned().enumerate() {
            let function = Arc::clone(&functions[number % 2]);
            going.spawn(async move { function.drive(&id, Pace::STEADY).await.map(drop) });
        }
        while let Some(done) = going.join_next().await {
            done.expect("no panic").expect("driven");
        }
        assert_eq!(count.load(Ordering::Relaxed), 2 * hour, "in hour {hour}");
        let cases = site.cases().await;
        let done = |case: &&Case| case.actions[0].status == ActionStatus::Done;
        assert_eq!(cases.iter().filter(done).count(), 2 * hour);
        for waits in cases.iter().filter(|case| !done(case)) {
            let detail = &waits.actions[0].detail;
            assert!(
                detail.starts_with("waits until ") && detail.contains("2 tries of action:soar"),
                "{detail}"
            );
        }
        site.pass(SignedDuration::from_mins(61));
    }
}
