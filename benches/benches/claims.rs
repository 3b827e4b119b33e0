//! Claims on the embedded store: what a new case costs, and what a repeat costs.
//!
//! `cargo bench -p benches --bench claims`. Each write is flushed to the disk before it counts, so that the figures
//! are the disk's as much as the program's.

use std::hint::black_box;
use std::net::Ipv4Addr;

use casework::backend::local::Local;
use casework::backend::{Backend, Committed, Received};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use investigation::alert::Alert;
use investigation::case::{Disposition, Intake, Step, intake};
use investigation::policy::Policy;
use jiff::Timestamp;

fn policy() -> Policy {
    Policy::parse("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n").expect("a sound policy")
}

fn alert(number: u32) -> Alert {
    // Host numbers 1 to 250 of each /24, so that no address is a network's own.
    let ip = Ipv4Addr::from(0x0a00_0000 + ((number / 250) << 8) + 1 + number % 250);
    let value = serde_json::json!({
        "id": format!("{number:020}"), "format": "bench", "event.original": "{}", "source.ip": ip,
    });
    serde_json::from_value(value).expect("an alert")
}

fn opening(alert: &Alert, policy: &Policy) -> Step {
    match intake(alert, policy, Timestamp::UNIX_EPOCH) {
        Intake::Open(step) => *step,
        Intake::Settled(disposition) => panic!("{disposition:?}"),
    }
}

fn claims(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Local::open(dir.path()).expect("a store");
    let policy = policy();
    let now = Timestamp::UNIX_EPOCH;
    let mut group = criterion.benchmark_group("claims");
    group.throughput(Throughput::Elements(1));

    let mut number = 0;
    group.bench_function("a new case takes its claim", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                opening(&alert(number), &policy)
            },
            |step| assert_eq!(runtime.block_on(store.commit(&step, now)).expect("a write"), Committed::Done),
            BatchSize::SmallInput,
        );
    });

    let held = opening(&alert(1_000_000), &policy);
    assert_eq!(runtime.block_on(store.commit(&held, now)).expect("a write"), Committed::Done);
    let mut repeat = held.clone();
    repeat.case.id = "ph-19700101-repeated".to_owned();
    repeat.claims = opening(&Alert { id: "repeat".to_owned(), ..alert(1_000_000) }, &policy).claims;
    group.bench_function("a repeat is told who holds it", |bencher| {
        bencher.iter(|| {
            let committed = runtime.block_on(store.commit(black_box(&repeat), now)).expect("a write");
            assert!(matches!(committed, Committed::Held(_)));
        });
    });

    let claim = held.case.claims[0].clone();
    let mut taken = 0_u64;
    group.throughput(Throughput::Elements(256));
    group.bench_function("256 repeats are taken in and counted", |bencher| {
        bencher.iter(|| {
            let batch: Vec<Received> = (0..256)
                .map(|_| {
                    taken += 1;
                    let alert = Alert { id: format!("r{taken}"), ..alert(1_000_000) };
                    Received { id: alert.id.clone(), origin: "bench".to_owned(), content: Ok(alert) }
                })
                .collect();
            runtime.block_on(async {
                for row in store.take_in(batch, now).await.expect("a write") {
                    let suppressed = Disposition::Suppressed {
                        key: claim.key.clone(),
                        case_id: claim.case_id.clone(),
                        until: claim.expires_at,
                    };
                    store.settle(&row.id, &suppressed, now).await.expect("a write");
                }
            });
        });
    });
    group.finish();
}

criterion_group!(benches, claims);
criterion_main!(benches);
