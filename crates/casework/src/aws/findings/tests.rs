//! Onto a bus of the emulator, and what comes of an answer that is not what it should be.

use std::time::{Duration, Instant};

use aws_sdk_eventbridge::types::{PutEventsResultEntry, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use investigation::act::ActionKind;
use investigation::assess::{Assessment, Confidence, Verdict};
use investigation::case::{Delivery, Effect, Event, Pending};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::client::{Clients, Surroundings};
use super::super::performer::Role;
use super::super::testing::{FINDINGS, Site, alert};
use super::*;
use crate::worker::{Performed, Performer};

/// The rule of docs/aws.md.
const PATTERN: &str =
    r#"{"source": ["peerhound"], "detail-type": ["OCSF Detection Finding"], "detail": {"is_alert": [true]}}"#;

/// A bus with a rule for alerts, and the URL of the queue that they go to.
async fn bus_into_a_queue(site: &Site) -> String {
    let (events, sqs) = (site.clients.events(), site.clients.sqs());
    events.create_event_bus().name(FINDINGS).send().await.expect("a bus");
    let queue =
        sqs.create_queue().queue_name("siem").send().await.expect("a queue").queue_url.expect("its URL");
    let arn = sqs.get_queue_attributes().queue_url(&queue).attribute_names(QueueAttributeName::QueueArn);
    let arn = arn
        .send()
        .await
        .expect("its ARN")
        .attributes
        .unwrap_or_default()
        .remove(&QueueAttributeName::QueueArn);
    let rule = events.put_rule().name("to-the-siem").event_bus_name(FINDINGS).event_pattern(PATTERN);
    rule.send().await.expect("a rule");
    let target = Target::builder().id("siem").arn(arn.expect("its ARN")).build().expect("a target");
    let targets = events.put_targets().rule("to-the-siem").event_bus_name(FINDINGS).targets(target);
    assert_eq!(targets.send().await.expect("a target").failed_entry_count(), 0);
    queue
}

fn assessed(verdict: Verdict) -> Assessment {
    serde_json::from_value(
        json!({ "verdict": verdict, "confidence": Confidence::High, "summary": "a client ran",
        "findings": [], "missing": [], "indicators_version": "1" }),
    )
    .expect("an assessment")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_finding_of_a_case_reaches_whatever_a_rule_sends_it_to() {
    let Some(site) = Site::start().await else { return };
    let queue = bus_into_a_queue(&site).await;
    let soon = Instant::now() + Duration::from_secs(60);
    site.intake().handle(&[alert("a", "10.0.0.5")], soon).await;
    let mut case = site.cases().await.remove(0);
    let worker = site.progress(Role::Act).worker;
    let effect = Effect::Act { kind: ActionKind::Finding, to: Vec::new() };
    let pending = Pending { effect, ..case.pending[0].clone() };
    // The rule lets no false positive through.
    for verdict in [Verdict::FalsePositive, Verdict::PolicyViolation] {
        case.assessment = Some(assessed(verdict));
        let performed = worker.performer.perform(&case, &pending).await;
        let Performed::Done(Event::Delivered { delivery: Delivery::Accepted { receipt }, .. }) = performed
        else {
            panic!("{performed:?}")
        };
        assert!(receipt.starts_with(&format!("accepted by {FINDINGS}; ")), "{receipt}");
    }
    let arrived = site.take(&queue).await;
    assert_eq!(arrived.len(), 1, "{arrived:#?}");
    let event: Value = serde_json::from_str(&arrived[0].0).expect("an event");
    assert_eq!((&event["source"], &event["detail-type"]), (&json!(SOURCE), &json!(DETAIL_TYPE)), "{event:#}");
    let finding = &event["detail"];
    assert_eq!((&finding["class_uid"], &finding["type_uid"]), (&json!(2004), &json!(200_401)), "{finding:#}");
    assert_eq!(finding["metadata"]["uid"], case.id);
    assert_eq!(finding["device"]["ip"], "10.0.0.5");
    assert_eq!((&finding["verdict"], &finding["severity"]), (&json!("True Positive"), &json!("Medium")));
    assert_eq!(finding["finding_info"]["related_events"][0]["uid"], "a");

    // A bus of somebody else, of which the request does not fail and the entry does.
    let elsewhere = "arn:aws:events:us-east-1:111122223333:event-bus/soc";
    let refused = put(site.clients.events(), elsewhere, finding).await.unwrap_err();
    assert!(
        matches!(&refused, DeliveryError::Rejected { why } if why.contains("ResourceNotFound")),
        "{refused:?}"
    );
    assert!(site.take(&queue).await.is_empty());
}

fn answer(entry: Option<PutEventsResultEntry>, failed: i32) -> Result<String, DeliveryError> {
    event_id(
        "bus",
        &PutEventsOutput::builder()
            .set_entries(entry.map(|entry| vec![entry]))
            .failed_entry_count(failed)
            .build(),
    )
}

#[test]
fn what_the_service_says_of_an_entry_decides_whether_it_is_put_again() {
    let refused = |code: &str| {
        answer(Some(PutEventsResultEntry::builder().error_code(code).error_message("why").build()), 1)
            .unwrap_err()
    };
    for code in BUSY {
        let busy = refused(code);
        assert!(matches!(&busy, DeliveryError::NotAccepted { why, .. } if why.contains(code)), "{busy:?}");
    }
    for code in ["AccessDeniedException", "MalformedDetail", "NotAuthorizedForSourceException", "anything"] {
        let never = refused(code);
        assert!(
            matches!(&never, DeliveryError::Rejected { why } if *why == format!("bus: {code}: why")),
            "{never:?}"
        );
    }
    let accepted = PutEventsResultEntry::builder().event_id("e-1").build();
    assert_eq!(answer(Some(accepted.clone()), 0), Ok("e-1".to_owned()));
    for unclear in
        [answer(None, 0), answer(Some(PutEventsResultEntry::builder().build()), 0), answer(Some(accepted), 1)]
    {
        assert!(matches!(unclear, Err(DeliveryError::Uncertain { .. })), "{unclear:?}");
    }
}

/// A client of a bus at a port of this machine.
fn client_of(port: u16) -> Clients {
    let surroundings = Surroundings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        ..Surroundings::default()
    };
    Clients::with_keys(&surroundings, "test", "test").expect("clients")
}

#[tokio::test]
async fn what_an_event_cannot_hold_is_refused_before_anybody_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let clients = client_of(listener.local_addr().unwrap().port());
    let around = SOURCE.len() + DETAIL_TYPE.len() + Value::String(String::new()).to_string().len();
    let too_large = Value::String("x".repeat(MAX_ENTRY - around + 1));
    let refused = put(clients.events(), "bus", &too_large).await.unwrap_err();
    assert!(matches!(&refused, DeliveryError::Rejected { why } if why.contains("262144")), "{refused:?}");
    let asked = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(asked.is_err(), "somebody was asked");
}

/// Answers every request with this status and body.
async fn answering(status: &'static str, body: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 16 << 10];
            let _ = stream.read(&mut request).await;
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\n"
            );
            let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn a_request_that_fails_says_whether_it_may_have_arrived() {
    let denied = r#"{"__type":"AccessDeniedException","message":"no rights"}"#;
    let clients = client_of(answering("400 Bad Request", denied).await);
    let later = put(clients.events(), "bus", &json!({})).await.unwrap_err();
    assert!(
        matches!(&later, DeliveryError::NotAccepted { why, .. } if why.contains("no rights")),
        "{later:?}"
    );
    let clients =
        client_of(answering("500 Internal Server Error", r#"{"__type":"InternalException"}"#).await);
    let unclear = put(clients.events(), "bus", &json!({})).await.unwrap_err();
    assert!(matches!(&unclear, DeliveryError::Uncertain { .. }), "{unclear:?}");
}
