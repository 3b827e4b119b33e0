//! The program that Peerhound may send to an endpoint: it reads one artifact through the system's own interfaces, and
//! is removed again.
//!
//! It gets one order on its standard input and answers on its standard output; see [`collector::program`]. It opens no
//! connection, writes no file, starts no process and takes no argument but `--version`. It ends by itself when its
//! input closes (nobody listens any more) or its time is up.
#![forbid(unsafe_code)]

mod watch;

use std::io::{self, BufReader, BufWriter, Write as _};
use std::process::ExitCode;

use collector::program::{NAME, answer, read_ask};

/// The order, the arguments or the answer's way out are not as they have to be.
const REFUSED: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody hears it, there is nobody to say it to.
            let _ = writeln!(io::stderr(), "{NAME}: {error}");
            ExitCode::from(REFUSED)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [] => {}
        [only] if only == "--version" => {
            writeln!(io::stdout(), "{NAME} {}", env!("CARGO_PKG_VERSION"))?;
            return Ok(());
        }
        _ => return Err("it takes no arguments: it is told what to do on its standard input".into()),
    }
    let mut input = BufReader::new(io::stdin());
    let ask = read_ask(&watch::order(&mut input)?)?;
    let cancel = watch::start(input, ask.1);
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    answer(&ask, &mut out, &cancel, watch::progress())?;
    Ok(())
}
