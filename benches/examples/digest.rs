//! What a digest of many alerts takes: `cargo run --release -p benches --example digest -- 100000`.
//!
//! Fills a store with so many alerts, of which each hundredth opens a case and the others repeat it, and reads the digest of
//! all of them. Prints the time of the fold alone, of the whole, and by how much the resident set grew at most.

use std::time::Instant;

use casework::backend::local::Local;
use casework::backend::{Backend, Committed, Received};
use investigation::alert::Alert;
use investigation::case::{Disposition, Intake, intake};
use investigation::claim::ClaimKey;
use investigation::digest::{AlertLine, Fold, Window, text};
use investigation::policy::Policy;
use jiff::{SignedDuration, Timestamp};

/// Alerts that are counted on one case.
const REPEATS: u32 = 100;

fn alert(number: u32) -> Alert {
    let ip = std::net::Ipv4Addr::from(0x0a00_0001 + number / REPEATS);
    let value = serde_json::json!({
        "id": format!("{number:020}"), "format": "bench", "event.original": "x".repeat(400), "source.ip": ip,
    });
    serde_json::from_value(value).expect("an alert")
}

/// A line of `/proc/self/status`, in KiB; 0 where there is none.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim_matches([':', ' ', '\t']).split(' ').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::main]
async fn main() {
    let many: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let start: Timestamp = "2026-11-23T00:00:00Z".parse().expect("a moment");
    let end = start + SignedDuration::from_hours(168);
    let window = Window::new(start, end, SignedDuration::from_hours(144), end).expect("a window");

    let begun = Instant::now();
    let mut fold = Fold::new(window);
    for number in 0..many {
        let case_id = format!("ph-{}", number / REPEATS);
        let key = ClaimKey::stored("ip#10.0.0.1".to_owned());
        let disposition = Disposition::Suppressed { key, case_id, until: end };
        let received_at = start + SignedDuration::from_secs(i64::from(number) % 604_800);
        fold.alert(AlertLine { received_at, disposition, alerts: 1 });
    }
    let received = fold.finish(end).alerts.received;
    println!("fold alone: {received} alerts in {:.3} s", begun.elapsed().as_secs_f64());

    let dir = tempfile::tempdir().expect("a folder");
    let store = Local::open(dir.path()).expect("a store");
    let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n").expect("a policy");
    let mut owner = None;
    for number in 0..many {
        let now = start + SignedDuration::from_secs(i64::from(number) * 604_800 / i64::from(many));
        let alert = alert(number);
        let record =
            Received { id: alert.id.clone(), origin: "bench".to_owned(), content: Ok(alert.clone()) };
        store.take_in(vec![record], now).await.expect("a write");
        if number % REPEATS == 0 {
            let Intake::Open(step) = intake(&alert, &policy, now) else { panic!("not in scope") };
            assert_eq!(store.commit(&step, now).await.expect("a write"), Committed::Done);
            owner = Some((step.case.id.clone(), ClaimKey::ip(step.case.target)));
        } else if let Some((case_id, key)) = owner.clone() {
            let suppressed = Disposition::Suppressed { key, case_id, until: end };
            store.settle(&alert.id, &suppressed, now).await.expect("a write");
        }
    }
    println!("the store is filled");
    // From here on the highest mark is the digest's own.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = status("VmRSS");
    let begun = Instant::now();
    let digest = casework::digest::gather(&store, window, None, end).await.expect("a digest");
    let shown = text(&digest);
    println!(
        "{} alerts and {} cases in {:.3} s, {} KiB more than before at most, {} bytes of text",
        digest.alerts.received,
        digest.cases.opened,
        begun.elapsed().as_secs_f64(),
        status("VmHWM").saturating_sub(before),
        shown.len()
    );
}
