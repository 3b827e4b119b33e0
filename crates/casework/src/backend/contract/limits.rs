//! Limits on mails and on actions of the site's own: slots that are claimed in the write which begins one.

use investigation::assess::{Assessment, Confidence, Verdict};
use investigation::case::{Case, Delivery, Event, SealedEvidence};
use investigation::evidence::Identity;
use investigation::policy::Policy;
use jiff::Timestamp;

use super::{alert, at, open};
use crate::backend::{Backend, Committed};

fn policy() -> Policy {
    let text = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[mail]\nsoc = ['soc@example.com']\n\
                [actions]\ninconclusive = ['mail_soc']\n[actions.limits]\nmails_per_hour = 2\n";
    Policy::parse(text).unwrap()
}

/// One action for each case, twice an hour.
fn own() -> Policy {
    let text = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[actions]\ninconclusive = ['action:soar']\n\
                [[action]]\nname = 'soar'\nkind = 'http'\nurl = 'https://x.example/'\nper_hour = 2\n";
    Policy::parse(text).unwrap()
}

/// A case that has one thing to deliver, sealed at second 3.
async fn acting<B: Backend>(store: &B, policy: &Policy, id: &str, machine: &str) -> Case {
    let mut case = open(store, &alert(id, machine), at(0)).await;
    let assessment = Assessment {
        verdict: Verdict::Inconclusive,
        confidence: Confidence::Low,
        summary: String::new(),
        findings: Vec::new(),
        missing: Vec::new(),
        indicators_version: "1".to_owned(),
        basis: Default::default(),
    };
    let evidence =
        SealedEvidence { location: "x.zip".to_owned(), sha256: "00".to_owned(), size: 1, sealed_at: at(3) };
    for event in [
        Event::Identified { identity: Identity::default() },
        Event::Collected { outcomes: Vec::new(), staged: None },
        Event::Assessed { assessment: Box::new(assessment), proposal: None },
        Event::Sealed { evidence },
    ] {
        let step = case.advance(event, policy, at(3)).unwrap();
        assert_eq!(store.commit(&step, at(3)).await.unwrap(), Committed::Done);
        case = step.case;
    }
    assert_eq!(case.pending.len(), 1, "{:?}", case.pending);
    case
}

/// Begins what the case delivers as a worker does, with what it read of the slots.
async fn begin<B: Backend>(
    store: &B,
    policy: &Policy,
    case: &Case,
    looks: bool,
    now: Timestamp,
) -> (Committed, Case) {
    let effect = case.pending[0].n;
    let slots = case.limit_slots(effect, policy);
    assert_eq!(slots.len(), 2);
    let held = if looks { store.claims_on(&slots, now).await.unwrap() } else { Vec::new() };
    let step = case.advance(Event::SlotsRead { effect, held }, policy, now).unwrap();
    (store.commit(&step, now).await.unwrap(), step.case)
}

pub(super) async fn no_number_of_workers_exceeds_a_limit<B: Backend>(store: &B) {
    let policy = &policy();
    let first = acting(store, policy, "a1", "10.0.0.1").await;
    let second = acting(store, policy, "a2", "10.0.0.2").await;
    let third = acting(store, policy, "a3", "10.0.0.3").await;
    let started = |case: &Case| case.pending.first().is_some_and(|pending| pending.started);

    let (committed, begun) = begin(store, policy, &first, true, at(10)).await;
    assert!(committed == Committed::Done && started(&begun));
    // One that looked before the other wrote wants the same slot, and is refused as a whole.
    let (committed, _) = begin(store, policy, &second, false, at(11)).await;
    assert!(matches!(&committed, Committed::Held(claim) if claim.key.is_limit()), "{committed:?}");
    assert_eq!(store.case(&second.id).await.unwrap().unwrap(), second);
    let (committed, begun) = begin(store, policy, &second, true, at(12)).await;
    assert!(committed == Committed::Done && started(&begun));
    // A second try of the same mail takes no second slot.
    assert!(begun.limit_slots(begun.pending[0].n, policy).is_empty());

    let (committed, waits) = begin(store, policy, &third, true, at(13)).await;
    assert!(committed == Committed::Done && !started(&waits));
    assert_eq!(waits.pending[0].not_before, at(10 + 3600));
    assert!(waits.actions[0].detail.contains("the limit of 2 mails in an hour"), "{:?}", waits.actions);
    let listed = store.claims(at(14)).await.unwrap();
    assert_eq!(listed.len(), 3, "a slot is listed among machines and users: {listed:?}");

    let (committed, begun) = begin(store, policy, &waits, true, at(10 + 3600)).await;
    assert!(committed == Committed::Done && started(&begun));
}

/// A server that asks for another try every time is not asked more often than the policy says, and no other case gets the
/// turns that it has used up.
pub(super) async fn each_try_of_a_sites_own_action_counts<B: Backend>(store: &B) {
    let policy = &own();
    let first = acting(store, policy, "a1", "10.0.0.1").await;
    let second = acting(store, policy, "a2", "10.0.0.2").await;
    let mut case = first;
    for round in 0..2 {
        let now = at(100 * (round + 1));
        let (committed, begun) = begin(store, policy, &case, true, now).await;
        assert!(committed == Committed::Done && begun.pending[0].started);
        let delivery = Delivery::NotAccepted { why: "429".to_owned(), retry_after: None };
        let event = Event::Delivered { effect: begun.pending[0].n, delivery };
        let step = begun.advance(event, policy, now).unwrap();
        assert_eq!(store.commit(&step, now).await.unwrap(), Committed::Done);
        case = step.case;
    }
    for case in [&case, &second] {
        let (committed, waits) = begin(store, policy, case, true, at(1000)).await;
        assert!(committed == Committed::Done && !waits.pending[0].started);
        assert_eq!(waits.pending[0].not_before, at(100 + 3600), "until the first try is an hour old");
        let detail = &waits.actions[0].detail;
        assert!(detail.contains("the limit of 2 tries of action:soar in an hour"), "{detail}");
    }
}
