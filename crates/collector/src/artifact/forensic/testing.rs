//! What the tests of these artifacts share: an answer as a script frames it, and the real script run here.

use std::process::{Command, Stdio};

use investigation::evidence::ArtifactStatus;
use investigation::order::Limits;

use super::super::facts::Facts;
use super::super::{Parse, Parsed};

/// Reads records in the frame of an answer.
pub(super) fn read(parse: Parse, body: &[u8], limits: &Limits) -> (Parsed, ArtifactStatus, Vec<String>) {
    let output = [b"\0PEERHOUND-1\0", body, b"end\0\0"].concat();
    read_bare(parse, &output, limits)
}

/// Reads an answer as it is.
pub(super) fn read_bare(
    parse: Parse,
    output: &[u8],
    limits: &Limits,
) -> (Parsed, ArtifactStatus, Vec<String>) {
    let facts =
        Facts { accounts: [(1000, "alice".to_owned()), (0, "root".to_owned())].into(), ..Facts::default() };
    let (parsed, tally) = parse(&mut &*output, &facts, limits).unwrap();
    let (status, reasons) = tally.settle();
    (parsed, status, reasons)
}

/// Runs the script in a shell of this machine, as an endpoint does.
pub(super) fn run(script: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("script");
    std::fs::write(&file, script).unwrap();
    let (reader, _open) = std::io::pipe().unwrap();
    let mut shell = Command::new("sh");
    // The watcher of the script ends its group when the channel closes.
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    let output =
        shell.arg(&file).stdin(reader).stdout(Stdio::piped()).stderr(Stdio::null()).output().unwrap();
    output.stdout
}

/// What every parser keeps to, whatever it is given: it ends, keeps to the cap, and never calls half an answer whole.
pub(super) fn keeps_to_its_word(parse: Parse, bytes: &[u8]) {
    let limits = Limits { rows: 3, ..Limits::default() };
    let (parsed, ..) = read(parse, bytes, &limits);
    assert!(parsed.items() <= 3);
    let (_, status, reasons) = read_bare(parse, bytes, &limits);
    if !bytes.windows(4).any(|window| window == b"end\0") {
        assert!(status != ArtifactStatus::Ok && !reasons.is_empty());
    }
}
