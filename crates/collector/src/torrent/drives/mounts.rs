//! The table of mounted file systems.

use std::io;
use std::path::PathBuf;

/// One mounted file system, or part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Which file system it is: `major:minor` on Linux. Mounts of the same one show the same files.
    pub device: String,
    /// The folder inside the file system that is mounted; `/` but for bind mounts and subvolumes.
    pub root: PathBuf,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Type, as the system spells it (`ext4`, `nfs4`, …), lower-case.
    pub file_system: String,
    /// The folder that an overlay writes to, where it is one.
    pub layers: Option<PathBuf>,
}

/// File systems whose files lie on this machine: on its disks, removable media or in its memory.
///
/// A list of what is local rather than of what is not: an unknown type is more likely a new network or pseudo file
/// system than a new disk format. squashfs is left out on purpose: it holds packaged, read-only images.
const LOCAL: &[&str] = &[
    "aufs",
    "apfs",
    "bcachefs",
    "btrfs",
    "ecryptfs",
    "exfat",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "fat32",
    "fat",
    "fuse.encfs",
    "fuse.gocryptfs",
    "fuseblk",
    "hfs",
    "hfsplus",
    "iso9660",
    "jfs",
    "minix",
    "msdos",
    "nilfs2",
    "ntfs",
    "ntfs3",
    "overlay",
    "ramfs",
    "refs",
    "reiser4",
    "reiserfs",
    "tmpfs",
    "udf",
    "ufs",
    "vfat",
    "xfs",
    "zfs",
];

impl Mount {
    /// Whether its files lie on this machine.
    pub fn is_local(&self) -> bool {
        LOCAL.contains(&self.file_system.as_str())
    }
}

/// What is mounted now, in the order of mounting.
#[cfg(target_os = "linux")]
pub(super) fn current() -> io::Result<Vec<Mount>> {
    Ok(parse_mountinfo(&std::fs::read("/proc/self/mountinfo")?))
}

/// What is mounted now.
#[cfg(not(target_os = "linux"))]
pub(super) fn current() -> io::Result<Vec<Mount>> {
    let disks =
        sysinfo::Disks::new_with_refreshed_list().map_err(|error| io::Error::other(error.to_string()))?;
    let mounts = disks.iter().map(|disk| Mount {
        device: disk.mount_point().to_string_lossy().into_owned(),
        root: PathBuf::from("/"),
        mount_point: disk.mount_point().to_path_buf(),
        file_system: disk.file_system().to_string_lossy().to_ascii_lowercase(),
        layers: None,
    });
    let mounts: Vec<Mount> = mounts.collect();
    #[cfg(windows)]
    if mounts.is_empty() {
        return Ok(by_letter());
    }
    Ok(mounts)
}

/// Drives by their letters, where the system does not tell what its volumes are (Wine does not). A network drive's real
/// path is that of its server, a substitute's that of its folder: neither is its own letter.
#[cfg(windows)]
fn by_letter() -> Vec<Mount> {
    use std::path::{Component, Prefix};

    let is_itself = |path: &PathBuf, letter: u8| {
        let Ok(real) = path.canonicalize() else { return false };
        let mut parts = real.components();
        let prefix = parts.next();
        matches!(prefix, Some(Component::Prefix(p)) if p.kind() == Prefix::VerbatimDisk(letter))
            && parts.all(|part| part == Component::RootDir)
    };
    let drives = (b'C'..=b'Z').map(|letter| (PathBuf::from(format!("{}:\\", char::from(letter))), letter));
    let local = drives.filter(|(path, letter)| is_itself(path, *letter));
    local
        .map(|(path, _)| Mount {
            device: path.to_string_lossy().into_owned(),
            root: PathBuf::from("/"),
            mount_point: path,
            file_system: "ntfs".into(),
            layers: None,
        })
        .collect()
}

/// Reads the text of `/proc/<pid>/mountinfo` (see proc(5)). Lines that do not follow the format are left out.
pub fn parse_mountinfo(text: &[u8]) -> Vec<Mount> {
    text.split(|b| *b == b'\n').filter_map(parse_line).collect()
}

/// `36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|b| *b == b' ');
    let device = String::from_utf8_lossy(fields.nth(2)?).into_owned();
    let root = unescape(fields.next()?);
    let mount_point = unescape(fields.next()?);
    // Any number of optional fields, then a dash.
    fields.find(|field| *field == b"-")?;
    let file_system = String::from_utf8_lossy(fields.next()?).to_ascii_lowercase();
    let options = fields.nth(1).unwrap_or_default();
    let layers = (file_system == "overlay")
        .then(|| options.split(|b| *b == b',').find_map(|o| o.strip_prefix(b"upperdir=")).map(unescape))
        .flatten();
    Some(Mount { device, root, mount_point, file_system, layers })
}

/// Undoes the kernel's `\040` for space, and the like.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    path_from(bytes)
}

#[cfg(unix)]
fn path_from(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
