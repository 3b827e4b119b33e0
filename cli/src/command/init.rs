//! `peerhound init`: a commented policy to start from.

use std::fs::OpenOptions;
use std::io::Write;

use anyhow::{Context, Result, anyhow};
use investigation::policy::{DEFAULT, Policy};

use crate::args::Init;
use crate::exit::{Exit, WithExit};
use crate::setup::Setup;
use crate::show;

/// Runs the command.
pub(super) fn run(setup: &Setup, args: &Init) -> Result<Exit> {
    let path = &setup.policy_file;
    let networks: Vec<String> = args.scope.iter().map(|network| format!("{network:?}")).collect();
    let text = DEFAULT.replacen("networks = []", &format!("networks = [{}]", networks.join(", ")), 1);
    Policy::parse(&text).context("--scope").context(WithExit(Exit::BadInput))?;

    // A policy that is there is somebody's work: never overwritten.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let hint = if error.kind() == std::io::ErrorKind::AlreadyExists {
            "; edit it, or remove it first"
        } else {
            ""
        };
        anyhow!("cannot write {}: {error}{hint}", path.display()).context(WithExit(Exit::BadPolicy))
    })?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;

    let next = if args.scope.is_empty() {
        "list your networks in [scope]; until then nothing is contacted".to_owned()
    } else {
        format!("may contact {}", args.scope.join(", "))
    };
    show::lines(&[format!("wrote {}: {next}", path.display())]);
    Ok(Exit::Done)
}
