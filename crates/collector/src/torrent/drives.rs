//! Which folders to walk so that every local drive is seen once, and nothing else.
//!
//! A file can be reached on several ways: bind mounts, a container's merged view beside its layers, nested mounts.
//! Counting it twice would be false evidence. Network file systems are left out because what lies on them is not on
//! this endpoint (and a dead server would hang the walk), pseudo file systems because nothing lies on them.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

mod mounts;

pub use mounts::{Mount, parse_mountinfo};

/// Where to walk, and what to leave out on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkPlan {
    /// Folders to walk, sorted; none lies inside another's walk.
    pub starts: Vec<PathBuf>,
    /// Mount points that are not entered.
    pub skip: HashSet<PathBuf>,
    /// Roots that were asked for and are not walked, each with the reason.
    pub refused: Vec<String>,
}

/// The roots of all local drives of this machine: real and memory-backed file systems, each once.
///
/// # Errors
/// Where the mount table cannot be read.
pub fn local_drives() -> io::Result<Vec<PathBuf>> {
    let mounts = mounts::current()?;
    let roots: Vec<PathBuf> = mounts.iter().filter(|m| m.is_local()).map(|m| m.mount_point.clone()).collect();
    let mut starts = plan(&roots, &mounts, Path::is_dir).starts;
    starts.retain(|start| start.is_dir());
    Ok(starts)
}

/// Plans the walk below `roots` on this machine.
///
/// # Errors
/// Where the mount table cannot be read.
pub(super) fn plan_here(roots: &[PathBuf]) -> io::Result<WalkPlan> {
    let mounts = mounts::current()?;
    let mut unreachable = Vec::new();
    let mut resolved = Vec::new();
    for root in roots {
        match real(root) {
            Ok(path) => resolved.push(path),
            Err(error) => unreachable.push(format!("{}: {error}", root.display())),
        }
    }
    let mut plan = plan(&resolved, &mounts, Path::is_dir);
    plan.refused.extend(unreachable);
    #[cfg(windows)]
    plan.refused.extend(in_folders(&plan.starts, &mounts));
    Ok(plan)
}

/// Volumes that are mounted in a folder. For Windows such a folder is a link, and links are not followed; a volume can
/// also have a letter, and would then be walked twice.
#[cfg(windows)]
fn in_folders(starts: &[PathBuf], mounts: &[Mount]) -> Vec<String> {
    let below = |mount: &Mount| {
        starts.iter().any(|start| mount.mount_point.starts_with(start) && mount.mount_point != *start)
    };
    let folders = mounts.iter().filter(|mount| below(mount));
    folders
        .map(|mount| format!("{}: a volume in a folder, not walked", mount.mount_point.display()))
        .collect()
}

/// The path as the mount table has it: it knows real paths only.
#[cfg(not(windows))]
fn real(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// The path as the list of drives has it. Windows' own way to resolve links spells paths as `\\?\C:\` and drives
/// inside shares by their servers, which no drive of the list is called.
#[cfg(windows)]
fn real(path: &Path) -> io::Result<PathBuf> {
    path.metadata()?;
    std::path::absolute(path)
}

/// Plans the walk below `roots`, which are absolute and free of symbolic links, given the mount table and a way to ask
/// whether a folder exists.
pub fn plan(roots: &[PathBuf], mounts: &[Mount], is_folder: impl Fn(&Path) -> bool) -> WalkPlan {
    let mounts = visible(mounts);
    let mut plan = WalkPlan::default();
    let mut roots: Vec<&PathBuf> = roots.iter().collect();
    roots.sort();
    roots.dedup();
    roots.retain(|root| match containing(&mounts, root) {
        Some(mount) if !mount.is_local() => {
            plan.refused.push(format!(
                "{}: on a {} file system, not walked",
                root.display(),
                mount.file_system
            ));
            false
        }
        _ => true,
    });
    plan.skip = to_skip(&mounts, &roots, is_folder);
    for root in roots {
        let reached = plan.starts.iter().any(|start| {
            let between =
                |p: &&PathBuf| p.starts_with(start) && *p != start && root.starts_with(p) && *p != root;
            root.starts_with(start) && !plan.skip.iter().any(|p| between(&p))
        });
        if !reached {
            plan.starts.push(root.clone());
        }
    }
    plan
}

/// Without mounts that a later one at the same place hides.
fn visible(mounts: &[Mount]) -> Vec<&Mount> {
    let mut seen = HashSet::new();
    let mut visible: Vec<&Mount> = mounts.iter().rev().filter(|m| seen.insert(&m.mount_point)).collect();
    visible.reverse();
    visible
}

/// The mount that `path` lies on.
fn containing<'m>(mounts: &[&'m Mount], path: &Path) -> Option<&'m Mount> {
    mounts
        .iter()
        .copied()
        .filter(|m| path.starts_with(&m.mount_point))
        .max_by_key(|m| m.mount_point.as_os_str().len())
}

fn to_skip(mounts: &[&Mount], roots: &[&PathBuf], is_folder: impl Fn(&Path) -> bool) -> HashSet<PathBuf> {
    // A file system's own root before its parts, so that of a drive and a bind mount of one of its folders the drive stays.
    let mut candidates: Vec<&Mount> = mounts.to_vec();
    candidates
        .sort_by_key(|m| (m.root.components().count(), m.mount_point.components().count(), &m.mount_point));
    let mut skip = HashSet::new();
    let mut walked: Vec<&Mount> = Vec::new();
    for mount in candidates {
        let below_a_root = roots.iter().any(|root| mount.mount_point.starts_with(root));
        let holds_a_root = roots.iter().any(|root| root.starts_with(&mount.mount_point));
        if !below_a_root && !holds_a_root {
            continue;
        }
        let seen_elsewhere = || walked.iter().any(|other| shows(mounts, roots, other, mount));
        let layers_are_walked =
            || mount.layers.iter().any(|l| is_folder(l)) && mount.mount_point != Path::new("/");
        if !mount.is_local() || (below_a_root && (seen_elsewhere() || layers_are_walked())) {
            skip.insert(mount.mount_point.clone());
        } else {
            walked.push(mount);
        }
    }
    skip
}

/// Whether all that `mount` shows is also seen in the walk of `other`.
fn shows(mounts: &[&Mount], roots: &[&PathBuf], other: &Mount, mount: &Mount) -> bool {
    if other.device != mount.device {
        return false;
    }
    let Ok(inside) = mount.root.strip_prefix(&other.root) else { return false };
    let there = if inside.as_os_str().is_empty() {
        other.mount_point.clone()
    } else {
        other.mount_point.join(inside)
    };
    // It must not be hidden there by a mount on top, and lie inside what is walked.
    roots.iter().any(|root| there.starts_with(root))
        && containing(mounts, &there).is_some_and(|m| m.mount_point == other.mount_point)
}

#[cfg(test)]
mod tests;
