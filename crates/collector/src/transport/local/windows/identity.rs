//! Whose machine it is, and who is logged on.

use std::collections::BTreeMap;

use investigation::evidence::SessionUser;
use jiff::Timestamp;

use super::accounts::{Accounts, volatile};
use super::registry::{Hive, Registry, Value, find, keys, values};
use crate::artifact::record::cut_text;
use crate::artifact::tally::Tally;

/// Longest name that is kept, in bytes.
const NAME_CAP: usize = 255;

/// The DNS domain that the machine has joined. In a workgroup it is empty.
pub(crate) fn domain(registry: &dyn Registry, tally: &mut Tally) -> Option<String> {
    let path = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
    let found = values(registry, Hive::Machine, path, tally);
    text(&found, "Domain").or_else(|| text(&found, "NV Domain"))
}

/// Users with a session. `desktops` are the owners of desktops (their SIDs) and when each was started.
pub(crate) fn users(
    registry: &dyn Registry,
    accounts: &Accounts,
    desktops: &BTreeMap<String, Option<Timestamp>>,
    tally: &mut Tally,
) -> Vec<SessionUser> {
    let mut users = Vec::new();
    let mut listed: Vec<&str> = Vec::new();
    let user = |sid: &str| {
        let account = accounts.get(sid);
        SessionUser {
            name: accounts.name(sid),
            domain: account.and_then(|account| account.domain.clone()),
            session: None,
            from: None,
            since: desktops.get(sid).copied().flatten(),
        }
    };
    for sid in &accounts.hives {
        let environment = volatile(sid);
        let mut sessions = Vec::new();
        // Windows keeps a key for each session, called by its number; before Vista there was but one session.
        for number in keys(registry, Hive::Users, &environment, tally) {
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
                let path = format!("{environment}\\{number}");
                sessions.push((values(registry, Hive::Users, &path, tally), Some(number)));
            }
        }
        if sessions.is_empty() {
            let only = values(registry, Hive::Users, &environment, tally);
            sessions.extend(find(&only, "SESSIONNAME").is_some().then_some((only, None)));
        }
        for (found, number) in sessions {
            let session = text(&found, "SESSIONNAME").or(number);
            // Somebody at the machine itself has no other machine that they come from.
            let from = text(&found, "CLIENTNAME").filter(|from| !from.eq_ignore_ascii_case("Console"));
            users.push(SessionUser { session, from, ..user(sid) });
            listed.push(sid);
        }
    }
    for sid in desktops.keys() {
        if !listed.contains(&sid.as_str()) {
            users.push(user(sid));
        }
    }
    users
}

fn text(found: &[Value], name: &str) -> Option<String> {
    let mut text = find(found, name)?.text()?.trim().to_owned();
    cut_text(&mut text, NAME_CAP);
    (!text.is_empty()).then_some(text)
}

/// What the registry and the process list add to the identity of this machine.
#[cfg(windows)]
pub(crate) fn here(identity: &mut investigation::evidence::Identity) -> Tally {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

    let mut tally = Tally::default();
    let registry = super::registry::ThisRegistry;
    let accounts = super::accounts::here();
    let mut desktops = BTreeMap::new();
    match System::new() {
        Ok(mut system) => {
            let what = ProcessRefreshKind::nothing().with_user(UpdateKind::Always).without_tasks();
            system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
            let own = sysinfo::get_current_pid().ok();
            for (pid, process) in system.processes() {
                let Some(sid) = process.user_id().map(|sid| sid.to_string()) else { continue };
                if Some(*pid) == own {
                    identity.collected_as = Some(accounts.name(&sid));
                }
                if process.name().eq_ignore_ascii_case("explorer.exe") {
                    let start = i64::try_from(process.start_time()).ok();
                    let start = start.and_then(|seconds| Timestamp::from_second(seconds).ok());
                    let since: &mut Option<Timestamp> = desktops.entry(sid).or_insert(start);
                    *since = (*since).min(start);
                }
            }
        }
        Err(error) => tally.partial(format!("the process list is closed, users may be missing: {error}")),
    }
    identity.domain = domain(&registry, &mut tally);
    identity.users = users(&registry, &accounts, &desktops, &mut tally);
    tally
}

#[cfg(test)]
mod tests {
    use super::super::registry::testing::Made;
    use super::*;

    const ALICE: &str = "S-1-5-21-1-2-3-1001";
    const BOB: &str = "S-1-5-21-1-2-3-1002";
    const OLD: &str = "S-1-5-21-1-2-3-1004";
    const SERVICE: &str = "S-1-5-21-1-2-3-1003";

    #[test]
    fn sessions_and_desktops_are_users_and_loaded_hives_alone_are_not() {
        let mut made = Made::default();
        for (sid, name) in [(ALICE, "alice"), (BOB, "bob"), (SERVICE, "service")] {
            made.text(&format!(r"HKU\{sid}\Volatile Environment"), "USERNAME", name);
            made.text(&format!(r"HKU\{sid}\Volatile Environment"), "USERDOMAIN", "CORP");
        }
        made.text(&format!(r"HKU\{ALICE}\Volatile Environment\2"), "SESSIONNAME", "RDP-Tcp#3");
        made.text(&format!(r"HKU\{ALICE}\Volatile Environment\2"), "CLIENTNAME", "LAPTOP");
        made.text(&format!(r"HKU\{ALICE}\Volatile Environment\x"), "SESSIONNAME", "no session");
        made.text(&format!(r"HKU\{OLD}\Volatile Environment"), "USERNAME", "carol");
        made.text(&format!(r"HKU\{OLD}\Volatile Environment"), "SESSIONNAME", "Console");
        made.text(&format!(r"HKU\{OLD}\Volatile Environment"), "CLIENTNAME", "Console");
        let mut tally = Tally::default();
        let accounts = Accounts::read(&made, &mut tally);
        let since = Timestamp::from_second(1_700_000_000).ok();
        let desktops =
            BTreeMap::from([(ALICE.to_owned(), since), (BOB.to_owned(), None), ("S-1-9".into(), None)]);
        let users = users(&made, &accounts, &desktops, &mut tally);
        let names: Vec<_> = users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["alice", "carol", "bob", "S-1-9"]);
        assert_eq!(users[0].session.as_deref(), Some("RDP-Tcp#3"));
        assert_eq!(users[0].from.as_deref(), Some("LAPTOP"));
        assert_eq!((users[0].domain.as_deref(), users[0].since), (Some("CORP"), since));
        assert_eq!((users[1].session.as_deref(), users[1].from.as_deref()), (Some("Console"), None));
        assert_eq!(users[2].session, None);
    }

    #[test]
    fn a_workgroup_is_no_domain() {
        let mut made = Made::default();
        let tcpip = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
        made.text(tcpip, "Domain", "");
        assert_eq!(domain(&made, &mut Tally::default()), None);
        made.text(tcpip, "NV Domain", "corp.example.com");
        assert_eq!(domain(&made, &mut Tally::default()).as_deref(), Some("corp.example.com"));
    }
}
