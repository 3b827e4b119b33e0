use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use emulator::ssm::{Behaviour, Failure};
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

use super::super::testing::{Site, alert};
use super::*;

fn soon(millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(millis)
}

fn unreadable(number: usize) -> Message {
    Message { id: format!("bad-{number}"), body: format!("{{\"number\": {number}, \"this is\": no alert") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unreadable_records_ends_in_time_and_loses_none() {
    let Some(site) = Site::start().await else { return };
    site.node("hq", Behaviour::Hangs);
    let messages: Vec<Message> = (0..3000).map(unreadable).collect();
    // Three hundred calls: the time is over long before, on any machine.
    let undone = site.intake().handle(&messages, soon(150)).await;
    assert!(!undone.is_empty(), "so many are not set aside in this time: make them more");
    let aside = site.take(&site.deployment.alerts_dlq_url).await;
    for message in &messages {
        let (is_undone, is_aside) = (
            undone.contains(&message.id),
            aside.iter().any(|(body, reason)| *body == message.body && !reason.is_empty()),
        );
        // What was on its way when the time was over may be in both places.
        assert!(is_undone || is_aside, "{} is lost", message.id);
    }
    assert!(aside.len() + undone.len() < messages.len() + 200, "{} {}", aside.len(), undone.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_records_are_set_aside_by_tens_and_their_batch_mates_are_worked() {
    let Some(site) = Site::start().await else { return };
    site.node("hq", Behaviour::Hangs);
    let mut messages: Vec<Message> = (0..45).map(unreadable).collect();
    messages.insert(20, alert("good", "10.0.0.5"));
    messages.push(Message { id: "large".to_owned(), body: "?".repeat(200_000) });
    let undone = site.intake().handle(&messages, soon(60_000)).await;
    assert_eq!(undone, Vec::<String>::new());
    let mut aside = site.take(&site.deployment.alerts_dlq_url).await;
    assert!(aside.iter().all(|(_, reason)| !reason.is_empty()), "{aside:#?}");
    let mut bodies: Vec<String> =
        messages.iter().filter(|message| message.id != "good").map(|message| message.body.clone()).collect();
    bodies.sort();
    aside.sort();
    assert!(aside.iter().map(|(body, _)| body).eq(&bodies), "each of them once, and whole");
    assert_eq!(site.cases().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_makes_the_code_panic_is_set_aside_alone() {
    let Some(site) = Site::start().await else { return };
    site.node("hq", Behaviour::Hangs);
    let intake = site.intake();
    let messages = [alert("before", "10.0.0.5"), alert("poison", "10.0.0.6"), alert("after", "10.0.0.7")];
    // No input is known that does this; one that is found is mended, and the next one must not stop a queue.
    let sort = |number: usize, message: &Message, now| {
        assert!(message.id != "poison", "the reader met {}", message.id);
        intake.sort(number, message, now)
    };
    assert_eq!(intake.handle_as(&messages, soon(60_000), sort).await, Vec::<String>::new());
    let aside = site.take(&site.deployment.alerts_dlq_url).await;
    let reason = "reading it made the function panic: the reader met poison".to_owned();
    assert_eq!(aside, [(messages[1].body.clone(), reason)]);
    let mut targets: Vec<String> = site.cases().await.iter().map(|case| case.target.to_string()).collect();
    targets.sort();
    assert_eq!(targets, ["10.0.0.5", "10.0.0.7"]);
}

/// What a function logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// On one thread, as in a function, so that all of it is logged here.
#[tokio::test]
async fn what_is_done_side_by_side_logs_the_invocation_that_it_is_done_in() {
    let Some(site) = Site::start().await else { return };
    site.node("hq", Behaviour::Hangs);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new("casework=info"))
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    // With a single subscriber, `tracing` asks that of whichever thread comes to a line first whether anybody listens to it:
    // a test beside this one, where nobody does. With two it asks both.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    tracing::callsite::rebuild_interest_cache();
    // So that the dispatch has something to say.
    site.ssm.fail_next("SendCommand", 1, Failure::AnswerLost);
    let span = tracing::info_span!("invocation", request_id = "4f1e");
    let messages = [unreadable(1), alert("good", "10.0.0.5")];
    site.intake().handle(&messages, soon(60_000)).instrument(span).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for says in ["a record was set aside", "no answer to a command"] {
        let line = text.lines().find(|line| line.contains(says));
        let line: serde_json::Value = serde_json::from_str(line.unwrap_or_else(|| panic!("{text}"))).unwrap();
        assert_eq!(line["span"]["request_id"], "4f1e", "{line:#}");
    }
}
