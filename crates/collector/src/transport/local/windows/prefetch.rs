//! Which programs ran, by the files that Windows keeps of their starts. Names and times alone.

use std::io;

use investigation::evidence::{ArtifactStatus, Prefetched};
use investigation::order::Limits;

use super::folders::Folders;
use super::registry::Registry;
use super::root;
use crate::artifact::tally::Tally;
use crate::artifact::windows::prefetch::{List, prefetched};

/// Reads the folder's listing.
pub(crate) fn read(
    registry: &dyn Registry,
    folders: &dyn Folders,
    limits: &Limits,
) -> (Vec<Prefetched>, Tally) {
    let mut tally = Tally::default();
    let mut list = List::new(limits);
    match folders.files(&format!("{}\\Prefetch", root::folder(registry))) {
        Ok(listing) => {
            if listing.cut {
                tally.count(ArtifactStatus::Truncated, "folders hold more files than are listed");
            }
            for file in listing.items {
                if let Some(found) = prefetched(&file.name) {
                    let found = Prefetched { created: file.created, modified: file.modified, ..found };
                    list.push(found, &mut tally);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tally.failed(format!("the Prefetch folder is closed to this account: {error}")),
    }
    (list.finish(&mut tally), tally)
}

#[cfg(test)]
mod tests {
    use super::super::folders::testing::MadeFolders;
    use super::super::registry::testing::Made;
    use super::*;

    const FOLDER: &str = r"C:\Windows\Prefetch";

    fn read_all(folders: &MadeFolders, rows: u64) -> (Vec<Prefetched>, ArtifactStatus, Vec<String>) {
        let (rows, tally) = read(&Made::default(), folders, &Limits { rows, ..Limits::default() });
        let (status, reasons) = tally.settle();
        (rows, status, reasons)
    }

    #[test]
    fn programs_are_listed_with_the_times_of_their_files() {
        let mut folders = MadeFolders::default();
        folders.file(FOLDER, "QBITTORRENT.EXE-1A2B3C4D.pf");
        folders.file(FOLDER, "Layout.ini");
        folders.file(FOLDER, "CMD.EXE-00000001.pf");
        let (rows, status, _) = read_all(&folders, 9);
        assert_eq!((rows.len(), status), (2, ArtifactStatus::Ok));
        assert_eq!(rows[0].program, "QBITTORRENT.EXE");
        assert_eq!(rows[0].modified.unwrap().to_string(), "2026-03-02T09:58:10Z");
        assert_eq!(read_all(&folders, 1).1, ArtifactStatus::Truncated);
    }

    #[test]
    fn nothing_there_and_nothing_to_be_seen_are_two_things() {
        let mut folders = MadeFolders::default();
        let (_, status, reasons) = read_all(&folders, 9);
        assert!(status == ArtifactStatus::Partial && reasons[0].contains("switched off"), "{reasons:?}");
        folders.closed.push(FOLDER.into());
        let (_, status, reasons) = read_all(&folders, 9);
        assert!(status == ArtifactStatus::Failed && reasons.len() == 1, "{reasons:?}");
    }
}
