//! The token that opens the pages: made at each start, or read from a file that nobody else can read.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{bad_input, secret};
use crate::exit::{Exit, WithExit};

/// Shortest token, in characters: shorter ones can be guessed.
const MIN: usize = 32;
/// Longest token file, in bytes.
const MAX: u64 = 4 << 10;

/// The token.
pub(super) struct Token {
    /// The token itself. Never logged.
    pub(super) text: String,
    /// The file that it is from.
    pub(super) file: Option<PathBuf>,
}

/// The token of a file, or a new one. A new one has to be shown, and standard output that is not a terminal is most
/// likely a log, which is no place for it.
pub(super) fn of(file: Option<&Path>) -> Result<Token> {
    let Some(file) = file else {
        if !std::io::stdout().is_terminal() {
            let text = "there is no terminal to show a token on: write one into a file that only you can read, \
                        `(umask 077; openssl rand -hex 32 > serve.token)`, and name it with --token-file";
            return Err(bad_input(text.to_owned()));
        }
        return Ok(Token { text: secret()?, file: None });
    };
    let text = read(file)
        .with_context(|| format!("--token-file {}", file.display()))
        .context(WithExit(Exit::BadInput))?;
    Ok(Token { text, file: Some(file.to_owned()) })
}

fn read(path: &Path) -> Result<String> {
    let file = std::fs::File::open(path).context("cannot be read")?;
    let metadata = file.metadata().context("cannot be read")?;
    if !metadata.is_file() {
        return Err(bad_input("is no file".to_owned()));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
        return Err(bad_input("others may read it too: chmod 600 it, or make a new one".to_owned()));
    }
    let mut text = String::new();
    file.take(MAX).read_to_string(&mut text).context("cannot be read")?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.len() < MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let text = format!(
            "its first line is no token of {MIN} or more printable characters: make one with `openssl rand -hex 32`"
        );
        return Err(bad_input(text));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_token_file_is_private_and_holds_a_token_that_cannot_be_guessed() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let put = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let good = "0123456789abcdef0123456789abcdef";
        put(&format!("{good}\n"), 0o600);
        assert_eq!(of(Some(&path)).unwrap().text, good);
        let wrong = |says: &str| {
            let told = format!("{:#}", of(Some(&path)).err().unwrap());
            assert!(told.contains(says) && !told.contains(&good[..31]), "{told}");
        };
        put(good, 0o640);
        wrong("chmod 600");
        put(&good[..31], 0o600);
        wrong("32 or more");
        put(&format!("{} {}", &good[..20], &good[..20]), 0o600);
        wrong("printable");
    }
}
