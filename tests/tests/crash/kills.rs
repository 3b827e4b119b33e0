//! Where to kill: the points are read from the sources, so that a new one is tried without being listed here.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::chance::Chance;
use super::round::Way;

/// One kill.
#[derive(Debug, Clone)]
pub(super) enum Kill {
    /// When the point is reached for the so many-th time.
    At(String, u32),
    /// So long after the start.
    After(Duration),
}

impl Kill {
    /// Whether a round that delivers this way comes by the point.
    pub(super) fn fits(&self, way: Way) -> bool {
        match self.stage() {
            "outbox" | "finding" | "program" => way == Way::Outbox,
            "smtp" | "ticket" | "request" => way != Way::Outbox,
            _ => true,
        }
    }

    /// Where in the course of a case it hits, for the order within a round.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::At(point, _) if point == "case.closed" || point == "case.left" => 5,
            Self::At(..) => {
                let stages = ["inbox", "alert case store effect", "contact", "seal"];
                stages.iter().position(|stages| stages.contains(self.stage())).unwrap_or(4)
            }
            Self::After(_) => 1,
        }
    }

    fn stage(&self) -> &str {
        match self {
            Self::At(point, _) => point.split('.').next().unwrap_or_default(),
            Self::After(_) => "",
        }
    }

    /// What it is counted under.
    pub(super) fn place(&self) -> String {
        match self {
            Self::At(point, _) => point.clone(),
            Self::After(_) => "random".to_owned(),
        }
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(point, count) => write!(f, "{point}:{count}"),
            Self::After(moment) => write!(f, "after {moment:?}"),
        }
    }
}

/// Every point that the sources name, `times` times each.
pub(super) fn at_points(times: fn(&str) -> u32) -> Vec<Kill> {
    let points = points();
    assert!(points.len() > 20, "the sources name their points in another way now: {points:?}");
    points.iter().flat_map(|point| (1..=times(point)).map(|count| Kill::At(point.clone(), count))).collect()
}

/// Random moments between the start and a little before the usual end.
pub(super) fn at_random(count: usize, chance: &mut Chance) -> Vec<Kill> {
    (0..count).map(|_| Kill::After(Duration::from_millis(30 + chance.below(1500)))).collect()
}

/// How often each point is tried, the first time, the second time and so on that a round comes by it. A round works two
/// cases, each with five effects and three deliveries, and comes by each at least as often as this.
pub(super) fn times_reached(point: &str) -> u32 {
    match point {
        "store.begun" | "store.written" | "store.committed" => 18,
        "effect.begun" | "effect.performed" => 10,
        "contact.progress" | "seal.entry" => 8,
        "inbox.read" | "inbox.stored" | "inbox.moved" => 3,
        "store.pruned" => 1,
        _ => 2,
    }
}

fn points() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut folders = vec![root.join("crates/casework/src"), root.join("cli/src")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).expect("a source file");
                let named = source.split("failpoint(\"").skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(named.map(str::to_owned));
            }
        }
    }
    found
}
