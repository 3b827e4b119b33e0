use super::*;
use crate::evidence::ArtifactKind;
use crate::order::Limits;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn order(case_id: &str, effect: u32) -> RelayOrder {
    RelayOrder {
        order: Order {
            case_id: case_id.to_owned(),
            target: "10.0.0.5".parse().unwrap(),
            task: Task::Collect { artifacts: ArtifactKind::ALL.to_vec(), limits: Limits::default() },
        },
        effect,
        attempt: 1,
        timeout_seconds: 60,
        upload: Upload {
            url: format!("https://b.example/staging/{case_id}/{effect}-1/bundle.zip?X-Amz-Signature=5ec3e7"),
            headers: BTreeMap::from([
                ("content-type".to_owned(), "application/zip".to_owned()),
                ("if-none-match".to_owned(), "*".to_owned()),
            ]),
        },
    }
}

fn batch() -> OrderBatch {
    OrderBatch {
        format: BATCH_FORMAT.to_owned(),
        relay: "site-1".to_owned(),
        issued_at: now() - SignedDuration::from_secs(5),
        expires_at: now() + SignedDuration::from_hours(1),
        orders: vec![order("20260301-abc", 1), order("20260301-abc", 2), order("20260301-def", 1)],
    }
}

fn said(batch: &OrderBatch) -> String {
    let faults = batch.faults(now());
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(lines.iter().all(|line| !line.contains('\n') && line.len() < 300), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("5ec3e7")), "{lines:?}");
    assert_eq!(batch.check(now()).err(), faults.into_iter().next());
    lines.join("\n")
}

#[test]
fn a_batch_is_read_as_it_is_written() {
    let batch = batch();
    let read = OrderBatch::parse(&serde_json::to_vec(&batch).unwrap()).unwrap();
    assert_eq!(read, batch);
    assert_eq!(read.faults(now()), []);
}

#[test]
fn only_this_format_is_read_and_nothing_rides_along() {
    let mut value = serde_json::to_value(batch()).unwrap();
    value["format"] = "peerhound-orders/2\n".into();
    let error = OrderBatch::parse(value.to_string().as_bytes()).unwrap_err();
    assert!(matches!(&error, BatchError::Format(format) if format == "peerhound-orders/2\\n"), "{error}");

    for pointer in ["", "/orders/0", "/orders/0/order", "/orders/0/order/task", "/orders/0/upload"] {
        let mut value = serde_json::to_value(batch()).unwrap();
        value.pointer_mut(pointer).unwrap()["command"] = "5ec3e7".into();
        let error = OrderBatch::parse(value.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, BatchError::Unreadable { .. }), "{pointer}: {error}");
        assert!(!error.to_string().contains("5ec3e7"));
    }
    assert!(matches!(OrderBatch::parse(b"[1"), Err(BatchError::Unreadable { .. })));
    let large = vec![b' '; MAX_BATCH_BYTES as usize + 1];
    assert!(matches!(OrderBatch::parse(&large), Err(BatchError::TooLarge)));
}

#[test]
fn an_expired_batch_is_refused_to_the_second() {
    let mut batch = batch();
    batch.expires_at = now() + SignedDuration::from_secs(1);
    assert_eq!(said(&batch), "");
    batch.expires_at = now();
    assert!(said(&batch).contains("expired at 2026-03-01T12:00:00Z"), "{}", said(&batch));
}

#[test]
fn a_batch_from_the_future_or_for_ever_is_refused() {
    let mut future = batch();
    future.issued_at = now() + SignedDuration::from_mins(6);
    assert!(said(&future).contains("clock"), "{}", said(&future));
    let mut endless = batch();
    endless.expires_at = now() + SignedDuration::from_hours(8 * 24);
    assert!(said(&endless).contains("7 days"), "{}", said(&endless));
    let mut backward = batch();
    backward.expires_at = backward.issued_at;
    assert!(said(&backward).contains("7 days"), "{}", said(&backward));
}

#[test]
fn the_number_of_orders_is_bounded() {
    let mut most = batch();
    most.orders = (0..200).map(|n| order("c", n)).collect();
    assert_eq!(said(&most), "");
    most.orders.push(order("c", 200));
    assert_eq!(said(&most), "the batch has 201 orders, more than 200");
    most.orders.clear();
    assert_eq!(said(&most), "the batch has no orders");
}

#[test]
fn the_same_try_twice_is_refused() {
    let mut twice = batch();
    twice.orders[2] = order("20260301-abc", 2);
    assert_eq!(said(&twice), "order 2 is there twice: case 20260301-abc, effect 2, attempt 1");
    let mut place = batch();
    place.orders[2].upload.url = place.orders[0].upload.url.replace("5ec3e7", "00");
    assert_eq!(said(&place), "order 2 uploads to the place of another order");
}

#[test]
fn what_is_wrong_with_an_order_is_named() {
    type Change = fn(&mut RelayOrder);
    let wrong: [(Change, &str); 12] = [
        (|o| o.order.case_id = "../../etc".to_owned(), "case id"),
        (|o| o.order.case_id = String::new(), "case id"),
        (|o| o.timeout_seconds = 0, "timeout_seconds = 0"),
        (|o| o.timeout_seconds = u64::MAX, "timeout_seconds"),
        (|o| o.upload.url = "http://b.example/k?5ec3e7".to_owned(), "not https"),
        (|o| drop(o.upload.headers.insert("host".to_owned(), "x".to_owned())), "host"),
        (|o| drop(o.upload.headers.insert("X-Upper".to_owned(), "x".to_owned())), "X-Upper"),
        (|o| drop(o.upload.headers.insert("x-a".to_owned(), "a\r\nb: c".to_owned())), "x-a"),
        (
            |o| drop(o.upload.headers.insert("a\nb".to_owned(), "x".to_owned())),
            "a character that no header has",
        ),
        (
            |o| drop(o.upload.headers.insert(o.upload.url.clone(), "x".to_owned())),
            "a character that no header has",
        ),
        (
            |o| o.order.task = Task::Collect { artifacts: Vec::new(), limits: Limits::default() },
            "collects nothing",
        ),
        (
            |o| o.order.task = Task::Undo { host_name: "laptop".to_owned(), measures: Vec::new() },
            "changes nothing",
        ),
    ];
    for (change, what) in wrong {
        let mut batch = batch();
        change(&mut batch.orders[1]);
        let said = said(&batch);
        assert!(said.starts_with("order 1 ") && said.contains(what), "{what}: {said}");
    }
    let mut nameless = batch();
    nameless.relay = "Site 1".to_owned();
    assert!(said(&nameless).contains("names no relay"));
}

#[test]
fn a_batch_is_not_printed_with_its_urls() {
    assert!(!format!("{:?}", batch()).contains("5ec3e7"));
}
