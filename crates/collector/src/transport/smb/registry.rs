//! The endpoint's registry for those who read registries: they ask one question after the other and wait for each, on a
//! thread that may wait.

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use investigation::text::one_line;
use tokio::runtime::Handle;

use super::failure::Failure;
use super::header::Status;
use super::share::Shares;
use super::trail::{Question, Trail, value_line};
use super::winreg::Winreg;
use crate::contact_error::ContactError;
use crate::transport::local::windows::registry::{Hive, Listing, Registry, Value};

/// Windows starts the service when its pipe is asked for, if it may, and has no pipe until then.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(700);

/// How long a question may take that was asked in time.
const GRACE: Duration = Duration::from_secs(20);
/// How often it is looked whether somebody still waits.
const LOOK: Duration = Duration::from_millis(200);

/// When to stop asking.
#[derive(Clone)]
pub(super) struct Stop {
    pub(super) deadline: Instant,
    pub(super) cancel: Arc<AtomicBool>,
}

impl Stop {
    /// Whether nothing more is to be asked.
    pub(super) fn is_due(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    /// Waits for what is under way, and not much longer than there is time: an endpoint can answer each question and
    /// never come to an end. Where nobody waits any more, the contact ends.
    pub(super) async fn within<T>(
        &self,
        target: IpAddr,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let (end, begun) = (self.deadline + GRACE, Instant::now());
        let given_up = async {
            while !self.cancel.load(Ordering::Relaxed) && Instant::now() < end {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = given_up => {
                let seconds = begun.elapsed().as_secs();
                Err(Failure::Broken(Box::new(ContactError::TimedOut { target, phase: "collection", seconds })))
            }
        }
    }
}

/// Opens the registry of the endpoint.
pub(super) async fn open(shares: &mut Shares) -> Result<Winreg, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        match Winreg::open(shares).await {
            Err(Failure::Refused(Status::NAME_NOT_FOUND | Status::PIPE_NOT_AVAILABLE)) if tries < TRIES => {
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Why the registry is closed, and what to do.
pub(super) fn closed(failure: &Failure) -> String {
    match failure {
        Failure::Refused(Status::NAME_NOT_FOUND | Status::PIPE_NOT_AVAILABLE) => {
            "its registry is not open to others: the service RemoteRegistry (Remote Registry) is disabled or does not \
             run; start it, or reach it in another way"
                .into()
        }
        failure if failure.is_denied() => {
            "its registry is closed to this account: it has to be an administrator there, for a local account with \
             LocalAccountTokenFilterPolicy"
                .into()
        }
        other => format!("its registry cannot be read: {}", one_line(&other.to_string(), 200)),
    }
}

/// The registry as a reader sees it.
pub(super) struct RemoteRegistry<'a> {
    runtime: &'a Handle,
    stop: &'a Stop,
    state: RefCell<State<'a>>,
}

struct State<'a> {
    shares: &'a mut Shares,
    winreg: Winreg,
    trail: &'a mut Trail,
    broken: Option<ContactError>,
}

impl<'a> RemoteRegistry<'a> {
    pub(super) fn new(
        runtime: &'a Handle,
        shares: &'a mut Shares,
        winreg: Winreg,
        trail: &'a mut Trail,
        stop: &'a Stop,
    ) -> Self {
        Self { runtime, stop, state: RefCell::new(State { shares, winreg, trail, broken: None }) }
    }

    /// What broke the contact, if anything: then nothing that was read is whole.
    pub(super) fn finish(self) -> Result<(), ContactError> {
        let State { shares, winreg, broken, .. } = self.state.into_inner();
        match broken {
            Some(error) => Err(error),
            None => match self.runtime.block_on(self.stop.within(shares.target(), winreg.close(shares))) {
                Err(Failure::Broken(error)) => Err(*error),
                _ => Ok(()),
            },
        }
    }

    fn list<T>(
        &self,
        what: &str,
        (hive, path): (Hive, &str),
        ask: impl AsyncFnOnce(&mut Winreg, &mut Shares) -> Result<Listing<T>, Failure>,
        line: impl Fn(&T) -> String,
    ) -> io::Result<Listing<T>> {
        let State { shares, winreg, trail, broken } = &mut *self.state.borrow_mut();
        if broken.is_some() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.stop.is_due() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let question = Question::begin();
        let listed = self.runtime.block_on(self.stop.within(shares.target(), ask(winreg, shares)));
        let lines: Vec<String> = listed.iter().flat_map(|listing| listing.items.iter().map(&line)).collect();
        let why = listed.as_ref().err().map(ToString::to_string);
        let asked = format!("winreg: {what} of {}\\{path}", hive.name());
        trail.note(asked.trim_end_matches('\\'), &question, &lines, why.as_deref());
        listed.map_err(|failure| match failure {
            Failure::Broken(error) => {
                *broken = Some(*error);
                io::ErrorKind::ConnectionAborted.into()
            }
            failure if failure.is_absent() => io::ErrorKind::NotFound.into(),
            failure if failure.is_denied() => io::ErrorKind::PermissionDenied.into(),
            failure => io::Error::other(failure.to_string()),
        })
    }
}

impl Registry for RemoteRegistry<'_> {
    fn keys(&self, hive: Hive, path: &str) -> io::Result<Listing<String>> {
        let stop = || self.stop.is_due();
        let ask =
            async |winreg: &mut Winreg, shares: &mut Shares| winreg.keys(shares, hive, path, &stop).await;
        self.list("keys", (hive, path), ask, |name| one_line(name, 300))
    }

    fn values(&self, hive: Hive, path: &str) -> io::Result<Listing<Value>> {
        let stop = || self.stop.is_due();
        let ask =
            async |winreg: &mut Winreg, shares: &mut Shares| winreg.values(shares, hive, path, &stop).await;
        self.list("values", (hive, path), ask, value_line)
    }
}

/// The endpoint cannot prove who it is without its registry.
pub(super) fn unidentified(target: IpAddr, failure: Failure) -> ContactError {
    match failure {
        Failure::Broken(error) => *error,
        failure => {
            let detail = closed(&failure);
            ContactError::SmbRefused { target, phase: "identity", detail, may_pass: false }
        }
    }
}
