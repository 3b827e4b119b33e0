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
        #[cfg(windows)]
        kind if kind.is_forensic() => forensic(kind, limits, time, cancel, seen),
        _ => {
            let (rows, tally) = processes::read(limits, Instant::now() + time, cancel);
            (Parsed::Processes(rows), tally)
        }
    }
}

/// What is read besides from a machine that is compromised.
#[cfg(windows)]
fn forensic(
    kind: ArtifactKind,
    limits: &Limits,
    time: Duration,
    cancel: &AtomicBool,
    seen: impl Fn(u64),
) -> (Parsed, Tally) {
    use windows::forensic as of;

    let registry = windows::registry::ThisRegistry;
    let deadline = Instant::now() + time;
    match kind {
        ArtifactKind::NameResolution => {
            let (rows, tally) = of::name_resolution(&registry, &of::ThisDisk, limits);
            (Parsed::NameResolution(rows), tally)
        }
        ArtifactKind::AuthorizedKeys => {
            let (rows, tally) = of::authorized_keys(&registry, &of::ThisDisk, limits);
            (Parsed::AuthorizedKeys(rows), tally)
        }
        ArtifactKind::ShellHistories => {
            let (rows, tally) = of::shell_histories(&registry, &windows::folders::ThisDisk, limits);
            (Parsed::ShellHistories(rows), tally)
        }
        ArtifactKind::RecentExecutables => {
            let mut tally = Tally::default();
            let roots = of::roots(&registry, &mut tally);
            let now = std::time::SystemTime::now();
            let (rows, walked) = of::recent_executables(roots, now, limits, time, cancel, seen);
            tally.extend(walked);
            (Parsed::RecentExecutables(rows), tally)
        }
        ArtifactKind::Services => {
            let (rows, tally) = of::services(&registry, limits, deadline, cancel);
            (Parsed::Services(rows), tally)
        }
        ArtifactKind::KernelModules => {
            let (rows, tally) = of::drivers(&registry, limits, deadline, cancel);
            (Parsed::KernelModules(rows), tally)
        }
        ArtifactKind::RegistryPersistence => {
            let (rows, tally) = of::registry_persistence(&registry, limits);
            (Parsed::RegistryPersistence(rows), tally)
        }
        ArtifactKind::Shares => {
            let (rows, tally) = of::shares(&registry, limits);
            (Parsed::Shares(rows), tally)
        }
        ArtifactKind::Antivirus => {
            let (rows, tally) = of::antivirus(&registry, limits);
            (Parsed::Antivirus(rows), tally)
        }
        _ => {
            let mut tally = Tally::default();
            tally.failed("this is not read from within");
            (artifact::nothing(kind), tally)
        }
    }
}
