//! What is run on a Windows endpoint: constant PowerShell scripts with values in front of them. What is kept of a measure
//! lies in the registry of the machine, below `SOFTWARE\Peerhound\Measures`, where only administrators write.
//!
//! Processes, values of Run keys and the firewall's rules; nothing else is changed there.

use std::io::{self, BufRead};

use data_encoding::HEXLOWER;
use investigation::remediation::{Measure, MeasureStatus, Undo};
use investigation::text::one_line;
use sha2::{Digest as _, Sha256};

use super::posix::Step;
use super::{Ending, OwnConnection, Task, Work, values};
use crate::artifact::windows::ending;

macro_rules! scripts {
    ($($file:literal),+) => {
        &[include_str!("ps/common.ps1"), $(include_str!($file)),+]
    };
}

/// A script, and the values that it takes.
struct Script {
    name: &'static str,
    parts: &'static [&'static str],
    takes: &'static [&'static str],
}

const STOP: Script = Script {
    name: "stop_process.ps1",
    parts: scripts!("ps/keep.ps1", "ps/stop_process.ps1"),
    takes: &["number", "image", "since"],
};
const DISABLE: Script = Script {
    name: "disable_run_value.ps1",
    parts: scripts!("ps/keep.ps1", "ps/disable_run_value.ps1"),
    takes: &["hive", "sub", "name", "command"],
};
const RESTORE: Script = Script {
    name: "restore_run_value.ps1",
    parts: scripts!("ps/restore_run_value.ps1"),
    takes: &["hive", "sub", "name"],
};
const BLOCK: Script = Script {
    name: "block_traffic.ps1",
    parts: scripts!("ps/keep.ps1", "ps/block_traffic.ps1"),
    takes: &["rule", "image", "ports"],
};
const UNBLOCK: Script =
    Script { name: "unblock_traffic.ps1", parts: scripts!("ps/unblock_traffic.ps1"), takes: &["rule"] };

impl Script {
    fn with(&self, task: &Task, given: &[(&str, &str)]) -> Step {
        let begin = include_str!("../artifact/windows/ps/prologue.ps1");
        let mut hash = Sha256::new();
        [begin].iter().chain(self.parts).for_each(|part| hash.update(part.as_bytes()));
        let mut described = format!("{} (SHA-256 {})", self.name, HEXLOWER.encode(&hash.finalize()));
        let mut text = begin.to_owned();
        let (n, measure) = (task.n.to_string(), task.work.fingerprint());
        for (name, value) in [("case", task.case_id.as_str()), ("n", &n), ("measure", &measure)] {
            text.push_str(&values::powershell(name, value));
        }
        for name in self.takes {
            let value = given.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value);
            text.push_str(&values::powershell(name, value));
            if !value.is_empty() {
                described.push_str(&format!(" {name}={}", one_line(value, 300)));
            }
        }
        self.parts.iter().for_each(|part| text.push_str(part));
        Step { name: self.name, described, text }
    }
}

/// What is run for a piece of work, or why nothing is.
pub(crate) fn step(task: &Task, own: &OwnConnection) -> Result<Step, String> {
    let rule = task.name();
    match &task.work {
        Work::Measure(Measure::StopProcess { pid, image, start_time }) => {
            let since = start_time.map(|time| time.as_second().to_string()).unwrap_or_default();
            Ok(STOP.with(task, &[("number", &pid.to_string()), ("image", image), ("since", &since)]))
        }
        Work::Measure(Measure::DisableAutostart { mechanism, location, name, command }) => {
            let (hive, sub) = run_key(mechanism, location)?;
            let Some(command) = command else {
                return Err("the order does not say what the value runs".to_owned());
            };
            Ok(DISABLE.with(task, &[("hive", hive), ("sub", sub), ("name", name), ("command", command)]))
        }
        Work::Undo(Undo::RestoreAutostart { mechanism, location, name, .. }) => {
            let (hive, sub) = run_key(mechanism, location)?;
            Ok(RESTORE.with(task, &[("hive", hive), ("sub", sub), ("name", name)]))
        }
        Work::Measure(Measure::BlockTraffic { image, ports }) => {
            if let Some(port) = ports.iter().find(|port| own.ports.contains(port)) {
                return Err(format!("port {port} is one that this very order may come over"));
            }
            let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
            let image = image.as_deref().unwrap_or_default();
            Ok(BLOCK.with(task, &[("rule", &rule), ("image", image), ("ports", &ports)]))
        }
        Work::Undo(Undo::UnblockTraffic) => Ok(UNBLOCK.with(task, &[("rule", &rule)])),
        Work::Measure(Measure::QuarantineFile { .. }) | Work::Undo(Undo::RestoreFile { .. }) => {
            Err("files are not moved on Windows by this version: move it away by hand".to_owned())
        }
        Work::Measure(Measure::Isolate { .. }) | Work::Undo(Undo::EndIsolation) => {
            Err("Windows is not isolated by this version: its EDR or its switch port does that".to_owned())
        }
    }
}

/// Hive and key of a value that starts something.
fn run_key<'a>(mechanism: &str, location: &'a str) -> Result<(&'static str, &'a str), String> {
    let none = || "on Windows, this version switches off values of Run keys alone: do it by hand".to_owned();
    if mechanism != "run_key" {
        return Err(none());
    }
    let hives = [(r"HKEY_LOCAL_MACHINE\", "LocalMachine"), (r"HKEY_USERS\", "Users")];
    let found = hives.iter().find_map(|(start, hive)| location.strip_prefix(start).map(|sub| (*hive, sub)));
    let (hive, sub) = found.ok_or_else(none)?;
    let lower = sub.to_ascii_lowercase();
    let ends = [r"\currentversion\run", r"\currentversion\runonce", r"\policies\explorer\run"];
    if ends.iter().any(|end| lower.ends_with(end)) { Ok((hive, sub)) } else { Err(none()) }
}

/// The undo of what was done.
pub(crate) fn undo(work: &Work) -> Option<Undo> {
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
        _ => None,
    }
}

/// Reads what a script says. `None` where it came to no end.
pub(crate) fn read(input: &mut dyn BufRead) -> io::Result<Option<Ending>> {
    let Some((status, detail)) = ending(input)? else { return Ok(None) };
    let status = match status.as_str() {
        "done" => MeasureStatus::Done,
        "already" => MeasureStatus::Already,
        "gone" => MeasureStatus::Gone,
        "refused" => MeasureStatus::Refused,
        _ => MeasureStatus::Failed,
    };
    Ok(Some(Ending::new(status, detail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(work: Work) -> Task {
        Task { case_id: "ph-1".into(), n: 3, work }
    }

    fn run_value(mechanism: &str, location: &str) -> Result<Step, String> {
        let measure = Measure::DisableAutostart {
            mechanism: mechanism.into(),
            location: location.into(),
            name: "µTorrent'; exit #".into(),
            command: Some(r#""C:\a b\u.exe" $(whoami)"#.into()),
        };
        step(&task(Work::Measure(measure)), &OwnConnection::default())
    }

    #[test]
    fn no_value_is_ever_part_of_a_script() {
        let step =
            run_value("run_key", r"HKEY_USERS\S-1-5-21-1\Software\Microsoft\Windows\CurrentVersion\Run")
                .unwrap();
        assert!(!step.text.contains("whoami") && !step.text.contains("exit #"), "{}", step.text);
        assert!(step.text.contains("\n$hive = -join ([char[]]("), "{}", step.text);
        assert!(step.described.contains("disable_run_value.ps1 (SHA-256 "));
        assert!(step.text.is_ascii(), "whatever the code page is");
    }

    #[test]
    fn only_values_of_run_keys_are_taken_away() {
        let start = r"HKEY_LOCAL_MACHINE\SOFTWARE";
        let fine = format!(r"{start}\WOW6432Node\Microsoft\Windows\CurrentVersion\RunOnce");
        assert!(run_value("run_key", &fine).is_ok());
        for (mechanism, location) in [
            ("winlogon", format!(r"{start}\Microsoft\Windows NT\CurrentVersion\Winlogon")),
            ("run_key", format!(r"{start}\Microsoft\Windows NT\CurrentVersion\Winlogon")),
            ("run_key", r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run".to_owned()),
            ("service", r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\x".to_owned()),
        ] {
            assert!(run_value(mechanism, &location).is_err(), "{location}");
        }
    }

    #[test]
    fn the_way_that_an_order_comes_by_is_not_blocked() {
        let block = |ports: Vec<u16>| {
            let own = OwnConnection { ports: vec![22, 5985, 5986], ..OwnConnection::default() };
            step(&task(Work::Measure(Measure::BlockTraffic { image: None, ports })), &own)
        };
        assert!(block(vec![6881]).is_ok());
        assert!(block(vec![6881, 5985]).is_err());
    }

    #[test]
    fn an_answer_counts_only_where_a_script_of_ours_ran() {
        let read = |text: &str| read(&mut text.as_bytes()).unwrap();
        let answer = r#"{"k":"answer","status":"done","detail":"a\nb"}"#;
        let whole = format!("PEERHOUND-1\r\n{answer}\r\nPEERHOUND-END\r\n");
        assert_eq!(read(&whole), Some(Ending::new(MeasureStatus::Done, "a\nb")));
        assert_eq!(read(answer), None);
        assert_eq!(read("PEERHOUND-1\r\n"), None);
    }
}
