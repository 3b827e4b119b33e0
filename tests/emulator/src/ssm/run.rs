//! Running a step as the agent does: a script in a file, a shell, a process group of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::names::{REGION, uuid};
use super::nodes::Node;
use super::schema::Action;

/// More than is ever handed out; the rest is read and thrown away.
const KEPT: usize = 256 << 10;
/// A step's leftover that still holds the pipes is not waited for any longer.
const AFTER_END: Duration = Duration::from_secs(2);
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Kills the process group of the step as soon as its standard input closes: on purpose, or with this process.
const WATCHER: &str = r#"cat > /dev/null; kill -s KILL -- "-$1""#;

/// What to run.
pub(super) struct Script<'a> {
    pub(super) node: &'a Node,
    pub(super) action: Action,
    pub(super) text: String,
    pub(super) folder: Option<PathBuf>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) limit: Duration,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With this code; 128 and the signal's number for one that was killed.
    Exited(i32),
    TimedOut,
    Cancelled,
    /// It could not be started, and why.
    NotStarted(String),
}

/// The end and what was written.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) output: String,
    pub(super) error: String,
}

/// Runs a script to its end, its time-out, or until it is cancelled.
pub(super) async fn run(script: Script<'_>, cancel: &Notify) -> Outcome {
    match start(&script) {
        Ok(started) => started.finish(script.limit, cancel).await,
        Err(reason) => Outcome { end: End::NotStarted(reason), output: String::new(), error: String::new() },
    }
}

/// A step that runs, and the watcher that ends it.
struct Started {
    child: Child,
    watcher: Child,
    file: PathBuf,
    output: Stream,
    error: Stream,
}

fn start(script: &Script<'_>) -> Result<Started, String> {
    let node = script.node;
    let folder = script.folder.as_deref().unwrap_or(&node.folder);
    let (interpreter, extension) = match script.action {
        Action::Shell => (vec!["/bin/sh".to_owned()], "sh"),
        Action::PowerShell => {
            let program = node.powershell.as_ref().ok_or("this node has no PowerShell")?;
            let arguments = ["-NoProfile", "-NonInteractive", "-File"].map(str::to_owned);
            ([vec![program.display().to_string()], arguments.to_vec()].concat(), "ps1")
        }
    };
    let file = node.folder.join(format!("_script-{}.{extension}", uuid()));
    fs::write(&file, &script.text).map_err(|error| format!("cannot write the script: {error}"))?;

    let line: Vec<&str> = node.prefix.iter().chain(&interpreter).map(String::as_str).collect();
    let path: Vec<String> = node.path.iter().map(|folder| folder.display().to_string()).collect();
    let mut command = Command::new(line[0]);
    command
        .args(&line[1..])
        .arg(&file)
        .current_dir(folder)
        .env_clear()
        .env("PATH", [path, vec![SEARCH_PATH.to_owned()]].concat().join(":"))
        .env("AWS_SSM_INSTANCE_ID", &node.id)
        .env("AWS_SSM_REGION_NAME", REGION)
        .envs(node.environment.iter().map(|(name, value)| (name, value)))
        .envs(script.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let started = command.spawn().map_err(|error| format!("failed to start the script: {error}"));
    let mut child = started.inspect_err(|_| forget(&file))?;
    let group = child.id().ok_or("the script has no process id")?.to_string();
    let watcher = Command::new("/bin/sh")
        .args(["-c", WATCHER, "sh", &group])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot watch the script: {error}"))?;
    let output = Stream::read(child.stdout.take().ok_or("no standard output")?);
    let error = Stream::read(child.stderr.take().ok_or("no standard error")?);
    Ok(Started { child, watcher, file, output, error })
}

impl Started {
    async fn finish(mut self, limit: Duration, cancel: &Notify) -> Outcome {
        let end = tokio::select! {
            exited = self.child.wait() => match exited {
                Ok(status) => End::Exited(code(status)),
                Err(error) => End::NotStarted(error.to_string()),
            },
            () = tokio::time::sleep(limit) => End::TimedOut,
            () = cancel.notified() => End::Cancelled,
        };
        if matches!(end, End::TimedOut | End::Cancelled) {
            drop(self.watcher.stdin.take());
            let _ = self.watcher.wait().await;
            let _ = self.child.wait().await;
        } else {
            // What the step left running in the background may go on, as it may with the agent.
            let _ = self.watcher.kill().await;
        }
        forget(&self.file);
        Outcome { end, output: self.output.finish().await, error: self.error.finish().await }
    }
}

fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn forget(file: &Path) {
    let _ = fs::remove_file(file);
}

/// One of a step's pipes: the beginning of what comes is kept.
struct Stream {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Stream {
    fn read(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let target = Arc::clone(&kept);
        let reader = tokio::spawn(async move {
            let mut part = vec![0; 8192];
            while let Ok(length @ 1..) = pipe.read(&mut part).await {
                let mut kept = target.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT.saturating_sub(kept.len()).min(length);
                kept.extend_from_slice(&part[..room]);
            }
        });
        Self { kept, reader }
    }

    async fn finish(mut self) -> String {
        if tokio::time::timeout(AFTER_END, &mut self.reader).await.is_err() {
            self.reader.abort();
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}
