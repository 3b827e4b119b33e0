//! TheHive 5: <https://docs.strangebee.com/thehive/api-docs/>, and what its makers' own client sends.

use super::*;

fn answer(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    let error = |kind: &str, message: &str| json!({"type": kind, "message": message});
    if call.header("authorization") != format!("Bearer {SECRET}") {
        return Err((401, error("AuthenticationError", "Authentication failure")));
    }
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/api/v1/query") => {
            let first = text(&call.body, "/query/0/_name");
            match first {
                "listAlert" => {
                    let conditions = call.body["query"][1]["_and"].as_array().unwrap();
                    let wanted = |made: &Value| {
                        conditions.iter().all(|condition| {
                            let field = condition["_field"].as_str().unwrap();
                            made[field] == condition["_value"]
                        })
                    };
                    let found = state.made.iter().filter(|made| wanted(made));
                    let listed: Vec<Value> =
                        found.map(|made| json!({"_id": "~4096", "sourceRef": made["sourceRef"]})).collect();
                    Ok(reply(200, &json!(listed)))
                }
                "getAlert" => {
                    assert_eq!(call.body["query"][0]["idOrName"], "~4096");
                    let comments = state.comments.iter().map(|(_, text)| json!({"message": text}));
                    Ok(reply(200, &comments.collect()))
                }
                _ => Err((400, error("BadRequest", "unknown operation"))),
            }
        }
        ("POST", "/api/v1/alert") => {
            let required = ["type", "source", "sourceRef", "title", "description"];
            if !Call::has_keys(
                &call.body,
                &required,
                &["severity", "tlp", "pap", "tags", "externalLink", "observables"],
            ) {
                return Err((400, error("BadRequest", "Invalid json")));
            }
            let body = &call.body;
            assert!((1..=4).contains(&body["severity"].as_i64().unwrap()), "a number: {}", body["severity"]);
            for (field, longest) in [("/type", 32), ("/source", 128), ("/sourceRef", 128), ("/title", 512)] {
                assert!((1..=longest).contains(&text(body, field).chars().count()), "{field}");
            }
            assert!(text(body, "/description").len() <= 1_048_576);
            // What TheHive 5 has as TLP and PAP, from clear to red.
            assert!((0..=4).contains(&body["tlp"].as_i64().unwrap()), "{}", body["tlp"]);
            assert!((0..=3).contains(&body["pap"].as_i64().unwrap()), "{}", body["pap"]);
            for observable in body["observables"].as_array().into_iter().flatten() {
                assert!(
                    Call::has_keys(observable, &["dataType", "data"], &["message", "tags"]),
                    "{observable}"
                );
                // Those that every TheHive 5 knows; it refuses others.
                let known = ["ip", "hostname", "hash", "other"];
                assert!(known.contains(&text(observable, "/dataType")), "{observable}");
                assert!(
                    !text(observable, "/data").is_empty() && observable["tags"].is_array(),
                    "{observable}"
                );
            }
            let same =
                |made: &&Value| ["type", "source", "sourceRef"].iter().all(|key| made[*key] == body[*key]);
            if state.made.iter().any(|made| same(&made)) {
                return Err((
                    400,
                    error("CreateError", "Alert p2p:peerhound already exist in organisation soc"),
                ));
            }
            state.made.push(body.clone());
            Ok(reply(201, &json!({"_id": "~4096", "_type": "Alert"})))
        }
        ("POST", "/api/v1/alert/~4096/comment") => {
            assert!(Call::has_keys(&call.body, &["message"], &[]), "{}", call.body);
            state.comments.push(("~4096".to_owned(), text(&call.body, "/message").to_owned()));
            Ok(reply(201, &json!({"_id": "~8192"})))
        }
        _ => Err((404, error("NotFound", "not found"))),
    }
}

/// The index behind searches is late: the alert is there and not found.
fn late_index(call: &Call, state: &mut State) -> Result<Reply, (u16, Value)> {
    match call.path.as_str() {
        "/api/v1/query" if state.calls.len() < 6 => Ok(reply(200, &json!([]))),
        _ => answer(call, state),
    }
}

const SECTION: &str = "preset = 'thehive'\nurl = 'URL'";

#[tokio::test]
async fn thehive() {
    let page = Some("http://127.0.0.1:PORT/alerts/~4096/details");
    keeps_its_contract(&Product { section: SECTION, answer }, "~4096", page).await;
}

/// What a responder gets: observables, severity, TLP and PAP, the page of the case, and both containers.
#[tokio::test]
async fn a_compromised_machine_is_handed_over_with_what_a_responder_needs() {
    let product =
        Product { section: "preset = 'thehive'\nurl = 'URL'\nparameters = { tlp = 3, pap = 1 }", answer };
    let running = product.start().await;
    let policy = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[organisation]\ncase_browser = 'https://cases.corp.example'\n";
    let policy = investigation::policy::Policy::parse(policy).unwrap();
    let verdict = investigation::assess::Verdict::Compromised;
    let mut brief = investigation::act::mail::sample::brief(verdict, &policy);
    brief.alert.infohash = Some("2b66980093bc11806fab50cb3cb41835b95a0362".to_owned());
    brief.second = Some(("evidence/x-forensics.zip".to_owned(), "5eed".repeat(16)));
    let cited = &mut brief.assessment.as_mut().unwrap().findings[0].citations[0];
    cited.sha256 = Some("ab12".repeat(16));
    cited.image = Some("C:\\\\x<script>.exe".to_owned());
    let ticket = investigation::act::ticket(&brief);
    post(&product.config(&running, SECRET), &ticket).await.unwrap();
    let made = running.made().remove(0);
    assert_eq!((&made["severity"], &made["tlp"], &made["pap"]), (&json!(3), &json!(3), &json!(1)));
    assert_eq!(made["externalLink"], "https://cases.corp.example/case/ph-20260302-k3m7qd5a");
    assert!(made["tags"].as_array().unwrap().contains(&json!("priority-high")), "{}", made["tags"]);
    let observables = made["observables"].as_array().unwrap();
    let has = |kind: &str, data: &str, tag: &str| {
        observables.iter().any(|one| {
            one["dataType"] == kind
                && one["data"] == data
                && one["tags"].as_array().unwrap().contains(&json!(tag))
        })
    };
    assert!(has("ip", "192.0.2.45", "host") && has("hostname", "ws-0042", "host"), "{observables:?}");
    assert!(has("ip", "203.0.113.9", "peer"), "{observables:?}");
    assert!(has("hash", "2b66980093bc11806fab50cb3cb41835b95a0362", "infohash"), "{observables:?}");
    assert!(has("hash", &"ab12".repeat(16), "sha256"), "{observables:?}");
    assert!(has("other", &"3b1f".repeat(16), "evidence") && has("other", &"5eed".repeat(16), "evidence"));
    let description = text(&made, "/description");
    for there in ["evidence/x-forensics.zip", &"5eed".repeat(16), &"3b1f".repeat(16)] {
        assert!(description.contains(there), "{there}: {description}");
    }
}

#[tokio::test]
async fn an_alert_that_is_there_and_not_found_yet_is_waited_for() {
    let product = Product { section: SECTION, answer: late_index };
    let running = product.start().await;
    let config = product.config(&running, SECRET);
    post(&config, &hostile_ticket()).await.unwrap();
    // Calls: query, alert; then query, alert (it exists), query; then it is found.
    let error = post(&config, &hostile_ticket()).await.unwrap_err();
    assert!(uncertain(&error).contains("already"), "{error}");
    let found = post(&config, &hostile_ticket()).await.unwrap();
    assert_eq!((found.ticket.unwrap().id.as_str(), running.made().len()), ("~4096", 1));
}
