//! Approving by a link, from the mail to the case: the door, the queue and the function behind it, on an emulator.

mod bench;
mod hostile;

use investigation::remediation::{Stage, Way};
use serde_json::Value;

use self::bench::{Bench, PEOPLE, body, link_in, location, status, warning};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_out_of_a_mail_approves_with_a_code_once_for_its_person() {
    let Some(bench) = Bench::start().await else { return };
    let case = bench.offered("10.0.0.5").await;
    let mails = bench.mails(&case).await;
    let [anna, bert] = [0, 1].map(|person: usize| link_in(&mails[person]));
    assert!(mails[0].contains("the code that your authenticator shows"), "{}", mails[0]);

    // Looking changes nothing, however often: scanners follow links.
    for method in ["GET", "HEAD", "GET"] {
        let answer = bench.ask(method, &[("link", &anna)], "").await;
        assert_eq!(status(&answer), 200);
        assert_eq!(body(&answer).is_empty(), method == "HEAD");
    }
    let page = body(&bench.ask("GET", &[("link", &anna)], "").await).to_owned();
    for part in ["stop process 7", "0 of 2", "anna", "10.0.0.5", &case.id, "name=\"code\"", "method=\"post\""]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    for part in ["<script", "<b>", "\u{202e}"] {
        assert!(!page.contains(part), "{page}");
    }
    assert_eq!(bench.case(&case).await, case);
    assert!(bench.words().await.is_empty());

    // Two clicks at once are one word.
    let code = bench.code("anna", 0);
    let form = format!("link={anna}&code={code}");
    let (first, second) = tokio::join!(bench.post(&form), bench.post(&form));
    for answer in [&first, &second] {
        assert_eq!((status(answer), location(answer)), (303, location(&first)), "{answer}");
        assert!(!answer.to_string().contains(&code), "{answer}");
    }
    let away = bench.follow(&first).await;
    assert!(away.contains("on its way") && away.contains("http-equiv=\"refresh\""), "{away}");
    assert!(!away.contains("<form"), "a word that is under way is not asked for again");
    let words = bench.words().await;
    assert_eq!(words.len(), 2, "{words:#?}");
    let (one, two) = tokio::join!(bench.hear(&words[0]), bench.hear(&words[1]));
    one.expect("the word");
    two.expect("its copy");
    let after = bench.case(&case).await;
    let kept = after.remediation.as_ref().unwrap();
    let approvals: Vec<(&str, Way)> =
        kept.approvals.iter().map(|approval| (approval.by.as_str(), approval.how)).collect();
    assert_eq!(approvals, [("anna", Way::Link)], "{:#?}", after.history);
    assert_eq!(kept.measures[0].stage, Stage::Proposed, "two have to");
    let told = bench.follow(&first).await;
    assert!(told.contains("was taken") && told.contains("1 of 2: anna") && !told.contains("<form"), "{told}");

    // Her link is used up, and his is not.
    assert_eq!(location(&bench.post(&form).await), format!("approve?link={anna}"));
    assert!(bench.words().await.is_empty());
    let said = bench.say(&bert, &bench.code("bert", 0)).await;
    assert!(said.contains("was taken"), "{said}");
    let after = bench.case(&case).await;
    assert_eq!(after.remediation.as_ref().unwrap().measures[0].stage, Stage::Ordered);
    assert!(after.history.iter().any(|entry| entry.what.contains("bert approved 1 by a signed link")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_counts_for_one_case_and_guessing_ends() {
    let Some(bench) = Bench::start().await else { return };
    let (one, other) = (bench.offered("10.0.0.6").await, bench.offered("10.0.0.7").await);
    let link = |case, person| bench.link(case, person, 3600);
    let code = bench.code("anna", 0);
    let said = bench.say(&link(&one, "anna"), &code).await;
    assert!(said.contains("was taken"), "{said}");
    let said = bench.say(&link(&other, "anna"), &code).await;
    assert!(warning(&said).contains("used for another case"), "{said}");
    // A code of another person's, and one of another time.
    for wrong in [bench.code("bert", 0), bench.code("anna", -600), bench.code("anna", 600)] {
        let said = bench.say(&link(&other, "anna"), &wrong).await;
        assert!(warning(&said).contains("more wrong ones are heard"), "{said}");
    }
    for odd in ["", "12345", "1234567", "abcdef", "%31%32%33%34%35%36", "<b>"] {
        let answer = bench.post(&format!("link={}&code={odd}", link(&other, "anna"))).await;
        assert_eq!(status(&answer), 422);
        assert!(warning(body(&answer)).contains("six digits"), "{answer}");
    }
    assert!(bench.words().await.is_empty(), "what is no code is nobody's word");
    for left in [1, 0] {
        let said = bench.say(&link(&other, "anna"), &bench.code("anna", 3000 + 60 * left)).await;
        assert!(warning(&said).contains(&format!("; {left} more wrong ones")), "{left} {said}");
    }
    // From here on a right one counts no more either, on no case; another person's does.
    let said = bench.say(&link(&other, "anna"), &bench.code("anna", 30)).await;
    assert!(warning(&said).contains("5 wrong codes"), "{said}");
    let after = bench.case(&other).await;
    assert!(after.remediation.as_ref().unwrap().approvals.is_empty(), "{:#?}", after.history);
    let said = bench.say(&link(&other, "bert"), &bench.code("bert", 0)).await;
    assert!(said.contains("was taken"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_says_nothing_to_other_sites_and_to_logs() {
    let Some(bench) = Bench::start().await else { return };
    let case = bench.offered("10.0.0.8").await;
    let anna = bench.link(&case, "anna", 3600);
    let answer = bench.ask("GET", &[("link", &anna)], "").await;
    let header = |name: &str| answer["headers"][name].as_str().unwrap_or_default();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!((header("referrer-policy"), header("cache-control")), ("no-referrer", "no-store"));
    assert_eq!((header("x-frame-options"), header("x-content-type-options")), ("DENY", "nosniff"));
    for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "style-src 'sha256-"] {
        assert!(header("content-security-policy").contains(part), "{answer}");
    }
    // Another site cannot let somebody's browser send the form.
    let form = format!("link={anna}&code={}", bench.code("anna", 0));
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(status(&bench.posted_from(site, &form).await), 403);
    }
    assert_eq!(status(&bench.posted_from("same-origin", &form).await), 303);
    assert_eq!(bench.words().await.len(), 1);
    for method in ["PUT", "DELETE", "OPTIONS"] {
        assert_eq!(status(&bench.ask(method, &[("link", &anna)], &form).await), 405);
    }
    assert_eq!(status(&bench.post(&"a=b&".repeat(4000)).await), 413);
    // The door for alerts is where it was.
    let alerts: Value = bench.at("/alerts", "POST", &[], "{}").await;
    assert_eq!(
        (status(&alerts), alerts["headers"]["content-type"].as_str()),
        (401, Some("application/json"))
    );
    assert_eq!(PEOPLE.len(), 2);
}
