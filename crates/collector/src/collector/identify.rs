//! Who answered, and whether it is the machine that was asked for.

use std::net::IpAddr;
use std::time::Duration;

use investigation::evidence::{ArtifactKind, Identity};
use investigation::text::one_line;
use jiff::{SignedDuration, Timestamp};

use super::artifacts::{Collecting, open_raw};
use super::own_addresses;
use super::run::Answered;
use crate::artifact::facts::Contact;
use crate::artifact::tally::Tally;
use crate::artifact::{self, Artifact, Reader, System, Way, identity};
use crate::contact_error::ContactError;
#[cfg(windows)]
use crate::transport::local::windows;
use crate::transport::{Ended, Run, Script, Session};

/// Addresses that a message names.
const SHOWN: usize = 8;

impl Collecting<'_> {
    /// Asks the endpoint who it is, proves that it holds `target`, and writes the identity.
    pub(super) async fn identify(&mut self, target: IpAddr) -> Result<(), ContactError> {
        let begun = Timestamp::now();
        let own = matches!(self.session, Session::Local(_));
        let mut answer = Answer::none(if own && cfg!(windows) { System::ThisWindows } else { System::Linux });
        if self.session.speaks_posix() {
            answer = self.ask_posix().await?;
        }
        if let Session::Smb(_) = &self.session {
            answer = self.ask_smb().await?;
        }
        // A shell that was stopped was there: it is no Windows that did not understand.
        if answer.contact.is_none() && self.session.speaks_windows() && !answer.was_stopped() {
            let windows = self.ask_windows().await?;
            if windows.contact.is_some() || answer.run.is_none() {
                answer = windows;
            }
        }
        if answer.contact.is_none() && own {
            let read = tokio::task::spawn_blocking(native_contact);
            let (found, remarks) = joined(read.await.map(Ok))?;
            answer.contact = Some(found);
            if answer.run.is_none() {
                answer.tally = remarks;
            }
        }
        let Answer { artifact, contact, tally, run, way } = answer;
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
            if matches!(self.session, Session::Smb(_)) && target.is_ipv6() {
                return Err(unproven(target));
            }
            return Err(wrong_machine(target, &contact.identity));
        }
        if let Some(run) = &run {
            self.clock_skew_ms = skew(&contact.identity, run, way);
        }
        (self.system, self.way) = (artifact.system, way);
        self.host_name.clone_from(&contact.identity.host_name);
        self.facts = contact.facts;
        let parsed = artifact::Parsed::Identity(Box::new(contact.identity));
        self.settle(artifact, &parsed, tally, run.map_or(begun, |run| run.started_at))
    }

    /// Makes sure that the endpoint calls itself as it did when the evidence was collected.
    pub(super) fn expect_host(&self, target: IpAddr, expected: &str) -> Result<(), ContactError> {
        if self.host_name.trim().to_lowercase() == expected.trim().to_lowercase()
            && !expected.trim().is_empty()
        {
            return Ok(());
        }
        let host = match one_line(self.host_name.trim(), 64) {
            name if name.is_empty() => "a machine without a name".to_owned(),
            name => name,
        };
        Err(ContactError::OtherHost { target, expected: one_line(expected, 64), host })
    }

    /// Asks a POSIX shell, with the rights of root first where the settings say so.
    async fn ask_posix(&mut self) -> Result<Answer, ContactError> {
        let answer = self.ask(System::Linux, Script::Posix(identity::script())).await?;
        if answer.contact.is_some() || !self.renounce_privilege() {
            return Ok(answer);
        }
        let refused = one_line(answer.run.as_ref().map_or("", |run| run.stderr.trim()), 200);
        let answer = self.ask(System::Linux, Script::Posix(identity::script())).await?;
        if answer.contact.is_some() {
            let why = format!("sudo -n was refused ({refused}): collected with the account's own rights");
            self.remark = Some(why);
            self.sudo_refused = Some(refused);
        }
        Ok(answer)
    }

    /// Asks PowerShell, and the commands that every Windows has where it does not answer.
    async fn ask_windows(&mut self) -> Result<Answer, ContactError> {
        let script = artifact::windows::script::identity();
        let mut answer = self.ask(System::Windows, Script::PowerShell(script)).await?;
        answer.way = Some(Way::PowerShell);
        if answer.contact.is_some() {
            return Ok(answer);
        }
        let commands = answer.artifact.readers.iter().find_map(|reader| match reader {
            Reader::Commands { commands, .. } => Some(commands),
            Reader::Shell { .. }
            | Reader::PowerShell { .. }
            | Reader::Native
            | Reader::Smb
            | Reader::Tool => None,
        });
        let Some(commands) = commands else { return Ok(answer) };
        let Answered { answers, mut runs, tally: cut } = self.run_commands(answer.artifact, commands).await?;
        let root = self.staging_root();
        let read = tokio::task::spawn_blocking(move || {
            artifact::windows::identity::read_answers(&answers)
                .map_err(|source| ContactError::Staging { path: root, source })
        });
        let (contact, mut tally) = joined(read.await)?;
        if contact.is_none() {
            return Ok(answer);
        }
        tally.extend(cut);
        tally.partial("PowerShell did not answer: read by commands, which tell less");
        // The clock is that of the command that was asked for it.
        let at = runs.iter().position(|(name, _)| *name == "os").unwrap_or(0);
        let run = (at < runs.len()).then(|| runs.swap_remove(at).1);
        Ok(Answer { contact, tally, run, way: Some(Way::Command), ..answer })
    }

    /// Runs an identity script and reads what it says.
    async fn ask(&mut self, system: System, script: Script<'_>) -> Result<Answer, ContactError> {
        let mut answer = Answer::none(system);
        let (run, raw) = self.run_script(answer.artifact, script).await?;
        let visiting = matches!(self.session, Session::Ssh(_));
        let read = tokio::task::spawn_blocking(move || {
            let mut input = open_raw(&raw)?;
            let read = match system {
                System::Windows => artifact::windows::identity::read_rows(&mut input),
                System::Linux | System::ThisMachine | System::ThisWindows => {
                    identity::read(&mut input, visiting)
                }
            };
            read.map_err(|source| ContactError::Staging { path: raw, source })
        });
        (answer.contact, answer.tally) = joined(read.await)?;
        note_end(&run, answer.artifact, &self.limits, &mut answer.tally);
        answer.run = Some(run);
        Ok(answer)
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

/// What came of asking an endpoint who it is.
pub(super) struct Answer {
    pub(super) artifact: &'static Artifact,
    pub(super) contact: Option<Contact>,
    pub(super) tally: Tally,
    run: Option<Run>,
    pub(super) way: Option<Way>,
}

impl Answer {
    /// Before it was asked.
    pub(super) fn none(system: System) -> Self {
        let artifact = artifact::find(ArtifactKind::Identity, system).unwrap_or(&artifact::catalogue()[0]);
        Self { artifact, contact: None, tally: Tally::default(), run: None, way: None }
    }

    fn was_stopped(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.ended != Ended::ByItself)
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
    artifact: &Artifact,
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

/// Windows makes most of its addresses of IPv6 by itself, and keeps those nowhere that SMB leads to.
fn unproven(target: IpAddr) -> ContactError {
    let detail = "its registry does not tell addresses of IPv6, so that nothing proves that it is this machine; reach it \
                  by its address of IPv4, or in another way";
    ContactError::SmbRefused { target, phase: "identity", detail: detail.to_owned(), may_pass: false }
}

/// The endpoint's clock was read somewhere between the question and the first byte of the answer. What runs on Windows
/// takes its time to start, and reads the clock right before it says the first thing.
fn skew(identity: &Identity, run: &Run, way: Option<Way>) -> Option<i64> {
    let first_byte = run.first_byte.unwrap_or(Duration::ZERO);
    let before = if way.is_some() { first_byte } else { first_byte / 2 };
    let asked = run.started_at.checked_add(SignedDuration::try_from(before).ok()?).ok()?;
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
