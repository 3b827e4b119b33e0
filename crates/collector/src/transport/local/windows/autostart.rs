//! What starts by itself on Windows: Run keys, Winlogon and services (ATT&CK T1547.001, T1547.004, T1543.003).

use std::collections::BTreeMap;

use investigation::evidence::{ArtifactStatus, AutostartEntry};
use investigation::order::Limits;

use super::accounts::Accounts;
use super::registry::{Hive, Registry, Value, find, keys, values};
use crate::artifact::record::cut_text;
use crate::artifact::tally::Tally;

/// Longest command that is kept, in bytes.
const COMMAND_CAP: usize = 4096;
/// Longest name that is kept, in bytes.
const NAME_CAP: usize = 255;

/// Below `SOFTWARE` and, for 32-bit programs, below `SOFTWARE\WOW6432Node`.
const VIEWS: [&str; 2] = ["SOFTWARE", r"SOFTWARE\WOW6432Node"];
const RUN_KEYS: [&str; 3] = [
    r"Microsoft\Windows\CurrentVersion\Run",
    r"Microsoft\Windows\CurrentVersion\RunOnce",
    r"Microsoft\Windows\CurrentVersion\Policies\Explorer\Run",
];
/// Where Windows keeps what its user has switched off, by the last name of the key that it holds for.
const APPROVED: &str = r"Microsoft\Windows\CurrentVersion\Explorer\StartupApproved";
const WINLOGON: &str = r"Microsoft\Windows NT\CurrentVersion\Winlogon";
const SERVICES: &str = r"SYSTEM\CurrentControlSet\Services";

/// Reads all of it.
pub(crate) fn read(registry: &dyn Registry, limits: &Limits) -> (Vec<AutostartEntry>, Tally) {
    let mut tally = Tally::default();
    let accounts = Accounts::read(registry, &mut tally);
    let mut reading = Reading { registry, limits, rows: Vec::new(), tally };
    reading.places(Hive::Machine, "", None);
    for sid in &accounts.hives {
        reading.places(Hive::Users, &format!("{sid}\\"), Some(&accounts.name(sid)));
    }
    reading.services();
    accounts.count_absent(
        registry,
        "users are not logged on: what their part of the registry starts is not read",
        &mut reading.tally,
    );
    (reading.rows, reading.tally)
}

pub(super) struct Reading<'a> {
    registry: &'a dyn Registry,
    limits: &'a Limits,
    pub(super) rows: Vec<AutostartEntry>,
    pub(super) tally: Tally,
}

impl<'a> Reading<'a> {
    /// Goes on where another stopped.
    #[cfg(any(windows, test))]
    pub(super) fn resumed(
        registry: &'a dyn Registry,
        limits: &'a Limits,
        rows: Vec<AutostartEntry>,
        tally: Tally,
    ) -> Self {
        Self { registry, limits, rows, tally }
    }

    /// Run keys and Winlogon of the machine or of one user.
    fn places(&mut self, hive: Hive, above: &str, user: Option<&str>) {
        for view in VIEWS {
            for key in RUN_KEYS {
                let path = format!("{above}{view}\\{key}");
                let approved = self.approved(hive, above, view, key);
                for value in values(self.registry, hive, &path, &mut self.tally) {
                    let switched = approved.get(&value.name.to_ascii_lowercase()).copied();
                    let entry = self.entry("run_key", (hive, &path), &value);
                    self.push(AutostartEntry {
                        user: user.map(str::to_owned),
                        enabled: Some(switched.unwrap_or(true)),
                        ..entry
                    });
                }
            }
            let path = format!("{above}{view}\\{WINLOGON}");
            for value in values(self.registry, hive, &path, &mut self.tally) {
                let starts = ["Shell", "Userinit", "Taskman", "VmApplet", "System"];
                let empty = || value.text().is_none_or(|text| text.trim().is_empty());
                if starts.iter().any(|name| value.name.eq_ignore_ascii_case(name)) && !empty() {
                    let entry = self.entry("winlogon", (hive, &path), &value);
                    self.push(AutostartEntry { user: user.map(str::to_owned), ..entry });
                }
            }
            // Windows XP loaded these into Winlogon itself; one that is there today was put there by somebody.
            let notify = format!("{path}\\Notify");
            for name in keys(self.registry, hive, &notify, &mut self.tally) {
                let path = format!("{notify}\\{name}");
                let found = values(self.registry, hive, &path, &mut self.tally);
                if let Some(value) = find(&found, "DllName") {
                    let entry = self.entry("winlogon", (hive, &path), value);
                    self.push(AutostartEntry { name, user: user.map(str::to_owned), ..entry });
                }
            }
        }
    }

    /// Names of a Run key that were switched on or off in the task manager.
    fn approved(&mut self, hive: Hive, above: &str, view: &str, key: &str) -> BTreeMap<String, bool> {
        if key != RUN_KEYS[0] {
            return BTreeMap::new();
        }
        // Those of the view for 32-bit programs lie beside the others.
        let name = if view == VIEWS[0] { "Run" } else { "Run32" };
        switches(self.registry, hive, above, name, &mut self.tally)
    }

    fn services(&mut self) {
        for name in keys(self.registry, Hive::Machine, SERVICES, &mut self.tally) {
            let path = format!("{SERVICES}\\{name}");
            let found = values(self.registry, Hive::Machine, &path, &mut self.tally);
            let number = |name| find(&found, name).and_then(Value::number);
            let text = |name| find(&found, name).and_then(Value::text).filter(|text| !text.is_empty());
            // Drivers are no programs; a key without a start is settings.
            let (Some(start), true) = (number("Start"), number("Type").is_some_and(|kind| kind & 0x30 != 0))
            else {
                continue;
            };
            let mut library = || {
                let parameters = format!("{path}\\Parameters");
                let found = values(self.registry, Hive::Machine, &parameters, &mut self.tally);
                find(&found, "ServiceDll").and_then(Value::text).filter(|text| !text.is_empty())
            };
            let mut command = text("ImagePath");
            // What a shared host loads is the program that counts.
            if command.as_ref().is_some_and(|image| image.to_ascii_lowercase().contains("svchost"))
                && let (Some(image), Some(library)) = (&mut command, library())
            {
                *image = format!("{image} (loads {library})");
            }
            self.push(AutostartEntry {
                mechanism: "service".into(),
                location: format!("HKLM\\{path}"),
                name,
                command,
                user: text("ObjectName"),
                // 0 and 1 are for drivers, 2 is by itself, 3 on demand, 4 never.
                enabled: Some(start <= 2),
            });
        }
    }

    fn entry(&self, mechanism: &str, (hive, path): (Hive, &str), value: &Value) -> AutostartEntry {
        AutostartEntry {
            mechanism: mechanism.into(),
            location: format!("{}\\{path}", hive.name()),
            name: if value.name.is_empty() { "(default)".into() } else { value.name.clone() },
            command: value.text().filter(|text| !text.is_empty()),
            user: None,
            enabled: Some(true),
        }
    }

    pub(super) fn push(&mut self, mut row: AutostartEntry) {
        if self.rows.len() as u64 >= self.limits.rows {
            self.tally.count(ArtifactStatus::Truncated, "entries beyond the cap on rows were left out");
            return;
        }
        if row.command.as_mut().is_some_and(|command| cut_text(command, COMMAND_CAP)) {
            self.tally.count(ArtifactStatus::Truncated, "commands were longer than 4096 bytes and were cut");
        }
        cut_text(&mut row.name, NAME_CAP);
        if let Some(user) = &mut row.user {
            cut_text(user, NAME_CAP);
        }
        self.rows.push(row);
    }
}

/// What its user switched on or off in the task manager, by name in lower case. `list`: `Run`, `Run32`, `StartupFolder`.
pub(super) fn switches(
    registry: &dyn Registry,
    hive: Hive,
    above: &str,
    list: &str,
    tally: &mut Tally,
) -> BTreeMap<String, bool> {
    let found = values(registry, hive, &format!("{above}{}\\{APPROVED}\\{list}", VIEWS[0]), tally);
    let switch = |value: Value| {
        // 2 and 6 are on, 3 and 7 off, with the time at which it was switched off behind it.
        value.bytes.first().map(|state| (value.name.to_ascii_lowercase(), state & 1 == 0))
    };
    found.into_iter().filter_map(switch).collect()
}

#[cfg(test)]
mod tests;
