//! The faults that a test may order.

use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use serde_json::{Value, json};

use super::{LIMIT, Rig, client, code};
use crate::ssm::{Behaviour, Events, Failure};
use crate::{Ministack, http, skipped};

#[tokio::test]
async fn calls_fail_as_ordered_and_are_counted() {
    let rig = Rig::start();
    rig.document(json!({"type": "String", "default": ""}), &["true"]).await;
    let send = || rig.client.send_command().document_name("Run").instance_ids(&rig.node).send();
    rig.server.fail_next("SendCommand", 2, Failure::Throttled);
    assert_eq!(code(send().await), "ThrottlingException");
    rig.server.fail_next("SendCommand", 1, Failure::Internal);
    assert_eq!(code(send().await), "InternalServerError");
    assert!(rig.server.commands().is_empty());
    assert!(send().await.is_ok());
    assert_eq!((rig.server.calls("SendCommand"), rig.server.calls("ListCommands")), (3, 0));
}

#[tokio::test]
async fn a_client_that_tries_again_after_a_lost_answer_sends_twice() {
    let rig = Rig::start();
    rig.document(json!({"type": "String", "default": ""}), &["true"]).await;
    rig.server.fail_next("SendCommand", 1, Failure::AnswerLost);
    let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let request = client(&rig.server, retry).send_command().document_name("Run").instance_ids(&rig.node);
    request.send().await.expect("a command");
    assert_eq!(rig.server.commands().len(), 2);
}

#[tokio::test]
async fn an_invocation_may_be_invisible_at_first() {
    let rig = Rig::start();
    rig.server.set_invisible_for(Duration::from_millis(300));
    let command = rig.send_lines(&["true"]).await;
    let get = || rig.client.get_command_invocation().command_id(&command).instance_id(&rig.node).send();
    assert_eq!(code(get().await), "InvocationDoesNotExist");
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert!(get().await.is_ok());
}

#[tokio::test]
async fn a_node_that_does_not_answer_times_out_in_its_own_way() {
    // 30 s for the delivery and 60 s for the step are 1.8 s here.
    let rig = Rig::with_second(Duration::from_millis(20));
    rig.document(json!({"type": "String", "default": ""}), &["echo ran >> ran"]).await;
    for (behaviour, before, status, details) in [
        (Behaviour::Hangs, Some("Pending"), "TimedOut", "DeliveryTimedOut"),
        (Behaviour::Vanishes, Some("InProgress"), "TimedOut", "DeliveryTimedOut"),
        (Behaviour::Undeliverable, None, "Failed", "Undeliverable"),
        (Behaviour::LosesReport, Some("InProgress"), "TimedOut", "DeliveryTimedOut"),
    ] {
        rig.server.set_ping(&rig.node, crate::ssm::Ping::Online);
        rig.server.set_behaviour(&rig.node, behaviour);
        let ran = rig.folder.path().join("ran");
        assert!(!ran.exists(), "{behaviour:?} came too late");
        let command = rig.send().await;
        let begun = Instant::now();
        while before.is_some() && rig.get(&command).await.status_details() != before {
            assert!(begun.elapsed() < LIMIT, "{behaviour:?} never was {before:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let told = rig.outcome(&command).await;
        assert_eq!(told.status().map(|status| status.as_str()), Some(status), "{behaviour:?}");
        assert_eq!(told.status_details(), Some(details), "{behaviour:?}");
        assert_eq!(ran.exists(), behaviour == Behaviour::LosesReport, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_hanging_command_can_be_cancelled() {
    let rig = Rig::start();
    rig.server.set_behaviour(&rig.node, Behaviour::Hangs);
    let command = rig.send_lines(&["true"]).await;
    rig.client.cancel_command().command_id(&command).send().await.expect("a cancellation");
    assert_eq!(rig.outcome(&command).await.status_details(), Some("Cancelled"));
}

fn sqs(ministack: &Ministack, operation: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{operation}");
    let headers = [
        ("Content-Type", "application/x-amz-json-1.0"),
        ("X-Amz-Target", target.as_str()),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, Signature=0",
        ),
    ];
    let answer =
        http::ask("POST", ministack.endpoint(), &headers, body.to_string().as_bytes()).expect("an answer");
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// Waits for so many events, and a moment longer for one too many.
fn events(ministack: &Ministack, queue: &str, count: usize) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    let mut begun = Instant::now();
    loop {
        let found = sqs(ministack, "ReceiveMessage", &json!({"QueueUrl": queue, "MaxNumberOfMessages": 10}));
        for message in found["Messages"].as_array().into_iter().flatten() {
            events.push(serde_json::from_str(message["Body"].as_str().expect("a body")).expect("an event"));
            begun = Instant::now();
        }
        let limit = if events.len() >= count { Duration::from_millis(300) } else { LIMIT };
        if begun.elapsed() > limit {
            return events;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_once_twice_late_or_never() {
    if skipped() {
        return;
    }
    let ministack = Ministack::start(crate::Options::default()).expect("MiniStack");
    let queue = sqs(&ministack, "CreateQueue", &json!({"QueueName": "reports"}));
    let queue = queue["QueueUrl"].as_str().expect("a URL");
    let rig = Rig::start();
    rig.server.set_events_queue(Some(queue));
    let command = rig.send_lines(&["exit 7"]).await;
    let told = events(&ministack, queue, 1);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["source"], "aws.ssm");
    assert_eq!(told[0]["detail-type"], "EC2 Command Invocation Status-change Notification");
    let detail = &told[0]["detail"];
    assert_eq!(detail["command-id"], json!(command));
    assert_eq!(detail["instance-id"], json!(rig.node));
    assert_eq!((&detail["document-name"], &detail["status"]), (&json!("Run"), &json!("Failed")));

    rig.server.set_events(Events::Doubled);
    rig.send().await;
    assert_eq!(events(&ministack, queue, 2).len(), 2);
    rig.server.set_events(Events::Dropped);
    rig.send().await;
    assert_eq!(events(&ministack, queue, 0).len(), 0);
    rig.server.set_events(Events::Delayed(Duration::from_millis(700)));
    let sent = Instant::now();
    rig.send().await;
    assert_eq!(events(&ministack, queue, 1).len(), 1);
    assert!(sent.elapsed() >= Duration::from_millis(700));
}
