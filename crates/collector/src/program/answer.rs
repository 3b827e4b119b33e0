//! What the program does on an endpoint: reads one artifact through the system's own interfaces, and says it.

use std::io::{self, Write};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use investigation::evidence::{ArtifactKind, ArtifactStatus};
use serde::Serialize;

use super::frame::{self, Word};
use super::{ASK_CAP, Ask, Begin, Done, HELLO};
use crate::artifact::facts::Facts;
use crate::artifact::tally::Tally;
use crate::artifact::{Artifact, Parsed};
use crate::transport::local::native;

/// Why an order is not carried out. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Over [`ASK_CAP`].
    #[error("the order is longer than {ASK_CAP} bytes")]
    TooLong,
    /// Not JSON of the shape.
    #[error("the order cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Nothing here reads such a thing.
    #[error("this program does not read {0} on this system")]
    Kind(&'static str),
}

/// Reads an order. With the time that it may take.
///
/// # Errors
/// See [`AskError`].
pub fn read_ask(line: &[u8]) -> Result<(Ask, Duration), AskError> {
    if line.len() > ASK_CAP {
        return Err(AskError::TooLong);
    }
    let ask: Ask = serde_json::from_slice(line)?;
    let artifact = readable(&ask)?;
    let (time, _) = artifact.allowance(&ask.limits);
    Ok((ask, time))
}

fn readable(ask: &Ask) -> Result<&'static Artifact, AskError> {
    // Who an endpoint is, is asked before anything is sent to it; what is told by a command or a list of names is left to
    // the scripts.
    let reads = matches!(
        ask.kind,
        ArtifactKind::Connections
            | ArtifactKind::Processes
            | ArtifactKind::Torrents
            | ArtifactKind::Autostart
            | ArtifactKind::Firewall
            | ArtifactKind::RecentExecutables
    );
    native::find(ask.kind).filter(|_| reads).ok_or(AskError::Kind(ask.kind.as_str()))
}

/// Carries out an order that [`read_ask`] has read. Blocks. `seen` is told now and then, from any thread, how many
/// files were walked past; setting `cancel` ends it within moments.
///
/// # Errors
/// Where the answer cannot be written.
pub fn answer(
    (ask, time): &(Ask, Duration),
    out: &mut impl Write,
    cancel: &AtomicBool,
    seen: impl Fn(u64) + Sync,
) -> io::Result<()> {
    out.write_all(HELLO.as_bytes())?;
    frame::write(out, Word::Begin, &Begin { kind: ask.kind })?;
    out.flush()?;
    let (parsed, tally) = native::read(ask.kind, &facts(), &ask.limits, *time, cancel, seen);
    write(parsed, tally, out)
}

fn write(parsed: Parsed, mut tally: Tally, out: &mut impl Write) -> io::Result<()> {
    let rows = match parsed {
        Parsed::Sockets(rows) => write_rows(&rows, &mut tally, out)?,
        Parsed::Processes(rows) => write_rows(&rows, &mut tally, out)?,
        Parsed::Torrents(rows) => write_rows(&rows, &mut tally, out)?,
        Parsed::Autostart(rows) => write_rows(&rows, &mut tally, out)?,
        Parsed::RecentExecutables(rows) => write_rows(&rows, &mut tally, out)?,
        Parsed::Firewall(mut state) => {
            let rules = std::mem::take(&mut state.rules);
            frame::write(out, Word::State, &state)?;
            write_rows(&rules, &mut tally, out)?
        }
        // It is not asked for the rest.
        _ => 0,
    };
    let (status, reasons) = tally.settle();
    frame::write(out, Word::Done, &Done { status, reasons, rows })?;
    out.flush()
}

fn write_rows(rows: &[impl Serialize], tally: &mut Tally, out: &mut impl Write) -> io::Result<u64> {
    let mut written = 0;
    for row in rows {
        if frame::write(out, Word::Row, row)? {
            written += 1;
        } else {
            tally.count(ArtifactStatus::Truncated, "rows were longer than 4 MiB and were left out");
        }
    }
    Ok(written)
}

/// Names of the accounts that sockets belong to. Windows tells sockets by their processes alone.
fn facts() -> Facts {
    let mut facts = Facts::default();
    #[cfg(unix)]
    if let Ok(users) = sysinfo::Users::new_with_refreshed_list() {
        facts.accounts = users.iter().map(|user| (**user.id(), user.name().to_owned())).collect();
    }
    #[cfg(not(unix))]
    let _ = &mut facts;
    facts
}

#[cfg(test)]
pub(super) fn written(parsed: Parsed, tally: Tally, kind: investigation::evidence::ArtifactKind) -> Vec<u8> {
    let mut out = HELLO.as_bytes().to_vec();
    frame::write(&mut out, Word::Begin, &Begin { kind }).unwrap();
    write(parsed, tally, &mut out).unwrap();
    out
}
