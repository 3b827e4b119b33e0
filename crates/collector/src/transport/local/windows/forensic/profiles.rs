//! Where people's files lie.

use super::super::accounts::{Accounts, PROFILES};
use super::super::registry::{Hive, Registry, Value, find, keys, values};
use super::super::root;
use crate::artifact::tally::Tally;

/// A profile, logged on or not.
#[derive(Debug)]
pub(super) struct Profile {
    /// Its folder, of this machine.
    pub(super) folder: String,
    /// Name of its account.
    pub(super) user: String,
}

/// Every profile whose folder lies on this machine.
pub(super) fn profiles(registry: &dyn Registry, tally: &mut Tally) -> Vec<Profile> {
    let accounts = Accounts::read(registry, tally);
    let sids = keys(registry, Hive::Machine, PROFILES, tally);
    let profile = |sid: String| {
        let found = values(registry, Hive::Machine, &format!("{PROFILES}\\{sid}"), tally);
        let folder = find(&found, "ProfileImagePath").and_then(Value::text)?;
        let folder = root::expanded(registry, folder.trim_end_matches('\\'));
        root::is_absolute(&folder).then(|| Profile { folder, user: accounts.name(&sid) })
    };
    sids.into_iter().filter_map(profile).collect()
}

/// Where programs keep what is everybody's.
pub(super) fn program_data(registry: &dyn Registry, tally: &mut Tally) -> String {
    let found = values(registry, Hive::Machine, PROFILES, tally);
    let told = find(&found, "ProgramData").and_then(Value::text).map(|path| root::expanded(registry, &path));
    let told = told.filter(|path| root::is_absolute(path));
    told.unwrap_or_else(|| root::expanded(registry, r"%SystemDrive%\ProgramData"))
}
