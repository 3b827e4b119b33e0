//! Steps that really run.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{LIMIT, Rig, code};
use crate::ssm::Node;
use crate::ssm::schema::document;

#[tokio::test]
async fn a_step_runs_where_and_with_what_the_node_says() {
    let rig = Rig::start();
    let tools = rig.folder.path().join("tools");
    std::fs::create_dir(&tools).expect("a folder");
    let tool = tools.join("the-relay");
    std::fs::write(&tool, "#!/bin/sh\necho \"relay $COLOUR $(basename \"$PWD\")\"\n").expect("a tool");
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let home = rig.folder.path().join("home");
    std::fs::create_dir(&home).expect("a folder");
    let mut node = Node::new("relay-2", &home);
    node.environment = vec![("COLOUR".to_owned(), "blue".to_owned())];
    node.path = vec![tools];
    node.prefix = ["env", "PREFIXED=yes"].map(str::to_owned).to_vec();
    let id = rig.server.register(node).expect("a node");

    rig.document(json!({"type": "String", "default": ""}), &["the-relay", "echo $PREFIXED $USER", "exit 3"])
        .await;
    let sent =
        rig.client.send_command().document_name("Run").instance_ids(&id).send().await.expect("a command");
    let command = sent.command().and_then(|command| command.command_id()).expect("an id").to_owned();
    rig.server.wait_for_end(&command, LIMIT).expect("an end");
    let told = rig.client.get_command_invocation().command_id(&command).instance_id(&id);
    let told = told.send().await.expect("an invocation");
    assert_eq!(
        told.standard_output_content(),
        Some("relay blue home\nyes\n"),
        "nothing of ours is inherited"
    );
    assert_eq!((told.status_details(), told.response_code()), (Some("Failed"), 3));
    assert_eq!(told.standard_error_content(), Some("failed to run commands: exit status 3"));
    assert_eq!(told.plugin_name(), Some("run"));
    assert!(told.execution_end_date_time().is_some_and(|time| time.ends_with('Z')));
    assert_eq!(std::fs::read_dir(&home).expect("a folder").count(), 0, "the script is cleared away");
}

#[tokio::test]
async fn a_parameter_comes_by_the_environment_and_not_as_text() {
    let rig = Rig::start();
    let parameter = json!({"type": "String", "interpolationType": "ENV_VAR"});
    rig.document(parameter, &["printf '%s|' \"${SSM_Order-unset}\""]).await;
    let mut old = Node::new("old", rig.folder.path());
    old.agent = "3.3.987.0".to_owned();
    let old = rig.server.register(old).expect("a node");
    for (node, expected) in [(&rig.node, "$(id)'\";|"), (&old, "unset|")] {
        let request = rig.client.send_command().document_name("Run").instance_ids(node);
        let sent = request.parameters("Order", vec!["$(id)'\";".to_owned()]).send().await.expect("a command");
        let command = sent.command().and_then(|command| command.command_id()).expect("an id");
        let seen = rig.server.wait_for_end(command, LIMIT).expect("an end");
        assert_eq!(seen.invocations[0].output, expected);
    }
}

#[tokio::test]
async fn the_projects_own_document_gives_up_where_the_agent_is_too_old_for_it() {
    let rig = Rig::start();
    rig.create("Orders", include_str!("../../../../../infra/documents/orders-linux.json")).await;
    let mut old = Node::new("old", rig.folder.path());
    old.agent = "3.3.987.0".to_owned();
    let old = rig.server.register(old).expect("a node");
    let send = |order: &str| {
        let request = rig.client.send_command().document_name("Orders").instance_ids(&old);
        request.parameters("Order", vec![order.to_owned()]).send()
    };
    assert_eq!(code(send("{{ssm:password}}").await), "InvalidParameters");
    assert_eq!(code(send("YWJjZGVmZ2hpamtsbW5v; id").await), "InvalidParameters");
    let sent = send("YWJjZGVmZ2hpamtsbW5v").await.expect("a command");
    let command = sent.command().and_then(|command| command.command_id()).expect("an id");
    let seen = rig.server.wait_for_end(command, LIMIT).expect("an end");
    assert_eq!((seen.invocations[0].status_details, seen.invocations[0].code), ("Failed", 78));
    assert!(seen.invocations[0].error.contains("must be 3.3.2746.0 or later"));
}

#[tokio::test]
async fn output_is_cut_where_the_service_cuts_it() {
    let rig = Rig::start();
    let many = "i=0; while [ $i -lt 3000 ]; do printf 0123456789; printf abcdefghij >&2; i=$((i+1)); done";
    let command = rig.send_lines(&[many]).await;
    let told = rig.outcome(&command).await;
    assert_eq!(told.standard_output_content().map(str::len), Some(24_000));
    assert_eq!(told.standard_error_content().map(str::len), Some(8_000));
    let list = rig.client.list_command_invocations().command_id(&command).details(true);
    let list = list.send().await.expect("a list");
    assert_eq!(list.command_invocations()[0].command_plugins()[0].output().map(str::len), Some(2_500));
}

#[tokio::test]
async fn a_step_that_takes_too_long_is_ended_with_its_children() {
    let rig = Rig::with_second(Duration::from_millis(10));
    let command = rig.send_lines(&["sleep 301 & echo $!", "sleep 302"]).await;
    let begun = Instant::now();
    let told = rig.outcome(&command).await;
    assert!(begun.elapsed() < LIMIT);
    assert_eq!(told.status().map(|status| status.as_str()), Some("TimedOut"));
    assert_eq!((told.status_details(), told.response_code()), (Some("ExecutionTimedOut"), 137));
    assert_ended(told.standard_output_content().unwrap_or_default());
}

#[tokio::test]
async fn a_cancelled_step_is_ended_with_its_children() {
    let rig = Rig::start();
    let command = rig.send_lines(&["sleep 303 & echo $! > child; echo there", "sleep 304"]).await;
    let file = rig.folder.path().join("child");
    let begun = Instant::now();
    while !std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
        assert!(begun.elapsed() < LIMIT, "the step does not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(rig.get(&command).await.status_details(), Some("InProgress"));
    rig.client.cancel_command().command_id(&command).send().await.expect("a cancellation");
    let told = rig.outcome(&command).await;
    assert_eq!(told.status_details(), Some("Cancelled"));
    assert_ended(&std::fs::read_to_string(&file).expect("an id"));
    let list = rig.client.list_commands().command_id(&command).send().await.expect("a list");
    assert_eq!(list.commands()[0].status().map(|status| status.as_str()), Some("Cancelled"));
}

#[tokio::test]
async fn steps_end_with_the_server() {
    let rig = Rig::start();
    rig.send_lines(&["echo $$ > child", "sleep 305"]).await;
    let file = rig.folder.path().join("child");
    let begun = Instant::now();
    while !std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
        assert!(begun.elapsed() < LIMIT, "the step does not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(rig.server);
    assert_ended(&std::fs::read_to_string(&file).expect("an id"));
}

#[tokio::test]
async fn a_step_for_another_platform_is_passed_over_and_a_failed_one_stops_the_rest_if_it_says_so() {
    let rig = Rig::start();
    let step = |name: &str, platform: &str, line: &str| {
        json!({
            "action": "aws:runShellScript",
            "name": name,
            "onFailure": "exit",
            "precondition": {"StringEquals": ["platformType", platform]},
            "inputs": {"runCommand": [line]},
        })
    };
    let content: serde_json::Value =
        serde_json::from_str(&document(&json!({"type": "String"}), &["true"])).expect("JSON");
    let mut content = content;
    content["parameters"] = json!({});
    content["mainSteps"] = json!([
        step("windows", "Windows", "echo never"),
        step("first", "Linux", "echo one; exit 1"),
        step("second", "Linux", "echo two"),
    ]);
    rig.create("Run", &content.to_string()).await;
    let command = rig.send().await;
    let seen = rig.server.wait_for_end(&command, LIMIT).expect("an end");
    assert_eq!(seen.invocations[0].status_details, "Failed");
    assert!(seen.invocations[0].output.contains("skipped"));
    assert!(seen.invocations[0].output.ends_with("one\n"), "{}", seen.invocations[0].output);
}

/// Waits a little: a process that was killed vanishes a moment later.
fn assert_ended(pid: &str) {
    let process = std::path::PathBuf::from(format!("/proc/{}/cmdline", pid.trim()));
    let begun = Instant::now();
    while std::fs::read(&process).is_ok_and(|line| !line.is_empty()) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} still runs", pid.trim());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn an_agent_runs_five_commands_at_a_time_and_the_others_wait() {
    let rig = Rig::start();
    rig.document(
        json!({"type": "String", "default": ""}),
        &["touch \"begun-$$\"", "while [ ! -e go ]; do sleep 0.05; done"],
    )
    .await;
    let mut commands = Vec::new();
    for _ in 0..7 {
        commands.push(rig.send().await);
    }
    let begun = || {
        let entries = std::fs::read_dir(rig.folder.path()).expect("a folder");
        let names = entries.filter_map(|entry| entry.expect("an entry").file_name().into_string().ok());
        names.filter(|name| name.starts_with("begun-")).count()
    };
    let limit = Instant::now() + LIMIT;
    while begun() < 5 && Instant::now() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Long enough for a sixth to begin.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(begun(), 5);
    let waiting = || {
        let commands = rig.server.commands();
        commands.iter().filter(|seen| seen.invocations[0].status_details == "Pending").count()
    };
    assert_eq!(waiting(), 2);
    // One that waits can be cancelled.
    let pending =
        rig.server.commands().into_iter().find(|seen| seen.invocations[0].status_details == "Pending");
    let pending = pending.expect("one that waits").id;
    rig.client.cancel_command().command_id(&pending).send().await.expect("cancelled");
    std::fs::write(rig.folder.path().join("go"), "").expect("a file");
    for command in &commands {
        let seen = rig.server.wait_for_end(command, LIMIT).expect("an end");
        let expected = if *command == pending { "Cancelled" } else { "Success" };
        assert_eq!(seen.invocations[0].status_details, expected);
    }
    assert_eq!(begun(), 6);
}
