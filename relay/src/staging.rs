//! Where collections lie until they are uploaded: a private folder, one folder in it for each run, and nothing left
//! behind by runs that were killed. Systems Manager cancels by killing outright, so that this is the ordinary case.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// How the folder of a run begins. Nothing else in the staging folder is ever touched.
const PREFIX: &str = "peerhound-run-";
/// Where the locks on machines lie, empty files.
const CONTACTS: &str = "contacts";
/// The file in it that is locked for as long as the run lives.
const LOCK: &str = "lock";
/// A folder without a lock file is being made, or is what a run left that was killed while it made it.
const ABANDONED: Duration = Duration::from_secs(86_400);

/// Why the staging folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// It cannot be made, read or written.
    #[error("cannot use the staging folder {}; check its file system and owner", path.display())]
    Io {
        /// The folder, or what lies in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others may read or change what is collected.
    #[error("the staging folder {} {why}; evidence must not lie there", path.display())]
    NotPrivate {
        /// The folder.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
}

/// The staging folder.
#[derive(Debug)]
pub(crate) struct Staging {
    root: PathBuf,
}

/// The folder of one run. It is removed when dropped.
#[derive(Debug)]
pub(crate) struct RunFolder {
    /// Says to other runs that this one lives. The system lets go of it however this process ends. It goes before the
    /// folder, which Windows does not remove while a file in it is open.
    lock: File,
    folder: TempDir,
}

impl Staging {
    /// Opens the staging folder, makes it where it is missing, and clears what dead runs left.
    ///
    /// # Errors
    /// When it cannot be used, or is not this account's alone.
    pub(crate) fn open(root: &Path) -> Result<Self, StagingError> {
        let failed = |source| StagingError::Io { path: root.to_owned(), source };
        create_private_dir(root).map_err(failed)?;
        let staging = Self { root: root.to_owned() };
        staging.check_private()?;
        staging.clear_leftovers().map_err(failed)?;
        Ok(staging)
    }

    /// Begins a run.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(crate) fn begin(&self) -> Result<RunFolder, StagingError> {
        let failed = |source| StagingError::Io { path: self.root.clone(), source };
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&self.root).map_err(failed)?;
        // It is locked before it has its name, so that nobody sees it there and not locked.
        let unnamed = folder.path().join("lock.new");
        let lock = File::create(&unnamed).map_err(failed)?;
        lock.lock().map_err(failed)?;
        fs::rename(&unnamed, folder.path().join(LOCK)).map_err(failed)?;
        Ok(RunFolder { lock, folder })
    }

    /// Bytes that are free there.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        fs4::available_space(&self.root)
    }

    /// The right to contact a machine: one contact at a time, whichever run or case it is for. `None` while another has
    /// it. The system gives it back however the one that has it ends.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn occupy(&self, target: IpAddr) -> io::Result<Option<File>> {
        let folder = self.root.join(CONTACTS);
        create_private_dir(&folder)?;
        // Colons are no part of a file's name everywhere.
        let name = format!("{target}.lock").replace(':', "_");
        let file = File::options().create(true).truncate(false).write(true).open(folder.join(name))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// In a temporary folder that all may write to, anybody could have made it before us.
    fn check_private(&self) -> Result<(), StagingError> {
        let failed = |source| StagingError::Io { path: self.root.clone(), source };
        let refused = |why| StagingError::NotPrivate { path: self.root.clone(), why };
        let found = fs::symlink_metadata(&self.root).map_err(failed)?;
        if !found.is_dir() {
            return Err(refused("is a link or a file"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            if found.mode() & 0o077 != 0 {
                return Err(refused("is open to other accounts (chmod 700)"));
            }
            let own = tempfile::tempfile_in(&self.root).and_then(|file| file.metadata()).map_err(failed)?;
            if own.uid() != found.uid() {
                return Err(refused("belongs to another account"));
            }
        }
        Ok(())
    }

    fn clear_leftovers(&self) -> io::Result<()> {
        for item in fs::read_dir(&self.root)? {
            let item = item?;
            let is_ours = item.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())
                && item.file_type()?.is_dir();
            if is_ours
                && is_dead(&item.path())
                && let Err(error) = fs::remove_dir_all(item.path())
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(folder = %item.path().display(), %error, "a dead run's folder cannot be removed");
            }
        }
        Ok(())
    }
}

impl RunFolder {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes it. What still writes there for a moment, after it was told to stop, is waited for.
    pub(crate) async fn remove(self) {
        let Self { lock, folder } = self;
        drop(lock);
        for _ in 0..20 {
            match fs::remove_dir_all(folder.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                _ => break,
            }
        }
    }
}

/// Whether the run that made a folder is over.
fn is_dead(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => {
            let changed = fs::metadata(folder).and_then(|found| found.modified());
            changed.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > ABANDONED))
        }
    }
}

/// Makes a folder, and those above it, that only this account may read.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_run_left_is_cleared_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("staging");
        let alive = Staging::open(&root).unwrap().begin().unwrap();
        let dead = root.join("peerhound-run-dead");
        fs::create_dir_all(dead.join("0/staged")).unwrap();
        fs::write(dead.join("0/staged/collection.json"), "{}").unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let (begun, stranger) = (root.join("peerhound-run-begun"), root.join("notes"));
        fs::create_dir(&begun).unwrap();
        fs::create_dir(&stranger).unwrap();

        Staging::open(&root).unwrap();
        assert!(!dead.exists());
        assert!(alive.path().exists() && begun.exists() && stranger.exists());
        let path = alive.path().to_owned();
        drop(alive);
        assert!(!path.exists());
    }

    #[test]
    fn a_run_that_died_while_it_made_its_folder_is_cleared_after_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("staging");
        Staging::open(&root).unwrap();
        let begun = root.join("peerhound-run-begun");
        fs::create_dir(&begun).unwrap();
        let day_ago = SystemTime::now() - ABANDONED - Duration::from_secs(60);
        File::open(&begun).unwrap().set_modified(day_ago).unwrap();
        Staging::open(&root).unwrap();
        assert!(!begun.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_read_is_not_used() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(Staging::open(&open), Err(StagingError::NotPrivate { .. })));
        let link = dir.path().join("link");
        symlink(dir.path(), &link).unwrap();
        assert!(matches!(Staging::open(&link), Err(StagingError::NotPrivate { .. })));
    }

    #[test]
    fn a_machine_has_one_contact_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("staging");
        let (one, other) = (Staging::open(&root).unwrap(), Staging::open(&root).unwrap());
        let target = "fd00::1".parse().unwrap();
        let first = one.occupy(target).unwrap();
        assert!(first.is_some());
        assert!(other.occupy(target).unwrap().is_none());
        assert!(other.occupy("10.0.0.1".parse().unwrap()).unwrap().is_some());
        drop(first);
        assert!(other.occupy(target).unwrap().is_some());
    }

    #[test]
    fn a_new_folder_is_made_private_and_has_space() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::open(&dir.path().join("a/b")).unwrap();
        assert!(staging.free_bytes().unwrap() > 0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(dir.path().join("a/b")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }
}
