//! What is run on a Windows endpoint: constant PowerShell scripts with values in front of them. What is kept of a measure
//! lies in the registry of the machine, below `SOFTWARE\Peerhound\Measures`, where only administrators write, and what is
//! moved lies below `%ProgramData%\Peerhound\quarantine`, which is made for them alone.
//!
//! There is no PowerShell to run these with in a test. What lies in `powershell/` parses all of them instead, and holds every
//! cmdlet and parameter against Microsoft's documents.

pub(crate) mod connection;
mod place;
mod ranges;

use investigation::remediation::{Measure, Undo, WindowsAutostart};

use super::answer::Answer;
use super::script::{Script, Step};
use super::{OwnConnection, Task, Work};
use crate::torrent::client_data::classify_bytes;

/// Parts that come first: with what is kept of a measure, and for an undo without.
macro_rules! measure {
    ($($file:literal),+) => {
        &[include_str!("ps/common.ps1"), include_str!("ps/keep.ps1"), $(include_str!($file)),+]
    };
}
macro_rules! undo {
    ($($file:literal),+) => { &[include_str!("ps/common.ps1"), $(include_str!($file)),+] };
}

const STOP: Script = Script {
    name: "stop_process.ps1",
    parts: measure!("ps/session.ps1", "ps/stop_process.ps1"),
    takes: &["number", "image", "since"],
};
const DISABLE_VALUE: Script = Script {
    name: "disable_run_value.ps1",
    parts: measure!("ps/disable_run_value.ps1"),
    takes: &["hive", "sub", "name", "command"],
};
const RESTORE_VALUE: Script = Script {
    name: "restore_run_value.ps1",
    parts: undo!("ps/restore_run_value.ps1"),
    takes: &["hive", "sub", "name"],
};
const DISABLE_SERVICE: Script = Script {
    name: "disable_service.ps1",
    parts: measure!("ps/session.ps1", "ps/services.ps1", "ps/disable_service.ps1"),
    takes: &["service", "command"],
};
const RESTORE_SERVICE: Script = Script {
    name: "restore_service.ps1",
    parts: undo!("ps/services.ps1", "ps/restore_service.ps1"),
    takes: &["service"],
};
const DISABLE_TASK: Script = Script {
    name: "disable_task.ps1",
    parts: measure!("ps/tasks.ps1", "ps/disable_task.ps1"),
    takes: &["folder", "name", "command"],
};
const RESTORE_TASK: Script = Script {
    name: "restore_task.ps1",
    parts: undo!("ps/tasks.ps1", "ps/restore_task.ps1"),
    takes: &["folder", "name"],
};
const MOVE: Script = Script {
    name: "move_away.ps1",
    parts: measure!("ps/files.ps1", "ps/move_away.ps1"),
    takes: &["path", "size"],
};
const PUT_BACK: Script = Script {
    name: "put_back.ps1",
    parts: undo!("ps/files.ps1", "ps/put_back.ps1"),
    takes: &["path", "sha256"],
};
const BLOCK: Script = Script {
    name: "block_traffic.ps1",
    parts: measure!("ps/firewall.ps1", "ps/block_traffic.ps1"),
    takes: &["rule", "image", "ports"],
};
const UNBLOCK: Script = Script {
    name: "unblock_traffic.ps1",
    parts: undo!("ps/firewall.ps1", "ps/unblock_traffic.ps1"),
    takes: &["rule"],
};
const WHO_ASKS: Script = Script { name: "who_asks.ps1", parts: undo!("ps/who_asks.ps1"), takes: &["ports"] };
const ISOLATE: Script = Script {
    name: "isolate.ps1",
    parts: measure!("ps/firewall.ps1", "ps/isolation.ps1", "ps/isolate.ps1"),
    takes: &["rule", "seconds", "peer", "ports", "v4", "v6", "beyond", "ending"],
};
const END_ISOLATION: Script = Script {
    name: "end_isolation.ps1",
    parts: undo!("ps/firewall.ps1", "ps/isolation.ps1", "ps/end_isolation.ps1"),
    takes: &["rule"],
};

/// What the task runs that ends an isolation; `RULE` is the name of the rules and of the task.
const ENDING: &str = include_str!("ps/isolation_ends.ps1");

/// What is run for a piece of work, or why nothing is.
pub(crate) fn step(task: &Task, own: &OwnConnection) -> Result<Step, String> {
    let rule = task.name();
    match &task.work {
        Work::Measure(Measure::StopProcess { pid, image, start_time }) => {
            let (pid, since) = (pid.to_string(), start_time.map(|time| time.as_second().to_string()));
            let since = since.unwrap_or_default();
            Ok(STOP.with_text(task, &[("number", pid.as_str()), ("image", image), ("since", &since)]))
        }
        Work::Measure(Measure::DisableAutostart { mechanism, location, name, command }) => {
            let entry = WindowsAutostart::of(mechanism, location, name, command.as_deref())?;
            let Some(command) = command else {
                return Err("the order does not say what it runs".to_owned());
            };
            disable(task, entry, (location, name, command))
        }
        Work::Undo(Undo::RestoreAutostart { mechanism, location, name, .. }) => {
            restore(task, mechanism, location, name)
        }
        Work::Measure(Measure::BlockTraffic { image, ports }) => {
            if let Some(port) = ports.iter().find(|port| own.ports.contains(port)) {
                return Err(format!("port {port} is one that this very order may come over"));
            }
            let ports = self::ports(ports);
            let image = image.as_deref().unwrap_or_default();
            Ok(BLOCK.with_text(task, &[("rule", rule.as_str()), ("image", image), ("ports", &ports)]))
        }
        Work::Undo(Undo::UnblockTraffic) => Ok(UNBLOCK.with_text(task, &[("rule", &rule)])),
        Work::Measure(Measure::QuarantineFile { path, path_hex, size }) => {
            if classify_bytes(path.as_bytes(), false).is_none() {
                return Err("by its name it is neither a torrent nor a record of a client".to_owned());
            }
            if path_hex.is_some() {
                return Err("no path of Windows has bytes that are no text".to_owned());
            }
            sound(path)?;
            Ok(MOVE.with_text(task, &[("path", path.as_str()), ("size", &size.to_string())]))
        }
        Work::Undo(Undo::RestoreFile { path, sha256, .. }) => {
            sound(path)?;
            Ok(PUT_BACK.with_text(task, &[("path", path.as_str()), ("sha256", sha256)]))
        }
        Work::Measure(Measure::Isolate { seconds, keep, keep_hosts }) => {
            let Some(peer) = own.peer else {
                return Err(
                    "where this order comes from is not known: isolated, it could not be reached".into()
                );
            };
            let cut = ranges::Cut::all_but(&ranges::kept(keep, keep_hosts, Some(peer)));
            let (v4, v6, beyond) = (cut.v4.join(" "), cut.v6.join(" "), cut.beyond.join(" "));
            if [&v4, &v6, &beyond].iter().any(|ranges| ranges.is_empty()) {
                return Err("what is to be kept is everything".to_owned());
            }
            let given = [
                ("rule", rule.as_str()),
                ("seconds", &seconds.to_string()),
                ("peer", &peer.to_string()),
                ("ports", &ports(&own.ports)),
                ("v4", &v4),
                ("v6", &v6),
                ("beyond", &beyond),
                ("ending", ENDING.trim()),
            ];
            Ok(ISOLATE.with_text(task, &given))
        }
        Work::Undo(Undo::EndIsolation) => Ok(END_ISOLATION.with_text(task, &[("rule", &rule)])),
    }
}

/// Asks where the order comes from, where that is not known and matters: for an isolation, and over SSH for the port that must
/// not be blocked.
pub(crate) fn who_asks(task: &Task, own: &OwnConnection, over_ssh: bool) -> Option<Step> {
    let matters = match &task.work {
        Work::Measure(Measure::Isolate { .. }) => true,
        Work::Measure(Measure::BlockTraffic { ports, .. }) => over_ssh && !ports.is_empty(),
        _ => false,
    };
    matters.then(|| WHO_ASKS.with_text(task, &[("ports", &ports(&own.ports))]))
}

fn ports(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")
}

fn sound(path: &str) -> Result<(), String> {
    place::fault(path).map_or(Ok(()), Err)
}

fn disable(
    task: &Task,
    entry: WindowsAutostart<'_>,
    (location, name, command): (&str, &str, &str),
) -> Result<Step, String> {
    Ok(match entry {
        WindowsAutostart::RunValue { hive, key } => DISABLE_VALUE
            .with_text(task, &[("hive", hive), ("sub", key), ("name", name), ("command", command)]),
        WindowsAutostart::StartupFile { .. } => {
            let path = place::of_startup(entry, name).unwrap_or_default();
            sound(&path)?;
            MOVE.with_text(task, &[("path", &path)])
        }
        WindowsAutostart::Service => {
            DISABLE_SERVICE.with_text(task, &[("service", name), ("command", command)])
        }
        WindowsAutostart::Task => {
            DISABLE_TASK.with_text(task, &[("folder", location), ("name", name), ("command", command)])
        }
    })
}

/// What was switched off is known by what is kept of it, so that an undo says only which it is.
fn restore(task: &Task, mechanism: &str, location: &str, name: &str) -> Result<Step, String> {
    Ok(match mechanism {
        "service" => RESTORE_SERVICE.with_text(task, &[("service", name)]),
        "scheduled_task" => RESTORE_TASK.with_text(task, &[("folder", location), ("name", name)]),
        "startup_folder" => {
            let path = format!(r"{location}\{name}");
            let entry = WindowsAutostart::of(mechanism, location, name, Some(&path))?;
            let path = place::of_startup(entry, name).unwrap_or_default();
            sound(&path)?;
            PUT_BACK.with_text(task, &[("path", &path)])
        }
        _ => match WindowsAutostart::of(mechanism, location, name, None)? {
            WindowsAutostart::RunValue { hive, key } => {
                RESTORE_VALUE.with_text(task, &[("hive", hive), ("sub", key), ("name", name)])
            }
            _ => return Err("there is no such way to start".to_owned()),
        },
    })
}

/// The undo of what was done, by what the script says of it.
pub(crate) fn undo(work: &Work, answer: &Answer) -> Option<Undo> {
    match work {
        Work::Measure(Measure::DisableAutostart { mechanism, location, name, .. }) => {
            Some(Undo::RestoreAutostart {
                mechanism: mechanism.clone(),
                location: location.clone(),
                name: name.clone(),
                content: None,
            })
        }
        Work::Measure(Measure::BlockTraffic { .. }) => Some(Undo::UnblockTraffic),
        Work::Measure(Measure::QuarantineFile { path, .. }) => {
            let sha256 = answer.sha256()?;
            Some(Undo::RestoreFile { path: path.clone(), path_hex: None, sha256 })
        }
        Work::Measure(Measure::Isolate { .. }) => Some(Undo::EndIsolation),
        Work::Measure(Measure::StopProcess { .. }) | Work::Undo(_) => None,
    }
}

/// Every script that is sent, for what reads them in tests.
#[cfg(test)]
pub(crate) fn scripts() -> Vec<(&'static str, String)> {
    let mut all: Vec<_> = tests::ALL.iter().map(|script| (script.name, tests::text(script))).collect();
    all.push(("isolation_ends.ps1", ENDING.to_owned()));
    all
}

#[cfg(test)]
mod tests;
