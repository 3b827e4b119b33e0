//! This very machine: the Linux scripts through its own shell, and what a library reads better through the system's
//! own interfaces. Windows has no such shell: everything there is read through its interfaces.

pub(crate) mod files;
pub(crate) mod processes;
pub(crate) mod sockets;
// Its readers of registries read those of other machines, too.
pub(crate) mod windows;

use std::io;
use std::net::IpAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Ended, Gathering, Run, Script};
use crate::contact_error::ContactError;
use crate::staging::RawOutput;

/// What runs the scripts.
pub(crate) const SHELL: &str = "sh -s";
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
        script: Script,
        out: &mut RawOutput,
        limit: Duration,
    ) -> Result<Run, ContactError> {
        let target = self.target;
        let broken = |error: io::Error| ContactError::disconnected(target, "its own shell", &error);
        let Script::Posix(script) = script else {
            return Err(broken(io::Error::other("this machine's shell is a POSIX shell")));
        };
        let mut gathering = Gathering::start();
        let mut child = start().map_err(broken)?;
        let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(broken(io::Error::other("no pipes")));
        };
        stdin.write_all(script.as_bytes()).await.map_err(broken)?;

        let time_up = tokio::time::sleep(limit);
        tokio::pin!(time_up);
        let mut bytes = vec![0; 32 << 10];
        let mut words = vec![0; 4 << 10];
        let mut stderr_open = true;
        let ended = loop {
            tokio::select! {
                read = stdout.read(&mut bytes) => match read.map_err(broken)? {
                    0 => break Ended::ByItself,
                    n if !gathering.stdout(&bytes[..n], out)? => break Ended::TooMuch,
                    _ => {}
                },
                read = stderr.read(&mut words), if stderr_open => match read.map_err(broken)? {
                    0 => stderr_open = false,
                    n if !gathering.stderr(&words[..n]) => break Ended::TooMuch,
                    _ => {}
                },
                () = &mut time_up => break Ended::TimeUp,
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

/// Tells blocking work that nobody waits for it any more.
#[derive(Debug, Default)]
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl CancelOnDrop {
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
