//! Closed cases whose remediation goes on, and the limits that hold over all cases.

use std::sync::Arc;

use investigation::assess::{Assessment, Confidence, Verdict};
use investigation::case::{Case, Delivery, Effect, Event, NotDecided, Refused, SealedEvidence};
use investigation::evidence::Identity;
use investigation::policy::Policy;
use investigation::remediation::{
    Decision, Measure, MeasureOutcome, MeasureStatus, Proposal, Stage, Suggestion, Way, Why,
};

use super::{alert, at, open};
use crate::backend::{Backend, Committed};
use crate::remediate::{NotTaken, Word, decide, waiting};

const POLICY: &str = "
version = 1
[scope]
networks = ['10.0.0.0/8']
[actions]
policy_violation = ['ticket']
[remediation]
policy_violation = ['stop_process']
approvers = ['anna', 'bert']
per_hour = 1
";

fn policy() -> Policy {
    Policy::parse(POLICY).unwrap()
}

/// Applies an event and writes what comes of it.
async fn write<B: Backend>(store: &B, case: &Case, event: Event, seconds: i64) -> Case {
    let step = case.advance(event, &policy(), at(seconds)).unwrap();
    assert_eq!(store.commit(&step, at(seconds)).await.unwrap(), Committed::Done);
    step.case
}

/// A closed case with one measure that waits.
pub(super) async fn offered<B: Backend>(store: &B, id: &str, ip: &str) -> Case {
    let mut case = open(store, &alert(id, ip), at(0)).await;
    let measure = Measure::StopProcess { pid: 7, image: "/home/a/q".to_owned(), start_time: None };
    let why = Why { rule: "p2p.x".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 };
    let proposal = Proposal {
        host_name: format!("ws-{id}"),
        measures: vec![Suggestion { measure, why }],
        left_out: Vec::new(),
    };
    let assessment = Assessment {
        verdict: Verdict::PolicyViolation,
        confidence: Confidence::High,
        summary: String::new(),
        findings: Vec::new(),
        missing: Vec::new(),
        indicators_version: String::new(),
        basis: Default::default(),
    };
    let evidence =
        SealedEvidence { location: "x".to_owned(), sha256: "ab".repeat(32), size: 1, sealed_at: at(4) };
    let identity = Identity { host_name: format!("ws-{id}"), ..Identity::default() };
    let events = [
        Event::Identified { identity },
        Event::Collected { outcomes: Vec::new(), staged: None },
        Event::Assessed { assessment: Box::new(assessment), proposal: Some(Box::new(proposal)) },
        Event::Sealed { evidence },
    ];
    for (seconds, event) in (1..).zip(events) {
        case = write(store, &case, event, seconds).await;
    }
    while let Some(act) = case.pending.iter().find(|pending| matches!(pending.effect, Effect::Act { .. })) {
        let effect = act.n;
        let delivery = Delivery::Accepted { receipt: "ok".to_owned() };
        case = write(store, &case, Event::Delivered { effect, delivery }, 5).await;
    }
    assert!(case.is_closed());
    case
}

pub(super) fn decision(case: &Case, by: &str) -> Decision {
    Decision {
        by: by.to_owned(),
        how: Way::CommandLine,
        evidence_sha256: case.evidence.as_ref().unwrap().sha256.clone(),
        measures: Vec::new(),
    }
}

/// It is no open case to people, and is there for whoever looks for what is due; until nothing is left of it.
pub(super) async fn it_goes_on_after_the_case_is_closed<B: Backend>(store: &B) {
    let case = offered(store, "a1", "10.0.0.1").await;
    assert_eq!(store.open_cases().await.unwrap(), std::slice::from_ref(&case.id));
    assert!(store.cases(true, 10).await.unwrap().is_empty(), "nobody investigates it any more");
    assert_eq!(store.cases(false, 10).await.unwrap().len(), 1);
    assert_eq!(waiting(store, at(10)).await.unwrap().len(), 1);
    assert_eq!(store.case(&case.id).await.unwrap().unwrap(), case);

    let by = decision(&case, "anna");
    let ordered = decide(store, &case.id, Word::Approve, &by, &policy(), || at(10)).await.unwrap();
    assert_eq!(store.case(&case.id).await.unwrap().unwrap(), ordered);
    let slots = ordered.order_keys(&policy());
    let held = store.claims_on(&slots, at(11)).await.unwrap();
    assert_eq!(held.len(), 2, "an hour's and a day's: {held:?}");

    let effect = ordered.pending[0].n;
    let began = write(store, &ordered, Event::Began { effect }, 12).await;
    let outcome = MeasureOutcome {
        n: 1,
        status: MeasureStatus::Done,
        detail: "stopped".to_owned(),
        undo: None,
        at: at(12),
    };
    let done = write(store, &began, Event::Remediated { effect, outcomes: vec![outcome] }, 13).await;
    assert!(done.is_at_rest());
    assert!(store.open_cases().await.unwrap().is_empty());
    assert!(waiting(store, at(14)).await.unwrap().is_empty());
    let claims = store.claims(at(14)).await.unwrap();
    assert!(claims.iter().any(|claim| claim.key.as_str() == "ip#10.0.0.1"), "the cooldown stays: {claims:?}");
}

/// Two people approve two cases in one moment, and the policy has one order an hour.
pub(super) async fn of_two_orders_for_the_last_slot_one_goes_out<B: Backend>(store: Arc<B>) {
    let first = offered(&*store, "a1", "10.0.0.1").await;
    let second = offered(&*store, "a2", "10.0.0.2").await;
    let approve = |case: Case, by: &'static str| {
        let store = Arc::clone(&store);
        async move {
            let decision = decision(&case, by);
            decide(&*store, &case.id, Word::Approve, &decision, &policy(), || at(10)).await
        }
    };
    let (one, other) = tokio::join!(approve(first.clone(), "anna"), approve(second.clone(), "bert"));
    let refused = |taken: &Result<Case, NotTaken>| match taken {
        Err(NotTaken::Refused(Refused::NotDecided { why: NotDecided::Limit { key, .. }, .. })) => {
            *key == "per_hour"
        }
        _ => false,
    };
    assert!(one.is_ok() && refused(&other) || other.is_ok() && refused(&one), "{one:?} {other:?}");
    let mut stages = Vec::new();
    for id in [&first.id, &second.id] {
        let case = store.case(id).await.unwrap().unwrap();
        stages.push(case.remediation.unwrap().measures[0].stage);
    }
    assert!(stages.contains(&Stage::Ordered) && stages.contains(&Stage::Proposed), "{stages:?}");
    // An hour later the other may.
    let late = if one.is_ok() { second } else { first };
    let by = decision(&late, "anna");
    assert!(decide(&*store, &late.id, Word::Approve, &by, &policy(), || at(10 + 3600)).await.is_ok());
}
