//! The program on a real endpoint: sent over a real sshd, run there, and removed again whatever comes in between.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use collector::program::Programs;
use collector::{Collector, Config};
use investigation::evidence::{ArtifactKind, ArtifactStatus, Collection, Process, SentProgram, Socket};
use investigation::order::{Limits, Order, Task};
use investigation::policy::{PinnedFile, Program};
use support::sshd::Sshd;
use support::{Scene, collect, config, identify, parsed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_peerhound-collect");
const READ: [ArtifactKind; 3] = [ArtifactKind::Connections, ArtifactKind::Processes, ArtifactKind::Torrents];

fn programs() -> Programs {
    let sum = std::process::Command::new("sha256sum").arg(PROGRAM).output().unwrap();
    let sha256 = String::from_utf8(sum.stdout).unwrap().split(' ').next().unwrap().to_owned();
    let linux = Some(PinnedFile { file: PROGRAM.into(), sha256 });
    Programs::load(&Program { linux, windows: None }, |file| PathBuf::from(file)).unwrap()
}

fn collector(sshd: &Sshd) -> Collector {
    let config = Config { programs: programs(), ..config(&["127.0.0.0/8"], sshd.config()) };
    Collector::new(config).unwrap()
}

async fn execute(sshd: &Sshd, order: &Order, into: &Path) -> Collection {
    collector(sshd).execute(order, into, &|_| {}).await.unwrap()
}

/// An endpoint whose shell is a script of ours. `$1` in it is the command that it is to run, `$2` the program's folder.
fn endpoint(script: &str) -> Option<(Sshd, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let shell = folder.path().join("shell");
    let script = format!(
        "#!/bin/sh\nset -- \"$SSH_ORIGINAL_COMMAND\" \
         \"$(printf %s \"$SSH_ORIGINAL_COMMAND\" | grep -o 'peerhound-[0-9a-f]\\{{32\\}}' | head -n 1)\"\n{script}\n\
         exec sh -c \"$1\"\n"
    );
    fs::write(&shell, script).unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
    Some((Sshd::start_with(&format!("ForceCommand {}", shell.display()))?, folder))
}

fn sent(collection: &Collection) -> &SentProgram {
    collection.program.as_ref().expect("a program was sent")
}

/// Nothing of it is left: no file, no folder, no process.
fn assert_gone(program: &SentProgram) {
    assert!(program.removed, "{program:?}");
    let folder = Path::new(&program.path).parent().unwrap();
    assert!(!folder.exists(), "{} is still there", folder.display());
    assert_eq!(running(&program.path), Vec::<String>::new());
}

/// Processes whose image or command line names a path.
fn running(path: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let image = |process: &Path| fs::read_link(process.join("exe")).unwrap_or_default();
    let found = processes.filter(|process| image(process).to_string_lossy().starts_with(path));
    found.map(|process| process.display().to_string()).collect()
}

/// Waits for the program to run, in whichever folder; with its process and its path.
async fn until_it_runs(sshd: &Sshd) -> (u32, PathBuf) {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(60), "no program came");
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(image) = fs::read_link(process.path().join("exe")) else { continue };
            let ours = image.file_name().is_some_and(|name| name == "peerhound-collect")
                && image.parent().and_then(Path::file_name).is_some_and(|name| {
                    name.to_string_lossy().starts_with("peerhound-") && sshd.is_above(&process.path())
                });
            if let Some(pid) = process.file_name().to_str().and_then(|pid| pid.parse().ok())
                && ours
            {
                return (pid, image);
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn until_gone(path: &Path) {
    let begun = Instant::now();
    while path.exists() || !running(&path.to_string_lossy()).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} is still there", path.display());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn kill(signal: &str, pid: u32) {
    let killed = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(killed.success());
}

/// The reason that the scripts were taken for.
fn refusal(collection: &Collection, kind: ArtifactKind) -> String {
    let outcome = collection.outcome(kind).unwrap();
    assert!(outcome.items > 0, "the scripts have read it: {outcome:?}");
    let refusal = outcome.reasons.iter().find(|reason| reason.contains("read by scripts"));
    refusal.unwrap_or_else(|| panic!("{outcome:?}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_collection_by_the_program_leaves_nothing() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = Scene::set();
    let torrents = tempfile::tempdir().unwrap();
    fs::write(torrents.path().join("Grüße.torrent"), "d4:infod6:lengthi7e4:name5:a.isoee").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let collection = execute(&sshd, &collect("127.0.0.1", &ArtifactKind::ALL), folder.path()).await;

    let program = sent(&collection);
    assert_eq!(
        (program.name.as_str(), program.version.as_str()),
        ("peerhound-collect", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!((program.read.as_slice(), program.size), (&READ[..], fs::metadata(PROGRAM).unwrap().len()));
    assert_gone(program);
    scene.assert_in_processes(&parsed::<Vec<Process>>(folder.path(), ArtifactKind::Processes));
    scene.assert_in_sockets(&parsed::<Vec<Socket>>(folder.path(), ArtifactKind::Connections));
    let files = fs::read_to_string(folder.path().join("artifacts/torrents.json")).unwrap();
    assert!(files.contains("Grüße.torrent"));
    for kind in READ {
        let outcome = collection.outcome(kind).unwrap();
        assert!(outcome.artifact.starts_with("Linux.") && outcome.entries.len() == 2, "{outcome:?}");
        assert!(!outcome.reasons.iter().any(|reason| reason.contains("read by scripts")), "{outcome:?}");
        let raw = fs::read_to_string(folder.path().join(&outcome.entries[1])).unwrap();
        assert!(raw.starts_with("peerhound-collect/1 ") && raw.is_ascii());
    }
    // Everything that touched the endpoint is on record, and nothing else is named in it but its own folder.
    let lines: Vec<&str> = collection.commands.iter().map(|record| record.command.as_str()).collect();
    let sending = lines.iter().find(|line| line.contains(&program.sha256) && line.contains("mkdir")).unwrap();
    assert!(sending.contains(&program.size.to_string()), "{sending}");
    assert_eq!(lines.iter().filter(|line| line.contains("exec \"$p\"")).count(), 3, "{lines:#?}");
    let removal = collection.commands.last().unwrap();
    assert_eq!(
        (removal.artifact.as_str(), removal.stderr.as_str()),
        ("Transport.Program", ""),
        "{removal:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_where_there_is_nothing_to_read() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    for order in [identify("127.0.0.1"), collect("127.0.0.1", &[ArtifactKind::Firewall])] {
        let collection = execute(&sshd, &order, folder.path()).await;
        assert_eq!(collection.program, None);
        assert!(collection.commands.iter().all(|record| record.artifact.starts_with("Linux.")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_is_replaced_by_scripts() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let order = collect("127.0.0.1", &READ);
    let killing = async {
        let (pid, _) = until_it_runs(&sshd).await;
        kill("-KILL", pid);
    };
    let (collection, ()) = tokio::join!(execute(&sshd, &order, folder.path()), killing);
    let refusal = refusal(&collection, READ[0]);
    assert!(refusal.contains("it ended before its end") || refusal.contains("said nothing"), "{refusal}");
    assert_gone(sent(&collection));
    // It is not run again.
    assert_eq!(sent(&collection).read, []);
    assert!(self::refusal(&collection, READ[1]).contains("read by scripts"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_is_given_up_leaves_nothing() {
    let Some(sshd) = Sshd::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().to_owned();
    let collector = collector(&sshd);
    let work = tokio::spawn(async move {
        collector.execute(&collect("127.0.0.1", &READ), &into, &|_| {}).await.map(drop)
    });
    let (pid, image) = until_it_runs(&sshd).await;
    // In the middle of its work.
    kill("-STOP", pid);
    work.abort();
    assert!(work.await.is_err_and(|end| end.is_cancelled()));
    kill("-CONT", pid);
    until_gone(image.parent().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_program_is_not_run() {
    let change = r#"case $1 in *'exec "$p"'*) chmod u+w "/tmp/$2/peerhound-collect"; echo >>"/tmp/$2/peerhound-collect" ;; esac"#;
    let Some((sshd, _shell)) = endpoint(change) else { return };
    let folder = tempfile::tempdir().unwrap();
    let collection = execute(&sshd, &collect("127.0.0.1", &READ[..1]), folder.path()).await;
    let refusal = refusal(&collection, READ[0]);
    assert!(refusal.contains("changed on the endpoint") && refusal.contains("not run"), "{refusal}");
    assert_eq!(collection.outcome(READ[0]).unwrap().status, ArtifactStatus::Ok, "scripts tell all of it");
    assert_gone(sent(&collection));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_in_its_place_is_not_believed() {
    let hello = concat!("peerhound-collect/1 ", env!("CARGO_PKG_VERSION"));
    // What else it could say is held against the reader itself.
    for (answer, why) in [
        ("echo motd".to_owned(), "said nothing"),
        (
            format!("printf '{hello}\\nbegin 19 {{\"kind\":\"torrents\"}}\\n'"),
            "torrents where connections was asked",
        ),
        (
            format!(
                "printf '{hello}\\nbegin 22 {{\"kind\":\"connections\"}}\\nrow 999999999 '; cat /dev/zero"
            ),
            "line 3",
        ),
        ("echo blocked >&2; exit 126".to_owned(), "exit code 126: blocked"),
        ("cat /dev/zero >&2".to_owned(), "said nothing"),
    ] {
        let script = format!("case $1 in *'exec \"$p\"'*) {answer}; exit ;; esac");
        let Some((sshd, _shell)) = endpoint(&script) else { return };
        let folder = tempfile::tempdir().unwrap();
        let mut order = collect("127.0.0.1", &READ[..1]);
        if let Task::Collect { limits, .. } = &mut order.task {
            limits.artifact_bytes = 8 << 20;
        }
        let collection = execute(&sshd, &order, folder.path()).await;
        let refusal = refusal(&collection, READ[0]);
        assert!(refusal.contains(why), "{answer}: {refusal}");
        assert_gone(sent(&collection));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_is_cut_and_says_so() {
    let hello = concat!("peerhound-collect/1 ", env!("CARGO_PKG_VERSION"));
    let row = r#"{"transport":"tcp","local_ip":"10.0.0.1","local_port":1,"remote_ip":null,"remote_port":null,"state":"listening","pid":1,"process":"x","path":null,"user":null}"#;
    let endless = format!(
        "case $1 in *'exec \"$p\"'*) printf '{hello}\\nbegin 22 {{\"kind\":\"connections\"}}\\n'; \
         exec yes 'row {} {row}' ;; esac",
        row.len()
    );
    // A program that prints without end, and one that says nothing more.
    let silent = endless.replace("exec yes ", "exec sleep 600 # ");
    for (script, seconds, why) in [(endless, 60, "more than is kept"), (silent, 1, "stopped after 16 s")] {
        let script = script.replace(" # ", "; : ");
        let Some((sshd, _shell)) = endpoint(&script) else { return };
        let folder = tempfile::tempdir().unwrap();
        let limits =
            Limits { artifact_seconds: seconds, artifact_bytes: 1 << 20, rows: 10, ..Limits::default() };
        let task = Task::Collect { artifacts: READ[..1].to_vec(), limits };
        let order = Order { case_id: "case-1".into(), target: "127.0.0.1".parse().unwrap(), task };
        let collection = execute(&sshd, &order, folder.path()).await;
        let outcome = collection.outcome(READ[0]).unwrap();
        assert_eq!(outcome.status, ArtifactStatus::Truncated, "{outcome:?}");
        assert!(outcome.reasons.iter().any(|reason| reason.contains(why)), "{outcome:?}");
        assert!(outcome.items <= 10);
        assert_gone(sent(&collection));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_removed_is_said_with_its_path() {
    let keep = r#"case $1 in
*mkdir*) set -- "$(printf %s "$1" | sed 's/cat >.dev.null; rm -rf "$d"/cat >\/dev\/null; trap - EXIT/')" ;;
*GONE*) exit 1 ;;
esac"#;
    let Some((sshd, _shell)) = endpoint(keep) else { return };
    let folder = tempfile::tempdir().unwrap();
    let collection = execute(&sshd, &collect("127.0.0.1", &READ[..1]), folder.path()).await;
    let program = sent(&collection).clone();
    assert!(!program.removed && Path::new(&program.path).exists(), "{program:?}");
    let reasons = &collection.outcome(READ[0]).unwrap().reasons;
    assert!(
        reasons.iter().any(|r| r.contains(&program.path) && r.contains("could not be removed")),
        "{reasons:?}"
    );
    fs::remove_dir_all(Path::new(&program.path).parent().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_takes_no_programs_is_read_by_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let tools = tempfile::tempdir().unwrap();
    let uname = tools.path().join("uname");
    fs::write(&uname, "#!/bin/sh\necho Linux aarch64\n").unwrap();
    fs::set_permissions(&uname, fs::Permissions::from_mode(0o755)).unwrap();
    let other = format!("case $1 in *mkdir*) PATH={}:$PATH ;; esac", tools.path().display());
    let refused = "case $1 in *mkdir*) echo 'not for you' >&2; exit 1 ;; esac";
    for (script, why) in [(other.as_str(), "Linux aarch64"), (refused, "not for you")] {
        let Some((sshd, _shell)) = endpoint(script) else { return };
        let collection = execute(&sshd, &collect("127.0.0.1", &READ[..1]), folder.path()).await;
        assert!(refusal(&collection, READ[0]).contains(why), "{:?}", collection.outcomes);
        assert_eq!(collection.program, None, "nothing was sent");
    }
    // A key may be bound to the shell that reads the scripts. It gets none of the program to read as a script.
    let bound = "exec sh -s";
    let Some((sshd, shell)) = endpoint(bound) else { return };
    let collection = execute(&sshd, &collect("127.0.0.1", &READ[..1]), folder.path()).await;
    assert!(refusal(&collection, READ[0]).contains("ready"), "{:?}", collection.outcomes);
    drop(shell);
    // One channel at a time is enough for scripts.
    let Some(sshd) = Sshd::start_with("MaxSessions 1") else { return };
    let collection = execute(&sshd, &collect("127.0.0.1", &READ[..1]), folder.path()).await;
    refusal(&collection, READ[0]);
    assert_gone(sent(&collection));
}
