//! What an approver does with the mail that comes: looks, and says yes with the code of an authenticator.

use acceptance::{APPROVER, Cloud, wait_until};
use investigation::case::Case;
use investigation::remediation::{Remediation, Way};

use crate::LIMIT;

/// The approver says yes out of the mail: the second of the two words that the measure needs.
pub(crate) fn a_link_out_of_a_mail_is_the_second_word(cloud: &Cloud, case: &Case) {
    let link = looked_at_and_guessed_at(cloud, case);
    let told = says_yes(cloud, &link);
    assert!(told.contains(APPROVER), "{told}");
    let given = kept(cloud, case).approvals;
    let hers: Vec<_> = given.iter().filter(|approval| approval.by == APPROVER).collect();
    assert!(matches!(hers.as_slice(), [one] if one.how == Way::Link && one.seal.is_some()), "{given:#?}");
}

fn kept(cloud: &Cloud, case: &Case) -> Remediation {
    let cases = cloud.cases().expect("cases");
    let case = cases.into_iter().find(|found| found.id == case.id).expect("the case");
    case.remediation.expect("what was proposed")
}

/// Scanners open the link, somebody forges one, somebody guesses: nothing comes of it. Returns the link.
fn looked_at_and_guessed_at(cloud: &Cloud, case: &Case) -> String {
    let link = wait_until("the approver gets the mail", LIMIT, || Ok(cloud.link_in_mail(&case.id).ok()));
    let link = link.expect("a link");
    let before = kept(cloud, case);
    let looked = cloud.browse("GET", &format!("link={link}"), None).expect("a page");
    assert_eq!(looked.status, 200, "{looked:?}");
    for part in [&case.id, APPROVER, "name=\"code\"", "stop process"] {
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

    let right: u32 = cloud.code().expect("a code").parse().expect("digits");
    let told = said(cloud, &link, &format!("{:06}", (right + 500_000) % 1_000_000));
    assert!(told.contains("was not taken") && told.contains("4 more wrong ones"), "{told}");
    assert_eq!(kept(cloud, case), before, "nothing of that changes what waits");
    link
}

/// Says yes with the code of this moment. Returns the page that tells what became of it.
fn says_yes(cloud: &Cloud, link: &str) -> String {
    let told = said(cloud, link, &cloud.code().expect("a code"));
    assert!(told.contains("was taken"), "{told}");
    assert!(!told.contains("<form"), "the link is used up: {told}");
    told
}

/// Sends the form, and follows the page until it tells what became of the word.
fn said(cloud: &Cloud, link: &str, code: &str) -> String {
    let sent = cloud.browse("POST", "", Some(&format!("link={link}&code={code}"))).expect("an answer");
    assert_eq!(sent.status, 303, "{sent:?}");
    let next = sent.leads_to().expect("a place").to_owned();
    let told = wait_until("the word is heard", LIMIT, || {
        let page = cloud.browse("GET", &next, None)?;
        Ok((!page.body.contains("on its way")).then_some(page.body))
    });
    told.expect("what became of it")
}
