//! Findings: one line of JSON for each case, appended to a file that a SIEM's shipper reads.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Channel, DeliveryError, Receipt};
use crate::failpoint::failpoint;

/// Longest line that is looked at; none of ours is nearly as long.
const MAX_LINE: u64 = 1 << 20;

/// Appends a finding, once for each case: where the file has one with this `metadata.uid`, it is left as it is. A file
/// that was rotated since is not searched.
///
/// The line is written in one piece, under a lock, and is on the disk when this returns. Where the disk is full, the file
/// is as it was before. What a crash left of a line is ended, so that it spoils no other.
///
/// # Errors
/// Not accepted, when the file cannot be written; rejected, when it can never be.
pub async fn append_finding(file: &Path, uid: &str, finding: &Value) -> Result<Receipt, DeliveryError> {
    let mut line = finding.to_string().into_bytes();
    line.push(b'\n');
    let (path, uid) = (file.to_owned(), uid.to_owned());
    let reference = Some(uid.clone());
    let written = tokio::task::spawn_blocking(move || append_once(&path, &uid, &line));
    match written.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(path) => Ok(Receipt {
            channel: Channel::File,
            location: path.display().to_string(),
            reference,
            url: None,
            refused: Vec::new(),
        }),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Err(DeliveryError::rejected(&format!("{}: {error}", file.display())))
        }
        Err(error) => {
            Err(DeliveryError::not_accepted(&format!("{} cannot be written: {error}", file.display())))
        }
    }
}

fn append_once(path: &Path, uid: &str, line: &[u8]) -> io::Result<PathBuf> {
    // Opening a pipe or a device would wait for a reader or do worse.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut file = open(path)?;
    file.lock()?;
    if holds(&mut file, uid)? {
        return Ok(path.to_owned());
    }
    let length = file.seek(SeekFrom::End(0))?;
    let mut ending = [0];
    if length > 0 {
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut ending)?;
    }
    let torn = length > 0 && ending != *b"\n";
    let bytes = if torn { [b"\n", line].concat() } else { line.to_vec() };
    failpoint("finding.writing");
    let written = file.write_all(&bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a line would be taken for a broken record: the bytes since `length` are our own.
        let _ = file.set_len(length);
        return Err(error);
    }
    failpoint("finding.written");
    Ok(path.to_owned())
}

/// For reading and appending. A shipper's group may read it, and nobody else: it names people.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

/// Whether a line of the file is the finding of this case. Its name is looked for where it counts: what an alert calls
/// itself is in the line as well.
fn holds(file: &mut File, uid: &str) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        let may_be = line.windows(uid.len().max(1)).any(|part| part == uid.as_bytes());
        if may_be && serde_json::from_slice::<Value>(&line).is_ok_and(|found| found["metadata"]["uid"] == uid)
        {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn finding(uid: &str, alert: &str) -> Value {
        json!({"metadata": {"uid": uid}, "finding_info": {"related_events": [{"uid": alert}]}})
    }

    fn uids(path: &Path) -> Vec<String> {
        let lines = fs::read_to_string(path).unwrap();
        let parsed = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        parsed.map(|line| line["metadata"]["uid"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn each_case_has_one_line_however_often_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("findings.ndjson");
        // An alert that calls itself by another case's name takes nothing from that case.
        append_finding(&file, "ph-1", &finding("ph-1", "ph-2")).await.unwrap();
        for _ in 0..2 {
            let receipt = append_finding(&file, "ph-2", &finding("ph-2", "a")).await.unwrap();
            assert_eq!(receipt.to_string(), format!("written to {}; ph-2", file.display()));
        }
        assert_eq!(uids(&file), ["ph-1", "ph-2"]);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
            assert_eq!(mode & 0o007, 0, "{mode:o}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn workers_side_by_side_write_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("findings.ndjson");
        let tasks = (0..40).map(|n| {
            let file = file.clone();
            let uid = format!("ph-{}", n % 20);
            tokio::spawn(async move {
                append_finding(&file, &uid, &finding(&uid, &"x".repeat(20_000))).await.unwrap();
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let mut found = uids(&file);
        found.sort();
        found.dedup();
        assert_eq!((found.len(), fs::read_to_string(&file).unwrap().lines().count()), (20, 20));
    }

    #[tokio::test]
    async fn what_a_crash_left_of_a_line_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("findings.ndjson");
        fs::write(&file, "{\"metadata\":{\"uid\":\"ph-1\"").unwrap();
        append_finding(&file, "ph-1", &finding("ph-1", "a")).await.unwrap();
        assert_eq!(uids(&file), ["ph-1"]);
    }

    #[tokio::test]
    async fn what_is_no_file_is_refused_and_what_cannot_be_written_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let refused = append_finding(dir.path(), "ph-1", &finding("ph-1", "a")).await.unwrap_err();
        assert!(matches!(refused, DeliveryError::Rejected { .. }), "{refused}");
        let absent = dir.path().join("no/such/folder");
        let later = append_finding(&absent, "ph-1", &finding("ph-1", "a")).await.unwrap_err();
        assert!(matches!(later, DeliveryError::NotAccepted { .. }), "{later}");
    }
}
