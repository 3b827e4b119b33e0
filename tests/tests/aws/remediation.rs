//! What people approve is done on the machine, by the relay that reaches it.

use acceptance::{Cloud, Lab, Swarm, wait_until};
use serde_json::Value;

use crate::LIMIT;

/// The client that was found is ended once somebody whom the policy names has said so, and nothing else is.
pub(crate) fn what_is_approved_is_done_once(lab: &Lab, cloud: &Cloud, swarm: &Swarm) {
    let operator = cloud.operator().expect("a person");
    let target = lab.endpoint.address().to_string();
    let waiting = operator.json(&["approvals"], 0).expect("what waits");
    let cases = cloud.cases().expect("cases");
    let case = cases.iter().find(|case| case.target.to_string() == target).expect("the case");
    let waiting = waiting.iter().find(|waiting| waiting["case_id"] == case.id.as_str());
    let waiting = waiting.unwrap_or_else(|| panic!("nothing is proposed: {:#?}", case.remediation));
    assert_eq!(waiting["evidence_sha256"], case.evidence.as_ref().expect("evidence").sha256.as_str());
    let measures = waiting["measures"].as_array().expect("measures");
    let client = measures.iter().find(|measure| measure["measure"]["image"] == swarm.client_image.as_str());
    let number = &client.unwrap_or_else(|| panic!("the client is not named: {waiting:#}"))["n"];
    let named = number.to_string();
    assert!(swarm.connected(&lab.endpoint).expect("connections"), "nobody has approved it yet");

    operator.json(&["approve", &case.id, &named, "--yes"], 0).expect("an approval");
    let measure = wait_until("the measure has ended", LIMIT, || {
        let case = operator.json(&["case", "show", &case.id], 0)?.remove(0);
        let measures = case["remediation"]["measures"].as_array().cloned().unwrap_or_default();
        let measure: Option<Value> = measures.into_iter().find(|measure| measure["n"] == *number);
        let ended = |measure: &Value| !matches!(measure["stage"].as_str(), Some("proposed" | "ordered"));
        Ok(measure.filter(ended))
    });
    let measure = measure.expect("an end");
    assert_eq!(measure["stage"], "done", "{measure:#}");
    assert!(!swarm.connected(&lab.endpoint).expect("connections"), "it is said to be stopped, and runs");
    // It is not done again, and cannot be.
    operator.json(&["approve", &case.id, &named, "--yes"], 2).expect("a refusal");
}
