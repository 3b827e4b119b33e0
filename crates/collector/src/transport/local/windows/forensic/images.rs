//! Services and drivers as the registry has them, with the hash of each file. Who signed it only Windows itself tells.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use investigation::evidence::{ArtifactStatus, KernelModule, Service};
use investigation::order::Limits;

use super::super::super::processes::{Stopped, hash};
use super::super::registry::{Hive, Registry, keys, values};
use super::super::root;
use super::data;
use crate::artifact::forensic::{NAME_CAP, Rows, cut};
use crate::artifact::tally::Tally;
use crate::artifact::windows::forensic::images::file_of;
use crate::artifact::windows::forensic::services::Entry;
use crate::artifact::windows::forensic::start_of;

const SERVICES: &str = r"SYSTEM\CurrentControlSet\Services";
const UNSIGNED: &str = "who signed a file, and what runs right now, is not read from within";

/// Services.
pub(crate) fn services(
    registry: &dyn Registry,
    limits: &Limits,
    deadline: Instant,
    cancel: &AtomicBool,
) -> (Vec<Service>, Tally) {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let mut hashes = Hashes::new(limits, deadline, cancel);
    let windows = root::folder(registry);
    for (name, entry) in registered(registry, &mut tally) {
        if entry.is_driver() || !entry.is_service() || entry.command.is_none() {
            continue;
        }
        let file = entry.library.as_ref().or(entry.command.as_ref());
        let path = file.and_then(|line| file_of(&root::expanded(registry, line), &windows));
        let row = Service {
            sha256: path.as_deref().and_then(|path| hashes.of(path, &mut tally)),
            start: entry.start.and_then(start_of).map(str::to_owned),
            command: entry.command,
            library: entry.library,
            account: entry.account,
            name,
            path,
            ..Service::default()
        };
        rows.push(row, &mut tally);
    }
    tally.partial(UNSIGNED);
    (rows.rows, tally)
}

/// Drivers.
pub(crate) fn drivers(
    registry: &dyn Registry,
    limits: &Limits,
    deadline: Instant,
    cancel: &AtomicBool,
) -> (Vec<KernelModule>, Tally) {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let mut hashes = Hashes::new(limits, deadline, cancel);
    let windows = root::folder(registry);
    for (name, entry) in registered(registry, &mut tally).into_iter().filter(|(_, entry)| entry.is_driver()) {
        // A driver without an image lies where drivers do.
        let usual = format!(r"System32\drivers\{name}.sys");
        let path = file_of(entry.command.as_deref().unwrap_or(&usual), &windows);
        let row = KernelModule {
            sha256: path.as_deref().and_then(|path| hashes.of(path, &mut tally)),
            start: entry.start.and_then(start_of).map(str::to_owned),
            name,
            path,
            ..KernelModule::default()
        };
        rows.push(row, &mut tally);
    }
    tally.partial(UNSIGNED);
    (rows.rows, tally)
}

fn registered(registry: &dyn Registry, tally: &mut Tally) -> Vec<(String, Entry)> {
    let mut entries = Vec::new();
    for name in keys(registry, Hive::Machine, SERVICES, tally) {
        let mut entry = Entry::default();
        let key = format!("{SERVICES}\\{name}");
        for key in [format!("{key}\\Parameters"), key] {
            for value in values(registry, Hive::Machine, &key, tally) {
                let is_parameter = key.ends_with("\\Parameters");
                if is_parameter != value.name.eq_ignore_ascii_case("ServiceDll") {
                    continue;
                }
                entry.set(&value.name, &data(&value), value.number().map(u64::from));
            }
        }
        entries.push((cut(name, NAME_CAP), entry));
    }
    entries
}

/// Hashes files, each once.
struct Hashes<'a> {
    limits: &'a Limits,
    deadline: Instant,
    cancel: &'a AtomicBool,
    known: HashMap<String, Option<String>>,
    stopped: bool,
}

impl<'a> Hashes<'a> {
    fn new(limits: &'a Limits, deadline: Instant, cancel: &'a AtomicBool) -> Self {
        Self { limits, deadline, cancel, known: HashMap::new(), stopped: false }
    }

    fn of(&mut self, path: &str, tally: &mut Tally) -> Option<String> {
        let key = path.to_lowercase();
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        // Other machines are not asked.
        if self.stopped || !root::is_absolute(path) {
            return None;
        }
        let found = self.hash(path, tally);
        self.known.insert(key, found.clone());
        found
    }

    fn hash(&mut self, path: &str, tally: &mut Tally) -> Option<String> {
        let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let Some(mut file) = is_file.then(|| File::open(path).ok()).flatten() else {
            tally.count(ArtifactStatus::Partial, "files are not there, or closed to this account");
            return None;
        };
        if file.metadata().is_ok_and(|metadata| metadata.len() > self.limits.hash_bytes) {
            tally.count(ArtifactStatus::Truncated, "files are above the size that is hashed");
            return None;
        }
        match hash(&mut file, self.deadline, self.cancel) {
            Ok(hash) => hash,
            Err(Stopped) => {
                self.stopped = true;
                tally.truncated("out of time: some files are not hashed");
                None
            }
        }
    }
}
