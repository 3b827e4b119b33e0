//! Counting and looking up by the batch.

use std::net::IpAddr;

use investigation::case::Disposition;

use super::super::Standing;
use super::*;

fn ids(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| format!("{n:064x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_counted_by_the_batch_are_counted_once_each() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let case = open(&store, &alert("a1", "10.0.0.1"), at(0)).await;
    let key = ClaimKey::ip(case.target);
    for (batch, now) in [(ids(0..10), 1), (ids(0..10), 1), (ids(5..15), 2), (ids(0..10), 3), (Vec::new(), 4)]
    {
        store.count_batch(&case.id, &key, &batch, at(now)).await.unwrap();
    }
    let twice = vec!["x".to_owned(), "x".to_owned()];
    store.count_batch(&case.id, &key, &twice, at(5)).await.unwrap();
    // One of them was stored and settled by itself, too.
    store.take_in(vec![received(&alert("x", "10.0.0.1"))], at(6)).await.unwrap();
    let suppressed = Disposition::Suppressed { key: key.clone(), case_id: case.id.clone(), until: at(7200) };
    store.settle("x", &suppressed, at(6)).await.unwrap();
    let (count, listed) = store.suppressed(&case.id).await.unwrap();
    assert_eq!((count, listed.len(), listed[0].alert_id.as_str()), (16, 16, "x"));
    assert_eq!(listed[0].key, key);
    assert_eq!(store.cases(true, 10).await.unwrap()[0].suppressed, 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_ids_than_one_item_takes_are_counted_all() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let case = open(&store, &alert("a1", "10.0.0.1"), at(0)).await;
    let key = ClaimKey::ip(case.target);
    store.count_batch(&case.id, &key, &ids(0..10_000), at(1)).await.unwrap();
    let (count, listed) = store.suppressed(&case.id).await.unwrap();
    assert_eq!((count, listed.len()), (10_000, 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_users_claim_is_not_counted_on_by_the_batch() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let user = ClaimKey::stored("user#corp\\alice".to_owned());
    store.count_batch("ph-x", &user, &ids(0..1), at(0)).await.unwrap_err();
    assert_eq!(store.suppressed("ph-x").await.unwrap().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_machines_stand_is_looked_up_by_the_batch() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let held = open(&store, &alert("held", "10.0.0.1"), at(0)).await;
    let waiting = open(&store, &alert("waiting", "10.0.0.2"), at(0)).await;
    let waits = waiting.advance(unreachable(), &policy(), at(1)).unwrap();
    assert_eq!(store.commit(&waits, at(1)).await.unwrap(), Committed::Done);
    let failed = open(&store, &alert("failed", "10.0.0.3"), at(0)).await;
    let fails = failed.advance(refused(), &policy(), at(1)).unwrap();
    assert_eq!(store.commit(&fails, at(1)).await.unwrap(), Committed::Done);

    let mut ips: Vec<IpAddr> = (1..=250).map(|n| IpAddr::from([10, 0, 0, n])).collect();
    let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
    ips.extend([mapped, held.target]);
    let found = store.look_up(&ips, at(2)).await.unwrap();
    assert_eq!(found.len(), 251);
    match &found[&held.target] {
        Standing::Held { claim, opened_by_alert } => {
            assert_eq!((claim.case_id.as_str(), opened_by_alert.as_str()), (held.id.as_str(), "held"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(found[&mapped], found[&held.target]);
    assert_eq!(found[&waiting.target], Standing::Waiting { case_id: waiting.id.clone() });
    assert_eq!(found.values().filter(|standing| **standing == Standing::Free).count(), 248);

    let later = store.look_up(&[held.target, waiting.target], at(7200)).await.unwrap();
    assert_eq!(later[&held.target], Standing::Free, "a claim that ran out is in the way");
    assert!(store.look_up(&[], at(0)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_policy_decided_on_a_batch_is_kept_for_a_while() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh().with_retention(std::time::Duration::from_secs(60));
    let exempt = Disposition::Exempt { what: "10.0.9.0/24".to_owned(), reason: "scanner".to_owned() };
    let ip = "10.0.9.1".parse().unwrap();
    for _ in 0..2 {
        store.settled_batch(ip, &exempt, &ids(0..3), at(0)).await.unwrap();
    }
    let items = store.client.scan().table_name(&*store.cases).send().await.unwrap().items.unwrap();
    assert_eq!(items.len(), 1, "told twice, kept once");
    assert_eq!(items[0]["pk"].as_s().unwrap(), "settled#10.0.9.1");
    assert_eq!(items[0]["ids"].as_ss().unwrap().len(), 3);
    assert_eq!(items[0]["ttl"].as_n().unwrap(), &(at(60).as_second().to_string()));
    let kept: Disposition = serde_json::from_str(items[0]["disposition"].as_s().unwrap()).unwrap();
    assert_eq!(kept, exempt);
}
