//! Account names of file owners.

use std::collections::HashMap;
use std::fs::Metadata;

/// Most accounts that are looked up: a tree whose files belong to ever new ids must not start a process for each.
#[cfg(unix)]
const LOOK_UPS: usize = 256;

/// Names by numeric id, looked up once each.
#[derive(Default)]
pub(super) struct Owners {
    names: HashMap<u32, Option<String>>,
}

impl Owners {
    /// The owner's numeric id and name; the id in digits where it has no name.
    #[cfg(unix)]
    pub(super) fn of(&mut self, metadata: &Metadata) -> (Option<u32>, Option<String>) {
        let id = std::os::unix::fs::MetadataExt::uid(metadata);
        let full = self.names.len() >= LOOK_UPS;
        let name = match self.names.get(&id) {
            Some(name) => name.clone(),
            None if full => None,
            None => self.names.entry(id).or_insert_with(|| name_of(id)).clone(),
        };
        (Some(id), Some(name.unwrap_or_else(|| id.to_string())))
    }

    /// Windows keeps the owner in a security descriptor, which is not read.
    #[cfg(not(unix))]
    pub(super) fn of(&mut self, _metadata: &Metadata) -> (Option<u32>, Option<String>) {
        let _ = &self.names;
        (None, None)
    }
}

/// Asks the system's own name service: `/etc/passwd` alone does not know the accounts of a directory service.
#[cfg(unix)]
fn name_of(id: u32) -> Option<String> {
    let output = std::process::Command::new("id").args(["-un", &id.to_string()]).output().ok()?;
    let name = String::from_utf8_lossy(&output.stdout).trim().to_string();
    (output.status.success() && !name.is_empty()).then_some(name)
}
