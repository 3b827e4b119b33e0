//! A strict stand-in for Systems Manager that runs commands on "nodes" of this machine.
//!
//! It checks what the real service checks (ids, documents, parameters, time-outs, platforms), says no with the same
//! errors, and then runs the document's steps with the shell that a node names: the real relay, not a pretence.
//! It takes documents in JSON, and addresses commands by `InstanceIds`.

mod activations;
mod commands;
mod delivery;
mod documents;
mod events;
mod invocation;
mod knobs;
mod names;
mod nodes;
mod paging;
mod refusal;
mod run;
mod schema;
mod seen;
mod send;
mod service;
mod tags;
mod wire;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Semaphore, oneshot};

pub use knobs::{Events, Failure};
pub use nodes::{Behaviour, Node, Ping, Platform};
pub use seen::{SeenCommand, SeenInvocation};

use nodes::Registered;
use service::Service;
use tags::{Kind, Tag};

/// How to start it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// How long one of the service's seconds lasts. Time-outs (30 s at least) come sooner with a shorter one.
    pub second: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, second: Duration::from_secs(1) }
    }
}

/// The running server, in a thread of its own; ends on drop, with every step that it runs.
#[derive(Debug)]
pub struct SsmServer {
    service: Arc<Service>,
    endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SsmServer {
    /// Starts it. Any credentials are right for it; the region is `us-east-1`, the account `000000000000`.
    ///
    /// # Errors
    /// When the port is taken, or the thread cannot be had.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", options.port))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let service = Arc::new(Service::new(options.second));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&service);
        let thread = std::thread::Builder::new().name("ssm-server".to_owned()).spawn(move || {
            runtime.block_on(async {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => tokio::select! {
                        () = wire::serve(listener, served) => {}
                        _ = stopped => {}
                    },
                    Err(error) => eprintln!("ssm server: {error}"),
                }
            });
            // With the tasks go the pipes that hold the steps alive.
            runtime.shutdown_timeout(Duration::from_secs(5));
        })?;
        Ok(Self { service, endpoint, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, for `AWS_ENDPOINT_URL_SSM`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Registers a node, online at once. Returns its id.
    ///
    /// # Errors
    /// When the id is malformed or taken, or the folder does not exist.
    pub fn register(&self, node: Node) -> io::Result<String> {
        self.register_as(node, "00000000-0000-4000-8000-000000000000".to_owned(), "relay".to_owned())
    }

    /// Registers a node with an activation, as the agent does: the node gets the activation's tags and default name.
    ///
    /// # Errors
    /// When the activation is unknown, its code wrong, it has expired or is used up; and as [`Self::register`] does.
    pub fn register_with_activation(
        &self,
        mut node: Node,
        activation: &str,
        code: &str,
    ) -> io::Result<String> {
        let role = {
            let mut state = self.service.state();
            let known =
                state.activations.get_mut(activation).ok_or_else(|| invalid("the activation is unknown"))?;
            let (role, name) = known.use_once(code).map_err(invalid)?;
            if let Some(name) = name {
                node.name = name;
            }
            for tag in state.tags.of(Kind::Activation, activation) {
                node.tags.entry(tag.key).or_insert(tag.value);
            }
            role
        };
        self.register_as(node, activation.to_owned(), role)
    }

    fn register_as(&self, node: Node, activation: String, role: String) -> io::Result<String> {
        if !names::is_node_id(&node.id) {
            return Err(invalid("a node's id is mi- and 17 hexadecimal digits"));
        }
        if !node.folder.is_dir() {
            return Err(invalid("the node's folder does not exist"));
        }
        let mut state = self.service.state();
        if state.nodes.contains_key(&node.id) {
            return Err(invalid("the id is taken"));
        }
        let id = node.id.clone();
        let tags = node.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
        state.tags.put(Kind::Node, &id, tags);
        let workers = Arc::new(Semaphore::new(node.workers));
        let (ping, since) = (Ping::Online, Timestamp::now());
        let registered = Registered { node, workers, ping, since, activation, role };
        state.nodes.insert(id.clone(), registered);
        Ok(id)
    }

    /// Takes a node out; commands that it runs go on.
    pub fn deregister(&self, id: &str) {
        let mut state = self.service.state();
        state.nodes.remove(id);
        state.tags.forget(Kind::Node, id);
    }

    /// Connects a node, or cuts it off: SendCommand refuses one that is not online.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn set_ping(&self, id: &str, ping: Ping) {
        self.change(id, |node| {
            node.ping = ping;
            node.since = Timestamp::now();
        });
    }

    /// Changes what a node does with the commands that it is sent from now on.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn set_behaviour(&self, id: &str, behaviour: Behaviour) {
        self.change(id, |node| node.node.behaviour = behaviour);
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Registered)) {
        change(self.service.state().nodes.get_mut(id).expect("a node that is registered"));
    }

    /// Sends status-change events to this SQS queue (its URL as `CreateQueue` answers it) from now on, or nowhere.
    pub fn set_events_queue(&self, url: Option<&str>) {
        self.service.knobs().events_queue = url.map(str::to_owned);
    }

    /// What becomes of events from now on.
    pub fn set_events(&self, events: Events) {
        self.service.knobs().events = events;
    }

    /// GetCommandInvocation does not find an invocation for so long after SendCommand.
    pub fn set_invisible_for(&self, time: Duration) {
        self.service.knobs().invisible_for = time;
    }

    /// Lets the next calls of an operation, e.g. `SendCommand`, fail.
    pub fn fail_next(&self, operation: &str, count: u64, failure: Failure) {
        self.service.knobs().fail_next(operation, count, failure);
    }

    /// How often an operation was called, failures included.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.service.knobs().calls(operation)
    }

    /// Every command that was accepted, oldest first.
    #[must_use]
    pub fn commands(&self) -> Vec<SeenCommand> {
        self.service.state().commands.iter().map(SeenCommand::of).collect()
    }

    /// Waits until every invocation of a command has come to its end.
    ///
    /// # Errors
    /// When there is no such command, or it is not through within the limit.
    pub fn wait_for_end(&self, command: &str, limit: Duration) -> io::Result<SeenCommand> {
        let begun = Instant::now();
        loop {
            let seen = self.service.state().command(command).map(SeenCommand::of);
            let seen = seen.ok_or_else(|| invalid("there is no such command"))?;
            if seen.invocations.iter().all(|invocation| invocation.ended) {
                return Ok(seen);
            }
            if begun.elapsed() > limit {
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("not through: {seen:?}")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for SsmServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
