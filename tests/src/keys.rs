//! SSH keys, made by OpenSSH's own tool.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::run;

/// Makes an Ed25519 key without passphrase at `path` (and `path.pub`), replacing what is there, and returns the public
/// half as `ssh-ed25519 AAAA…`.
pub(crate) fn generate(path: &Path) -> Result<String> {
    let public = path.with_extension("pub");
    for old in [path, &public] {
        if old.exists() {
            fs::remove_file(old)?;
        }
    }
    let path = path.to_str().context("the path of a key must be UTF-8")?;
    run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "acceptance", "-f", path])?;
    let line = fs::read_to_string(&public).with_context(|| format!("cannot read {}", public.display()))?;
    Ok(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}
