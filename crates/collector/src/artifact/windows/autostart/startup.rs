//! Startup folders (ATT&CK T1547.001), and what the task manager has switched off (`StartupApproved`).

use std::collections::BTreeMap;
use std::io;

use investigation::evidence::{ArtifactStatus, AutostartEntry};
use investigation::order::Limits;

use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::registry::Value;
use super::super::{some, wmic};
use super::List;

/// The folder whose contents start for everybody, where Windows puts it.
const COMMON: &str = r"C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Startup";
/// How every folder has its icon and its name, and no program.
const SETTINGS: &str = "desktop.ini";
/// Above the lists of switches.
const APPROVED: &str = r"\currentversion\explorer\startupapproved\";

/// Reads the commands that list startup folders. `dir` has nothing to say of an empty one.
pub(super) fn answers(
    answers: &Answers,
    code_page: Option<u16>,
    list: &mut List<'_>,
    tally: &mut Tally,
) -> io::Result<()> {
    answers.lines("startup", code_page, tally, |line, tally| {
        let name = line.trim();
        if !name.is_empty() {
            list.startup(&format!("{COMMON}\\{name}"), None, tally);
        }
    })?;
    let mut records = wmic::Records::default();
    let mut take = |record: wmic::Record, tally: &mut Tally| {
        // Those of the machine and of the Run keys are known from elsewhere.
        if record.get("Location") == Some("Startup")
            && let Some(name) = record.get("Name")
        {
            list.push(
                AutostartEntry {
                    mechanism: "startup_folder".into(),
                    location: "Startup".into(),
                    name: name.to_owned(),
                    command: record.get("Command").map(str::to_owned),
                    user: record.get("User").map(str::to_owned),
                    enabled: None,
                },
                tally,
            );
        }
    };
    answers.lines("startup_users", code_page, tally, |line, tally| {
        if let Some(record) = records.line(line) {
            take(record, tally);
        }
    })?;
    if let Some(record) = records.finish() {
        take(record, tally);
    }
    if !answers.said("startup_users")? {
        tally.partial("startup folders of single users are not read: there is no `wmic` that lists them");
    }
    Ok(())
}

/// An entry for a file of a startup folder; nothing for the folder's own settings. `sid`: whose folder it is.
pub(crate) fn entry(path: &str, sid: Option<String>) -> Option<AutostartEntry> {
    let (folder, name) = path.rsplit_once('\\')?;
    let is_program = !name.is_empty() && !name.eq_ignore_ascii_case(SETTINGS);
    is_program.then(|| AutostartEntry {
        mechanism: "startup_folder".into(),
        location: folder.to_owned(),
        name: name.to_owned(),
        command: some(path),
        user: sid,
        enabled: Some(true),
    })
}

/// What was switched on or off in the task manager, by owner (a SID, or nothing for the machine), list and name, all in
/// lower case.
#[derive(Debug, Default)]
pub(super) struct Switches(BTreeMap<(String, String, String), bool>);

impl Switches {
    /// Takes in a value where it is a switch.
    pub(super) fn take(&mut self, value: &Value, limits: &Limits, tally: &mut Tally) -> bool {
        let key = value.key.to_ascii_lowercase();
        let Some((owner, list)) = key.split_once(APPROVED) else { return false };
        let known = (owner_of(owner).to_owned(), list.to_owned(), value.name.to_lowercase());
        if self.0.len() as u64 >= limits.rows && !self.0.contains_key(&known) {
            tally
                .count(ArtifactStatus::Truncated, "switches of entries beyond the cap on rows were left out");
        } else if let Some(on) = value.first_byte().map(|state| state & 1 == 0) {
            // 2 and 6 are on, 3 and 7 off, with the time at which it was switched off behind it.
            self.0.insert(known, on);
        }
        true
    }

    /// Says of an entry whether it is switched off.
    pub(super) fn apply(&self, row: &mut AutostartEntry) {
        let location = row.location.to_ascii_lowercase();
        let (owner, list) = match row.mechanism.as_str() {
            "run_key" if location.ends_with(r"\currentversion\run") => {
                // Those of the view for 32-bit programs lie beside the others.
                let list = if location.contains(r"\wow6432node\") { "run32" } else { "run" };
                (owner_of(&location).to_owned(), list)
            }
            "startup_folder" if row.enabled.is_some() => {
                (row.user.as_deref().unwrap_or_default().to_ascii_lowercase(), "startupfolder")
            }
            _ => return,
        };
        if let Some(on) = self.0.get(&(owner, list.to_owned(), row.name.to_lowercase())) {
            row.enabled = Some(*on);
        }
    }
}

/// The SID of a key of `HKEY_USERS`, in lower case as the key is.
fn owner_of(key: &str) -> &str {
    key.strip_prefix(r"hkey_users\").and_then(|rest| rest.split('\\').next()).unwrap_or_default()
}
