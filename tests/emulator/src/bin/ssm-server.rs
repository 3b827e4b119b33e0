//! The server by hand, e.g. to point Terraform or the AWS command line at it.
#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

use emulator::ssm::{Node, Options, SsmServer};

const USAGE: &str = "\
usage: ssm-server [--port N] [--events-queue URL] [--node NAME=FOLDER]...

Serves Systems Manager on 127.0.0.1 (port 4577 unless told otherwise) until standard input ends.
  --events-queue URL   sends status-change events to this SQS queue
  --node NAME=FOLDER   registers an online Linux node with the tag PeerhoundRelay=NAME that runs its steps in FOLDER";

fn main() -> ExitCode {
    let Some(asked) = Asked::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ssm-server: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Asked {
    port: u16,
    queue: Option<String>,
    nodes: Vec<(String, String)>,
}

impl Asked {
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut asked = Self { port: 4577, queue: None, nodes: Vec::new() };
        while let Some(flag) = arguments.next() {
            let value = arguments.next()?;
            match flag.as_str() {
                "--port" => asked.port = value.parse().ok()?,
                "--events-queue" => asked.queue = Some(value),
                "--node" => {
                    let (name, folder) = value.split_once('=')?;
                    asked.nodes.push((name.to_owned(), folder.to_owned()));
                }
                _ => return None,
            }
        }
        Some(asked)
    }
}

fn serve(asked: Asked) -> io::Result<()> {
    let server = SsmServer::start(Options { port: asked.port, ..Options::default() })?;
    server.set_events_queue(asked.queue.as_deref());
    for (name, folder) in asked.nodes {
        let node = Node::new(&name, folder).tag("PeerhoundRelay", &name);
        println!("node {name}: {}", server.register(node)?);
    }
    println!("export AWS_ENDPOINT_URL_SSM={}", server.endpoint());
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}
