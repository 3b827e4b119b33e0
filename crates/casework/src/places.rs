//! Where things lie on one machine.

use std::io;
use std::path::{Path, PathBuf};

use crate::backend::local::create_private_dir;

/// The folders below the data folder.
#[derive(Clone, Debug)]
pub struct Places {
    /// The data folder; the database lies in it.
    pub data: PathBuf,
    /// Evidence being collected, a folder for each case.
    pub staging: PathBuf,
    /// Sealed evidence, a zip for each case.
    pub evidence: PathBuf,
    /// Mails and tickets, where no server is configured.
    pub outbox: PathBuf,
}

impl Places {
    /// Makes the folders, readable by their owner only.
    pub fn create(data: &Path) -> io::Result<Self> {
        let below = |name: &str| data.join(name);
        let places = Self {
            data: data.to_owned(),
            staging: below("staging"),
            evidence: below("evidence"),
            outbox: below("outbox"),
        };
        for dir in [&places.data, &places.staging, &places.evidence, &places.outbox] {
            create_private_dir(dir)?;
        }
        Ok(places)
    }

    /// Where one task of a case is staged.
    pub fn staged(&self, case_id: &str, task: &str) -> PathBuf {
        self.staging.join(case_id).join(task)
    }

    /// Where a case's container lies.
    pub fn container(&self, case_id: &str) -> PathBuf {
        self.evidence.join(format!("{case_id}.zip"))
    }

    /// Where the second container of a case lies, that of the deeper look at its machine.
    pub fn forensic_container(&self, case_id: &str) -> PathBuf {
        self.evidence.join(format!("{case_id}-forensics.zip"))
    }

    /// The record of a legal hold. While it is there, nothing that is sealed of the case may be removed.
    pub fn hold_record(&self, case_id: &str) -> PathBuf {
        self.evidence.join(format!("{case_id}.hold.json"))
    }

    /// Whether what is sealed of a case is under legal hold. To be asked by whatever removes evidence; a record that
    /// cannot be looked at counts as one.
    pub fn is_held(&self, case_id: &str) -> bool {
        self.hold_record(case_id).try_exists().unwrap_or(true)
    }

    /// The cases that have something in the staging area. A folder that cannot be read has none.
    pub fn staged_cases(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.staging).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Removes what a case staged.
    pub fn clear_staging(&self, case_id: &str) -> io::Result<()> {
        match std::fs::remove_dir_all(self.staging.join(case_id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}
