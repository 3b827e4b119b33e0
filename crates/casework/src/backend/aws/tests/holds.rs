//! Holds: one owner at a time, and no longer than it lives.

use std::time::Duration;

use super::*;

const CASE: &str = "ph-20260302-aaaaaaaa";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hold_of_a_worker_that_died_runs_out() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let short = store.clone().with_hold(Duration::from_millis(400));
    std::mem::forget(short.hold(CASE).await.unwrap().unwrap());
    assert!(store.hold(CASE).await.unwrap().is_none());
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert!(store.hold(CASE).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lets_go_too_late_takes_nothing_from_the_next_owner() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let short = store.clone().with_hold(Duration::from_millis(50));
    let late = short.hold(CASE).await.unwrap();
    tokio::time::sleep(Duration::from_millis(80)).await;
    let next = store.hold(CASE).await.unwrap();
    assert!(late.is_some() && next.is_some());
    drop(late);
    store.flush().await;
    assert!(store.hold(CASE).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_let_go_is_free_for_every_process_once_it_is_flushed() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let elsewhere = tables::through(&store, emulated.endpoint());
    let held = store.hold(CASE).await.unwrap();
    assert!(elsewhere.hold(CASE).await.unwrap().is_none());
    drop(held);
    store.flush().await;
    assert!(elsewhere.hold(CASE).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_workers_one_gets_the_hold() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let other = tables::through(&store, emulated.endpoint());
            tokio::spawn(async move { other.hold(CASE).await.unwrap() })
        })
        .collect();
    let mut held = Vec::new();
    for task in tasks {
        held.extend(task.await.unwrap());
    }
    assert_eq!(held.len(), 1);
}
