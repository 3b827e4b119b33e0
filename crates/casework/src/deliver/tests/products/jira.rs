//! Jira: <https://developer.atlassian.com/cloud/jira/platform/rest/v3/> and
//! <https://docs.atlassian.com/software/jira/docs/api/REST/9.12.0/>.

use super::*;

/// What both editions say of an issue, whatever a text is there.
fn answer(call: &Call, state: &mut State, version: u8) -> Result<Reply, (u16, Value)> {
    let fault = |field: &str, words: &str| (400, json!({"errorMessages": [], "errors": {field: words}}));
    let is_text = |value: &Value| match version {
        3 => is_document(value),
        _ => value.as_str().is_some_and(|text| text.chars().count() <= 32_767),
    };
    let at = |path: &str| format!("/rest/api/{version}{path}");
    let search = if version == 3 { at("/search/jql") } else { at("/search") };
    if call.method == "GET" && call.path == search {
        let jql = format!("project = \"SEC\" AND labels = \"{CASE}\"");
        assert_eq!(call.query("jql"), jql);
        let found = state
            .made
            .iter()
            .filter(|made| made["fields"]["labels"].as_array().unwrap().contains(&json!(CASE)));
        let issues: Vec<Value> = found
            .map(
                |made| json!({"id": "10000", "key": "SEC-7", "fields": {"labels": made["fields"]["labels"]}}),
            )
            .collect();
        return Ok(reply(200, &json!({"issues": issues, "isLast": true})));
    }
    if call.method == "POST" && call.path == at("/issue") {
        let fields = &call.body["fields"];
        if !Call::has_keys(&call.body, &["fields"], &[])
            || !Call::has_keys(
                fields,
                &["project", "issuetype", "summary"],
                &["description", "labels", "customfield_10042", "priority"],
            )
        {
            return Err(fault(
                "summary",
                "Field cannot be set. It is not on the appropriate screen, or unknown.",
            ));
        }
        if fields["project"] != json!({"key": "SEC"}) || fields["issuetype"] != json!({"name": "Task"}) {
            return Err(fault("project", "valid project is required"));
        }
        let summary = text(fields, "/summary");
        if summary.is_empty() || summary.chars().count() > 255 || summary.contains('\n') {
            return Err(fault("summary", "Summary must be less than 255 characters."));
        }
        if !is_text(&fields["description"]) {
            return Err(fault("description", "Operation value must be an Atlassian Document"));
        }
        let labels = fields["labels"].as_array().unwrap();
        if labels.iter().any(|label| label.as_str().unwrap().contains(' ')) {
            return Err(fault("labels", "The label contains spaces which is invalid."));
        }
        assert_eq!(fields["customfield_10042"], "p2p", "what the site wants besides");
        if let Some(priority) = fields.get("priority") {
            assert!(["High", "Medium", "Low"].contains(&text(priority, "/name")), "{priority}");
        }
        state.made.push(call.body.clone());
        let url = "https://site.atlassian.net/rest/api/3/issue/10000";
        return Ok(reply(201, &json!({"id": "10000", "key": "SEC-7", "self": url})));
    }
    if call.path == at("/issue/SEC-7/comment") {
        if call.method == "GET" {
            let comments: Vec<Value> =
                state.comments.iter().map(|(id, text)| json!({"id": id, "body": text})).collect();
            return Ok(reply(200, &json!({"startAt": 0, "total": comments.len(), "comments": comments})));
        }
        if !Call::has_keys(&call.body, &["body"], &[]) || !is_text(&call.body["body"]) {
            return Err(fault("comment", "Comment body is not valid!"));
        }
        let body = match &call.body["body"] {
            Value::String(text) => text.clone(),
            document => text(document, "/content/0/content/0/text").to_owned(),
        };
        state.comments.push(("1".to_owned(), body));
        return Ok(reply(201, &json!({"id": "1"})));
    }
    Err((404, json!({"errorMessages": ["dead link"]})))
}

/// A document as <https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/> has it, as far as it is used.
fn is_document(value: &Value) -> bool {
    let block = &value["content"][0];
    let node = &block["content"][0];
    Call::has_keys(value, &["type", "version", "content"], &[])
        && (value["type"] == "doc" && value["version"] == 1 && block["type"] == "codeBlock")
        && (node["type"] == "text" && !text(node, "/text").is_empty())
        && value.to_string().chars().count() <= 32_767
}

fn cloud(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    // peerhound@example.com:s3cret-t0ken
    if call.header("authorization") != "Basic cGVlcmhvdW5kQGV4YW1wbGUuY29tOnMzY3JldC10MGtlbg==" {
        return Err((401, json!("Client must be authenticated to access this resource.")));
    }
    answer(call, state, 3)
}

fn data_center(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    if call.header("authorization") != format!("Bearer {SECRET}") {
        return Err((401, json!({"message": "Client must be authenticated to access this resource."})));
    }
    answer(call, state, 2)
}

#[tokio::test]
async fn jira_cloud() {
    let section = "preset = 'jira'\nurl = 'URL/'\nuser = 'peerhound@example.com'\nparameters = { project = 'SEC' }\nfields = { customfield_10042 = 'p2p' }";
    keeps_its_contract(
        &Product { section, answer: cloud },
        "SEC-7",
        Some("http://127.0.0.1:PORT/browse/SEC-7"),
    )
    .await;
}

/// Where the project's screen has the field, the site asks for it.
#[tokio::test]
async fn jira_gets_the_priority_that_the_case_has() {
    let section = "preset = 'jira'\nurl = 'URL/'\nuser = 'peerhound@example.com'\nparameters = { project = 'SEC' }\n\
                   fields = { customfield_10042 = 'p2p', priority = { name = '${priority}' } }";
    let product = Product { section, answer: cloud };
    let running = product.start().await;
    let mut ticket = hostile_ticket();
    ticket.fields["peerhound.priority"] = "high".into();
    post(&product.config(&running, SECRET), &ticket).await.unwrap();
    assert_eq!(running.made()[0]["fields"]["priority"], json!({"name": "High"}));
}

#[tokio::test]
async fn jira_data_center() {
    let section = "preset = 'jira-dc'\nurl = 'URL'\nparameters = { project = 'SEC' }\nfields = { customfield_10042 = 'p2p' }";
    keeps_its_contract(
        &Product { section, answer: data_center },
        "SEC-7",
        Some("http://127.0.0.1:PORT/browse/SEC-7"),
    )
    .await;
}
