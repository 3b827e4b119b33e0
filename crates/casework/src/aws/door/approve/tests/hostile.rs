//! Links, words and messages that are not what they must be.

use std::collections::BTreeSet;

use investigation::case::Case;
use jiff::{SignedDuration, Timestamp};

use super::bench::{Bench, body, status, warning};
use crate::approval_link::{LinkKey, Offer};
use crate::aws::decisions::{Spoken, Voucher, token};
use crate::remediate::Word;

fn offer(case: &Case, by: &str) -> Offer {
    Offer {
        case_id: case.id.clone(),
        evidence_sha256: case.remediation.as_ref().unwrap().evidence_sha256.clone(),
        measures: vec![1],
        by: by.to_owned(),
        expires_at: Timestamp::now() + SignedDuration::from_hours(1),
    }
}

/// A word as the door passes it on. The id is this digit many times.
fn word(id: char, case: &Case, link: &str, code: &str) -> Spoken {
    Spoken {
        id: id.to_string().repeat(32),
        case_id: case.id.clone(),
        word: Word::Approve,
        measures: vec![1],
        evidence_sha256: offer(case, "anna").evidence_sha256,
        seen: None,
        said_at: Timestamp::from_second(Timestamp::now().as_second()).unwrap(),
        voucher: Voucher::Link { token: token(link, code) },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_good_link_learns_nothing_of_any_case() {
    let Some(bench) = Bench::start().await else { return };
    let case = bench.offered("10.0.0.9").await;
    let good = bench.link(&case, "anna", 3600);
    let (payload, signature) = good.split_once('.').unwrap();
    let of = |change: &dyn Fn(&mut Offer)| {
        let mut changed = offer(&case, "anna");
        change(&mut changed);
        bench.key.sign(&changed).unwrap()
    };
    let strange = LinkKey::of(&"x".repeat(32)).unwrap();
    let worthless = [
        String::new(),
        "x".to_owned(),
        format!("{payload}."),
        format!("{good}0"),
        format!("{payload}.{}", "0".repeat(signature.len())),
        strange.sign(&offer(&case, "anna")).unwrap(),
        "a".repeat(4000),
        // Whoever had the key still could not have these.
        of(&|offer| offer.expires_at = Timestamp::now() - SignedDuration::from_secs(1)),
        of(&|offer| offer.case_id = "ph-20260302-nothing".to_owned()),
        of(&|offer| offer.case_id = "../alert#x".to_owned()),
        of(&|offer| offer.evidence_sha256 = "00".repeat(32)),
        of(&|offer| offer.by = "carl".to_owned()),
        of(&|offer| offer.by = "mallory".to_owned()),
    ];
    let mut answers = BTreeSet::new();
    for link in &worthless {
        let looked = bench.ask("GET", &[("link", link)], "").await;
        let said = bench.post(&format!("link={link}&code={}", bench.code("anna", 0))).await;
        for answer in [looked, said] {
            assert_eq!(status(&answer), 403, "{link}");
            assert!(!body(&answer).contains(&case.id), "{answer}");
            answers.insert(answer.to_string());
        }
    }
    answers.insert(bench.ask("GET", &[], "").await.to_string());
    assert_eq!(answers.len(), 1, "one answer to all of them: {answers:#?}");
    assert!(bench.words().await.is_empty());
    assert_eq!(bench.case(&case).await, case);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_counts_for_what_its_link_says_and_for_nothing_else() {
    let Some(bench) = Bench::start().await else { return };
    let (case, other) = (bench.offered("10.0.0.10").await, bench.offered("10.0.0.11").await);
    let link = bench.key.sign(&offer(&case, "anna")).unwrap();
    let old = Offer { expires_at: Timestamp::now() - SignedDuration::from_mins(1), ..offer(&case, "anna") };
    let old = bench.key.sign(&old).unwrap();
    let unasked = bench.key.sign(&offer(&case, "carl")).unwrap();
    let right = bench.code("anna", 0);
    let of = |id| word(id, &case, &link, &right);
    let about = "about something else";
    let refused = [
        (Spoken { case_id: other.id.clone(), ..of('a') }, about),
        (Spoken { measures: vec![1, 2], ..of('b') }, about),
        (Spoken { measures: Vec::new(), ..of('c') }, about),
        (Spoken { evidence_sha256: "00".repeat(32), ..of('d') }, about),
        (Spoken { word: Word::Reject, ..of('e') }, about),
        (Spoken { word: Word::Undo, ..of('f') }, about),
        (word('0', &case, &link[..link.len() - 1], &right), "not whole"),
        (word('1', &case, &old, &right), "time is over"),
        (word('2', &case, &unasked, &right), "no approver who is asked"),
        (word('3', &case, &link, ""), "the code was not the one"),
        (
            Spoken { seen: Some("00".repeat(32)), ..word('4', &case, &link, &bench.code("anna", 30)) },
            "not what was shown",
        ),
    ];
    for (spoken, why) in &refused {
        let case = if spoken.case_id == other.id { &other } else { &case };
        bench.hear_spoken(spoken).await.expect("a word that is noted");
        let after = bench.case(case).await;
        let heard = after.heard(&spoken.id).unwrap_or_else(|| panic!("{why}: {:#?}", after.history));
        assert!(heard.refused.as_ref().is_some_and(|said| said.contains(why)), "{why}: {heard:?}");
        assert!(after.remediation.as_ref().unwrap().approvals.is_empty(), "{why}");
        // Links and codes are nobody's to read.
        let text = serde_json::to_string(&after).unwrap();
        assert!(!text.contains(&link) && !text.contains(&right), "{text}");
    }
    bench.hear_spoken(&of('5')).await.expect("the word");
    let after = bench.case(&case).await;
    assert_eq!(after.remediation.as_ref().unwrap().approvals.len(), 1, "{:#?}", after.history);
    // Sent once more, as a queue does, and under another name, as whoever recorded it would.
    bench.hear_spoken(&of('5')).await.expect("a copy");
    bench.hear_spoken(&of('6')).await.expect("a replay");
    let again = bench.case(&case).await;
    assert_eq!(again.remediation, after.remediation);
    let replayed = again.heard(&of('6').id).expect("it is noted");
    assert!(
        replayed.refused.as_ref().is_some_and(|why| why.contains("has approved 1 already")),
        "{replayed:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approver_without_a_seed_and_a_site_without_codes_get_no_further() {
    let Some(mut bench) = Bench::start().await else { return };
    let case = bench.offered("10.0.0.12").await;
    let seed = bench.seeds["bert"].clone();
    bench.put_codes(&format!("bert {seed}\n")).await;
    let said = bench.say(&bench.link(&case, "anna", 3600), &bench.code("anna", 0)).await;
    assert!(warning(&said).contains("names no seed of anna"), "{said}");
    bench.without_door();
    let of_bert = word('7', &case, &bench.link(&case, "bert", 3600), &bench.code("bert", 0));
    bench.hear_spoken(&of_bert).await.expect("a word that is noted");
    let after = bench.case(&case).await;
    let heard = after.heard(&of_bert.id).expect("it is noted");
    assert!(heard.refused.as_ref().is_some_and(|why| why.contains("takes no approvals")), "{heard:?}");
    assert!(after.remediation.as_ref().unwrap().approvals.is_empty());
}
