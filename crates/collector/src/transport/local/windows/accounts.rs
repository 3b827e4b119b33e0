//! Account names by security identifier, without asking the domain.

use std::collections::BTreeMap;

use investigation::evidence::ArtifactStatus;

use super::registry::{Hive, Registry, Value, find, values};
use crate::artifact::record::cut_text;
use crate::artifact::tally::Tally;

pub(super) const PROFILES: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
/// Longest name that is kept, in bytes.
const NAME_CAP: usize = 255;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) domain: Option<String>,
}

/// Accounts by SID.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    by_sid: BTreeMap<String, Account>,
    /// Hives that are loaded, as they are called.
    pub(super) hives: Vec<String>,
}

/// Those of every Windows. Their names are translated there and not here.
const WELL_KNOWN: [(&str, &str); 3] =
    [("S-1-5-18", "SYSTEM"), ("S-1-5-19", "LOCAL SERVICE"), ("S-1-5-20", "NETWORK SERVICE")];

impl Accounts {
    /// Reads whose hives are loaded: those of the accounts that are logged on, or that a service runs as. Windows writes
    /// each one's name into its hive at logon.
    pub(crate) fn read(registry: &dyn Registry, tally: &mut Tally) -> Self {
        let mut accounts = Self::default();
        for (sid, name) in WELL_KNOWN {
            let account = Account { name: name.into(), domain: Some("NT AUTHORITY".into()) };
            accounts.by_sid.insert(sid.into(), account);
        }
        let mut hives = super::registry::keys(registry, Hive::Users, "", tally);
        // A view on classes, and another name of the system account's hive.
        hives.retain(|sid| !ends_with(sid, "_Classes"));
        if hives.iter().any(|sid| sid == "S-1-5-18") {
            hives.retain(|sid| !sid.eq_ignore_ascii_case(".DEFAULT"));
        }
        for sid in &hives {
            if let Some(account) = logged_on(&values(registry, Hive::Users, &volatile(sid), tally)) {
                accounts.by_sid.entry(sid.clone()).or_insert(account);
            }
        }
        accounts.hives = hives;
        // Who is not logged on may own files and services. A profile's folder is called after its account, unless there
        // was one of that name already.
        for sid in super::registry::keys(registry, Hive::Machine, PROFILES, tally) {
            let found = values(registry, Hive::Machine, &format!("{PROFILES}\\{sid}"), tally);
            let folder = find(&found, "ProfileImagePath").and_then(Value::text).unwrap_or_default();
            let mut name = folder.rsplit('\\').next().unwrap_or_default().to_owned();
            cut_text(&mut name, NAME_CAP);
            if !name.is_empty() {
                accounts.by_sid.entry(sid).or_insert(Account { name, domain: None });
            }
        }
        accounts
    }

    /// Counts the people whose profile is there and whose hive is not loaded: it lies in a file that is not opened.
    pub(super) fn count_absent(&self, registry: &dyn Registry, what: &'static str, tally: &mut Tally) {
        for sid in super::registry::keys(registry, Hive::Machine, PROFILES, tally) {
            let person = sid.starts_with("S-1-5-21-") || sid.starts_with("S-1-12-1-");
            if person && !self.hives.iter().any(|hive| hive.eq_ignore_ascii_case(&sid)) {
                tally.count(ArtifactStatus::Partial, what);
            }
        }
    }

    /// The account, where it is known.
    pub(crate) fn get(&self, sid: &str) -> Option<&Account> {
        self.by_sid.get(sid)
    }

    /// The account's name, or its SID where it has no name.
    pub(crate) fn name(&self, sid: &str) -> String {
        self.get(sid).map_or_else(|| sid.to_owned(), |account| account.name.clone())
    }
}

/// Where Windows keeps the environment of an account's logon.
pub(super) fn volatile(sid: &str) -> String {
    format!("{sid}\\Volatile Environment")
}

fn logged_on(environment: &[Value]) -> Option<Account> {
    let text = |name| {
        let mut text = find(environment, name)?.text().filter(|text| !text.is_empty())?;
        cut_text(&mut text, NAME_CAP);
        Some(text)
    };
    Some(Account { name: text("USERNAME")?, domain: text("USERDOMAIN") })
}

fn ends_with(text: &str, end: &str) -> bool {
    let at = text.len().checked_sub(end.len());
    at.and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// The accounts of this machine. The system's own list is not asked: sysinfo reads it past its end where nobody is
/// logged on, which ends the program.
#[cfg(windows)]
pub(crate) fn here() -> Accounts {
    Accounts::read(&super::registry::ThisRegistry, &mut Tally::default())
}

#[cfg(test)]
mod tests {
    use super::super::registry::testing::Made;
    use super::*;

    #[test]
    fn names_come_from_the_loaded_hives() {
        let mut made = Made::default();
        made.text(r"HKU\S-1-5-18\Software", "x", "");
        made.text(r"HKU\.DEFAULT\Software", "x", "");
        made.text(r"HKU\S-1-5-21-1-2-3-1001\Volatile Environment", "USERNAME", "alice");
        made.text(r"HKU\S-1-5-21-1-2-3-1001\Volatile Environment", "USERDOMAIN", "CORP");
        made.text(r"HKU\S-1-5-21-1-2-3-1001_Classes\x", "x", "");
        let profiles = format!(r"HKLM\{PROFILES}");
        made.text(&format!(r"{profiles}\S-1-5-21-1-2-3-1001"), "ProfileImagePath", r"C:\Users\another");
        made.text(&format!(r"{profiles}\S-1-5-21-1-2-3-1002"), "ProfileImagePath", r"C:\Users\bob");
        let accounts = Accounts::read(&made, &mut Tally::default());
        assert_eq!(accounts.hives, ["S-1-5-18", "S-1-5-21-1-2-3-1001"]);
        let alice = Account { name: "alice".into(), domain: Some("CORP".into()) };
        assert_eq!(accounts.get("S-1-5-21-1-2-3-1001"), Some(&alice));
        assert_eq!(accounts.name("S-1-5-21-1-2-3-1001"), "alice");
        assert_eq!(accounts.name("S-1-5-21-1-2-3-1002"), "bob");
        assert_eq!(accounts.name("S-1-5-18"), "SYSTEM");
        assert_eq!(accounts.name("S-1-9"), "S-1-9");
    }
}
