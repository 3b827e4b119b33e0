//! Reads out of a container, which is proven first.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use investigation::evidence::manifest::Manifest;
use investigation::evidence::{ArtifactKind, Evidence, ForensicEvidence};
use serde::de::DeserializeOwned;

use super::layout::{self, Located};
use super::problem::{Problem, VerifyError};
use super::unpack::{Content, unpack};
use super::verify::{open_file, verify_in};
use super::{CHUNK, Report};

/// Largest entry that is parsed, in bytes: as large as a collection may stage.
const PARSED: u64 = 256 << 20;

/// Why a container gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read as a container.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It is not as it was sealed, or another one by now.
    #[error("it is not intact: {0}")]
    Broken(Problem),
    /// An entry is larger than whoever asks can take.
    #[error("{path} has {size} bytes; {most} at most are read")]
    TooLarge {
        /// The entry.
        path: String,
        /// Its size.
        size: u64,
        /// What is taken.
        most: u64,
    },
    /// An entry is not of the form that this version knows.
    #[error("{path} is not of a form that this version reads")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        Self::Verify(VerifyError::Io(error))
    }
}

/// A container that was proven and is as it was sealed. Whatever is read of it is proven once more: the file may have been
/// exchanged since.
#[derive(Debug)]
pub struct Proven<F> {
    file: F,
    size: u64,
    sha256: String,
    manifest: Manifest,
    located: Vec<Located>,
}

impl Proven<File> {
    /// Proves a file. Blocking.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let (file, size) = open_file(path)?;
        Self::open_in(file, size)
    }
}

impl<F: Read + Seek> Proven<F> {
    /// Proves a container of `size` bytes that lies anywhere. Blocking.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open_in(mut file: F, size: u64) -> Result<Self, ReadError> {
        let Report { manifest, sha256, problems, .. } = verify_in(&mut file, size)?;
        if let Some(problem) = problems.into_iter().next() {
            return Err(ReadError::Broken(problem));
        }
        let manifest = manifest.ok_or(VerifyError::NoManifest)?;
        let located = layout::read(&mut file, size, &mut Vec::new())?;
        Ok(Self { file, size, sha256, manifest, located })
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the whole file, lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it is read from.
    pub fn into_inner(self) -> F {
        self.file
    }

    #[cfg(test)]
    pub(super) fn file_mut(&mut self) -> &mut F {
        &mut self.file
    }

    /// One entry, at most `most` bytes into memory; `None` where there is no such entry.
    ///
    /// # Errors
    /// Where it is too large, or not what was proven.
    pub fn entry(&mut self, path: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(entry) = self.manifest.entries.iter().find(|entry| entry.path == path) else {
            return Ok(None);
        };
        if entry.size > most {
            return Err(ReadError::TooLarge { path: path.to_owned(), size: entry.size, most });
        }
        let changed = || ReadError::Broken(Problem::Changed { path: path.to_owned() });
        let place = self.located.iter().find(|place| place.name == path).ok_or_else(changed)?;
        self.file.seek(SeekFrom::Start(place.data_start))?;
        let packed = BufReader::with_capacity(CHUNK, self.file.by_ref().take(place.packed));
        let mut bytes = Vec::new();
        match unpack(packed, place.packed, place.method, entry.size, &mut bytes)? {
            Content::Read { size, sha256, .. } if size == entry.size && sha256 == entry.sha256 => {
                Ok(Some(bytes))
            }
            _ => Err(changed()),
        }
    }

    /// One entry in parsed form; `None` where there is no such entry.
    ///
    /// # Errors
    /// As [`Proven::entry`], or where it is of another form.
    pub fn json<T: DeserializeOwned>(&mut self, path: &str) -> Result<Option<T>, ReadError> {
        let Some(bytes) = self.entry(path, PARSED)? else { return Ok(None) };
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|source| ReadError::Unreadable { path: path.to_owned(), source })
    }

    /// The evidence in parsed form.
    ///
    /// # Errors
    /// As [`Proven::json`].
    pub fn evidence(&mut self) -> Result<Evidence, ReadError> {
        Ok(Evidence {
            identity: self.json(&ArtifactKind::Identity.parsed_entry())?,
            processes: self.json(&ArtifactKind::Processes.parsed_entry())?,
            sockets: self.json(&ArtifactKind::Connections.parsed_entry())?,
            torrents: self.json(&ArtifactKind::Torrents.parsed_entry())?,
            autostart: self.json(&ArtifactKind::Autostart.parsed_entry())?,
            firewall: self.json(&ArtifactKind::Firewall.parsed_entry())?,
            neighbors: self.json(&ArtifactKind::Neighbors.parsed_entry())?,
            dns_cache: self.json(&ArtifactKind::DnsCache.parsed_entry())?,
            prefetch: self.json(&ArtifactKind::Prefetch.parsed_entry())?,
            programs: self.json(&ArtifactKind::Programs.parsed_entry())?,
            outcomes: self.manifest.collection.outcomes.clone(),
        })
    }
}

impl<F: Read + Seek> Proven<F> {
    /// What a second container says in parsed form.
    ///
    /// # Errors
    /// As [`Proven::json`].
    pub fn forensics(&mut self) -> Result<ForensicEvidence, ReadError> {
        Ok(ForensicEvidence {
            packet_sockets: self.json(&ArtifactKind::PacketSockets.parsed_entry())?,
            logins: self.json(&ArtifactKind::Logins.parsed_entry())?,
            kernel_modules: self.json(&ArtifactKind::KernelModules.parsed_entry())?,
            name_resolution: self.json(&ArtifactKind::NameResolution.parsed_entry())?,
            scheduled_tasks: self.json(&ArtifactKind::ScheduledTasks.parsed_entry())?,
            authorized_keys: self.json(&ArtifactKind::AuthorizedKeys.parsed_entry())?,
            shell_histories: self.json(&ArtifactKind::ShellHistories.parsed_entry())?,
            recent_executables: self.json(&ArtifactKind::RecentExecutables.parsed_entry())?,
            services: self.json(&ArtifactKind::Services.parsed_entry())?,
            wmi_subscriptions: self.json(&ArtifactKind::WmiSubscriptions.parsed_entry())?,
            registry_persistence: self.json(&ArtifactKind::RegistryPersistence.parsed_entry())?,
            accounts: self.json(&ArtifactKind::Accounts.parsed_entry())?,
            shares: self.json(&ArtifactKind::Shares.parsed_entry())?,
            antivirus: self.json(&ArtifactKind::Antivirus.parsed_entry())?,
            event_logs: self.json(&ArtifactKind::EventLogs.parsed_entry())?,
            transfer_jobs: self.json(&ArtifactKind::TransferJobs.parsed_entry())?,
            memory: self.json(&ArtifactKind::Memory.parsed_entry())?,
        })
    }
}

/// What an intact second container says.
#[derive(Clone, Debug)]
pub struct OpenedSecond {
    /// The manifest.
    pub manifest: Manifest,
    /// The evidence in parsed form.
    pub evidence: ForensicEvidence,
    /// SHA-256 of the whole file, lower-case hex.
    pub sha256: String,
}

/// Proves a second container and reads it. Blocking.
///
/// # Errors
/// See [`ReadError`]. Nothing is read of a container that is not as it was sealed.
pub fn open_second(path: &Path) -> Result<OpenedSecond, ReadError> {
    let (file, size) = open_file(path)?;
    open_second_in(file, size)
}

/// [`open_second`] for a container of `size` bytes that lies anywhere.
///
/// # Errors
/// As [`open_second`].
pub fn open_second_in<F: Read + Seek>(file: F, size: u64) -> Result<OpenedSecond, ReadError> {
    let mut proven = Proven::open_in(file, size)?;
    let evidence = proven.forensics()?;
    Ok(OpenedSecond { evidence, manifest: proven.manifest, sha256: proven.sha256 })
}

/// What an intact container says of its case.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The manifest.
    pub manifest: Manifest,
    /// The evidence in parsed form.
    pub evidence: Evidence,
    /// SHA-256 of the whole file, lower-case hex.
    pub sha256: String,
}

/// Proves a container and reads its evidence. Blocking.
///
/// # Errors
/// See [`ReadError`]. Nothing is read of a container that is not as it was sealed.
pub fn open(path: &Path) -> Result<Opened, ReadError> {
    let (file, size) = open_file(path)?;
    open_in(file, size)
}

/// [`open`] for a container of `size` bytes that lies anywhere.
///
/// # Errors
/// As [`open`].
pub fn open_in<F: Read + Seek>(file: F, size: u64) -> Result<Opened, ReadError> {
    let mut proven = Proven::open_in(file, size)?;
    let evidence = proven.evidence()?;
    Ok(Opened { evidence, manifest: proven.manifest, sha256: proven.sha256 })
}
