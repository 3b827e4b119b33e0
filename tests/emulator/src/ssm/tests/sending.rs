//! What SendCommand refuses.

use serde_json::json;

use super::{Rig, code};
use crate::http;
use crate::ssm::schema::document;
use crate::ssm::{Node, Ping, Platform};

#[tokio::test]
async fn a_node_that_is_offline_looks_like_one_that_does_not_exist() {
    let rig = Rig::start();
    rig.document(json!({"type": "String", "default": ""}), &["true"]).await;
    let send = async |node: &str| {
        code(rig.client.send_command().document_name("Run").instance_ids(node).send().await)
    };
    assert_eq!(send("mi-0123456789abcdef0").await, "InvalidInstanceId");
    for ping in [Ping::ConnectionLost, Ping::Inactive] {
        rig.server.set_ping(&rig.node, ping);
        assert_eq!(send(&rig.node).await, "InvalidInstanceId");
    }
    for malformed in ["mi-0123", "mi-0123456789ABCDEF0", "relay-1", "mi-0123456789abcdef0; id"] {
        assert_eq!(send(malformed).await, "ValidationException");
    }
    rig.server.set_ping(&rig.node, Ping::Online);
    let command = rig.send().await;
    assert_eq!(rig.outcome(&command).await.status_details(), Some("Success"));
    let twice =
        rig.client.send_command().document_name("Run").instance_ids(&rig.node).instance_ids(&rig.node);
    assert_eq!(code(twice.send().await), "DuplicateInstanceId");
}

#[tokio::test]
async fn documents_parameters_time_outs_and_platforms_are_checked() {
    let rig = Rig::start();
    rig.document(json!({"type": "String", "allowedPattern": "^[a-z]{3}$"}), &["true"]).await;
    let request = || rig.client.send_command().document_name("Run").instance_ids(&rig.node);
    let order = |value: &str| request().parameters("Order", vec![value.to_owned()]);

    assert_eq!(code(request().document_name("Other").send().await), "InvalidDocument");
    assert_eq!(code(order("abc").document_version("7").send().await), "InvalidDocumentVersion");
    assert_eq!(code(request().send().await), "InvalidParameters", "required");
    assert_eq!(code(order("abcd").send().await), "InvalidParameters", "pattern");
    let unknown = order("abc").parameters("order", vec!["abc".to_owned()]);
    assert_eq!(code(unknown.send().await), "InvalidParameters");
    for seconds in [0, 29, 2_592_001, -1] {
        assert_eq!(
            code(order("abc").timeout_seconds(seconds).send().await),
            "ValidationException",
            "{seconds}"
        );
    }
    assert_eq!(code(order("abc").comment("x".repeat(101)).send().await), "ValidationException");

    let mut windows = Node::new("win", rig.folder.path());
    windows.platform = Platform::Windows;
    let windows = rig.server.register(windows).expect("a node");
    let elsewhere = rig.client.send_command().document_name("Run").instance_ids(windows);
    let elsewhere = elsewhere.parameters("Order", vec!["abc".to_owned()]);
    assert_eq!(code(elsewhere.send().await), "UnsupportedPlatformType");

    assert!(rig.server.commands().is_empty(), "nothing that is refused becomes a command");
    let arn = "arn:aws:ssm:us-east-1:000000000000:document/Run";
    order("abc").document_name(arn).send().await.expect("a command");
    assert_eq!(rig.server.commands().len(), 1);
}

#[tokio::test]
async fn ids_of_commands_are_checked() {
    let rig = Rig::start();
    let get = async |command: &str, node: &str| {
        code(rig.client.get_command_invocation().command_id(command).instance_id(node).send().await)
    };
    let stranger = "00000000-0000-4000-8000-000000000000";
    assert_eq!(get("1", &rig.node).await, "ValidationException");
    assert_eq!(get(stranger, &rig.node).await, "InvocationDoesNotExist");
    let command = rig.send_lines(&["true"]).await;
    assert_eq!(get(&command, "mi-0123456789abcdef0").await, "InvocationDoesNotExist");
    let named = rig.client.get_command_invocation().command_id(&command).instance_id(&rig.node);
    assert_eq!(code(named.plugin_name("other").send().await), "InvalidPluginName");
    assert_eq!(code(rig.client.cancel_command().command_id(stranger).send().await), "InvalidCommandId");
    let list = rig.client.list_command_invocations().command_id(stranger);
    assert_eq!(code(list.send().await), "InvalidCommandId");
}

#[test]
fn requests_that_are_no_calls_are_refused() {
    let rig = Rig::start();
    let signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=0";
    let ask = |target: &str, authorization: &str, kind: &str, body: &str| {
        let headers = [("X-Amz-Target", target), ("Authorization", authorization), ("Content-Type", kind)];
        let answer = http::ask("POST", rig.server.endpoint(), &headers, body.as_bytes()).expect("an answer");
        let told: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        (answer.status, told["__type"].as_str().unwrap_or_default().to_owned())
    };
    let (list, json) = ("AmazonSSM.ListCommands", "application/x-amz-json-1.1");
    assert_eq!(ask(list, signed, json, "{}"), (200, String::new()));
    assert_eq!(ask("AmazonSSM.RunAll", signed, json, "{}").1, "UnknownOperationException");
    assert_eq!(ask(list, "", json, "{}").1, "MissingAuthenticationTokenException");
    assert_eq!(
        ask(list, &signed.replace("/ssm/", "/sqs/"), json, "{}").1,
        "MissingAuthenticationTokenException"
    );
    assert_eq!(ask(list, signed, "application/json", "{}").1, "UnknownOperationException");
    assert_eq!(ask(list, signed, json, "{").1, "SerializationException");
    assert_eq!(ask("AmazonSSM.SendCommand", signed, json, "{}").1, "SerializationException");
}

#[tokio::test]
async fn a_pattern_without_anchors_lets_more_through_than_it_looks() {
    let rig = Rig::start();
    rig.create("Run", &document(&json!({"type": "String", "allowedPattern": "[a-z]{3}"}), &["true"])).await;
    let request = rig.client.send_command().document_name("Run").instance_ids(&rig.node);
    assert!(request.parameters("Order", vec!["$(id) abc".to_owned()]).send().await.is_ok());
}
