//! ServiceNow: the Table API.

use super::*;

const SYS_ID: &str = "46e18c0fa9fe19810066a0083f76bd56";

fn answer(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    let error = |message: &str| json!({"error": {"message": message, "detail": ""}, "status": "failure"});
    // peerhound:s3cret-t0ken
    if call.header("authorization") != "Basic cGVlcmhvdW5kOnMzY3JldC10MGtlbg==" {
        return Err((401, error("User Not Authenticated")));
    }
    if call.header("accept") != "application/json" {
        return Err((406, error("it answers in XML unless it is asked for JSON")));
    }
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/api/now/table/incident") => {
            let wanted = call.query("sysparm_query").strip_prefix("correlation_id=").unwrap();
            let found: Vec<Value> = state
                .made
                .iter()
                .filter(|made| made["correlation_id"] == wanted)
                .map(|_| json!({"sys_id": SYS_ID, "number": "INC0010001", "correlation_id": wanted}))
                .collect();
            Ok(reply(200, &json!({"result": found})))
        }
        ("POST", "/api/now/table/incident") => {
            let required = [
                "short_description",
                "description",
                "correlation_id",
                "correlation_display",
                "impact",
                "urgency",
            ];
            assert!(Call::has_keys(&call.body, &required, &["assignment_group"]), "{}", call.body);
            // Longer texts would be cut by the database, without a word.
            assert!(text(&call.body, "/short_description").chars().count() <= 160);
            assert!(text(&call.body, "/description").chars().count() <= 4000);
            assert!(text(&call.body, "/correlation_id").len() <= 100);
            assert!(["1", "2", "3"].contains(&text(&call.body, "/impact")));
            state.made.push(call.body.clone());
            Ok(reply(201, &json!({"result": {"sys_id": SYS_ID, "number": "INC0010001"}})))
        }
        ("PATCH", path) if path == format!("/api/now/table/incident/{SYS_ID}") => {
            assert!(Call::has_keys(&call.body, &["work_notes"], &[]), "{}", call.body);
            state.comments.push((SYS_ID.to_owned(), text(&call.body, "/work_notes").to_owned()));
            Ok(reply(200, &json!({"result": {"sys_id": SYS_ID}})))
        }
        ("GET", "/api/now/table/sys_journal_field") => {
            let query = call.query("sysparm_query");
            let word =
                query.strip_prefix(&format!("element_id={SYS_ID}^element=work_notes^valueLIKE")).unwrap();
            let found = state.comments.iter().filter(|(_, text)| text.contains(word));
            let values: Vec<Value> = found.map(|(_, text)| json!({"value": text})).collect();
            Ok(reply(200, &json!({"result": values})))
        }
        _ => Err((404, error("No Record found"))),
    }
}

#[tokio::test]
async fn servicenow() {
    let section =
        "preset = 'servicenow'\nurl = 'URL'\nuser = 'peerhound'\nfields = { assignment_group = 'SOC' }";
    let page = format!("http://127.0.0.1:PORT/nav_to.do?uri=incident.do%3Fsys_id%3D{SYS_ID}");
    let product = Product { section, answer };
    keeps_its_contract(&product, "INC0010001", Some(&page)).await;
    for (priority, level) in [("high", "1"), ("normal", "2"), ("low", "3")] {
        let running = product.start().await;
        let mut ticket = hostile_ticket();
        ticket.fields["peerhound.priority"] = priority.into();
        post(&product.config(&running, SECRET), &ticket).await.unwrap();
        let made = &running.made()[0];
        assert_eq!((&made["impact"], &made["urgency"]), (&json!(level), &json!(level)), "{priority}");
    }
}
