//! `[forensics.memory]` of the policy and `[memory]` of a relay's configuration: whether an image of an endpoint's memory is
//! taken, and by which tool.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::{Remark, error, warning};
use super::{Policy, Span, Transport};
use crate::evidence::manifest::MAX_ENTRY_BYTES;
use crate::text::one_line;

/// Longest path of the tool, in bytes.
const MAX_PATH_BYTES: usize = 255;
/// Below this no machine that runs sshd has memory.
const LEAST_BYTES: u64 = 16 << 20;

/// Whether an image is taken, and by which tool. Off by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// Take one.
    pub enabled: bool,
    /// Where AVML lies on endpoints: an absolute path without links. Only root may be able to write there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Its SHA-256, 64 hex digits: an endpoint that is suspected chooses what lies at a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Largest image, in bytes. A machine whose image could be larger is refused before anything of it is read. Absent: as
    /// much as can be sealed, or uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Time for one image. What has come by then is kept and marked.
    pub timeout: Span,
    /// An endpoint that sends nothing for so long is given up.
    pub stall: Span,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            enabled: false,
            tool: None,
            sha256: None,
            max_bytes: None,
            timeout: Span::minutes(30),
            stall: Span::minutes(1),
        }
    }
}

/// The tool that takes an image, and the bounds of that, as a collector gets them. Made by [`Memory::tool`] alone, so that
/// path and hash are nothing but what may stand in a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryTool {
    path: String,
    sha256: String,
    /// Largest image, in bytes.
    pub max_bytes: u64,
    /// Time for one image.
    pub timeout: Duration,
    /// Longest silence.
    pub stall: Duration,
}

impl MemoryTool {
    /// Where it lies on the endpoint: absolute, of letters, digits and `/._+-`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its SHA-256, lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl Memory {
    /// The tool, where an image is wanted. `most` bytes can be stored by whoever asks.
    ///
    /// # Errors
    /// The first fault, one line.
    pub fn tool(&self, most: u64) -> Result<Option<MemoryTool>, String> {
        if !self.enabled {
            return Ok(None);
        }
        if let Some(fault) = self.faults(most).into_iter().next() {
            return Err(fault);
        }
        let (Some(path), Some(sha256)) = (&self.tool, &self.sha256) else { return Ok(None) };
        Ok(Some(MemoryTool {
            path: path.clone(),
            sha256: sha256.to_ascii_lowercase(),
            max_bytes: self.max_bytes.unwrap_or(most),
            timeout: self.timeout.duration(),
            stall: self.stall.duration(),
        }))
    }

    /// Everything that is wrong, a line each, as the end of a line that names the section. `most` bytes can be stored by
    /// whoever asks.
    pub fn faults(&self, most: u64) -> Vec<String> {
        let mut faults = Vec::new();
        if self.enabled && self.tool.is_none() {
            faults
                .push("tool: name the absolute path of avml on endpoints, such as /opt/avml/avml".to_owned());
        }
        if self.enabled && self.sha256.is_none() {
            faults.push("sha256: write the 64 hex digits that `sha256sum` prints for the tool".to_owned());
        }
        if let Some(tool) = self.tool.as_deref().filter(|tool| !is_plain_path(tool)) {
            faults.push(format!(
                "tool = \"{}\": an absolute path of letters, digits, and /._+-, without links, `.` and `..`",
                one_line(tool, 80)
            ));
        }
        if let Some(hash) = self.sha256.as_deref().filter(|hash| !is_hash(hash)) {
            faults.push(format!(
                "sha256 = \"{}\" is none; write the 64 hex digits that `sha256sum` prints for the tool",
                one_line(hash, 70)
            ));
        }
        if let Some(bytes) = self.max_bytes.filter(|bytes| !(LEAST_BYTES..=most).contains(bytes)) {
            faults.push(format!(
                "max_bytes = {bytes}: between {LEAST_BYTES} and {most}, the most that can be stored"
            ));
        }
        if self.timeout < Span::seconds(10) || self.stall < Span::seconds(1) {
            faults.push("timeout, stall: below 10s and 1s no image could be taken; use more".to_owned());
        }
        faults
    }
}

/// Something that means the same to every shell, with or without quotes.
fn is_plain_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(plain);
    path.len() <= MAX_PATH_BYTES && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Policy {
    pub(super) fn check_memory(&self, remarks: &mut Vec<Remark>) {
        let memory = &self.forensics.memory;
        let relays = !self.relay.is_empty();
        // Relays have tools of their own.
        let named = Memory { enabled: memory.enabled && !relays, ..memory.clone() };
        let faults = named.faults(MAX_ENTRY_BYTES);
        remarks.extend(faults.into_iter().map(|fault| error(format!("[forensics.memory] {fault}"))));
        if !memory.enabled {
            return;
        }
        if relays {
            remarks.push(warning(
                "[forensics.memory] relays take images only where [memory] of their own relay.toml names the tool, and none \
                 above what one upload holds (5 GiB): machines with more memory are refused, and their outcome says so",
            ));
        } else {
            self.check_reach_of_memory(remarks);
        }
        if memory.timeout >= self.forensics.timeout {
            remarks.push(error(format!(
                "[forensics.memory] timeout = {}: the deeper look as a whole has [forensics] timeout = {}; raise that, or \
                 lower this",
                memory.timeout, self.forensics.timeout
            )));
        }
        if !self.forensics.enabled {
            remarks.push(warning(
                "[forensics.memory] is on and [forensics] enabled is not: images are taken by hand only, with \
                 `peerhound case forensics CASE`",
            ));
        }
    }

    /// Memory is read over SSH, as root.
    fn check_reach_of_memory(&self, remarks: &mut Vec<Remark>) {
        if !self.collection.transports.contains(&Transport::Ssh) {
            remarks.push(warning(
                "[forensics.memory] images are taken over SSH from Linux only, and [collection] transports does not name ssh",
            ));
        }
        if self.ssh.user != "root" && !self.ssh.sudo {
            remarks.push(warning(
                "[forensics.memory] memory is read by root only: set [ssh] sudo = true, or images are refused",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 64 << 30;

    fn sound() -> Memory {
        let (tool, sha256) = (Some("/opt/avml-0.21/avml".to_owned()), Some("aB".repeat(32)));
        Memory { enabled: true, tool, sha256, ..Memory::default() }
    }

    #[test]
    fn nothing_is_taken_unless_tool_and_hash_are_named() {
        assert_eq!(Memory::default().tool(MOST), Ok(None));
        assert_eq!(Memory { enabled: false, ..sound() }.tool(MOST), Ok(None));
        let tool = sound().tool(MOST).unwrap().unwrap();
        assert_eq!((tool.path(), tool.sha256()), ("/opt/avml-0.21/avml", "ab".repeat(32).as_str()));
        assert_eq!(tool.max_bytes, MOST);
        for lacking in [Memory { tool: None, ..sound() }, Memory { sha256: None, ..sound() }] {
            assert!(lacking.tool(MOST).is_err(), "{lacking:?}");
        }
    }

    #[test]
    fn a_path_is_no_shell_text() {
        for wrong in [
            "avml",
            "",
            "/",
            "/opt//avml",
            "/opt/../avml",
            "/opt/./avml",
            "/opt/avml/",
            "/opt/a vml",
            "/opt/$(id)",
            "/opt/avml'",
            "/opt/av\nml",
            "/opt/ävml",
            "/opt/`id`",
            &format!("/{}", "a".repeat(255)),
        ] {
            let memory = Memory { tool: Some(wrong.into()), ..sound() };
            assert!(memory.tool(MOST).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn bounds_that_cannot_be_meant_are_refused() {
        for wrong in [
            Memory { max_bytes: Some(MOST + 1), ..sound() },
            Memory { max_bytes: Some(1), ..sound() },
            Memory { timeout: Span::seconds(5), ..sound() },
            Memory { stall: Span::seconds(0), ..sound() },
            Memory { sha256: Some("ab".into()), ..sound() },
        ] {
            assert_eq!(wrong.faults(MOST).len(), 1, "{wrong:?}");
        }
        assert_eq!(sound().faults(MOST), Vec::<String>::new());
    }

    fn remarks(sections: &str) -> Vec<Remark> {
        let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n{sections}");
        toml::from_str::<Policy>(&text).unwrap().remarks()
    }

    #[test]
    fn the_check_says_what_cannot_work() {
        let hash = "ab".repeat(32);
        let on = format!("[forensics.memory]\nenabled = true\ntool = '/opt/avml'\nsha256 = '{hash}'\n");
        let says = |sections: &str, is_error: bool, what: &str| {
            let found = remarks(sections);
            let said = found.iter().any(|remark| remark.is_error == is_error && remark.text.contains(what));
            assert!(said, "{sections}: {found:?}");
        };
        says("[forensics.memory]\nenabled = true\n", true, "sha256");
        says(&format!("{on}timeout = '1h'\n"), true, "[forensics] timeout");
        says("[forensics]\nartifacts = ['memory']\n", true, "[forensics.memory]");
        says("[collection]\nartifacts = ['identity', 'memory']\n", true, "[forensics.memory]");
        says(&on, false, "sudo = true");
        says(&format!("{on}[collection]\ntransports = ['winrm']\n"), false, "over SSH from Linux only");
        says(&format!("{on}[forensics]\nenabled = false\n"), false, "by hand only");
        let relay = "[[relay]]\nname = 'r'\nnetworks = ['10.0.0.0/8']\n";
        says(&format!("[forensics.memory]\nenabled = true\n{relay}"), false, "5 GiB");
        let found = remarks(&format!("{on}[ssh]\nsudo = true\n"));
        assert!(found.iter().all(|remark| !remark.text.contains("memory")), "{found:?}");
        assert!(remarks("").iter().all(|remark| !remark.text.contains("memory")));
    }
}
