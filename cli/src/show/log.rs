//! The log: on standard error, silent unless asked for.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::environment::Environment;

/// Starts the log, and settles whether to use colour.
pub(crate) fn start(environment: &Environment, verbose: u8) {
    super::paint::allow(environment.no_color);
    let level = match verbose {
        0 => "warn",
        1 => "peerhound=info,casework=info,collector=info,warn",
        _ => "peerhound=debug,casework=debug,collector=debug,info",
    };
    let filter = environment.log.as_deref().and_then(|filter| EnvFilter::try_new(filter).ok());
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new(level)))
        .with_ansi(!environment.no_color && std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
