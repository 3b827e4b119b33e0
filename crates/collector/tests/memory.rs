//! The image of the memory of a hostile endpoint, over a real sshd: whatever its tool does, what comes of it is bounded,
//! says what it lacks, and leaves nothing there. That the real tool gives a real image of a real machine is proved in the
//! acceptance tests.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use collector::{Collector, Progress};
use data_encoding::HEXLOWER;
use investigation::evidence::{ArtifactKind, ArtifactOutcome, ArtifactStatus, Collection, MemoryImage};
use investigation::policy::{Memory, MemoryTool};
use sha2::{Digest as _, Sha256};
use support::sshd::Sshd;
use support::{collect, config, parsed, skip};

/// What the endpoint says that it has.
const RAM: u64 = 64 << 20;

/// An endpoint that answers by its own shell, but for what it says of its memory, and a tool on it.
struct Endpoint {
    sshd: Sshd,
    /// Nobody but root can write here, as the tool's place has to be.
    place: tempfile::TempDir,
    tool: MemoryTool,
}

impl Endpoint {
    /// `script` is the tool's: `$4` is where it is to write. `ram` is a line of `/proc/iomem`.
    fn start(script: &str, ram: u64) -> Option<Self> {
        // The folder of a test is below one that everybody can write into.
        if !fs::metadata("/run").is_ok_and(|run| run.permissions().mode() & 0o022 == 0) || !is_root() {
            skip("a tool that is to be trusted lies where only root can write, and this is not root");
            return None;
        }
        let place = tempfile::Builder::new().prefix("test-avml-").tempdir_in("/run").unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = place.path().join("avml");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo avml 9.9; exit; }}\n\
             echo \"$@\" >{}/ran\n{script}\n",
            place.path().display()
        );
        fs::write(&path, &script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(place.path().join("iomem"), format!("00000000-{:08x} : System RAM\n", ram - 1)).unwrap();
        let shell = place.path().join("shell");
        // Its script is run as it comes, with another list of memory, and a source of it that is there everywhere.
        let lies = format!(
            "#!/bin/sh\np={d}/in.$$\nmkfifo $p\nexec 3<&0\nsed -u -e 's#/proc/iomem#{d}/iomem#' \
             -e 's#^for s in .*; do#for s in /dev/crash; do#' -e 's#dd if=\"$s\"#dd if=/dev/zero#' <&3 >$p &\n\
             sh -s <$p\ncode=$?\nkill $!\nexit $code\n",
            d = place.path().display()
        );
        fs::write(&shell, lies).unwrap();
        fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
        let sshd = Sshd::start_with(&format!("ForceCommand {}", shell.display()))?;
        let tool = named(&path, &HEXLOWER.encode(&Sha256::digest(script.as_bytes())));
        Some(Self { sshd, place, tool })
    }

    async fn execute(&self, tool: Option<MemoryTool>, into: &Path) -> (Collection, Vec<Progress>) {
        let seen = Mutex::new(Vec::new());
        let order = collect("127.0.0.1", &[ArtifactKind::Logins, ArtifactKind::Memory]);
        let collector =
            Collector::new(config(&["127.0.0.0/8"], self.sshd.config())).unwrap().with_memory_tool(tool);
        let collection =
            collector.execute(&order, into, &|progress| seen.lock().unwrap().push(progress)).await.unwrap();
        (collection, seen.into_inner().unwrap())
    }

    /// What came of it; whatever that was, the rest was collected after it, and nothing is left on the endpoint.
    async fn outcome(&self, tool: MemoryTool, into: &Path) -> ArtifactOutcome {
        let (collection, _) = self.execute(Some(tool), into).await;
        let kinds: Vec<ArtifactKind> = collection.outcomes.iter().map(|outcome| outcome.kind).collect();
        assert_eq!(kinds, [ArtifactKind::Identity, ArtifactKind::Memory, ArtifactKind::Logins]);
        let outcome = collection.outcome(ArtifactKind::Memory).unwrap().clone();
        assert_eq!(outcome.artifact, "Linux.Memory.Image");
        assert!(outcome.status == ArtifactStatus::Ok || !collection.is_complete());
        self.assert_tidy().await;
        outcome
    }

    async fn assert_tidy(&self) {
        let begun = Instant::now();
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "left on the endpoint: {left:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Pipes, and processes that know of this place.
    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(" acquire ")
                && line.contains("/peerhound-")
                && self.sshd.is_above(&process.path())
            {
                left.push(line);
            }
        }
        let ran = fs::read_to_string(self.place.path().join("ran")).unwrap_or_default();
        left.extend(
            ran.split_whitespace()
                .filter(|word| word.ends_with("/p") && Path::new(word).exists())
                .map(Into::into),
        );
        left
    }

    /// Its tool under other bounds.
    fn tool_with(&self, change: impl FnOnce(&mut MemoryTool)) -> MemoryTool {
        let mut tool = self.tool.clone();
        change(&mut tool);
        tool
    }

    fn ran(&self) -> bool {
        self.place.path().join("ran").exists()
    }
}

fn is_root() -> bool {
    let id = std::process::Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn named(path: &Path, sha256: &str) -> MemoryTool {
    let (tool, sha256) = (Some(path.to_str().unwrap().to_owned()), Some(sha256.to_owned()));
    Memory { enabled: true, tool, sha256, ..Memory::default() }.tool(1 << 30).unwrap().unwrap()
}

/// The octal escapes by which `printf` writes a header of LiME.
fn header(first: u64, last: u64) -> String {
    let bytes = [&b"EMiL\x01\0\0\0"[..], &first.to_le_bytes(), &last.to_le_bytes(), &[0; 8]].concat();
    bytes.iter().map(|byte| format!("\\{byte:03o}")).collect()
}

fn said(outcome: &ArtifactOutcome, why: &str) {
    assert!(outcome.reasons.iter().any(|reason| reason.contains(why)), "{why}: {outcome:?}");
}

fn image(folder: &Path) -> MemoryImage {
    let image: MemoryImage = parsed(folder, ArtifactKind::Memory);
    let bytes = fs::read(folder.join(&image.entry)).unwrap();
    assert_eq!(image.size, bytes.len() as u64);
    assert_eq!(image.sha256, HEXLOWER.encode(&Sha256::digest(&bytes)));
    image
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_comes_through_a_pipe_and_is_recorded() {
    let script = format!(
        "echo some words >&2\n{{ printf '{}'; head -c 70000 /dev/zero; printf '{}'; printf marker; }} >\"$4\"",
        header(0x1000, 0x1000 + 69_999),
        header(0x40_0000, 0x40_0005)
    );
    let Some(endpoint) = Endpoint::start(&script, RAM) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (collection, seen) = endpoint.execute(Some(endpoint.tool.clone()), folder.path()).await;
    let outcome = collection.outcome(ArtifactKind::Memory).unwrap();
    assert_eq!(outcome.status, ArtifactStatus::Ok, "{outcome:?}");
    said(outcome, "leaves out what holds nothing but zeros");
    assert_eq!(
        outcome.entries,
        ["artifacts/memory.json", "artifacts/raw/memory.lime", "artifacts/raw/memory-look.stdout"]
    );
    let image = image(folder.path());
    assert!(image.whole && image.size == 64 + 70_006 && image.memory_bytes == 70_006, "{image:?}");
    assert_eq!((image.ram_bytes, image.ranges.len(), image.source.as_str()), (RAM, 2, "/dev/crash"));
    assert_eq!((image.tool_version.as_str(), image.format.as_str()), ("avml 9.9", "lime"));
    assert_eq!(image.tool_sha256, endpoint.tool.sha256());
    assert!(image.started_at.unwrap() <= image.finished_at.unwrap());
    let record = collection.commands.iter().find(|record| record.command.contains("acquire")).unwrap();
    assert!(
        record.command.contains(endpoint.tool.sha256()) && record.stderr.contains("some words"),
        "{record:?}"
    );
    assert_eq!((record.stdout_bytes, record.exit_code), (image.size, Some(0)));
    assert!(seen.iter().any(|progress| matches!(progress, Progress::Memory { of: RAM, .. })), "{seen:?}");
    // Before everything else.
    let place = |kind| seen.iter().position(|progress| *progress == Progress::Artifact { kind }).unwrap();
    assert!(place(ArtifactKind::Memory) < place(ArtifactKind::Logins));
    endpoint.assert_tidy().await;
}

/// The most of its memory that this process has held, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_end_is_cut_where_no_machine_of_its_memory_ends() {
    let script = format!("{{ printf '{}'; exec cat /dev/zero; }} >\"$4\"", header(0, 1 << 50));
    let Some(endpoint) = Endpoint::start(&script, RAM) else { return };
    let folder = tempfile::tempdir().unwrap();
    let before = peak();
    let outcome = endpoint.outcome(endpoint.tool.clone(), folder.path()).await;
    assert_eq!(outcome.status, ArtifactStatus::Truncated, "{outcome:?}");
    said(&outcome, "more than an image of the 67108864 bytes can have");
    let image = image(folder.path());
    let most = RAM + RAM / 64 + (16 << 20);
    assert!(!image.whole && image.size >= most && image.size <= most + (64 << 10), "{image:?}");
    let grown = peak() - before;
    // Reading the file back to hash it above took as much as it has.
    assert!(grown < image.size + (48 << 20), "{grown} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_tool_does_the_outcome_says_what_is_missing() {
    let begun = format!("printf '{}'; head -c 5000 /dev/zero", header(0, 9999));
    let second = Duration::from_secs(1);
    for (script, timeout, status, why) in [
        // It stops.
        (
            format!("{{ {begun}; exec sleep 600; }} >\"$4\""),
            60,
            ArtifactStatus::Truncated,
            "nothing came for 2 s",
        ),
        // It comes so slowly that it is never silent.
        (
            format!("{{ {begun}; while :; do printf x; sleep 0.3; done; }} >\"$4\""),
            6,
            ArtifactStatus::Truncated,
            "its 6 s were up",
        ),
        // It says nothing at all, with the pipe open and not.
        (
            "exec sleep 600 >\"$4\"".into(),
            60,
            ArtifactStatus::Failed,
            "no image came: given up after 0 bytes",
        ),
        ("exec sleep 600".into(), 60, ArtifactStatus::Failed, "no image came: given up after 0 bytes"),
        ("exit 0".into(), 60, ArtifactStatus::Failed, "no image came"),
        (
            "echo unable to read /proc/kcore: Operation not permitted >&2; exit 1".into(),
            60,
            ArtifactStatus::Failed,
            "with exit code 1 after 0 bytes: unable to read /proc/kcore",
        ),
        // It ends early, and says so or not.
        (
            format!("{{ {begun}; }} >\"$4\"; echo no more >&2; exit 3"),
            60,
            ArtifactStatus::Partial,
            "with exit code 3 after 5032 bytes: no more",
        ),
        (format!("{{ {begun}; }} >\"$4\""), 60, ArtifactStatus::Partial, "in the middle of a range"),
        (format!("{{ {begun}; }} >\"$4\"; kill -9 $$"), 60, ArtifactStatus::Partial, "the tool ended"),
        // It is no image, from its beginning or from somewhere on.
        ("exec cat /dev/zero >\"$4\"".into(), 60, ArtifactStatus::Failed, "no header of LiME"),
        (
            format!("{{ {begun}; head -c 5000 /dev/zero; {begun}; }} >\"$4\""),
            60,
            ArtifactStatus::Partial,
            "what was there before",
        ),
        // It complains without end.
        ("exec cat /dev/zero >&2".into(), 60, ArtifactStatus::Failed, "more besides"),
    ] {
        let Some(endpoint) = Endpoint::start(&script, RAM) else { return };
        let folder = tempfile::tempdir().unwrap();
        let tool = endpoint.tool_with(|tool| (tool.timeout, tool.stall) = (timeout * second, 2 * second));
        let begun = Instant::now();
        let outcome = endpoint.outcome(tool, folder.path()).await;
        assert!(begun.elapsed() < Duration::from_secs(50), "{script}: {:?}", begun.elapsed());
        assert_eq!(outcome.status, status, "{script}: {outcome:?}");
        said(&outcome, why);
        let lime = folder.path().join("artifacts/raw/memory.lime");
        assert_eq!(lime.exists(), status != ArtifactStatus::Failed);
        if status != ArtifactStatus::Failed {
            let image = image(folder.path());
            assert!(!image.whole && image.size >= 5032, "{script}: {image:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_run_that_is_not_the_tool_where_only_root_can_put_it() {
    let sound = format!("{{ printf '{}'; printf 0123456789; }} >\"$4\"", header(0, 9));
    let Some(endpoint) = Endpoint::start(&sound, RAM) else { return };
    let place = endpoint.place.path().to_owned();
    let path = place.join("avml");
    let hash = endpoint.tool.sha256().to_owned();
    let refused = async |tool: MemoryTool, why: &str| {
        let folder = tempfile::tempdir().unwrap();
        let outcome = endpoint.outcome(tool, folder.path()).await;
        assert_eq!(outcome.status, ArtifactStatus::Failed, "{outcome:?}");
        said(&outcome, why);
        assert!(!endpoint.ran(), "{why}: it ran");
        assert!(!folder.path().join("artifacts/memory.json").exists());
    };
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    refused(named(&path, &"ab".repeat(32)), "is another file there, its SHA-256 is").await;
    refused(named(&place.join("none"), &hash), "there is no").await;
    mode(&path, 0o775);
    refused(endpoint.tool.clone(), "others than root can write it").await;
    mode(&path, 0o755);
    mode(&place, 0o1777);
    refused(endpoint.tool.clone(), "others than root can write it").await;
    mode(&place, 0o755);
    std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
    refused(endpoint.tool.clone(), "it is not root's").await;
    std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    std::os::unix::fs::symlink(&path, place.join("link")).unwrap();
    refused(named(&place.join("link"), &hash), "without links").await;
    refused(endpoint.tool_with(|tool| tool.max_bytes = RAM), "are the most: not begun").await;
    // No tool is named here at all.
    let folder = tempfile::tempdir().unwrap();
    let (collection, _) = endpoint.execute(None, folder.path()).await;
    said(collection.outcome(ArtifactKind::Memory).unwrap(), "no tool is named");
    assert!(!endpoint.ran());
    // And it was not for nothing that nothing ran.
    let folder = tempfile::tempdir().unwrap();
    let outcome = endpoint.outcome(endpoint.tool.clone(), folder.path()).await;
    assert!(outcome.status == ArtifactStatus::Ok && endpoint.ran(), "{outcome:?}");
}

/// Memory that does not fit where it would be written to, by what the endpoint says, is refused before anything is read.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_has_more_memory_than_there_is_room_is_refused() {
    let Some(endpoint) = Endpoint::start("exit 1", 1 << 50) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tool = endpoint.tool_with(|tool| tool.max_bytes = u64::MAX);
    let outcome = endpoint.outcome(tool, folder.path()).await;
    said(&outcome, "bytes are free where it would be written to here");
    assert!(!endpoint.ran());
}

/// What is given up while it comes ends on the endpoint as well.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_nobody_waits_for_ends_there() {
    let script = format!("{{ printf '{}'; exec cat /dev/zero; }} >\"$4\"", header(0, 1 << 50));
    let Some(endpoint) = Endpoint::start(&script, 512 << 20) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tool = endpoint.tool_with(|tool| tool.max_bytes = u64::MAX);
    let order = collect("127.0.0.1", &[ArtifactKind::Memory]);
    let collector = Collector::new(config(&["127.0.0.0/8"], endpoint.sshd.config())).unwrap();
    let (collector, into) = (collector.with_memory_tool(Some(tool)), PathBuf::from(folder.path()));
    let running = tokio::spawn(async move { collector.execute(&order, &into, &|_| {}).await.map(drop) });
    let lime = folder.path().join("artifacts/raw/memory.lime");
    let begun = Instant::now();
    while fs::metadata(&lime).map_or(0, |lime| lime.len()) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60) && !running.is_finished(), "nothing came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    endpoint.assert_tidy().await;
}
