//! The contract, and what is special about a file on a disk.

use std::sync::atomic::{AtomicU32, Ordering};

use super::super::contract;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let count = AtomicU32::new(0);
    let fresh = || Local::open(&dir.path().join(count.fetch_add(1, Ordering::Relaxed).to_string())).unwrap();
    contract::keeps(fresh).await;
}

#[tokio::test]
async fn more_alerts_wait_again_than_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    contract::all_of_many_wait_again(&Local::open(dir.path()).unwrap(), 1050).await;
}

#[tokio::test]
async fn what_is_written_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = Local::open(dir.path()).unwrap();
    let unread = super::super::Unread { reason: "x".to_owned(), original: "y".to_owned() };
    let record = Received { id: "bad".to_owned(), origin: "here".to_owned(), content: Err(unread) };
    store.take_in(vec![record], Timestamp::UNIX_EPOCH).await.unwrap();
    drop(store);
    assert_eq!(Local::open(dir.path()).unwrap().review(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn cases_since_a_moment_are_the_latest_and_no_older_ones() {
    let dir = tempfile::tempdir().unwrap();
    let store = Local::open(dir.path()).unwrap();
    let first = contract::open(&store, &contract::alert("a1", "10.0.0.1"), contract::at(0)).await;
    let second = contract::open(&store, &contract::alert("a2", "10.0.0.2"), contract::at(60)).await;
    let ids = async |since, limit| -> Vec<String> {
        store.cases_since(since, limit).await.unwrap().into_iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(contract::at(0), 10).await, [second.id.clone(), first.id]);
    assert_eq!(ids(contract::at(0), 1).await, std::slice::from_ref(&second.id));
    assert_eq!(ids(contract::at(1), 10).await, [second.id]);
    assert!(ids(contract::at(61), 10).await.is_empty());
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(Local::open(dir.path()).unwrap());
    let path = dir.path().join("peerhound.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    match Local::open(dir.path()) {
        Err(StoreError::Newer { found: 99, known: 2, .. }) => {}
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn a_file_that_is_no_database_is_named_as_such() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("peerhound.db"), "not a database, and long enough to be looked at")
        .unwrap();
    assert!(matches!(Local::open(dir.path()), Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn a_hold_is_seen_by_another_handle_on_the_same_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (Local::open(dir.path()).unwrap(), Local::open(dir.path()).unwrap());
    let hold = one.hold("c").await.unwrap();
    assert!(hold.is_some() && two.hold("c").await.unwrap().is_none());
    drop(hold);
    assert!(two.hold("c").await.unwrap().is_some());
}

/// Two programs on one folder: each has a connection of its own, and nothing but the database between them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_claimers_through_two_connections_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let handles = [0, 1].map(|_| Arc::new(Local::open(dir.path()).unwrap()));
    contract::races::of_many_claimers_one_wins(&handles).await;
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_look_inside() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(Local::open(&data).unwrap());
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
}
