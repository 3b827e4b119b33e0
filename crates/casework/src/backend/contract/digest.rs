//! What a digest is read from, on every store alike.

use std::collections::{BTreeMap, HashSet};

use investigation::case::Disposition;
use investigation::claim::ClaimKey;
use investigation::digest::daily::{Mailing, Turn};
use investigation::digest::{AlertLine, Window};
use jiff::SignedDuration;

use super::super::ledger::Ledger;
use super::super::{Received, Unread};
use super::{alert, at, open, received, refused};

fn window(from: i64, to: i64) -> Window {
    Window::new(at(from), at(to), SignedDuration::from_hours(96), at(1_000_000)).unwrap()
}

async fn told(store: &impl Ledger, window: Window) -> Vec<AlertLine> {
    let mut lines = Vec::new();
    store.tell_alerts(window, &mut |line| lines.push(line)).await.unwrap();
    lines
}

/// How many alerts there are of each outcome.
async fn counted(store: &impl Ledger, window: Window) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for line in told(store, window).await {
        *counted.entry(line.disposition.as_str().to_owned()).or_default() += line.alerts;
    }
    counted
}

fn counts(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
}

pub(super) async fn each_alert_and_case_of_a_time_is_told_once<B: Ledger>(store: &B) {
    let owner = open(store, &alert("a1", "10.0.0.1"), at(0)).await;
    let failed = open(store, &alert("a2", "10.0.0.2"), at(10)).await;
    let step = failed.advance(refused(), &super::policy(), at(11)).unwrap();
    store.commit(&step, at(11)).await.unwrap();
    let until = at(7200);
    let settled = [
        ("s1", Disposition::Suppressed { key: ClaimKey::ip(owner.target), case_id: owner.id.clone(), until }),
        (
            "s2",
            Disposition::Suppressed {
                key: ClaimKey::stored("user#corp\\al".into()),
                case_id: owner.id.clone(),
                until,
            },
        ),
        ("f1", Disposition::Folded { case_id: owner.id.clone(), until }),
        ("e1", Disposition::Exempt { what: "10.0.0.9/32".into(), reason: "scanner".into() }),
        ("w1", Disposition::Withdrawn { reason: "gone".into() }),
        ("r1", Disposition::Refused { reason: "not ours".into() }),
        ("v1", Disposition::Review { reason: "two machines".into() }),
    ];
    for (id, disposition) in &settled {
        store.take_in(vec![received(&alert(id, "10.0.0.7"))], at(100)).await.unwrap();
        // However often it is told.
        store.settle(id, disposition, at(100)).await.unwrap();
        store.settle(id, disposition, at(100)).await.unwrap();
    }
    let unread = Unread { reason: "no format fits".to_owned(), original: "?".to_owned() };
    let record = Received { id: "u1".to_owned(), origin: "x".to_owned(), content: Err(unread) };
    store.take_in(vec![record, received(&alert("q1", "10.0.0.8"))], at(100)).await.unwrap();

    let everything = [
        ("opened", 2),
        ("suppressed", 2),
        ("folded", 1),
        ("exempt", 1),
        ("withdrawn", 1),
        ("refused", 1),
        ("review", 1),
        ("unreadable", 1),
        ("waiting", 1),
    ];
    assert_eq!(counted(store, window(0, 200)).await, counts(&everything));
    // From the beginning on, and up to and without the end; owners from before it are found.
    assert_eq!(counted(store, window(10, 100)).await, counts(&[("opened", 1)]));
    let mut later: Vec<(&str, u64)> = everything.to_vec();
    later.retain(|(word, _)| *word != "opened");
    assert_eq!(counted(store, window(50, 200)).await, counts(&later));
    assert!(told(store, window(101, 200)).await.is_empty());
    let by_case = told(store, window(0, 200)).await.into_iter().filter_map(|line| match line.disposition {
        Disposition::Suppressed { case_id, key, .. } => Some((case_id, key.is_user())),
        _ => None,
    });
    assert_eq!(
        by_case.collect::<HashSet<_>>(),
        HashSet::from([(owner.id.clone(), false), (owner.id.clone(), true)])
    );

    let cases = async |window| {
        let mut ids = Vec::new();
        store.tell_cases(window, &mut |case| ids.push(case.id.clone())).await.unwrap();
        ids.sort();
        ids
    };
    let mut both = vec![owner.id.clone(), failed.id.clone()];
    both.sort();
    assert_eq!(cases(window(0, 11)).await, both);
    assert_eq!(cases(window(0, 10)).await, [owner.id]);
    assert!(cases(window(11, 100)).await.is_empty());

    // One that waits again, or opens a case after all, has no other outcome besides.
    open(store, &alert("e1", "10.0.0.7"), at(150)).await;
    let mut after = counts(&everything);
    after.remove("exempt");
    after.insert("opened".to_owned(), 3);
    assert_eq!(counted(store, window(0, 200)).await, after);
}

/// More than any store reads in one go, many of them of one moment.
pub(super) async fn many_are_told_in_pages<B: Ledger>(store: &B) {
    const MANY: usize = 2_500;
    let records: Vec<Received> =
        (0..MANY).map(|n| received(&alert(&format!("m{n:05}"), "10.0.0.1"))).collect();
    for (minute, piece) in (0..).zip(records.chunks(1_000)) {
        store.take_in(piece.to_vec(), at(minute * 60)).await.unwrap();
    }
    assert_eq!(counted(store, window(0, 3600)).await, counts(&[("waiting", MANY as u64)]));
    assert_eq!(counted(store, window(60, 120)).await, counts(&[("waiting", 1_000)]));
}

pub(super) async fn a_days_mailing_is_written_by_one<B: Ledger>(store: &B) {
    assert_eq!(
        (store.mailing("2026-03-02").await.unwrap(), store.last_mailing().await.unwrap()),
        (None, None)
    );
    let begin = |day: &str| match Mailing::turn(None, day, false, at(0)) {
        Turn::Begin(mailing) => mailing,
        turn => panic!("{turn:?}"),
    };
    let first = begin("2026-03-02");
    assert!(store.keep_mailing(&first).await.unwrap());
    let another = Mailing { at: at(1), ..first.clone() };
    assert!(!store.keep_mailing(&another).await.unwrap(), "the day was taken twice");
    let sending = first.sending(at(2));
    assert!(store.keep_mailing(&sending).await.unwrap());
    let late = first.skipped("nothing", at(3));
    assert!(!store.keep_mailing(&late).await.unwrap(), "a write on an old version");
    assert_eq!(store.mailing("2026-03-02").await.unwrap(), Some(sending.clone()));
    let earlier = begin("2026-03-01");
    assert!(store.keep_mailing(&earlier).await.unwrap());
    assert_eq!(
        store.last_mailing().await.unwrap(),
        Some(sending),
        "the latest day, and not the latest write"
    );
}
