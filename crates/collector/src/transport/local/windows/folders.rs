//! Folders: which files are in one, and when they were made and written.

use std::io;
use std::time::SystemTime;

use jiff::Timestamp;

use super::registry::Listing;

/// Most files of one folder that are listed.
const LIST_CAP: usize = 50_000;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Its name, lossily decoded.
    pub(crate) name: String,
    pub(crate) created: Option<Timestamp>,
    pub(crate) modified: Option<Timestamp>,
    /// Bytes.
    pub(crate) size: u64,
}

/// Where folders are read.
pub(crate) trait Folders {
    /// The files of one folder, without its folders.
    fn files(&self, path: &str) -> io::Result<Listing<File>>;
}

/// The disks of this machine.
#[derive(Debug)]
pub(crate) struct ThisDisk;

impl Folders for ThisDisk {
    fn files(&self, path: &str) -> io::Result<Listing<File>> {
        let mut items = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            // Not followed: a link is what it is.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                continue;
            }
            if items.len() == LIST_CAP {
                return Ok(Listing { items, cut: true });
            }
            items.push(File {
                name: entry.file_name().to_string_lossy().into_owned(),
                created: metadata.created().ok().and_then(moment),
                modified: metadata.modified().ok().and_then(moment),
                size: metadata.len(),
            });
        }
        items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Listing { items, cut: false })
    }
}

pub(super) fn moment(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

#[cfg(test)]
pub(super) mod testing {
    //! Folders out of a list.

    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Default)]
    pub(crate) struct MadeFolders {
        pub(crate) folders: BTreeMap<String, Vec<File>>,
        pub(crate) closed: Vec<String>,
    }

    impl MadeFolders {
        pub(crate) fn file(&mut self, folder: &str, name: &str) {
            let modified = Timestamp::from_second(1_772_445_490).ok();
            let file = File { name: name.into(), created: None, modified, size: 9 };
            self.folders.entry(folder.to_ascii_lowercase()).or_default().push(file);
        }
    }

    impl Folders for MadeFolders {
        fn files(&self, path: &str) -> io::Result<Listing<File>> {
            if self.closed.iter().any(|closed| closed.eq_ignore_ascii_case(path)) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            let items = self.folders.get(&path.to_ascii_lowercase()).ok_or(io::ErrorKind::NotFound)?.clone();
            Ok(Listing { items, cut: false })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_with_their_times_and_folders_are_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("b.pf"), "x").unwrap();
        std::fs::write(folder.path().join("a.pf"), "x").unwrap();
        let listing = ThisDisk.files(folder.path().to_str().unwrap()).unwrap();
        let names: Vec<_> = listing.items.iter().map(|file| file.name.as_str()).collect();
        assert_eq!((names, listing.cut), (vec!["a.pf", "b.pf"], false));
        assert!(listing.items[0].modified.is_some());
        let missing = ThisDisk.files(folder.path().join("none").to_str().unwrap());
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
