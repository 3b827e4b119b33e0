//! What is read besides from this Windows where it is compromised: what its registry and its files tell without a shell.

mod images;
mod profiles;
mod recent;
mod texts;

use investigation::evidence::{
    ArtifactStatus, AuthorizedKey, AutostartEntry, HistoryFile, NameEntry, ProtectionFact, Share,
};
use investigation::order::Limits;

use super::accounts::Accounts;
use super::folders::Folders;
use super::registry::{Hive, Registry, Value, find, keys, values};
use super::root;
use crate::artifact::forensic::Rows;
use crate::artifact::record::cut_text;
use crate::artifact::tally::Tally;
use crate::artifact::windows::forensic::authorized_keys::{File, List};
use crate::artifact::windows::forensic::spots::{Root, SPOTS, Spot};
use crate::artifact::windows::forensic::{antivirus as defender, name_resolution as names};
use crate::artifact::windows::forensic::{registry_persistence as spots, shell_histories as histories};
use profiles::{Profile, profiles, program_data};

pub(crate) use images::{drivers, services};
#[cfg(windows)]
pub(crate) use recent::read as recent_executables;
pub(crate) use recent::roots;
#[cfg(windows)]
pub(crate) use texts::ThisDisk;
pub(crate) use texts::{Text, Texts};

const ABSENT: &str = "users are not logged on: what their part of the registry holds is not read";
const TCPIP: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip";
const INTERNET: &str = r"Microsoft\Windows\CurrentVersion\Internet Settings";
const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows NT\DNSClient";
/// Longest value that is kept, in bytes.
const TEXT_CAP: usize = 4096;

/// The spots of the registry that load or start something.
pub(crate) fn registry_persistence(registry: &dyn Registry, limits: &Limits) -> (Vec<AutostartEntry>, Tally) {
    let mut tally = Tally::default();
    let accounts = Accounts::read(registry, &mut tally);
    let mut rows = Rows::new(limits);
    for spot in &SPOTS {
        for key in spot.machine_keys() {
            in_spot(registry, spot, Hive::Machine, &key, None, &mut rows, &mut tally);
        }
        for sid in accounts.hives.iter().filter(|_| spot.root == Root::User) {
            let key = format!("{sid}\\{}", spot.key);
            in_spot(registry, spot, Hive::Users, &key, Some(accounts.name(sid)), &mut rows, &mut tally);
        }
    }
    accounts.count_absent(registry, ABSENT, &mut tally);
    (rows.rows, tally)
}

fn in_spot(
    registry: &dyn Registry,
    spot: &Spot,
    hive: Hive,
    key: &str,
    user: Option<String>,
    rows: &mut Rows<'_, AutostartEntry>,
    tally: &mut Tally,
) {
    let places = match spot.below {
        true => keys(registry, hive, key, tally).into_iter().map(|name| format!("{key}\\{name}")).collect(),
        false => vec![key.to_owned()],
    };
    for place in places {
        for value in values(registry, hive, &place, tally).iter().filter(|value| spot.takes(&value.name)) {
            let full = format!("{}\\{place}", hive.name());
            let entry = spots::made(spot, user.clone(), full, value.name.clone(), &data(value));
            if entry.command.is_some() {
                rows.push(entry, tally);
            }
        }
    }
}

/// A value as text, whatever its kind.
fn data(value: &Value) -> String {
    let mut text = match (value.text(), value.number()) {
        (Some(text), _) => text,
        (None, Some(number)) => number.to_string(),
        (None, None) => String::new(),
    };
    cut_text(&mut text, TEXT_CAP);
    text
}

/// The hosts file, resolvers, rules for single names, and proxies.
pub(crate) fn name_resolution(
    registry: &dyn Registry,
    texts: &dyn Texts,
    limits: &Limits,
) -> (Vec<NameEntry>, Tally) {
    let mut tally = Tally::default();
    let accounts = Accounts::read(registry, &mut tally);
    let mut rows = Rows::new(limits);
    let parameters = values(registry, Hive::Machine, &format!("{TCPIP}\\Parameters"), &mut tally);
    let folder =
        find(&parameters, "DataBasePath").and_then(Value::text).map(|text| root::expanded(registry, &text));
    let folder = folder.unwrap_or_else(|| format!("{}\\System32\\drivers\\etc", root::folder(registry)));
    if root::is_absolute(&folder) {
        hosts(&format!("{folder}\\hosts"), texts, &mut rows, &mut tally);
    } else {
        tally.partial("the hosts file lies in no folder of this machine, and was not read");
    }
    let mut take = |hive: Hive, key: &str, tally: &mut Tally| {
        for value in values(registry, hive, key, tally) {
            let data = match value.name.eq_ignore_ascii_case("WinHttpSettings") {
                true => names::winhttp(&value.bytes).unwrap_or_default(),
                false => data(&value),
            };
            if let Some(entry) = names::entry(&format!("{}\\{key}", hive.name()), &value.name, &data) {
                rows.push(entry, tally);
            }
        }
    };
    for stack in [TCPIP, r"SYSTEM\CurrentControlSet\Services\Tcpip6"] {
        take(Hive::Machine, &format!("{stack}\\Parameters"), &mut tally);
        let above = format!("{stack}\\Parameters\\Interfaces");
        for name in keys(registry, Hive::Machine, &above, &mut tally) {
            take(Hive::Machine, &format!("{above}\\{name}"), &mut tally);
        }
    }
    take(Hive::Machine, &format!("{TCPIP}\\ServiceProvider"), &mut tally);
    take(Hive::Machine, POLICY, &mut tally);
    for above in [r"SYSTEM\CurrentControlSet\Services\Dnscache\Parameters", POLICY] {
        let above = format!("{above}\\DnsPolicyConfig");
        for name in keys(registry, Hive::Machine, &above, &mut tally) {
            take(Hive::Machine, &format!("{above}\\{name}"), &mut tally);
        }
    }
    for above in ["SOFTWARE", r"SOFTWARE\Policies"] {
        take(Hive::Machine, &format!("{above}\\{INTERNET}"), &mut tally);
    }
    take(Hive::Machine, &format!("SOFTWARE\\{INTERNET}\\Connections"), &mut tally);
    for sid in &accounts.hives {
        for above in ["Software", r"Software\Policies"] {
            take(Hive::Users, &format!("{sid}\\{above}\\{INTERNET}"), &mut tally);
        }
    }
    accounts.count_absent(registry, ABSENT, &mut tally);
    (rows.rows, tally)
}

fn hosts(path: &str, texts: &dyn Texts, rows: &mut Rows<'_, NameEntry>, tally: &mut Tally) {
    let Some(Text { content, modified, cut }) = texts::read(texts, path, tally) else { return };
    if cut || content.lines().count() > names::LINES {
        tally.truncated("the hosts file is longer than is read");
    }
    for line in content.lines().take(names::LINES) {
        if let Some(entry) = names::host_entry(path, modified, line) {
            rows.push(entry, tally);
        }
    }
}

/// Keys that let somebody in over OpenSSH for Windows.
pub(crate) fn authorized_keys(
    registry: &dyn Registry,
    texts: &dyn Texts,
    limits: &Limits,
) -> (Vec<AuthorizedKey>, Tally) {
    let mut tally = Tally::default();
    let mut list = List::new(limits);
    let folder = format!("{}\\ssh", program_data(registry, &mut tally));
    if let Some(Text { content, .. }) = texts::read(texts, &format!("{folder}\\sshd_config"), &mut tally) {
        crate::artifact::forensic::authorized_keys::elsewhere(&settings(&content), &mut tally);
    }
    let mut files = vec![(format!("{folder}\\administrators_authorized_keys"), None)];
    for Profile { folder, user } in profiles(registry, &mut tally) {
        for name in ["authorized_keys", "authorized_keys2"] {
            files.push((format!("{folder}\\.ssh\\{name}"), Some(user.clone())));
        }
    }
    for (path, user) in files {
        let Some(Text { content, modified, cut }) = texts::read(texts, &path, &mut tally) else { continue };
        if cut {
            tally.count(ArtifactStatus::Truncated, "files of keys were longer than is read");
        }
        let file = File { path, user, modified_at: modified };
        for (number, line) in (1..).zip(content.lines()) {
            list.line(&file, number, line, &mut tally);
        }
    }
    (list.finish(), tally)
}

/// The lines that name other places.
fn settings(content: &str) -> String {
    let lines = content.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| line.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("AuthorizedKeys")))
        .collect();
    lines.join("\n")
}

/// Histories of PowerShell, without what they hold.
pub(crate) fn shell_histories(
    registry: &dyn Registry,
    folders: &dyn Folders,
    limits: &Limits,
) -> (Vec<HistoryFile>, Tally) {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    for Profile { folder, user } in profiles(registry, &mut tally) {
        let folder = format!("{folder}\\{}", histories::FOLDER);
        let listing = match folders.files(&folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(_) => {
                tally.count(ArtifactStatus::Partial, "folders of histories are closed to this account");
                continue;
            }
        };
        if listing.cut {
            tally.count(ArtifactStatus::Truncated, "folders hold more files than are listed");
        }
        for file in listing.items {
            if file.name.to_ascii_lowercase().ends_with(histories::END) {
                let row = HistoryFile {
                    path: format!("{folder}\\{}", file.name),
                    owner: Some(user.clone()),
                    size: file.size,
                    modified_at: file.modified,
                    target: None,
                };
                rows.push(row, &mut tally);
            }
        }
    }
    (rows.rows, tally)
}

/// What is shared. Who uses it, only the service itself knows.
pub(crate) fn shares(registry: &dyn Registry, limits: &Limits) -> (Vec<Share>, Tally) {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let key = r"SYSTEM\CurrentControlSet\Services\LanmanServer\Shares";
    for value in values(registry, Hive::Machine, key, &mut tally) {
        let text = data(&value);
        let path =
            text.split_once("Path=").map(|(_, rest)| rest.split(" Permissions=").next().unwrap_or(rest));
        let path = path.map(|path| path.trim().to_owned()).filter(|path| !path.is_empty());
        rows.push(Share { kind: "share".into(), name: value.name, path, ..Share::default() }, &mut tally);
    }
    tally.partial("sessions, connections and the administrators' own shares are not read from within");
    (rows.rows, tally)
}

/// What Defender is told to leave out, and what is switched off.
pub(crate) fn antivirus(registry: &dyn Registry, limits: &Limits) -> (Vec<ProtectionFact>, Tally) {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    for above in [r"SOFTWARE\Microsoft\Windows Defender", r"SOFTWARE\Policies\Microsoft\Windows Defender"] {
        let lists = ["Paths", "Extensions", "Processes", "IpAddresses", "TemporaryPaths"];
        let lists = lists.iter().map(|list| format!("{above}\\Exclusions\\{list}"));
        let others =
            ["", r"\Real-Time Protection", r"\Features"].iter().map(|below| format!("{above}{below}"));
        for key in others.chain(lists) {
            for value in values(registry, Hive::Machine, &key, &mut tally) {
                let full = format!("HKLM\\{key}");
                if let Some(fact) = defender::of_setting(&full, &value.name, &data(&value)) {
                    rows.push(fact, &mut tally);
                }
            }
        }
    }
    tally.partial("whether the scanner runs, and what it found, is not read from within");
    (rows.rows, tally)
}

#[cfg(test)]
mod tests;
