//! One run of a program with the case on its standard input. It has nothing of this process's environment, and nothing
//! that it starts outlives it.

use std::path::Path;
use std::time::Duration;

use super::super::{DeliveryError, Receipt};

/// Where there are no process groups, nothing could be ended for sure.
#[cfg(not(unix))]
pub(super) async fn run(_: &Path, _: &[String], _: Vec<u8>, _: Duration) -> Result<Receipt, DeliveryError> {
    Err(DeliveryError::rejected("programs are run on Unix only; use kind = \"http\" here"))
}

/// Runs it to its end, or ends it.
#[cfg(unix)]
pub(super) async fn run(
    path: &Path,
    args: &[String],
    document: Vec<u8>,
    timeout: Duration,
) -> Result<Receipt, DeliveryError> {
    unix::run(path, args, document, timeout).await
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::Path;
    use std::process::{ExitStatus, Stdio};
    use std::time::Duration;

    use investigation::text::one_line;
    use rustix::process::{Pid, Signal, kill_process_group};
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::process::{Child, Command};

    use super::super::super::{Channel, DeliveryError, MAX_WHY, Receipt};
    use crate::failpoint::failpoint;

    /// Where programs are looked for by a program that starts others.
    const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
    /// Bytes that are kept of each of its outputs.
    const KEPT: usize = 64 << 10;
    /// `EX_TEMPFAIL` of sysexits(3): try again later.
    const TRY_AGAIN: i32 = 75;
    /// What it started may hold its outputs open. After it has ended, they are read for so long.
    const LINGER: Duration = Duration::from_millis(500);

    /// Ends the program with everything that it started, however this ends.
    struct Group(Option<Pid>);

    impl Group {
        fn of(child: &Child) -> Self {
            Self(child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw))
        }
    }

    impl Drop for Group {
        fn drop(&mut self) {
            if let Some(group) = self.0 {
                // There may be nobody left in it.
                let _ = kill_process_group(group, Signal::KILL);
            }
        }
    }

    pub(super) async fn run(
        path: &Path,
        args: &[String],
        document: Vec<u8>,
        timeout: Duration,
    ) -> Result<Receipt, DeliveryError> {
        let shown = one_line(&path.display().to_string(), 200);
        admit(path, &shown)?;
        let mut command = Command::new(path);
        command
            .args(args)
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        failpoint("program.starting");
        let mut child = command
            .spawn()
            .map_err(|error| DeliveryError::not_accepted(&format!("{shown} cannot be started: {error}")))?;
        let group = Group::of(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let give = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read its input is free not to.
                let _ = stdin.write_all(&document).await;
            }
        };
        let ended = async {
            let outputs = async {
                tokio::join!(give, keep(stdout, &mut out), keep(stderr, &mut err));
            };
            tokio::pin!(outputs);
            tokio::select! {
                biased;
                status = child.wait() => {
                    let _ = tokio::time::timeout(LINGER, &mut outputs).await;
                    status
                }
                () = &mut outputs => child.wait().await,
            }
        };
        let ended = tokio::time::timeout(timeout, ended).await;
        drop(group);
        failpoint("program.ended");
        match ended {
            Ok(Ok(status)) => settle(&shown, status, &out, &err),
            Ok(Err(error)) => Err(DeliveryError::uncertain(&format!("{shown}: {error}"))),
            Err(_) => Err(DeliveryError::uncertain(&format!(
                "{shown} was ended: it was not done within {} s",
                timeout.as_secs()
            ))),
        }
    }

    /// A file that anybody may write is anybody's program.
    fn admit(path: &Path, shown: &str) -> Result<(), DeliveryError> {
        let found = std::fs::metadata(path)
            .map_err(|error| DeliveryError::not_accepted(&format!("{shown}: {error}")))?;
        if !found.is_file() {
            return Err(DeliveryError::rejected(&format!("{shown} is no file")));
        }
        if found.permissions().mode() & 0o002 != 0 {
            let why = format!("{shown} may be written by everybody, and is not run: chmod o-w it");
            return Err(DeliveryError::rejected(&why));
        }
        Ok(())
    }

    /// Reads an output to its end and keeps the start of it.
    async fn keep(output: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
        let Some(mut output) = output else { return };
        let mut buffer = vec![0; 8 << 10];
        loop {
            match output.read(&mut buffer).await {
                Ok(0) => return,
                Ok(count) => {
                    let room = KEPT.saturating_sub(kept.len()).min(count);
                    kept.extend_from_slice(&buffer[..room]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn settle(shown: &str, status: ExitStatus, out: &[u8], err: &[u8]) -> Result<Receipt, DeliveryError> {
        let said = |output| first_line(output).map(|line| format!(": {line}")).unwrap_or_default();
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(Receipt {
                channel: Channel::Program,
                location: shown.to_owned(),
                reference: first_line(out),
                url: None,
                refused: Vec::new(),
            }),
            (Some(TRY_AGAIN), _) => {
                Err(DeliveryError::not_accepted(&format!("{shown} asks for another try{}", said(err))))
            }
            (Some(code), _) => {
                Err(DeliveryError::rejected(&format!("{shown} ended with exit code {code}{}", said(err))))
            }
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                let why = format!("{shown} was ended by signal {signal}{}", said(err));
                Err(DeliveryError::uncertain(&why))
            }
        }
    }

    fn first_line(output: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(output);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        Some(one_line(line, MAX_WHY / 2))
    }
}
