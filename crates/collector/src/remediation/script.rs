//! Constant scripts with values in front of them, for either shell: what both ways to change an endpoint have in common.

use data_encoding::HEXLOWER;
use investigation::text::one_line;
use sha2::{Digest as _, Sha256};

use super::{Task, values};

/// What reads a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    /// A POSIX shell, on Linux.
    Posix,
    /// Windows PowerShell 5.1.
    PowerShell,
}

impl Shell {
    /// The system in the names of records.
    pub(crate) fn system(self) -> &'static str {
        match self {
            Self::Posix => "Linux",
            Self::PowerShell => "Windows",
        }
    }

    /// What opens every script, and what ends it.
    fn frame(self) -> (&'static str, &'static str) {
        match self {
            Self::Posix => {
                (include_str!("../artifact/sh/prologue.sh"), include_str!("../artifact/sh/epilogue.sh"))
            }
            // Each of its scripts ends by itself.
            Self::PowerShell => (include_str!("../artifact/windows/ps/prologue.ps1"), ""),
        }
    }

    fn value(self, name: &str, value: &[u8]) -> String {
        match self {
            Self::Posix => values::posix(name, value),
            // All of them were text before.
            Self::PowerShell => values::powershell(name, &String::from_utf8_lossy(value)),
        }
    }
}

/// A script, and the values that it takes. All of them are set each time, so that none comes from elsewhere.
pub(crate) struct Script {
    /// Name of its file, whose ending tells the shell.
    pub(crate) name: &'static str,
    /// Its text, in parts that others have as well.
    pub(crate) parts: &'static [&'static str],
    /// Names of its values.
    pub(crate) takes: &'static [&'static str],
}

/// One script with its values, ready to be run.
#[derive(Debug)]
pub(crate) struct Step {
    /// Name of the script's file.
    pub(crate) name: &'static str,
    /// What runs it.
    pub(crate) shell: Shell,
    /// SHA-256 of its constant text, and its values, for the record.
    pub(crate) described: String,
    /// What the shell reads.
    pub(crate) text: String,
}

impl Script {
    /// What reads it.
    pub(crate) fn shell(&self) -> Shell {
        if self.name.ends_with(".ps1") { Shell::PowerShell } else { Shell::Posix }
    }

    /// With values that are text.
    pub(crate) fn with_text(&self, task: &Task, given: &[(&str, &str)]) -> Step {
        let given: Vec<(&str, &[u8])> = given.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        self.with(task, &given)
    }

    /// With values; those that are not given are empty.
    pub(crate) fn with(&self, task: &Task, given: &[(&str, &[u8])]) -> Step {
        let shell = self.shell();
        let (begin, end) = shell.frame();
        let mut hash = Sha256::new();
        [begin].iter().chain(self.parts).chain(&[end]).for_each(|part| hash.update(part.as_bytes()));
        let mut described = format!("{} (SHA-256 {})", self.name, HEXLOWER.encode(&hash.finalize()));
        let (number, fingerprint) = (task.n.to_string(), task.work.fingerprint());
        let mut text = begin.to_owned();
        for (name, value) in [("case", &task.case_id), ("n", &number), ("measure", &fingerprint)] {
            text.push_str(&shell.value(name, value.as_bytes()));
        }
        for name in self.takes {
            let found = given.iter().find(|(given, _)| given == name);
            let value = found.map_or(&[][..], |(_, value)| *value);
            text.push_str(&shell.value(name, value));
            if !value.is_empty() {
                described.push_str(&format!(" {name}={}", one_line(&String::from_utf8_lossy(value), 300)));
            }
        }
        self.parts.iter().for_each(|part| text.push_str(part));
        text.push_str(end);
        Step { name: self.name, shell, described, text }
    }
}
