//! The real program and many Windows endpoints, a good part of which hang, dribble, reset, lie or never end: what comes of
//! each is exact, and none of them keeps another from being collected.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use investigation::evidence::{ArtifactKind, ArtifactStatus, Collection, Identity};
use investigation::order::{Limits, RelayOrder, RelayResult, Task};
use jiff::{SignedDuration, Timestamp};
use support::fleet::Fleet;
use support::{Scene, batch};

/// Orders that have their turn at a time: far fewer than there are endpoints that hang.
const JOBS: usize = 4;
/// When the batch expires.
const LIFE: Duration = Duration::from_secs(20);
/// What an order may take: longer than the batch lives, so that whoever waits for it is too late.
const ORDER: u64 = 25;
/// Bytes that are kept of an artifact.
const BYTES: u64 = 1 << 20;
/// What is collected: a slow endpoint takes seconds for each.
const ARTIFACTS: [ArtifactKind; 6] = [
    ArtifactKind::Identity,
    ArtifactKind::Connections,
    ArtifactKind::Processes,
    ArtifactKind::Autostart,
    ArtifactKind::Firewall,
    ArtifactKind::Torrents,
];

const KINDS: [(&str, usize); 17] = [
    ("drip", 8),
    ("hung", 6),
    ("mute", 6),
    ("normal", 20),
    ("slow:3", 3),
    ("cut", 2),
    ("reset", 2),
    ("refusing", 2),
    ("endless", 2),
    ("bytes:10737418240", 1),
    ("bytes:500000", 1),
    ("malformed", 2),
    ("utf16", 1),
    ("garbled", 1),
    ("denied", 1),
    ("forbidden", 1),
    ("normal", 1),
];

/// Addresses with their kinds, and the effect of each one's order.
fn plan() -> Vec<(u32, String, &'static str)> {
    let kinds = KINDS.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count));
    (1..).zip(kinds).map(|(effect, kind)| (effect, format!("127.77.{}.{effect}", effect % 3), kind)).collect()
}

/// An artifact's status, and why it is not `ok`.
type Usual = (ArtifactStatus, Vec<String>);

/// What an order came to.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// Its code, and whether the reason says this.
    Failed(String, String),
    /// The artifacts that are not as they are at an endpoint with which nothing is wrong.
    Collected(Vec<(ArtifactKind, ArtifactStatus)>),
}

fn came_of(scene: &Scene, effect: u32, address: &str, usual: &[Usual]) -> (Came, Vec<String>) {
    let (report, entries) = scene.bundle("c", effect);
    let collection = match report.result {
        RelayResult::Failed { code, reason, .. } => return (Came::Failed(code, reason), Vec::new()),
        RelayResult::Staged => serde_json::from_slice::<Collection>(&entries["collection.json"]).unwrap(),
    };
    let identity: Identity = serde_json::from_slice(&entries["artifacts/identity.json"]).unwrap();
    assert!(identity.addresses.contains(&address.parse().unwrap()), "{address}: {identity:?}");
    assert_eq!(collection.outcomes.len(), ARTIFACTS.len(), "{address}");
    let mut reasons = Vec::new();
    let unusual = collection
        .outcomes
        .iter()
        .zip(usual)
        .filter(|(outcome, usual)| (outcome.status, &outcome.reasons) != (usual.0, &usual.1));
    let unusual = unusual.map(|(outcome, _)| {
        let is_ok = outcome.status == ArtifactStatus::Ok;
        assert_eq!(outcome.reasons.is_empty(), is_ok, "{address}: it says why: {outcome:?}");
        reasons.extend(outcome.reasons.iter().cloned());
        (outcome.kind, outcome.status)
    });
    (Came::Collected(unusual.collect()), reasons)
}

/// What is usual at an endpoint with which nothing is wrong: the samples hold some odd things.
fn usual(scene: &Scene, effect: u32) -> Vec<Usual> {
    let (report, entries) = scene.bundle("c", effect);
    assert_eq!(report.result, RelayResult::Staged);
    let collection: Collection = serde_json::from_slice(&entries["collection.json"]).unwrap();
    assert!(collection.outcomes.iter().all(|outcome| outcome.items > 0), "{collection:?}");
    assert!(collection.outcomes.iter().all(|outcome| outcome.status != ArtifactStatus::Truncated));
    collection.outcomes.into_iter().map(|outcome| (outcome.status, outcome.reasons)).collect()
}

fn orders(scene: &Scene, plan: &[(u32, String, &'static str)]) -> Vec<RelayOrder> {
    let order = |(effect, address, _): &(u32, String, &'static str)| {
        let limits = Limits { artifact_bytes: BYTES, ..Limits::default() };
        let task = Task::Collect { artifacts: ARTIFACTS.to_vec(), limits };
        let mut order = scene.order("c", *effect, address, task);
        order.timeout_seconds = ORDER;
        order
    };
    plan.iter().map(order).collect()
}

#[test]
fn sixty_endpoints_half_of_which_are_trouble() {
    let plan = plan();
    let Some(fleet) = Fleet::start(&plan.iter().map(|(_, address, kind)| (address.clone(), *kind)).collect())
    else {
        return;
    };
    let scene = Scene::set("'127.77.0.0/16'", "", "");
    let text = format!(
        "version = 1\nname = 'site-1'\nstaging_dir = 'staging'\nmin_free_bytes = 1\njobs = {JOBS}\n\
         transports = ['winrm']\n[scope]\npermit_loopback = true\nnetworks = ['127.77.0.0/16']\n{}",
        fleet.section()
    );
    fs::write(scene.config(), text).unwrap();
    fs::set_permissions(scene.config(), fs::Permissions::from_mode(0o600)).unwrap();
    let mut batch = batch(orders(&scene, &plan));
    batch.expires_at = Timestamp::now() + SignedDuration::try_from(LIFE).unwrap();

    let begun = Instant::now();
    let ran = scene.run_batch(&batch);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(58), "{:?}", begun.elapsed());
    let puts: BTreeSet<String> = scene.store.seen("PUT").into_iter().map(|put| put.path).collect();
    assert_eq!(puts.len(), plan.len(), "a bundle for each");
    assert!(scene.left().is_empty(), "{:?}", scene.left());

    let (last, ..) = plan.last().unwrap();
    let usual = usual(&scene, *last);
    for (effect, address, kind) in &plan {
        let (came, reasons) = came_of(&scene, *effect, address, &usual);
        let says = |text: &str| reasons.iter().any(|reason| reason.contains(text));
        let fails = |code: &str, text: &str| matches!(&came, Came::Failed(is, reason) if is == code && reason.contains(text));
        let differs = |kind, status| came == Came::Collected(vec![(kind, status)]);
        let is_right = match *kind {
            "normal" | "slow:3" => came == Came::Collected(Vec::new()),
            "bytes:500000" => differs(ArtifactKind::Processes, ArtifactStatus::Ok),
            "drip" => fails("timed_out", "did not finish within 25s"),
            "hung" | "mute" => fails("timed_out", "authentication"),
            "cut" => fails("timed_out", "collection"),
            "reset" => fails("disconnected", "collection"),
            "refusing" => fails("unreachable", "cannot be reached"),
            "malformed" => fails("disconnected", "XML"),
            "endless" | "bytes:10737418240" => {
                differs(ArtifactKind::Processes, ArtifactStatus::Truncated) && says("bytes of output")
            }
            "utf16" => differs(ArtifactKind::Processes, ArtifactStatus::Failed),
            "garbled" => {
                differs(ArtifactKind::Processes, ArtifactStatus::Partial)
                    && says("1 line of the answer was no row")
            }
            "denied" => differs(ArtifactKind::Firewall, ArtifactStatus::Failed) && says("Access is denied"),
            "forbidden" => {
                differs(ArtifactKind::Firewall, ArtifactStatus::Failed) && says("Access is denied")
            }
            other => panic!("{other}"),
        };
        assert!(is_right, "{kind} at {address}: {came:?} {reasons:?}");
    }

    let mut logons: BTreeMap<String, usize> = BTreeMap::new();
    for line in fleet.log() {
        assert_eq!(line["event"], "logon", "{line}");
        *logons.entry(line["address"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(logons.values().all(|tries| *tries == 1), "one try at each: {logons:?}");
}
