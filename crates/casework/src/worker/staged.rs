//! Reads back what a collection staged. The files were written on this machine, but what they hold came from an
//! endpoint: sizes are capped, and a file that does not read is an error and never an empty artifact.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use investigation::evidence::{ArtifactKind, ArtifactOutcome, Collection, Evidence};
use investigation::remediation::{MEASURES_PATH, MeasureOutcome};
use serde::de::DeserializeOwned;

/// Largest parsed artifact that is read.
const PARSED: u64 = 256 << 20;
/// Largest list of outcomes that is read: twenty measures, each with what it is taken back with.
const MEASURES: u64 = 4 << 20;

/// The record of a whole collection, if the folder holds one of this case.
pub(super) fn collection(staging: &Path, case_id: &str) -> Option<Collection> {
    let collection: Collection = read(&staging.join("collection.json"), PARSED).ok()?;
    (collection.case_id == case_id).then_some(collection)
}

/// One parsed artifact.
pub(super) fn artifact<T: DeserializeOwned>(staging: &Path, kind: ArtifactKind) -> io::Result<Option<T>> {
    match read(&staging.join(kind.parsed_entry()), PARSED) {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", kind.parsed_entry()))),
    }
}

/// What became of the measures of an order; `None` where the collector said nothing of them.
pub(super) fn measures(staging: &Path) -> io::Result<Option<Vec<MeasureOutcome>>> {
    match read(&staging.join(MEASURES_PATH), MEASURES) {
        Ok(outcomes) => Ok(Some(outcomes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{MEASURES_PATH}: {error}"))),
    }
}

/// Everything that the rules read.
pub(super) fn evidence(staging: &Path, outcomes: &[ArtifactOutcome]) -> io::Result<Evidence> {
    Ok(Evidence {
        identity: artifact(staging, ArtifactKind::Identity)?,
        processes: artifact(staging, ArtifactKind::Processes)?,
        sockets: artifact(staging, ArtifactKind::Connections)?,
        torrents: artifact(staging, ArtifactKind::Torrents)?,
        autostart: artifact(staging, ArtifactKind::Autostart)?,
        firewall: artifact(staging, ArtifactKind::Firewall)?,
        neighbors: artifact(staging, ArtifactKind::Neighbors)?,
        dns_cache: artifact(staging, ArtifactKind::DnsCache)?,
        prefetch: artifact(staging, ArtifactKind::Prefetch)?,
        programs: artifact(staging, ArtifactKind::Programs)?,
        outcomes: outcomes.to_vec(),
    })
}

fn read<T: DeserializeOwned>(path: &Path, most: u64) -> io::Result<T> {
    let file = File::open(path)?;
    if file.metadata()?.len() > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("over {most} bytes")));
    }
    Ok(serde_json::from_reader(BufReader::new(file.take(most)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_that_is_absent_is_not_one_that_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(artifact::<Vec<u8>>(dir.path(), ArtifactKind::Processes).unwrap(), None);
        std::fs::create_dir(dir.path().join("artifacts")).unwrap();
        std::fs::write(dir.path().join("artifacts/processes.json"), "[{").unwrap();
        let error = artifact::<Vec<u8>>(dir.path(), ArtifactKind::Processes).unwrap_err();
        assert!(error.to_string().starts_with("artifacts/processes.json: "), "{error}");
    }

    #[test]
    fn another_cases_collection_is_not_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let record = Collection {
            case_id: "a".to_owned(),
            target: "10.0.0.5".parse().unwrap(),
            transport: "ssh".to_owned(),
            endpoint_key: None,
            collector_host: "c".to_owned(),
            collector_version: "1".to_owned(),
            clock_skew_ms: None,
            started_at: now,
            finished_at: now,
            outcomes: Vec::new(),
            program: None,
            commands: Vec::new(),
        };
        std::fs::write(dir.path().join("collection.json"), serde_json::to_vec(&record).unwrap()).unwrap();
        assert!(collection(dir.path(), "a").is_some());
        assert!(collection(dir.path(), "b").is_none());
    }
}
