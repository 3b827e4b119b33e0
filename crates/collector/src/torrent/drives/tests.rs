use super::*;

fn mount(device: &str, root: &str, mount_point: &str, file_system: &str) -> Mount {
    Mount {
        device: device.into(),
        root: root.into(),
        mount_point: mount_point.into(),
        file_system: file_system.into(),
        layers: None,
    }
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

/// Starts and skipped mount points, both sorted.
fn planned(roots: &[&str], mounts: &[Mount]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let plan = plan(&paths(roots), mounts, |_| true);
    let mut skip: Vec<PathBuf> = plan.skip.into_iter().collect();
    skip.sort();
    (plan.starts, skip)
}

fn machine() -> Vec<Mount> {
    vec![
        mount("8:1", "/", "/", "ext4"),
        mount("0:4", "/", "/proc", "proc"),
        mount("0:5", "/", "/dev", "devtmpfs"),
        mount("0:6", "/", "/dev/shm", "tmpfs"),
        mount("8:2", "/", "/home", "xfs"),
        mount("0:40", "/", "/mnt/server", "nfs4"),
        mount("0:41", "/", "/home/u/remote", "fuse.sshfs"),
    ]
}

#[test]
fn local_drives_are_walked_and_others_left_out() {
    let (starts, skip) = planned(&["/"], &machine());
    assert_eq!(starts, paths(&["/"]));
    assert_eq!(skip, paths(&["/dev", "/home/u/remote", "/mnt/server", "/proc"]));
}

#[test]
fn a_local_drive_inside_a_skipped_one_is_a_start_of_its_own() {
    let (starts, _) = planned(&["/", "/home", "/dev/shm"], &machine());
    assert_eq!(starts, paths(&["/", "/dev/shm"]), "/home is reached from /");
}

#[test]
fn a_root_on_the_network_is_refused_with_the_reason() {
    let plan = plan(&paths(&["/mnt/server/x", "/home/u"]), &machine(), |_| true);
    assert_eq!(plan.starts, paths(&["/home/u"]));
    assert_eq!(plan.refused, ["/mnt/server/x: on a nfs4 file system, not walked"]);
    assert_eq!(plan.skip, HashSet::from([PathBuf::from("/home/u/remote")]));
}

#[test]
fn bind_mounts_are_walked_once() {
    let mut mounts = machine();
    mounts.push(mount("8:2", "/u/music", "/srv/music", "xfs"));
    mounts.push(mount("8:1", "/", "/mnt/again", "ext4"));
    let (_, skip) = planned(&["/"], &mounts);
    assert!(skip.contains(&"/srv/music".into()) && skip.contains(&"/mnt/again".into()), "{skip:?}");
    assert!(!skip.contains(&"/home".into()));

    let (starts, skip) = planned(&["/srv"], &mounts);
    assert_eq!((starts, skip), (paths(&["/srv"]), Vec::new()), "below /srv it is the only way to the files");
}

#[test]
fn of_a_folder_and_its_drive_the_drive_is_kept() {
    let mounts = [
        mount("8:1", "/", "/", "ext4"),
        mount("8:9", "/data", "/a", "ext4"),
        mount("8:9", "/", "/mnt/disk", "ext4"),
    ];
    assert_eq!(planned(&["/"], &mounts).1, paths(&["/a"]));
}

#[test]
fn what_a_mount_on_top_hides_is_not_counted_as_seen() {
    let mounts = [
        mount("8:1", "/", "/", "ext4"),
        mount("8:2", "/", "/home", "xfs"),
        mount("8:1", "/home", "/mnt/below", "ext4"),
    ];
    assert_eq!(
        planned(&["/"], &mounts).1,
        Vec::<PathBuf>::new(),
        "/home of the root drive shows only at /mnt/below"
    );
}

#[test]
fn subvolumes_are_different_folders_of_one_device() {
    let mounts = [mount("0:30", "/@", "/", "btrfs"), mount("0:30", "/@home", "/home", "btrfs")];
    assert_eq!(planned(&["/"], &mounts).1, Vec::<PathBuf>::new());
}

#[test]
fn an_overlay_is_left_out_where_its_layers_are_walked() {
    let mut merged = mount("0:50", "/", "/var/lib/docker/overlay2/x/merged", "overlay");
    merged.layers = Some("/var/lib/docker/overlay2/x/diff".into());
    let mut root = mount("0:51", "/", "/", "overlay");
    root.layers = Some("/var/lib/docker/overlay2/y/diff".into());
    let host = [mount("8:1", "/", "/", "ext4"), merged.clone()];
    assert_eq!(planned(&["/"], &host).1, paths(&["/var/lib/docker/overlay2/x/merged"]));
    assert_eq!(
        planned(&["/"], &[root]),
        (paths(&["/"]), Vec::new()),
        "inside a container the overlay is the drive"
    );
    let gone = plan(&paths(&["/"]), &host, |_| false);
    assert!(gone.skip.is_empty(), "layers that cannot be seen are not walked either");
}

#[test]
fn a_hidden_mount_does_not_count() {
    let mounts =
        [mount("8:1", "/", "/", "ext4"), mount("0:9", "/", "/x", "nfs"), mount("8:3", "/", "/x", "ext4")];
    assert_eq!(planned(&["/"], &mounts).1, Vec::<PathBuf>::new());
}

#[test]
fn mountinfo_is_read_with_its_escapes() {
    let text = b"36 35 98:0 /mnt1 /mnt\\040a\\134b rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n\
        40 36 0:33 / /var/merged rw - overlay overlay rw,lowerdir=/l1:/l2,upperdir=/up\\040per,workdir=/w\n\
        broken\n41 36 0:34 / /x rw ext4\n\xff\xff \\777\n";
    let mut overlay = mount("0:33", "/", "/var/merged", "overlay");
    overlay.layers = Some("/up per".into());
    assert_eq!(parse_mountinfo(text), [mount("98:0", "/mnt1", "/mnt a\\b", "ext3"), overlay]);
}

#[test]
#[cfg(target_os = "linux")]
fn this_machines_drives_hold_its_temporary_folder_and_not_proc() {
    let drives = local_drives().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    assert!(drives.iter().any(|d| folder.starts_with(d)), "{drives:?}");
    assert!(!drives.iter().any(|d| d.starts_with("/proc")), "{drives:?}");
    let plan = plan_here(&[PathBuf::from("/proc/self"), PathBuf::from("/no/such/folder")]).unwrap();
    assert_eq!((plan.starts.len(), plan.refused.len()), (0, 2), "{plan:?}");
}
