//! Issues of GitHub (<https://docs.github.com/en/rest/issues/issues>) and GitLab (<https://docs.gitlab.com/api/issues/>).

use super::*;

fn github(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    let error =
        |message: &str| json!({"message": message, "documentation_url": "https://docs.github.com/rest"});
    assert!(call.header("user-agent").starts_with("peerhound/"), "requests without a name are refused");
    assert_eq!(call.header("accept"), "application/vnd.github+json");
    assert_eq!(call.header("x-github-api-version"), "2022-11-28");
    if call.header("authorization") != format!("Bearer {SECRET}") {
        return Err((401, error("Bad credentials")));
    }
    let page = "https://github.com/corp/soc/issues/7";
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/repos/corp/soc/issues") => {
            assert_eq!(
                (call.query("state"), call.query("sort"), call.query("direction")),
                ("all", "created", "desc")
            );
            assert!((1..=100).contains(&call.query("per_page").parse::<u32>().unwrap()));
            let issue = |made: &Value| json!({"number": 7, "html_url": page, "title": made["title"], "body": made["body"]});
            let other = json!({"number": 6, "html_url": page, "title": "another [case ph-20261130-aaaaaaab]", "body": null});
            Ok(reply(200, &std::iter::once(other).chain(state.made.iter().map(issue)).collect()))
        }
        ("POST", "/repos/corp/soc/issues") => {
            let optional = ["body", "labels", "assignees", "milestone", "type"];
            if !Call::has_keys(&call.body, &["title"], &optional) {
                return Err((422, error("Validation Failed")));
            }
            if text(&call.body, "/title").chars().count() > 256
                || text(&call.body, "/body").chars().count() > 65_536
            {
                return Err((422, error("Validation Failed: too long")));
            }
            assert!(
                call.body["labels"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|label| label.as_str().unwrap().len() <= 50)
            );
            state.made.push(call.body.clone());
            Ok(reply(201, &json!({"id": 1, "number": 7, "html_url": page, "title": call.body["title"]})))
        }
        (method, "/repos/corp/soc/issues/7/comments") => {
            let comments: Vec<Value> = state.comments.iter().map(|(_, text)| json!({"body": text})).collect();
            if method == "GET" {
                return Ok(reply(200, &json!(comments)));
            }
            if !Call::has_keys(&call.body, &["body"], &[]) {
                return Err((422, error("Validation Failed")));
            }
            state.comments.push(("7".to_owned(), text(&call.body, "/body").to_owned()));
            Ok(reply(201, &json!({"id": 1})))
        }
        _ => Err((404, error("Not Found"))),
    }
}

/// What GitHub says to whoever asks too often:
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>.
fn limited(_: &Call, _: &mut State) -> Result<Reply, (u16, Value)> {
    let reset = Timestamp::now().as_second() + 600;
    let headers = format!("x-ratelimit-remaining: 0\r\nx-ratelimit-reset: {reset}\r\n");
    Ok(Reply { status: 403, headers, body: "{\"message\":\"API rate limit exceeded\"}".to_owned() })
}

fn gitlab(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    if call.header("private-token") != SECRET || !call.header("authorization").is_empty() {
        return Err((401, json!({"message": "401 Unauthorized"})));
    }
    let page = "https://gitlab.example.com/corp/soc/-/issues/7";
    // The path of a project is one part of the path.
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/api/v4/projects/corp%2Fsoc/issues") => {
            let sorted =
                (call.query("order_by"), call.query("sort"), call.query("scope"), call.query("state"));
            assert_eq!(sorted, ("created_at", "desc", "all", "all"));
            let issue = |made: &Value| json!({"id": 70, "iid": 7, "web_url": page, "title": made["title"]});
            Ok(reply(200, &state.made.iter().map(issue).collect()))
        }
        ("POST", "/api/v4/projects/corp%2Fsoc/issues") => {
            let fine = Call::has_keys(&call.body, &["title"], &["description", "labels", "confidential"]);
            let long = text(&call.body, "/title").chars().count() > 255
                || text(&call.body, "/description").chars().count() > 1_048_576;
            if !fine || long {
                return Err((
                    400,
                    json!({"message": {"title": ["is too long (maximum is 255 characters)"]}}),
                ));
            }
            assert_eq!(call.body["labels"], "peerhound,p2p,policy_violation");
            assert_eq!(call.body["confidential"], true, "typed, as the policy has it");
            state.made.push(call.body.clone());
            Ok(reply(201, &json!({"id": 70, "iid": 7, "web_url": page})))
        }
        (method, "/api/v4/projects/corp%2Fsoc/issues/7/notes") => {
            if method == "GET" {
                return Ok(reply(
                    200,
                    &state.comments.iter().map(|(_, text)| json!({"body": text})).collect(),
                ));
            }
            state.comments.push(("7".to_owned(), text(&call.body, "/body").to_owned()));
            Ok(reply(201, &json!({"id": 1})))
        }
        _ => Err((404, json!({"message": "404 Project Not Found"}))),
    }
}

#[tokio::test]
async fn github_issues() {
    let section = "preset = 'github'\nurl = 'URL'\nparameters = { owner = 'corp', repository = 'soc' }";
    let page = Some("https://github.com/corp/soc/issues/7");
    keeps_its_contract(&Product { section, answer: github }, "7", page).await;
    let product = Product { section, answer: limited };
    let running = product.start().await;
    let error = post(&product.config(&running, SECRET), &hostile_ticket()).await.unwrap_err();
    let DeliveryError::NotAccepted { retry_after: Some(wait), .. } = &error else { panic!("{error:?}") };
    assert!((590..=600).contains(&wait.as_secs()), "{wait:?}");
}

/// GitHub at work, with the `[ticket]` section for it.
pub(crate) async fn github_at_work() -> (String, TicketConfig, Running) {
    let section = "preset = 'github'\nurl = 'URL'\nparameters = { owner = 'corp', repository = 'soc' }";
    let product = Product { section, answer: github };
    let running = product.start().await;
    let section = section.replace("URL", &format!("http://127.0.0.1:{}", running.port));
    let config = product.config(&running, SECRET);
    (section, config, running)
}

#[tokio::test]
async fn gitlab_issues() {
    let section = "preset = 'gitlab'\nurl = 'URL'\nparameters = { project = 'corp/soc' }\nfields = { confidential = true }";
    let page = Some("https://gitlab.example.com/corp/soc/-/issues/7");
    keeps_its_contract(&Product { section, answer: gitlab }, "7", page).await;
}
