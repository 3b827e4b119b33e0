//! Slack (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>) and Teams
//! (<https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>).

use super::*;

fn plain(status: u16, words: &str) -> Reply {
    Reply { status, headers: String::new(), body: words.to_owned() }
}

fn slack(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    if call.path != format!("/hook/{SECRET}") {
        return Ok(plain(403, &format!("invalid_token at {}", call.path)));
    }
    if !Call::has_keys(&call.body, &["text"], &["blocks"])
        || call.header("content-type") != "application/json"
    {
        return Ok(plain(400, "invalid_payload"));
    }
    let text = text(&call.body, "/text");
    assert!(text.chars().count() <= 40_000);
    // What is not escaped is a mention or a link.
    assert!(!text.contains(['<', '>']), "{text}");
    state.made.push(call.body.clone());
    Ok(plain(200, "ok"))
}

fn teams(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    if call.path != format!("/hook/{SECRET}") {
        return Err((401, json!({"error": {"code": "DirectApiAuthorizationRequired"}})));
    }
    assert!(call.body.to_string().len() <= 28 << 10);
    let attachment = &call.body["attachments"][0];
    let card = &attachment["content"];
    let fine = call.body["type"] == "message"
        && attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        && card["type"] == "AdaptiveCard"
        && card["version"] == "1.2";
    if !fine {
        return Err((400, json!({"error": {"code": "TriggerInputSchemaMismatch"}})));
    }
    for element in card["body"].as_array().unwrap() {
        match element["type"].as_str().unwrap() {
            "RichTextBlock" => assert_eq!(element["inlines"][0]["type"], "TextRun"),
            "FactSet" => assert!(element["facts"].as_array().unwrap().iter().all(|fact| Call::has_keys(
                fact,
                &["title", "value"],
                &[]
            ))),
            other => panic!("{other} is not known to Adaptive Cards 1.2, or reads Markdown"),
        }
    }
    state.made.push(call.body.clone());
    Ok(plain(202, ""))
}

async fn looks_nothing_up(product: &Product) {
    let running = product.start().await;
    let config = product.config(&running, SECRET);
    assert!(!config.desk.as_ref().unwrap().may_repeat(), "a second try would be a second message");
    let filed = post(&config, &hostile_ticket()).await.unwrap();
    assert_eq!(filed.ticket, None);
    assert!(!filed.receipt.to_string().contains(SECRET), "the address is the secret");
    let made = running.made()[0].to_string();
    assert!(made.contains(CASE) && made.contains("Grüße"), "{made}");
    running.fault(Fault::Lost);
    let lost = post(&config, &hostile_ticket()).await.unwrap_err();
    assert!(!uncertain(&lost).contains(SECRET), "{lost}");
    running.fault(Fault::Busy);
    assert!(not_accepted(&post(&config, &hostile_ticket()).await.unwrap_err()).contains("503"));
    refuses_the_wrong(product).await;
    cuts_what_is_too_long(product).await;
}

#[tokio::test]
async fn slack_webhook() {
    looks_nothing_up(&Product { section: "preset = 'slack'", answer: slack }).await;
}

#[tokio::test]
async fn teams_webhook() {
    looks_nothing_up(&Product { section: "preset = 'teams'", answer: teams }).await;
}
