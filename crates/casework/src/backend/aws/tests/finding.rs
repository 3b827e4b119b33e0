//! Finding what a person or the sweep asks for.

use investigation::case::Disposition;

use super::super::{CommandEntry, SentCommand};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suppressed_alert_is_found_on_its_case_however_it_was_counted() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let case = open(&store, &alert("a1", "10.0.0.1"), at(0)).await;
    let key = ClaimKey::ip(case.target);
    let (single, batched) = (format!("{:064x}", 0xaa_u8), "0123456789abcdef".repeat(4));
    store.take_in(vec![received(&alert(&single, "10.0.0.1"))], at(1)).await.unwrap();
    let suppressed = Disposition::Suppressed { key: key.clone(), case_id: case.id.clone(), until: at(7200) };
    store.settle(&single, &suppressed, at(1)).await.unwrap();
    store.count_batch(&case.id, &key, &[batched.clone(), "other".to_owned()], at(2)).await.unwrap();
    for (asked, meant, when) in
        [(single.as_str(), &single, 1), (&batched, &batched, 2), ("01234567", &batched, 2)]
    {
        let found = store.find_suppressed(asked).await.unwrap();
        assert_eq!(found.len(), 1, "{asked}: {found:?}");
        let (owner, listed) = &found[0];
        assert_eq!((owner, &listed.alert_id, &listed.key, listed.at), (&case.id, meant, &key, at(when)));
    }
    for asked in ["0123456", "nothing", "", "a1"] {
        assert!(store.find_suppressed(asked).await.unwrap().is_empty(), "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_cases_are_due_the_longest_overdue_first() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let waits = open(&store, &alert("waits", "10.0.0.1"), at(0)).await;
    let fresh = open(&store, &alert("fresh", "10.0.0.2"), at(50)).await;
    let closed = open(&store, &alert("closed", "10.0.0.3"), at(0)).await;
    let step = waits.advance(unreachable(), &policy(), at(1)).unwrap();
    assert_eq!(store.commit(&step, at(1)).await.unwrap(), Committed::Done);
    let again = step.case.next_due().unwrap();
    let step = closed.advance(refused(), &policy(), at(1)).unwrap();
    assert_eq!(store.commit(&step, at(1)).await.unwrap(), Committed::Done);
    assert!(again > at(50));
    let open: Vec<String> = store.open().await.unwrap().into_iter().map(|case| case.id).collect();
    assert_eq!(open, [waits.id.clone(), fresh.id.clone()]);
    assert!(store.due_cases(at(49), 10).await.unwrap().is_empty());
    assert_eq!(store.due_cases(at(50), 10).await.unwrap(), std::slice::from_ref(&fresh.id));
    assert_eq!(store.due_cases(again, 10).await.unwrap(), [fresh.id.clone(), waits.id]);
    assert_eq!(store.due_cases(again, 1).await.unwrap(), [fresh.id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_remembered_with_its_orders() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    let entry = |n| CommandEntry { case_id: format!("ph-20260302-{n:08}"), effect: n, attempt: 2 };
    let entries: Vec<CommandEntry> = (0..200).map(entry).collect();
    store.put_command("0a1b-2c", "mi-0123456789abcdef0", entries.clone(), at(0)).await.unwrap();
    let sent = SentCommand { node: "mi-0123456789abcdef0".to_owned(), entries, sent_at: at(0) };
    assert_eq!(store.command("0a1b-2c").await.unwrap(), Some(sent));
    assert_eq!(store.command("another").await.unwrap(), None);
    assert_eq!(store.command("").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_that_opened_nothing_may_be_forgotten_and_those_that_wait_may_not() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh().with_retention(std::time::Duration::from_secs(60));
    let ttl = async |id: &str| {
        let item = store.get(super::super::call::Table::Cases, super::super::item::alert_key(id)).await;
        item.unwrap().unwrap().get("ttl").map(|ttl| ttl.as_n().unwrap().parse::<i64>().unwrap())
    };
    let owner = open(&store, &alert("owner", "10.0.0.1"), at(0)).await;
    let user = ClaimKey::stored("user#corp\\alice".to_owned());
    let step = claiming_user(&owner, &user, at(0));
    assert_eq!(store.commit(&step, at(0)).await.unwrap(), Committed::Done);
    store.take_in(vec![received(&alert("s", "10.0.0.2"))], at(1)).await.unwrap();
    assert_eq!((ttl("owner").await, ttl("s").await), (None, None));
    let suppressed = Disposition::Suppressed { key: user, case_id: owner.id, until: at(7200) };
    store.settle("s", &suppressed, at(2)).await.unwrap();
    assert_eq!(ttl("s").await, Some(at(62).as_second()));
    let gives_up = step.case.advance(refused(), &policy(), at(3)).unwrap();
    assert_eq!(store.commit(&gives_up, at(3)).await.unwrap(), Committed::Done);
    assert_eq!(ttl("s").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_senders_own_id_may_be_anything() {
    let Some(emulated) = Emulated::start() else { return };
    let store = emulated.fresh();
    for (id, event_id) in
        [("empty", String::new()), ("long", "e".repeat(5000)), ("odd", "#\u{0}\"'".to_owned())]
    {
        let mut alert = alert(id, "10.0.0.1");
        alert.event_id = Some(event_id.clone());
        store.take_in(vec![received(&alert)], at(0)).await.unwrap();
        assert_eq!(store.alert(&event_id).await.unwrap().len(), usize::from(id == "odd"), "{id}");
    }
    assert_eq!(store.waiting(10).await.unwrap().len(), 3);
}
