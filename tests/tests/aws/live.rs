//! A deployment by what a person can do with it: the command line, the file that Terraform wrote, and a machine that may be
//! investigated. Nothing here knows what stands behind the file, so it is the same on AWS and on what stands in for it.

use std::net::IpAddr;
use std::time::Duration;

use acceptance::{Alert, Cloud, Endpoint, Lab, Operator, Swarm, eve, given_target, wait_until};
use serde_json::Value;

/// From an alert to a closed case. A relay may be busy, and the sweep comes by every minute.
const LIMIT: Duration = Duration::from_mins(20);
/// Between two questions.
const PAUSE: Duration = Duration::from_secs(2);

/// The number of the machine that is investigated in the lab.
const MACHINE: u8 = 44;

/// On the deployment of the tests.
pub(crate) fn a_person_needs_the_command_line_alone(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let endpoint = Endpoint::start(&lab.network, "kiosk", MACHINE).expect("an endpoint");
    walk_through(&cloud.operator().expect("a person"), endpoint.address().into());
}

/// On a deployment that somebody has made: `PEERHOUND_TEST_DEPLOYMENT` names its file, `PEERHOUND_TEST_TARGET` a machine that
/// one of its relays reaches and that nobody has looked at in the last days. It is investigated, and what the policy says is
/// done: tell its user before.
#[test]
#[ignore = "needs a deployment, and a machine that may be investigated"]
fn a_deployment_that_is_there() {
    let operator = Operator::of_this_shell().expect("a deployment");
    let checks = operator.json(&["doctor"], 0).expect("a deployment in order");
    assert!(checks.iter().all(|check| check["status"] != "wrong"), "{checks:#?}");
    walk_through(&operator, given_target().expect("PEERHOUND_TEST_TARGET is no address"));
}

fn walk_through(operator: &Operator, target: IpAddr) {
    let folder = tempfile::tempdir().expect("a folder");
    // Another one each time: ids are made of what an alert says.
    let flow = u64::from(std::process::id());
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let alert = eve(&Alert::about(target, flow));
    let file = write("alerts.json", &format!("{alert}{{\"this is\": no alert}}\n{alert}"));
    let told = operator.json(&["submit", &file], 2).expect("what became of three records");
    let of = |outcome: &str| told.iter().filter(|told| told["outcome"] == outcome).collect::<Vec<_>>();
    assert_eq!((of("sent").len(), of("unreadable").len()), (2, 1), "{told:#?}");
    let id = text(of("sent")[0], "alert_id");

    let opened = explained(operator, &id, |alert| alert["disposition"] == "opened");
    let case_id = text(&opened, "case_id");
    let case = wait_until("the case is closed", LIMIT, || {
        std::thread::sleep(PAUSE);
        let case = operator.json(&["case", "show", &case_id], 0)?.remove(0);
        Ok((case["state"] == "closed").then_some(case))
    })
    .expect("a closed case");
    assert_eq!(case["target"], target.to_string());
    assert!(case["assessment"]["verdict"].is_string(), "{case:#}");
    assert!(case["evidence"]["location"].as_str().is_some_and(|at| at.starts_with("s3://")), "{case:#}");
    let failed = |action: &&Value| !matches!(action["status"].as_str(), Some("done" | "skipped"));
    let actions = case["actions"].as_array().expect("actions");
    assert!(actions.iter().find(failed).is_none(), "{actions:#?}");
    operator.json(&["verify", &case_id], 0).expect("evidence that proves itself");

    // The same machine again: it is left alone, and whoever asks is told why.
    let again = write("again.json", &eve(&Alert::about(target, flow + 1)));
    let told = operator.json(&["submit", &again], 0).expect("an alert that is sent");
    let repeat =
        explained(operator, &text(&told[0], "alert_id"), |alert| alert["disposition"] == "suppressed");
    assert_eq!(text(&repeat, "case_id"), case_id, "{repeat:#}");
    let listed = operator.json(&["case", "list"], 0).expect("cases");
    let about = listed.iter().filter(|case| case["target"] == target.to_string()).count();
    assert!(about >= 1 && listed.iter().any(|case| case["id"] == case_id), "{listed:#?}");

    // Whatever was tried leaves nobody silenced.
    for claim in case["claims"].as_array().expect("claims") {
        let key = text(claim, "key");
        let key = key.split_once('#').map_or(key.as_str(), |(_, key)| key);
        operator.json(&["cooldown", "release", key], 0).expect("a claim that is given up");
    }
}

/// What became of an alert, once that is so.
fn explained(operator: &Operator, alert_id: &str, is: impl Fn(&Value) -> bool) -> Value {
    let found = wait_until("the alert is explained", LIMIT, || {
        std::thread::sleep(PAUSE);
        // Until it is taken in, there is no such alert.
        let rows = operator.json(&["explain", alert_id], 0).unwrap_or_default();
        Ok(rows.into_iter().find(&is))
    });
    found.expect("an explanation")
}

fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap_or_else(|| panic!("no {name}: {of:#}")).to_owned()
}
