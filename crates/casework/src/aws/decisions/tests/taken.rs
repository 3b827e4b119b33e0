//! People's words on a deployment: real tables, queues and keys in an emulator, and an STS that checks signatures.

use investigation::case::Case;
use investigation::remediation::{Measure, Stage};
use jiff::SignedDuration;

use super::people::*;
use super::*;
use crate::aws::performer::Role;
use crate::aws::progress::Undone;
use crate::remediate::decide;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_persons_signatures_order_once_and_a_replay_is_nothing() {
    let Some(site) = site().await else { return };
    let case = offered(&site, "a", "10.0.0.5").await;
    let sent = site.ssm.commands().len();
    let first = signed(&site, said(&case, "1", &[1]), "AKIAANNA").await;
    hand(&site, &first).await.unwrap();
    let once = now(&site, &case.id).await;
    assert_eq!((stage(&once), orders(&site, sent)), (Stage::Proposed, 0));
    // The same message again, as SQS may deliver it or somebody may send it.
    hand(&site, &first).await.unwrap();
    assert_eq!(now(&site, &case.id).await.version, once.version);
    // And the same signature under another name.
    let renamed = Spoken { id: "2".repeat(16), ..first.clone() };
    hand(&site, &renamed).await.unwrap();
    assert!(refused(&now(&site, &case.id).await, &renamed.id).contains("SignatureDoesNotMatch"));
    // Her own second word is no second person's.
    let again = approve(&site, &case, "3", "AKIAANNA").await;
    assert!(refused(&again, "3").contains("another person has to"), "{:?}", again.heard);
    assert_eq!((stage(&again), orders(&site, sent)), (Stage::Proposed, 0));

    let ordered = approve(&site, &case, "4", "ASIABERT").await;
    assert_eq!((stage(&ordered), orders(&site, sent)), (Stage::Ordered, 1), "{:?}", ordered.history);
    let kept = ordered.remediation.as_ref().unwrap();
    let by: Vec<(&str, usize)> = kept
        .approvals
        .iter()
        .map(|approval| (approval.by.as_str(), approval.seal.as_ref().map_or(0, String::len)))
        .collect();
    assert_eq!(by, [(ANNA, 64), (BERT, 64)]);
    assert_eq!(ordered.heard(&format!("{:0>16}", "4")).unwrap().by, BERT);
    hand(&site, &first).await.unwrap();
    assert_eq!(orders(&site, sent), 1);
    // Nothing that signs is on record or was logged with the case.
    let text = serde_json::to_string(&now(&site, &case.id).await).unwrap();
    assert!(!text.contains("session+token") && !text.contains("AKIAANNA"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_is_for_one_word_on_one_case_of_one_deployment() {
    let Some(site) = site().await else { return };
    let case = offered(&site, "a", "10.0.0.5").await;
    let other = offered(&site, "b", "10.0.0.6").await;
    let sent = site.ssm.commands().len();
    let word = signed(&site, said(&case, "1", &[1]), "AKIAANNA").await;
    let Voucher::Sts(proof) = &word.voucher else { panic!("no proof") };
    let with = |id: &str, proof: StsProof| Spoken {
        id: format!("{id:0>16}"),
        voucher: Voucher::Sts(proof),
        ..word.clone()
    };
    let elsewhere = format!("{}-2", site.deployment.identity());
    let old = Timestamp::from_second(word.said_at.as_second() - 16 * 60).unwrap();
    let forged = [
        // Each under its own name, which its signature is not for either: so those that are about one field have one made.
        (signed_for(&site, &elsewhere, said(&case, "2", &[1]), "AKIAANNA").await, "SignatureDoesNotMatch"),
        (
            Spoken {
                measures: vec![2],
                seen: None,
                ..signed(&site, said(&case, "3", &[1]), "AKIAANNA").await
            },
            "SignatureDoesNotMatch",
        ),
        (
            Spoken { word: Word::Undo, ..signed(&site, said(&case, "4", &[1]), "AKIAANNA").await },
            "SignatureDoesNotMatch",
        ),
        (
            Spoken { case_id: case.id.clone(), ..signed(&site, said(&other, "5", &[1]), "AKIAANNA").await },
            "SignatureDoesNotMatch",
        ),
        (
            with("6", StsProof { access_key_id: "AKIACARLA".to_owned(), ..proof.clone() }),
            "SignatureDoesNotMatch",
        ),
        (
            with("7", StsProof { access_key_id: "AKIANOBODY".to_owned(), ..proof.clone() }),
            "InvalidClientTokenId",
        ),
        (with("8", StsProof { signature: "0".repeat(64), ..proof.clone() }), "SignatureDoesNotMatch"),
        (
            with("9", StsProof { session_token: Some("x\r\ny: z".to_owned()), ..proof.clone() }),
            "session token is none",
        ),
        (
            with("10", StsProof { access_key_id: "AKIA/../x".to_owned(), ..proof.clone() }),
            "id of its key is none",
        ),
        (
            signed(&site, Spoken { said_at: old, ..said(&case, "11", &[1]) }, "AKIAANNA").await,
            "came too late",
        ),
        (
            Spoken {
                said_at: Timestamp::now(),
                ..signed(&site, Spoken { said_at: old, ..said(&case, "12", &[1]) }, "AKIAANNA").await
            },
            "SignatureDoesNotMatch",
        ),
    ];
    for (spoken, reason) in forged {
        hand(&site, &spoken).await.unwrap();
        let case = now(&site, &case.id).await;
        let why = refused(&case, spoken.id.trim_start_matches('0'));
        assert!(why.contains(reason), "{}: {why}", spoken.id);
        assert!(case.heard(&spoken.id).unwrap().by.is_empty(), "nobody said it");
    }
    // Signed as it must be, and not right all the same.
    let case_now = now(&site, &case.id).await;
    let mallory = signed(&site, said(&case_now, "20", &[1]), "AKIAMALLORY").await;
    let evidence = Spoken { evidence_sha256: "cd".repeat(32), ..said(&case_now, "21", &[1]) };
    let evidence = signed(&site, evidence, "AKIAANNA").await;
    let shown = Spoken { seen: Some("cd".repeat(32)), ..said(&case_now, "22", &[1]) };
    let shown = signed(&site, shown, "AKIAANNA").await;
    let blind = signed(&site, Spoken { seen: None, ..said(&case_now, "23", &[1]) }, "AKIAANNA").await;
    for (spoken, by, reason) in [
        (mallory, MALLORY, "is not among the policy's"),
        (evidence, ANNA, "it was given on evidence cdcd"),
        (shown, ANNA, "not what was shown"),
        (blind, ANNA, "does not say what was shown"),
    ] {
        hand(&site, &spoken).await.unwrap();
        let case = now(&site, &case.id).await;
        let why = refused(&case, spoken.id.trim_start_matches('0'));
        assert!(why.contains(reason), "{why}");
        assert_eq!(case.heard(&spoken.id).unwrap().by, by);
        assert!(case.history.iter().any(|entry| entry.what.contains(by) && entry.what.contains(reason)));
    }
    for case in site.cases().await {
        assert!(case.remediation.unwrap().approvals.is_empty(), "something was taken");
    }
    assert_eq!(orders(&site, sent), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_that_somebody_wrote_into_the_table_order_nothing() {
    let Some(site) = site().await else { return };
    let case = offered(&site, "a", "10.0.0.5").await;
    let sent = site.ssm.commands().len();
    // With the rights of an operator, by the program's own code: two approvals, and the order in the outbox.
    for by in [ANNA, BERT] {
        let decision = investigation::remediation::Decision {
            by: by.to_owned(),
            how: investigation::remediation::Way::Aws,
            evidence_sha256: SHA.to_owned(),
            measures: vec![1],
        };
        let policy = site.policy();
        decide(&site.store, &case.id, Word::Approve, &decision, &policy, Timestamp::now).await.unwrap();
    }
    assert_eq!(stage(&now(&site, &case.id).await), Stage::Ordered);
    site.sweep().run(soon()).await;
    let after = now(&site, &case.id).await;
    assert_eq!((stage(&after), orders(&site, sent)), (Stage::Proposed, 0), "{:?}", after.history);
    assert!(after.remediation.as_ref().unwrap().approvals.iter().all(|approval| approval.unsealed));
    for by in [ANNA, BERT] {
        let told = |what: &str| what.contains(by) && what.contains("carries no valid seal");
        assert!(after.history.iter().any(|entry| told(&entry.what)), "{:?}", after.history);
    }
    // Marks that are wiped off again change nothing, and neither does a seal that somebody made up.
    tampered(&site, &case.id, |case| {
        let kept = case.remediation.as_mut().unwrap();
        for approval in &mut kept.approvals {
            (approval.unsealed, approval.seal) = (false, Some("00".repeat(32)));
        }
    })
    .await;
    let carla = approve(&site, &case, "1", "AKIACARLA").await;
    assert_eq!((stage(&carla), orders(&site, sent)), (Stage::Proposed, 0), "{:?}", carla.history);
    // Those in whose names it was written can still say it themselves.
    let anna = approve(&site, &case, "2", "AKIAANNA").await;
    assert_eq!((stage(&anna), orders(&site, sent)), (Stage::Ordered, 1), "{:?}", anna.history);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_after_it_was_approved_is_not_done() {
    let Some(site) = site().await else { return };
    type Change = fn(&mut Case);
    let changes: [(&str, Change); 5] = [
        ("the measure", |case| {
            let measure = Measure::StopProcess { pid: 1, image: "/sbin/init".to_owned(), start_time: None };
            case.remediation.as_mut().unwrap().measures[0].measure = measure;
        }),
        ("the machine", |case| case.target = "10.0.9.9".parse().unwrap()),
        ("its name", |case| case.remediation.as_mut().unwrap().host_name = "dc-1".to_owned()),
        ("the person", |case| case.remediation.as_mut().unwrap().approvals[0].by = CARLA.to_owned()),
        ("its end", |case| {
            let approval = &mut case.remediation.as_mut().unwrap().approvals[1];
            approval.expires_at = Timestamp::now() + SignedDuration::from_hours(900);
        }),
    ];
    for (n, (what, change)) in changes.into_iter().enumerate() {
        let case = offered(&site, &format!("c{n}"), &format!("10.0.1.{n}")).await;
        approve(&site, &case, "1", "AKIAANNA").await;
        let ordered = approve(&site, &case, "2", "ASIABERT").await;
        assert_eq!(stage(&ordered), Stage::Ordered, "{what}");
        let sent = site.ssm.commands().len();
        // Its try is over, so that the next one comes; that one meets another case.
        tampered(&site, &case.id, |case| {
            change(case);
            for pending in &mut case.pending {
                (pending.started, pending.handed_to) = (false, None);
                pending.not_before = Timestamp::now();
            }
        })
        .await;
        site.sweep().run(soon()).await;
        let after = now(&site, &case.id).await;
        assert_eq!((stage(&after), orders(&site, sent)), (Stage::Proposed, 0), "{what}: {:?}", after.history);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_aws_cannot_be_asked_about_comes_again_until_its_time_is_over() {
    let Some(site) = site().await else { return };
    let case = offered(&site, "a", "10.0.0.5").await;
    let word = signed(&site, said(&case, "1", &[1]), "AKIAANNA").await;
    site.sts.busy_for(3);
    hand(&site, &word).await.unwrap();
    assert_eq!(site.sts.calls(), 3, "it was asked for a while");
    assert!(now(&site, &case.id).await.heard(&word.id).is_none());
    let waits = site.waiting(&site.deployment.decisions_queue_url).await;
    assert_eq!(waits, 1, "it was put on the queue anew");
    hand(&site, &word).await.unwrap();
    assert_eq!(now(&site, &case.id).await.remediation.unwrap().approvals.len(), 1);

    let late = signed(&site, said(&case, "2", &[1]), "ASIABERT").await;
    site.sts.busy_for(u64::MAX);
    site.pass(SignedDuration::from_mins(15));
    hand(&site, &late).await.unwrap();
    assert!(refused(&now(&site, &case.id).await, "2").contains("came too late"));
    assert_eq!(site.waiting(&site.deployment.decisions_queue_url).await, 1, "and it does not come again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_about_no_case_is_set_aside_without_what_vouches_for_it() {
    let Some(site) = site().await else { return };
    let case = offered(&site, "a", "10.0.0.5").await;
    let word = Spoken { case_id: "ph-20260302-nothing".to_owned(), ..said(&case, "1", &[1]) };
    let word = signed(&site, word, "ASIABERT").await;
    let body = serde_json::to_string(&Message { spoken: &word }).unwrap();
    let progress = site.progress(Role::Progress);
    let Err(Undone::Reject(why)) = progress.handle(&body, soon()).await else { panic!("not refused") };
    progress.set_aside("m-1", &body, &why).await.unwrap();
    let aside = site.take(&site.deployment.decisions_dlq_url).await;
    let [(body, reason)] = aside.as_slice() else { panic!("{aside:?}") };
    assert_eq!(reason, "there is no case ph-20260302-nothing");
    assert!(body.contains("ph-20260302-nothing") && !body.contains("session"), "{body}");
    assert_eq!(site.sts.calls(), 0, "nobody was asked");
    for role in [Role::Act, Role::Sweep] {
        let whole = serde_json::to_string(&Message { spoken: &word }).unwrap();
        let refused = site.progress(role).handle(&whole, soon()).await;
        assert!(matches!(refused, Err(Undone::Reject(why)) if why.contains("no other function")));
    }
}
