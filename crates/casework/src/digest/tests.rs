//! The mail of each day on the real store: once, whatever becomes of the workers.

use std::sync::Mutex;

use investigation::act::Message;
use jiff::SignedDuration;

use super::*;
use crate::backend::contract::{alert, at, open};
use crate::backend::ledger::Ledger;
use crate::deliver::{MailConfig, Smtp, Tls, send_mail_with};

/// A clock that is set by hand.
#[derive(Clone)]
struct Hand(Arc<Mutex<Timestamp>>);

impl Hand {
    fn at(text: &str) -> Self {
        Self(Arc::new(Mutex::new(text.parse().unwrap())))
    }

    fn clock(&self) -> Clock {
        let hand = self.0.clone();
        Arc::new(move || *hand.lock().unwrap())
    }

    fn pass(&self, minutes: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_mins(minutes);
    }
}

fn policy(digest: &str) -> Policy {
    let text = format!(
        "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[mail]\nsoc = ['soc@corp.example']\n[digest]\nat = '09:30'\n{digest}"
    );
    Policy::parse(&text).unwrap()
}

/// The morning after the moments of [`at`], which are in the night of 2026-03-02 at 09:00 UTC.
const MORNING: &str = "2026-03-02T09:30:00Z";

async fn store() -> (tempfile::TempDir, Local) {
    let dir = tempfile::tempdir().unwrap();
    let store = Local::open(dir.path()).unwrap();
    open(&store, &alert("a1", "10.0.0.1"), at(0)).await;
    (dir, store)
}

fn receipt() -> Receipt {
    Receipt {
        channel: crate::deliver::Channel::Smtp,
        location: "mail.example.com:587".to_owned(),
        reference: None,
        url: None,
        refused: Vec::new(),
    }
}

async fn status(store: &Local) -> String {
    store.last_mailing().await.unwrap().unwrap().shown().status
}

#[tokio::test]
async fn a_worker_that_dies_before_it_sends_is_replaced_by_another() {
    let (_dir, store) = store().await;
    let (hand, policy) = (Hand::at(MORNING), policy(""));
    let clock = hand.clock();
    // What the first one does before it writes the digest.
    let round = due(&policy, clock()).unwrap();
    let Turn::Begin(mailing) = Mailing::turn(None, &round.day, false, clock()) else { panic!() };
    assert!(store.keep_mailing(&mailing).await.unwrap());
    assert!(prepare(&store, &policy, false, &clock).await.unwrap().is_none(), "it has its time");
    hand.pass(16);
    let ready = prepare(&store, &policy, false, &clock).await.unwrap().expect("nobody has sent it");
    assert_eq!(ready.mailing.attempts, 2);
    finish(&store, &policy, ready, Ok(receipt()), false, &clock).await.unwrap();
    assert_eq!(status(&store).await, "sent");
    hand.pass(60);
    assert!(prepare(&store, &policy, false, &clock).await.unwrap().is_none());
    // The first one was only slow, and comes late.
    assert!(!store.keep_mailing(&mailing.sending(clock())).await.unwrap());
}

#[tokio::test]
async fn a_worker_that_dies_while_it_sends_leaves_it_uncertain_and_nobody_sends_it_again() {
    let (_dir, store) = store().await;
    let (hand, policy) = (Hand::at(MORNING), policy(""));
    let clock = hand.clock();
    assert!(prepare(&store, &policy, false, &clock).await.unwrap().is_some());
    for _ in 0..20 {
        hand.pass(16);
        assert!(prepare(&store, &policy, false, &clock).await.unwrap().is_none());
    }
    assert_eq!(status(&store).await, "uncertain");
    hand.pass(24 * 60);
    let next = prepare(&store, &policy, false, &clock).await.unwrap().expect("the next day's");
    assert_eq!(next.mailing.day, "2026-03-03");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_workers_on_one_store_one_sends() {
    let (dir, store) = store().await;
    let policy = Arc::new(policy(""));
    let clock = Hand::at(MORNING).clock();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, policy) = (Local::open(dir.path()).unwrap(), Arc::clone(&policy));
        let clock = Arc::clone(&clock);
        workers.spawn(async move { prepare(&store, &policy, false, &clock).await.unwrap() });
    }
    let ready: Vec<Ready> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(ready.len(), 1);
    assert_eq!(status(&store).await, "being sent");
}

#[tokio::test]
async fn what_the_server_did_not_take_is_tried_again_and_what_it_may_have_taken_is_not() {
    for (error, expected) in [
        (DeliveryError::NotAccepted { why: "451 later".into(), retry_after: None }, "sent"),
        (DeliveryError::Uncertain { why: "no answer".into() }, "uncertain"),
        (DeliveryError::Rejected { why: "550 no".into() }, "failed"),
    ] {
        let (_dir, store) = store().await;
        let (hand, policy) = (Hand::at(MORNING), policy(""));
        let clock = hand.clock();
        let ready = prepare(&store, &policy, false, &clock).await.unwrap().unwrap();
        finish(&store, &policy, ready, Err(error), false, &clock).await.unwrap();
        for _ in 0..5 {
            hand.pass(5);
            if let Some(ready) = prepare(&store, &policy, false, &clock).await.unwrap() {
                assert_eq!(expected, "sent", "it is not sent again");
                finish(&store, &policy, ready, Ok(receipt()), false, &clock).await.unwrap();
            }
        }
        assert_eq!(status(&store).await, expected);
    }
}

#[tokio::test]
async fn a_day_without_anything_is_skipped_where_the_policy_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = Local::open(dir.path()).unwrap();
    let clock = Hand::at(MORNING).clock();
    assert!(prepare(&store, &policy("only_if_something = true"), false, &clock).await.unwrap().is_none());
    assert_eq!(status(&store).await, "skipped");
    open(&store, &alert("a1", "10.0.0.1"), at(0)).await;
    let other = Local::open(&dir.path().join("other")).unwrap();
    assert!(
        prepare(&other, &policy(""), false, &clock).await.unwrap().is_some(),
        "nothing is something to say"
    );
}

#[tokio::test]
async fn it_says_what_is_on_record_and_attaches_the_figures_where_the_policy_says_so() {
    let (_dir, store) = store().await;
    let clock = Hand::at(MORNING).clock();
    let ready = prepare(&store, &policy("csv = true"), false, &clock).await.unwrap().unwrap();
    assert_eq!(ready.to, ["soc@corp.example"]);
    assert!(ready.message.subject.contains("1 alert, 1 case"), "{}", ready.message.subject);
    assert!(ready.message.html.as_ref().is_some_and(|html| html.contains("10.0.0.1")));
    let attached = &ready.attachments[0];
    assert_eq!(attached.name, "peerhound-2026-03-02.csv");
    assert!(String::from_utf8_lossy(&attached.bytes).starts_with("\"section\",\"row\""));
}

/// Into the outbox the same mail is the same file, to the byte but for its date: a worker that died there is repeated.
#[tokio::test]
async fn into_the_outbox_it_is_written_once_however_often_it_is_sent() {
    let (dir, store) = store().await;
    let (hand, policy) = (Hand::at(MORNING), policy("csv = true"));
    let clock = hand.clock();
    let (config, outbox) =
        (MailConfig { smtp: None, from: "p@corp.example".into() }, dir.path().join("outbox"));
    for _ in 0..2 {
        let ready = prepare(&store, &policy, true, &clock).await.unwrap().expect("it may be repeated");
        let (to, message, files) = (&ready.to, &ready.message, &ready.attachments);
        send_mail_with(&config, to, message, files, &ready.key, &outbox).await.unwrap();
        hand.pass(16);
    }
    let files: Vec<_> = std::fs::read_dir(&outbox).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["digest-2026-03-02.eml"]);
    let mail = std::fs::read_to_string(outbox.join(&files[0])).unwrap();
    for part in
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "peerhound-2026-03-02.csv"]
    {
        assert!(mail.contains(part), "{part} in {mail}");
    }
}

#[tokio::test]
async fn a_mail_without_a_page_is_one_part_as_it_always_was() {
    let dir = tempfile::tempdir().unwrap();
    let message = Message { subject: "s".into(), text: "t\n".into(), html: None };
    let smtp: Option<Smtp> = None;
    let config = MailConfig { smtp, from: "p@corp.example".into() };
    let to = ["soc@corp.example".to_owned()];
    send_mail_with(&config, &to, &message, &[], "one", dir.path()).await.unwrap();
    let mail = std::fs::read_to_string(dir.path().join("one.eml")).unwrap();
    assert!(!mail.contains("multipart") && mail.contains("text/plain"), "{mail}");
    let _ = Tls::None;
}
