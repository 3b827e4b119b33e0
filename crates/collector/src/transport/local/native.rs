//! One artifact of this machine through its own interfaces, for whoever asks: the collector on its own machine, or the
//! program that was sent to an endpoint.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use investigation::evidence::ArtifactKind;
use investigation::order::Limits;

#[cfg(windows)]
use super::windows;
use super::{files, processes, sockets};
use crate::artifact::facts::Facts;
use crate::artifact::tally::Tally;
use crate::artifact::{self, Artifact, Parsed, System};

/// What this very machine tells by its own interfaces.
pub(crate) fn find(kind: ArtifactKind) -> Option<&'static Artifact> {
    let windows = cfg!(windows).then(|| artifact::find(kind, System::ThisWindows)).flatten();
    windows.or_else(|| artifact::find(kind, System::ThisMachine))
}

/// Reads one artifact. Blocks. `seen` is told now and then, from any thread, how many files were walked past; setting
/// `cancel` ends it within moments.
pub(crate) fn read(
    kind: ArtifactKind,
    facts: &Facts,
    limits: &Limits,
    time: Duration,
    cancel: &AtomicBool,
    seen: impl Fn(u64) + Sync,
) -> (Parsed, Tally) {
    match kind {
        ArtifactKind::Connections => {
            let (rows, tally) = sockets::read(facts, limits, cancel);
            (Parsed::Sockets(rows), tally)
        }
        ArtifactKind::Torrents => {
            let (rows, tally) = files::read(limits, time, cancel, seen);
            (Parsed::Torrents(rows), tally)
        }
        #[cfg(windows)]
        ArtifactKind::Autostart => {
            let registry = windows::registry::ThisRegistry;
            let (mut rows, mut tally) = windows::autostart(&registry, limits);
            let disk = windows::folders::ThisDisk;
            windows::startup_folders(&registry, &disk, limits, &mut rows, &mut tally);
            (Parsed::Autostart(rows), tally)
        }
        #[cfg(windows)]
        ArtifactKind::Prefetch => {
            let registry = windows::registry::ThisRegistry;
            let (rows, tally) = windows::prefetch(&registry, &windows::folders::ThisDisk, limits);
            (Parsed::Prefetch(rows), tally)
        }
        #[cfg(windows)]
        ArtifactKind::Programs => {
            let (rows, tally) = windows::programs(&windows::registry::ThisRegistry, limits);
            (Parsed::Programs(rows), tally)
        }
        #[cfg(windows)]
        ArtifactKind::Firewall => {
            let (state, tally) = windows::firewall(&windows::registry::ThisRegistry, limits);
            (Parsed::Firewall(state), tally)
        }
        _ => {
            let (rows, tally) = processes::read(limits, Instant::now() + time, cancel);
            (Parsed::Processes(rows), tally)
        }
    }
}
