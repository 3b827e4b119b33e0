//! What a bad network and a busy service do to a call, and how many calls there are.

use investigation::case::Disposition;

use super::proxy::{Fate, Proxy};
use super::tables::through;
use super::*;

/// The first `bad` calls of an operation meet with a fate, and the others pass.
fn first(bad: u32, operation: &'static str, fate: Fate) -> impl FnMut(&str) -> Fate + Send {
    let mut met = 0;
    move |called| {
        if called != operation || met == bad {
            return Fate::Pass;
        }
        met += 1;
        fate
    }
}

async fn touched(store: &Aws, key: &ClaimKey) -> u64 {
    store.claim_on(key).await.unwrap().unwrap().touched
}

/// One lost answer is repeated by the SDK, five by the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_whose_answer_is_lost_is_written_once() {
    let Some(emulated) = Emulated::start() else { return };
    for lost in [1, 5] {
        let store = emulated.fresh();
        let proxy = Proxy::to(emulated.endpoint(), first(lost, "TransactWriteItems", Fate::AnswerLost)).await;
        let case = open(&through(&store, proxy.endpoint()), &alert("a1", "10.0.0.1"), at(0)).await;
        assert_eq!(touched(&store, &ClaimKey::ip(case.target)).await, 1, "written again");
        assert_eq!(store.case(&case.id).await.unwrap(), Some(case));
        assert_eq!(proxy.calls()["TransactWriteItems"], lost + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_stays_away_is_an_error_that_passes() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let proxy = Proxy::to(emulated.endpoint(), |_| Fate::AnswerLost).await;
    store.take_in(vec![received(&alert("a1", "10.0.0.1"))], at(0)).await.unwrap();
    let step = opening(&alert("a1", "10.0.0.1"), at(0));
    let error = through(&store, proxy.endpoint()).commit(&step, at(0)).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    assert_eq!(proxy.calls()["TransactWriteItems"], 8);
    // It was written all the same, once, and whoever comes again is told so.
    assert_eq!(store.commit(&step, at(0)).await.unwrap(), Committed::Stale);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_and_throttling_are_waited_out_up_to_a_bound() {
    let Some(emulated) = Emulated::start() else { return };
    for (fate, bad) in [(Fate::Conflict, 3), (Fate::Throttled, 6)] {
        let store = emulated.fresh();
        let proxy = Proxy::to(emulated.endpoint(), first(bad, "TransactWriteItems", fate)).await;
        open(&through(&store, proxy.endpoint()), &alert("a1", "10.0.0.1"), at(0)).await;
        assert_eq!(proxy.calls()["TransactWriteItems"], bad + 1);
    }
    let store = emulated.fresh();
    let proxy = Proxy::to(emulated.endpoint(), first(u32::MAX, "TransactWriteItems", Fate::Conflict)).await;
    let step = opening(&alert("a1", "10.0.0.1"), at(0));
    let error = through(&store, proxy.endpoint()).commit(&step, at(0)).await.unwrap_err();
    assert!(error.is_passing() && error.to_string().contains("TransactionConflict"), "{error}");
    assert_eq!(proxy.calls()["TransactWriteItems"], 10);
    assert!(store.case(&step.case.id).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_table_is_an_error_that_passes_for_every_call() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let proxy = Proxy::to(emulated.endpoint(), |_| Fate::Throttled).await;
    let throttled = through(&store, proxy.endpoint());
    let key = ClaimKey::ip("10.0.0.1".parse().unwrap());
    let errors = [
        throttled.take_in(vec![received(&alert("a1", "10.0.0.1"))], at(0)).await.unwrap_err(),
        throttled.case("ph-x").await.unwrap_err(),
        throttled.cases(false, 10).await.unwrap_err(),
        throttled.open_cases().await.unwrap_err(),
        throttled.claims_on(std::slice::from_ref(&key), at(0)).await.unwrap_err(),
        throttled.release(&key, at(0)).await.unwrap_err(),
        throttled.hold("ph-x").await.err().unwrap(),
        throttled.count_batch("ph-x", &key, &["a".to_owned()], at(0)).await.unwrap_err(),
        throttled.look_up(&["10.0.0.1".parse().unwrap()], at(0)).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_passing() && error.to_string().contains("ThrottlingException"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_whose_answer_is_lost_is_held_and_let_go() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let proxy = Proxy::to(emulated.endpoint(), first(1, "UpdateItem", Fate::AnswerLost)).await;
    let shaky = through(&store, proxy.endpoint());
    let hold = shaky.hold("ph-x").await.unwrap();
    assert!(hold.is_some() && store.hold("ph-x").await.unwrap().is_none());
    drop(hold);
    shaky.flush().await;
    assert!(store.hold("ph-x").await.unwrap().is_some());
}

/// What the costs in the documentation are reckoned from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calls_are_as_few_as_they_are_said_to_be() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let proxy = Proxy::to(emulated.endpoint(), |_| Fate::Pass).await;
    let counted = through(&store, proxy.endpoint());
    let calls = || proxy.calls().into_iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>();

    counted.take_in(vec![received(&alert("a1", "10.0.0.1"))], at(0)).await.unwrap();
    assert_eq!(calls(), ["PutItem 1"]);
    let step = opening(&alert("a1", "10.0.0.1"), at(0));
    assert_eq!(counted.commit(&step, at(0)).await.unwrap(), Committed::Done);
    assert_eq!(calls(), ["TransactWriteItems 1"], "a new claim with its case");
    let again = opening(&alert("a2", "10.0.0.1"), at(1));
    assert!(matches!(counted.commit(&again, at(1)).await.unwrap(), Committed::Held(_)));
    assert_eq!(calls(), ["TransactWriteItems 1"], "a claim in the way");
    counted.take_in(vec![received(&alert("a2", "10.0.0.1"))], at(1)).await.unwrap();
    calls();
    let key = ClaimKey::ip(step.case.target);
    let case_id = step.case.id.clone();
    let suppressed = Disposition::Suppressed { key: key.clone(), case_id, until: at(7200) };
    counted.settle("a2", &suppressed, at(1)).await.unwrap();
    assert_eq!(calls(), ["TransactWriteItems 1"], "a repeat that is settled");
    counted.settle("a2", &suppressed, at(2)).await.unwrap();
    assert_eq!(calls(), ["TransactWriteItems 1"], "the same again");
    let ids: Vec<String> = (0..1000).map(|n| format!("{n:064x}")).collect();
    counted.count_batch(&step.case.id, &key, &ids, at(2)).await.unwrap();
    assert_eq!(calls(), ["BatchWriteItem 1"], "a thousand repeats in a batch");
    let ips: Vec<_> = (0..50).map(|n| std::net::IpAddr::from([10, 0, 0, n])).collect();
    counted.look_up(&ips, at(2)).await.unwrap();
    assert_eq!(calls(), ["BatchGetItem 1"], "fifty machines");
    drop(counted.hold(&step.case.id).await.unwrap());
    counted.flush().await;
    assert_eq!(calls(), ["DeleteItem 1", "UpdateItem 1"], "a hold");
    let began = step.case.advance(Event::Began { effect: 1 }, &policy(), at(3)).unwrap();
    assert_eq!(counted.commit(&began, at(3)).await.unwrap(), Committed::Done);
    assert_eq!(calls(), ["TransactWriteItems 1"], "a step");
    let waits = began.case.advance(unreachable(), &policy(), at(4)).unwrap();
    assert_eq!(counted.commit(&waits, at(4)).await.unwrap(), Committed::Done);
    assert_eq!(calls(), ["TransactWriteItems 1"], "a step that gives its claim up");
    let again =
        waits.case.advance(Event::Began { effect: waits.case.pending[0].n }, &policy(), at(900)).unwrap();
    assert_eq!(counted.commit(&again, at(900)).await.unwrap(), Committed::Done);
    assert_eq!(calls(), ["TransactWriteItems 1"], "a case that waited goes on");
}
