//! Who answered, and whether it is the machine that was asked for.

use std::net::IpAddr;
use std::time::Duration;

use investigation::evidence::{ArtifactKind, Identity};
use investigation::text::one_line;
use jiff::{SignedDuration, Timestamp};

use super::artifacts::{Collecting, open_raw};
use super::own_addresses;
use crate::artifact::facts::Contact;
use crate::artifact::tally::Tally;
use crate::artifact::{self, System, identity};
use crate::contact_error::ContactError;
#[cfg(windows)]
use crate::transport::local::windows;
use crate::transport::{Ended, Run, Script, Session};

/// Addresses that a message names.
const SHOWN: usize = 8;

impl Collecting<'_> {
    /// Asks the endpoint who it is, proves that it holds `target`, and writes the identity.
    pub(super) async fn identify(&mut self, target: IpAddr) -> Result<(), ContactError> {
        let artifact = self.identity_artifact();
        let (mut contact, mut tally, run) = self.ask(artifact).await?;
        if contact.is_none() && self.renounce_privilege() {
            let refused = one_line(run.as_ref().map_or("", |run| run.stderr.trim()), 200);
            (contact, tally, _) = self.ask(artifact).await?;
            let why = format!("sudo -n was refused ({refused}): collected with the account's own rights");
            self.remark = Some(why);
        }
        if contact.is_none() && matches!(self.session, Session::Local(_)) {
            let read = tokio::task::spawn_blocking(native_contact);
            let (found, remarks) = joined(read.await.map(Ok))?;
            contact = Some(found);
            if run.is_none() {
                tally = remarks;
            }
        }
        let Some(mut contact) = contact else {
            return Err(self.silent(target, run.as_ref()));
        };
        if let Session::Local(_) = self.session {
            contact.identity.addresses.extend(own_addresses().unwrap_or_default());
        }
        complete_loopback(&mut contact.identity.addresses, target);
        if !contact.identity.addresses.contains(&target) {
            if run.as_ref().is_some_and(|run| run.ended != Ended::ByItself) {
                return Err(self.silent(target, run.as_ref()));
            }
            return Err(wrong_machine(target, &contact.identity));
        }
        if let Some(run) = &run {
            self.clock_skew_ms = skew(&contact.identity, run);
        }
        self.facts = contact.facts;
        let parsed = artifact::Parsed::Identity(Box::new(contact.identity));
        self.settle(artifact, &parsed, tally, run.map_or_else(Timestamp::now, |run| run.started_at))
    }

    fn identity_artifact(&self) -> &'static artifact::Artifact {
        #[cfg(windows)]
        if let (Session::Local(_), Some(own)) = (&self.session, windows::artifact(ArtifactKind::Identity)) {
            return own;
        }
        artifact::find(ArtifactKind::Identity, System::Linux).unwrap_or(&artifact::CATALOGUE[0])
    }

    /// Runs the identity script and reads what it says.
    async fn ask(
        &mut self,
        artifact: &'static artifact::Artifact,
    ) -> Result<(Option<Contact>, Tally, Option<Run>), ContactError> {
        if matches!(self.session, Session::Local(_)) && !cfg!(target_os = "linux") {
            return Ok((None, Tally::default(), None));
        }
        let (run, raw) = self.run_script(artifact, Script::Posix(identity::script())).await?;
        let visiting = matches!(self.session, Session::Ssh(_));
        let read = tokio::task::spawn_blocking(move || {
            let mut input = open_raw(&raw)?;
            identity::read(&mut input, visiting).map_err(|source| ContactError::Staging { path: raw, source })
        });
        let (contact, mut tally) = joined(read.await)?;
        note_end(&run, artifact, &self.limits, &mut tally);
        Ok((contact, tally, Some(run)))
    }

    /// Nothing of ours ran there, or it did not come to its addresses in time.
    fn silent(&self, target: IpAddr, run: Option<&Run>) -> ContactError {
        match run {
            Some(run) if run.ended == Ended::TimeUp => {
                ContactError::TimedOut { target, phase: "identity", seconds: run.elapsed.as_secs() }
            }
            _ => {
                let said = run.map_or("", |run| run.stderr.trim());
                let detail = if said.is_empty() { "it ran nothing and said nothing" } else { said };
                ContactError::Unsupported { target, detail: one_line(detail, 200) }
            }
        }
    }
}

/// On systems without the scripts, what this machine's own interfaces say.
fn native_contact() -> (Contact, Tally) {
    let mut identity = Identity {
        host_name: hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        os: sysinfo::System::long_os_version().ok(),
        kernel: sysinfo::System::kernel_version().ok(),
        endpoint_time: Some(Timestamp::now()),
        boot_time: sysinfo::System::boot_time()
            .ok()
            .and_then(|seconds| i64::try_from(seconds).ok())
            .and_then(|seconds| Timestamp::from_second(seconds).ok()),
        ..Identity::default()
    };
    let tally = own_users(&mut identity);
    (Contact { identity, ..Contact::default() }, tally)
}

/// Domain and users of this machine.
#[cfg(windows)]
fn own_users(identity: &mut Identity) -> Tally {
    windows::contact(identity)
}

/// Domain and users of this machine.
#[cfg(not(windows))]
fn own_users(_: &mut Identity) -> Tally {
    let mut tally = Tally::default();
    tally.partial("who is logged in is not read on this operating system");
    tally
}

/// What the blocking part of a collection came to. It is never cancelled while it is waited for.
pub(super) fn joined<T>(
    result: Result<Result<T, ContactError>, tokio::task::JoinError>,
) -> Result<T, ContactError> {
    match result {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => {
                Err(ContactError::Staging { path: Default::default(), source: std::io::Error::other(error) })
            }
        },
    }
}

/// Says in the tally that a script was stopped, and by what.
pub(super) fn note_end(
    run: &Run,
    artifact: &artifact::Artifact,
    limits: &investigation::order::Limits,
    tally: &mut Tally,
) {
    let (time, bytes) = artifact.allowance(limits);
    match run.ended {
        Ended::ByItself => {}
        Ended::TimeUp => tally.truncated(format!("stopped after {} s", time.as_secs())),
        Ended::TooMuch => tally.truncated(format!("stopped after {bytes} bytes of output")),
    }
}

/// The loopback interface answers for all of 127.0.0.0/8, and lists one address of it.
fn complete_loopback(addresses: &mut Vec<IpAddr>, target: IpAddr) {
    if target.is_ipv4() && target.is_loopback() && addresses.iter().any(|a| a.is_ipv4() && a.is_loopback()) {
        addresses.push(target);
    }
    addresses.sort();
    addresses.dedup();
}

fn wrong_machine(target: IpAddr, identity: &Identity) -> ContactError {
    let mut addresses: Vec<String> =
        identity.addresses.iter().filter(|a| !a.is_loopback()).map(ToString::to_string).collect();
    if addresses.len() > SHOWN {
        addresses.truncate(SHOWN);
        addresses.push("…".into());
    }
    let addresses = if addresses.is_empty() { "none".to_owned() } else { addresses.join(", ") };
    ContactError::WrongMachine { target, host: one_line(&identity.host_name, 64), addresses }
}

/// The endpoint's clock was read somewhere between the question and the first byte of the answer.
fn skew(identity: &Identity, run: &Run) -> Option<i64> {
    let half = run.first_byte.unwrap_or(Duration::ZERO) / 2;
    let asked = run.started_at.checked_add(SignedDuration::try_from(half).ok()?).ok()?;
    i64::try_from(identity.endpoint_time?.duration_since(asked).as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_completed_only_where_the_machine_has_one() {
        let target: IpAddr = "127.0.0.7".parse().unwrap();
        let mut addresses = vec!["10.0.0.1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        complete_loopback(&mut addresses, target);
        assert!(addresses.contains(&target));
        let mut addresses = vec!["10.0.0.1".parse().unwrap()];
        complete_loopback(&mut addresses, target);
        assert!(!addresses.contains(&target));
        let mut addresses = vec!["127.0.0.1".parse().unwrap()];
        complete_loopback(&mut addresses, "10.0.0.9".parse().unwrap());
        assert_eq!(addresses.len(), 1);
    }

    #[test]
    fn a_wrong_machine_is_named_with_a_bounded_list() {
        let identity = Identity {
            host_name: "evil\u{1b}[2J".into(),
            addresses: (1..=200).map(|n| IpAddr::from([10, 0, 0, n])).collect(),
            ..Identity::default()
        };
        let text = wrong_machine("10.9.9.9".parse().unwrap(), &identity).to_string();
        assert!(text.contains("NAT") && text.contains('…') && !text.contains('\u{1b}'), "{text}");
        assert!(text.len() < 500);
    }
}
