//! What an approver does with the mail that comes: looks, and says yes with the code of an authenticator.

use acceptance::{APPROVER, Cloud, Lab, Swarm, wait_until};
use serde_json::{Value, json};

use crate::LIMIT;

/// The approver says yes out of the mail: one of the two words that the measures need. The other is said elsewhere.
pub(crate) fn a_link_out_of_a_mail_is_one_of_two_words(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let target = lab.endpoint.address().to_string();
    let cases = cloud.cases().expect("cases");
    let case = cases.iter().find(|case| case.target.to_string() == target).expect("the case");
    let link = wait_until("the approver gets the mail", LIMIT, || Ok(cloud.link_in_mail(&case.id).ok()));
    let link = link.expect("a link");
    let remediation = || -> Value {
        let cases = cloud.cases().expect("cases");
        let case = cases.into_iter().find(|found| found.id == case.id).expect("the case");
        serde_json::to_value(case.remediation).expect("JSON")
    };
    let before = remediation();
    assert!(
        before["measures"].as_array().is_some_and(|all| !all.is_empty()),
        "nothing is proposed: {before:#}"
    );

    // A mail scanner opens it, in every way.
    let looked = cloud.browse("GET", &format!("link={link}"), None).expect("a page");
    assert_eq!(looked.status, 200, "{looked:?}");
    for part in [&case.id, APPROVER, "name=\"code\"", "stop process", "0 of 2"] {
        assert!(looked.body.contains(part), "{part}: {}", looked.body);
    }
    let head = looked.head.to_ascii_lowercase();
    for header in ["content-security-policy: default-src 'none'", "referrer-policy: no-referrer", "no-store"]
    {
        assert!(head.contains(header), "{header}: {head}");
    }
    cloud.browse("HEAD", &format!("link={link}"), None).expect("an answer");
    let forged = format!("link={}", "0".repeat(link.len()));
    let refused = cloud.browse("GET", &forged, None).expect("a page");
    assert!(refused.status == 403 && !refused.body.contains(&case.id), "{refused:?}");
    assert_eq!(remediation(), before, "looking changes nothing");

    let say = |code: &str| {
        let sent = cloud.browse("POST", "", Some(&format!("link={link}&code={code}"))).expect("an answer");
        assert_eq!(sent.status, 303, "{sent:?}");
        let next = sent.leads_to().expect("a place").to_owned();
        let told = wait_until("the word is heard", LIMIT, || {
            let page = cloud.browse("GET", &next, None)?;
            Ok((!page.body.contains("on its way")).then_some(page.body))
        });
        told.expect("what became of it")
    };
    // A guess counts for nothing, and is told.
    let right = cloud.code().expect("a code");
    let wrong = format!("{:06}", (right.parse::<u32>().expect("digits") + 500_000) % 1_000_000);
    let told = say(&wrong);
    assert!(told.contains("was not taken") && told.contains("4 more wrong ones"), "{told}");
    assert_eq!(remediation(), before);

    let told = say(&cloud.code().expect("a code"));
    assert!(told.contains("was taken") && told.contains(&format!("1 of 2: {APPROVER}")), "{told}");
    assert!(!told.contains("<form"), "the link is used up: {told}");
    let after = remediation();
    let approvals = after["approvals"].as_array().cloned().unwrap_or_default();
    let [approval] = approvals.as_slice() else { panic!("{approvals:#?}") };
    assert_eq!((&approval["by"], &approval["how"]), (&json!(APPROVER), &json!("link")));
    assert_eq!(after["measures"], before["measures"], "one word alone orders nothing");
}
