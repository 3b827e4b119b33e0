//! `Windows.System.Identity` over SMB: name, domain, version, addresses and users, out of the registry and of what the
//! workstation service says.

use std::collections::BTreeMap;
use std::net::IpAddr;

use investigation::evidence::{Identity, SessionUser};
use jiff::Timestamp;

use super::services::{Logon, Workstation};
use crate::artifact::record::cut_text;
use crate::artifact::tally::Tally;
use crate::transport::local::windows::accounts::Accounts;
use crate::transport::local::windows::identity::{domain, users};
use crate::transport::local::windows::registry::{Hive, Registry, Value, find, keys, values};

const INTERFACES: [&str; 2] = [
    r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces",
    r"SYSTEM\CurrentControlSet\Services\Tcpip6\Parameters\Interfaces",
];
const TCPIP: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
const VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// Most addresses that are kept; of users an eighth of it.
const CAP: usize = 4096;
/// Longest name that is kept, in bytes.
const NAME_CAP: usize = 255;
/// Windows 11 calls itself 10 in its registry.
const FIRST_BUILD_OF_11: u32 = 22_000;

/// What the registry says, and where Windows itself lies, which is not walked. `now` is the endpoint's clock.
pub(super) fn read(
    registry: &dyn Registry,
    now: Option<Timestamp>,
    tally: &mut Tally,
) -> (Identity, Option<String>) {
    let tcpip = values(registry, Hive::Machine, TCPIP, tally);
    let version = values(registry, Hive::Machine, VERSION, tally);
    let (os, kernel) = system(&version);
    let mut seen = Tally::default();
    let accounts = Accounts::read(registry, &mut seen);
    let users = users(registry, &accounts, &BTreeMap::new(), &mut seen);
    tally.extend(seen);
    let identity = Identity {
        host_name: text(&tcpip, "Hostname").or_else(|| text(&tcpip, "NV Hostname")).unwrap_or_default(),
        domain: domain(registry, tally),
        os,
        kernel,
        users,
        addresses: addresses(registry, now, tally),
        endpoint_time: now,
        ..Identity::default()
    };
    (identity, text(&version, "SystemRoot"))
}

/// Those that interfaces hold now: of one that DHCP configures what it gave, while the lease lasts; of another what was
/// set. What an interface was given once stays in the registry and proves nothing.
fn addresses(registry: &dyn Registry, now: Option<Timestamp>, tally: &mut Tally) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for above in INTERFACES {
        for name in keys(registry, Hive::Machine, above, tally) {
            let interface = values(registry, Hive::Machine, &format!("{above}\\{name}"), tally);
            let number = |name| find(&interface, name).and_then(Value::number);
            let is_over = |ends: u32| now.is_some_and(|now| now.as_second() > i64::from(ends));
            let dynamic = number("EnableDHCP").is_some_and(|on| on != 0);
            let name = match dynamic {
                true if number("LeaseTerminatesTime").is_some_and(is_over) => continue,
                true => "DhcpIPAddress",
                false => "IPAddress",
            };
            // A list, parted by spaces as the reader of values does.
            let listed = find(&interface, name).and_then(Value::text).unwrap_or_default();
            let held = listed.split([' ', ',']).filter_map(|ip| ip.parse::<IpAddr>().ok());
            found.extend(held.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_canonical()));
            if found.len() > CAP {
                found.truncate(CAP);
                tally.truncated("the registry lists more addresses than are kept");
                return found;
            }
        }
    }
    found
}

/// Name and build.
fn system(version: &[Value]) -> (Option<String>, Option<String>) {
    let build = text(version, "CurrentBuildNumber").or_else(|| text(version, "CurrentBuild"));
    let revision = find(version, "UBR").and_then(Value::number);
    let is_11 = build.as_ref().and_then(|build| build.parse::<u32>().ok()) >= Some(FIRST_BUILD_OF_11);
    let product = text(version, "ProductName").map(|name| match name.strip_prefix("Windows 10") {
        Some(edition) if is_11 => format!("Windows 11{edition}"),
        _ => name,
    });
    let words = [product, text(version, "DisplayVersion")];
    let os = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let kernel = build.map(|build| match revision {
        Some(revision) => format!("{build}.{revision}"),
        None => build,
    });
    (Some(os).filter(|os| !os.is_empty()), kernel)
}

/// Adds what the workstation service says of the machine itself.
pub(super) fn add_workstation(identity: &mut Identity, said: &Workstation) {
    let some = |text: &str| Some(named(text)).filter(|text| !text.is_empty());
    if identity.host_name.is_empty() {
        identity.host_name = named(&said.name);
    }
    // Of a workgroup this is its name, which has no dot; the registry knows the domain of one that is in a domain.
    identity.domain = identity.domain.take().or(some(&said.domain).filter(|domain| domain.contains('.')));
    if identity.kernel.is_none() && said.major > 0 {
        identity.kernel = Some(format!("{}.{}", said.major, said.minor));
    }
}

/// Adds who is logged on as the workstation service says, where the registry did not tell whose sessions there are:
/// services and jobs are among them.
pub(super) fn add_logons(identity: &mut Identity, logons: &[Logon]) {
    for Logon { user, domain } in logons {
        let (name, domain) = (named(user), Some(named(domain)).filter(|domain| !domain.is_empty()));
        let same = |row: &SessionUser| row.name.to_lowercase() == name.to_lowercase();
        // The machine itself has an account, too.
        if name.is_empty() || name.ends_with('$') || identity.users.iter().any(same) {
            continue;
        }
        if identity.users.len() < CAP / 8 {
            identity.users.push(SessionUser { name, domain, session: None, from: None, since: None });
        }
    }
}

fn named(text: &str) -> String {
    let mut name = text.trim().to_owned();
    cut_text(&mut name, NAME_CAP);
    name
}

fn text(found: &[Value], name: &str) -> Option<String> {
    let text = named(&find(found, name)?.text()?);
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
