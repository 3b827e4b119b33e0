//! `peerhound`: investigates torrent/P2P alerts in a company network.
//!
//! The environment is read here and nowhere else; everything below gets values.
#![forbid(unsafe_code)]

mod args;
mod command;
#[cfg(feature = "aws")]
mod deployed;
mod environment;
mod exit;
mod inputs;
mod person;
mod records;
mod setup;
mod show;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::Arguments;
use crate::environment::Environment;
use crate::exit::Exit;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are what was asked for, and belong on standard output.
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = error.print();
            return if asked_for { ExitCode::SUCCESS } else { Exit::BadInput.into() };
        }
    };
    let environment = Environment::read();
    show::log::start(&environment, arguments.verbose);
    #[cfg(feature = "failpoints")]
    if let Some(Err(error)) = environment.failpoint.as_deref().map(casework::failpoint::arm) {
        return exit::report(&error.into()).into();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit::report(&anyhow::Error::from(error).context("cannot start the runtime")).into();
        }
    };
    let result = runtime.block_on(command::run(arguments, environment));
    // What still blocks (a read from a terminal, a walk of a dead disk) must not keep the program from ending.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error).into(),
    }
}
