//! A deployment with people, and what they say.

use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use emulator::ssm::Behaviour;
use investigation::assess::Assessment;
use investigation::case::{Case, Delivery, Effect, Event};
use investigation::evidence::Identity;
use investigation::remediation::{Measure, Proposal, Stage, Suggestion, Why};

use super::super::StsEndpoint;
use super::*;
use crate::aws::performer::Role;
use crate::aws::progress::Undone;
use crate::aws::testing::{Site, alert};
use crate::backend::{Backend, Committed};

pub(super) const ANNA: &str = "arn:aws:iam::123456789012:user/anna";
pub(super) const BERT: &str = "arn:aws:sts::123456789012:assumed-role/Soc/bert@corp.example";
pub(super) const CARLA: &str = "arn:aws:iam::123456789012:user/carla";
pub(super) const MALLORY: &str = "arn:aws:iam::123456789012:user/mallory";
pub(super) const SHA: &str = "abababababababababababababababababababababababababababababababab";

/// A deployment whose policy wants two of three persons, with a relay that does nothing with what it is sent.
pub(super) async fn site() -> Option<Site> {
    let site = Site::start().await?.with(&format!(
        "[remediation]\npolicy_violation = ['stop_process']\napprovals = 2\nservers = true\n\
         approvers = ['{ANNA}', '{BERT}', '{CARLA}']\n"
    ));
    for (key, token, arn) in [
        ("AKIAANNA", None, ANNA),
        ("ASIABERT", Some("bert/session+token=="), BERT),
        ("AKIACARLA", None, CARLA),
        ("AKIAMALLORY", None, MALLORY),
    ] {
        site.sts.knows(key, &secret(key), token, arn);
    }
    site.node("hq", Behaviour::Hangs);
    Some(site)
}

pub(super) fn secret(key: &str) -> String {
    format!("the secret of {key}")
}

pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A closed case with two measures that wait.
pub(super) async fn offered(site: &Site, id: &str, machine: &str) -> Case {
    let before: Vec<String> = site.cases().await.into_iter().map(|case| case.id).collect();
    site.intake().handle(&[alert(id, machine)], soon()).await;
    let mut case = site.cases().await.into_iter().find(|case| !before.contains(&case.id)).unwrap();
    let why = Why { rule: "p2p.x".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 };
    let stop = |pid| Suggestion {
        measure: Measure::StopProcess { pid, image: "/home/a/q".to_owned(), start_time: None },
        why: why.clone(),
    };
    let proposal =
        Proposal { host_name: format!("ws-{id}"), measures: vec![stop(7), stop(8)], left_out: Vec::new() };
    let assessment: Assessment = serde_json::from_value(serde_json::json!({ "verdict": "policy_violation",
        "confidence": "high", "summary": "s", "findings": [], "missing": [], "indicators_version": "1" }))
    .unwrap();
    let evidence = investigation::case::SealedEvidence {
        location: "s3://evidence/x.zip".to_owned(),
        sha256: SHA.to_owned(),
        size: 1,
        sealed_at: Timestamp::now(),
    };
    let events = [
        Event::Identified { identity: Identity { host_name: format!("ws-{id}"), ..Identity::default() } },
        Event::Collected { outcomes: Vec::new(), staged: None },
        Event::Assessed { assessment: Box::new(assessment), proposal: Some(Box::new(proposal)) },
        Event::Sealed { evidence },
    ];
    for event in events {
        case = write(site, &case, event).await;
    }
    while let Some(act) = case.pending.iter().find(|pending| matches!(pending.effect, Effect::Act { .. })) {
        let effect = act.n;
        let delivery = Delivery::Accepted { receipt: "ok".to_owned() };
        case = write(site, &case, Event::Delivered { effect, delivery }).await;
    }
    assert!(case.is_closed(), "{case:#?}");
    case
}

pub(super) async fn write(site: &Site, case: &Case, event: Event) -> Case {
    let now = Timestamp::now();
    let step = case.advance(event, &site.policy(), now).unwrap();
    assert_eq!(site.store.commit(&step, now).await.unwrap(), Committed::Done);
    step.case
}

/// What somebody who may write the table puts there.
pub(super) async fn tampered(site: &Site, case_id: &str, change: impl FnOnce(&mut Case)) -> Case {
    let mut case = now(site, case_id).await;
    change(&mut case);
    case.version += 1;
    let step = investigation::case::Step {
        case,
        claims: Vec::new(),
        alert: None,
        alert_was: None,
        requeue: Vec::new(),
    };
    assert_eq!(site.store.commit(&step, Timestamp::now()).await.unwrap(), Committed::Done);
    step.case
}

pub(super) async fn now(site: &Site, case_id: &str) -> Case {
    site.store.case(case_id).await.unwrap().unwrap()
}

pub(super) fn said(case: &Case, id: &str, measures: &[u32]) -> Spoken {
    Spoken {
        id: format!("{id:0>16}"),
        case_id: case.id.clone(),
        word: Word::Approve,
        measures: measures.to_vec(),
        evidence_sha256: SHA.to_owned(),
        seen: Some(case.plan_sha256(measures, false)),
        said_at: Timestamp::from_second(Timestamp::now().as_second()).unwrap(),
        voucher: Voucher::Sts(StsProof::default()),
    }
}

/// The word as the holder of a key signs it for a deployment.
pub(super) async fn signed_for(site: &Site, deployment: &str, spoken: Spoken, key: &str) -> Spoken {
    let endpoint = StsEndpoint::of(&site.deployment).await.unwrap();
    let digest = spoken.digest(deployment);
    let token = (key == "ASIABERT").then(|| "bert/session+token==".to_owned());
    let keys = Credentials::new(key, secret(key), token, None, "test");
    let proof = StsProof::sign(&endpoint.bound(&spoken, &digest), keys).unwrap();
    Spoken { voucher: Voucher::Sts(proof), ..spoken }
}

pub(super) async fn signed(site: &Site, spoken: Spoken, key: &str) -> Spoken {
    signed_for(site, site.deployment.identity(), spoken, key).await
}

pub(super) async fn hand(site: &Site, spoken: &Spoken) -> Result<(), Undone> {
    let body = serde_json::to_string(&Message { spoken }).unwrap();
    site.progress(Role::Progress).handle(&body, soon()).await
}

pub(super) async fn approve(site: &Site, case: &Case, id: &str, key: &str) -> Case {
    let spoken = signed(site, said(case, id, &[1]), key).await;
    hand(site, &spoken).await.unwrap();
    now(site, &case.id).await
}

pub(super) fn stage(case: &Case) -> Stage {
    case.remediation.as_ref().unwrap().measures[0].stage
}

pub(super) fn refused(case: &Case, id: &str) -> String {
    let heard =
        case.heard(&format!("{id:0>16}")).unwrap_or_else(|| panic!("{id} was not heard: {:?}", case.heard));
    heard.refused.clone().unwrap_or_else(|| panic!("{id} was taken"))
}

/// Orders that change a machine and went out.
pub(super) fn orders(site: &Site, before: usize) -> usize {
    site.ssm.commands().len() - before
}
