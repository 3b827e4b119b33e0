//! PagerDuty: <https://developer.pagerduty.com/docs/send-alert-event>.

use super::*;

fn answer(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    let invalid = |errors: &[&str]| {
        (400, json!({"status": "invalid event", "message": "Event object is invalid", "errors": errors}))
    };
    if (call.method.as_str(), call.path.as_str()) != ("POST", "/v2/enqueue") {
        return Err((404, json!({"status": "not found"})));
    }
    let body = &call.body;
    if body["routing_key"] != SECRET {
        return Err(invalid(&["Invalid routing key"]));
    }
    let keys = Call::has_keys(
        body,
        &["routing_key", "event_action", "payload"],
        &["dedup_key", "client", "client_url", "links", "images"],
    );
    let optional = ["timestamp", "component", "group", "class", "custom_details"];
    if !keys || !Call::has_keys(&body["payload"], &["summary", "source", "severity"], &optional) {
        return Err(invalid(&["unknown or missing keys"]));
    }
    let payload = &body["payload"];
    assert!((1..=1024).contains(&text(payload, "/summary").chars().count()));
    assert!(["critical", "error", "warning", "info"].contains(&text(payload, "/severity")));
    assert!(text(body, "/dedup_key").len() <= 255 && body["event_action"] == "trigger");
    assert!(body.to_string().len() <= 512 << 10);
    let mut kept = body.clone();
    kept["routing_key"] = Value::Null;
    // One incident of all events with one dedup_key.
    if !state.made.iter().any(|made| made["dedup_key"] == kept["dedup_key"]) {
        state.made.push(kept);
    }
    Ok(reply(
        202,
        &json!({"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]}),
    ))
}

#[tokio::test]
async fn pagerduty_folds_by_the_case() {
    let product = Product { section: "preset = 'pagerduty'\nurl = 'URL'\nfields = { team = 'soc' }", answer };
    let running = product.start().await;
    let config = product.config(&running, SECRET);
    assert!(config.desk.as_ref().unwrap().may_repeat());
    running.fault(Fault::Lost);
    uncertain(&post(&config, &hostile_ticket()).await.unwrap_err());
    let filed = post(&config, &hostile_ticket()).await.unwrap();
    assert_eq!(filed.ticket.unwrap().id, CASE);
    let made = running.made();
    assert_eq!((made.len(), &made[0]["payload"]["severity"]), (1, &json!("warning")));
    assert_eq!(made[0]["payload"]["custom_details"]["team"], "soc");
    let urgent = product.start().await;
    let mut ticket = hostile_ticket();
    ticket.fields["peerhound.priority"] = "high".into();
    ticket.fields["event.url"] = "https://cases.corp.example/case/x".into();
    post(&product.config(&urgent, SECRET), &ticket).await.unwrap();
    assert_eq!(urgent.made()[0]["payload"]["severity"], "critical");
    assert_eq!(urgent.made()[0]["client_url"], "https://cases.corp.example/case/x");
    refuses_the_wrong(&product).await;
    cuts_what_is_too_long(&product).await;
}
