//! The Linux scripts through this machine's own shell, and on Windows its own programs.

use std::io;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::contact_error::ContactError;
use crate::staging::RawOutput;
use crate::transport::{Ended, Gathering, Run, Script, Silence};

/// What runs the scripts.
const SHELL: &str = "sh -s";
/// How long an ended script may take to be gone.
const GRACE: Duration = Duration::from_secs(5);

/// Work on this machine.
#[derive(Debug)]
pub(crate) struct LocalSession {
    pub(crate) target: IpAddr,
}

impl LocalSession {
    pub(crate) async fn run(
        &mut self,
        script: Script<'_>,
        out: &mut RawOutput,
        limit: Duration,
    ) -> Result<Run, ContactError> {
        let target = self.target;
        let broken = |error: io::Error| ContactError::disconnected(target, "its own shell", &error);
        let mut gathering = Gathering::start();
        let (child, input) = match script {
            Script::Posix(script) => (start(), script),
            Script::Command(line) => (start_program(line), ""),
            Script::PowerShell(_) | Script::Line { .. } => {
                (Err(io::Error::other("neither PowerShell nor a line is asked on this machine")), "")
            }
        };
        let mut child = child.map_err(broken)?;
        let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(broken(io::Error::other("no pipes")));
        };
        stdin.write_all(input.as_bytes()).await.map_err(broken)?;

        let time_up = tokio::time::sleep(limit);
        tokio::pin!(time_up);
        let mut bytes = vec![0; 32 << 10];
        let mut words = vec![0; 4 << 10];
        let mut silence = Silence::before(out);
        let mut stderr_open = true;
        let ended = loop {
            tokio::select! {
                read = stdout.read(&mut bytes) => match read.map_err(broken)? {
                    0 => break Ended::ByItself,
                    n if !gathering.stdout(&bytes[..n], out)? => break Ended::TooMuch,
                    _ => silence.broken(),
                },
                read = stderr.read(&mut words), if stderr_open => match read.map_err(broken)? {
                    0 => stderr_open = false,
                    n if !gathering.stderr(&words[..n]) => break Ended::TooMuch,
                    _ => {}
                },
                () = &mut time_up => break Ended::TimeUp,
                () = silence.too_long() => break Ended::TimeUp,
            }
        };
        // The script's watch takes the end of its input as the sign to stop.
        drop(stdin);
        let exit_code = match timeout(GRACE, child.wait()).await {
            Ok(status) => status.map_err(broken)?.code(),
            Err(_) => {
                child.kill().await.map_err(broken)?;
                None
            }
        };
        Ok(gathering.finish(exit_code, ended))
    }
}

/// Starts a shell in a process group of its own, which the script's watch ends as a whole.
fn start() -> io::Result<Child> {
    let mut command = Command::new("sh");
    command.arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    command.process_group(0);
    // Without `kill_on_drop`: the watch must live a moment longer than the shell's other children.
    command.spawn()
}

/// Starts one of Windows' own programs, from its own folder and without a shell.
#[cfg(windows)]
fn start_program(line: &str) -> io::Result<Child> {
    use super::windows;
    /// `CREATE_NO_WINDOW`.
    const NO_WINDOW: u32 = 0x0800_0000;
    let (program, arguments) = windows::program(&windows::registry::ThisRegistry, line)?;
    let mut command = Command::new(program);
    command.args(arguments).creation_flags(NO_WINDOW).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn()
}

#[cfg(not(windows))]
fn start_program(_: &str) -> io::Result<Child> {
    Err(io::Error::other("commands are Windows's, which this machine is not"))
}

/// What is run for a script, for the record.
pub(crate) fn command(script: Script<'_>) -> String {
    match script {
        Script::Command(line) | Script::Line { line, .. } => line.to_owned(),
        Script::Posix(_) | Script::PowerShell(_) => SHELL.to_owned(),
    }
}
