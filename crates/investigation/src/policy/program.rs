//! `[program]`: the program that may be sent to endpoints, in the policy and in a relay's configuration.

use serde::{Deserialize, Serialize};

use crate::text::one_line;

/// `[program]`. Nothing is sent to a system that is not named here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Program {
    /// What is sent to Windows endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<PinnedFile>,
    /// What is sent to Linux endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<PinnedFile>,
}

/// A file that is used only as long as it is the very one that was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedFile {
    /// The file; relative to the file that this section is in.
    pub file: String,
    /// Its SHA-256, 64 hex digits.
    pub sha256: String,
}

impl Program {
    /// Each system with what is sent to it.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &PinnedFile)> {
        let files = [("windows", &self.windows), ("linux", &self.linux)];
        files.into_iter().filter_map(|(system, file)| Some((system, file.as_ref()?)))
    }

    /// Everything that is wrong, a line each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (system, PinnedFile { file, sha256 }) in self.files() {
            if file.trim().is_empty() {
                faults.push(format!("[program] {system}: file is empty; name a file, or remove the line"));
            }
            if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                faults.push(format!(
                    "[program] {system}: sha256 = \"{}\" is none; write the 64 hex digits that `sha256sum` prints for {}",
                    one_line(sha256, 70),
                    one_line(file, 200)
                ));
            }
        }
        faults
    }

    /// What is sent where, a line each; it is meant to be known.
    pub fn doubts(&self) -> Vec<String> {
        let files = self.files().map(|(system, file)| {
            format!(
                "[program] {system}: {} is sent to {system} endpoints and run there; see the operator's guide",
                one_line(&file.file, 200)
            )
        });
        files.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Program, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn nothing_is_sent_unless_it_is_named() {
        let none = read("").unwrap();
        assert!(none.files().next().is_none() && none.faults().is_empty() && none.doubts().is_empty());
    }

    #[test]
    fn a_file_comes_with_its_hash() {
        assert!(read("windows = { file = 'x.exe' }").is_err());
        assert!(read("windows = 'x.exe'").is_err());
        assert!(read("macos = { file = 'x', sha256 = '' }").is_err());
        let hash = "aB".repeat(32);
        let sound = read(&format!("linux = {{ file = 'x', sha256 = '{hash}' }}")).unwrap();
        assert!(sound.faults().is_empty());
        assert!(sound.doubts()[0].contains("linux"));
        for wrong in ["", "ab", &"g0".repeat(32), &"ab".repeat(33), &format!(" {}", "ab".repeat(32))] {
            let found = read(&format!("linux = {{ file = 'x', sha256 = '{wrong}' }}")).unwrap().faults();
            assert!(found.len() == 1 && found[0].contains("sha256sum"), "{wrong}: {found:?}");
        }
        let nameless = read(&format!("linux = {{ file = ' ', sha256 = '{hash}' }}")).unwrap();
        assert!(nameless.faults()[0].contains("file is empty"));
    }
}
