//! Looks users up: in a CSV file, and at a directory server.

#[cfg(unix)]
mod connection;
#[cfg(unix)]
mod ldap;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use investigation::case::{Event, Person};
use investigation::directory::{self, MAX_FILE_BYTES};
use investigation::policy::{AddressSource, Ldap, Policy};
use investigation::text::one_line;

/// Where users are looked up.
#[derive(Clone, Debug, Default)]
pub struct Directories {
    /// The CSV file. It is read for each look-up, so that a changed one needs no restart.
    pub csv: Option<PathBuf>,
    /// The directory server.
    pub ldap: Option<LdapServer>,
}

/// A directory server with the files that it needs.
#[derive(Clone, Debug)]
pub struct LdapServer {
    /// The section of the policy.
    pub section: Ldap,
    /// File that holds the account's password.
    pub password_file: Option<PathBuf>,
    /// Certificates that the server's is verified against.
    pub ca_file: Option<PathBuf>,
}

/// Why a source said nothing.
#[derive(Debug, PartialEq, Eq)]
struct Silent {
    why: String,
    /// A later try may find more.
    again: bool,
}

impl Silent {
    fn for_now(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: true }
    }

    fn for_good(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: false }
    }
}

impl Directories {
    /// Of a policy, whose relative paths `path` completes.
    pub fn of(policy: &Policy, path: impl Fn(&str) -> PathBuf) -> Self {
        let file = |file: &Option<String>| file.as_ref().map(|file| path(file));
        let asked = |source| policy.users.asks(source);
        Self {
            csv: file(&policy.users.directory).filter(|_| asked(AddressSource::Csv)),
            ldap: policy.users.ldap.as_ref().filter(|_| asked(AddressSource::Ldap)).map(|section| {
                LdapServer {
                    section: section.clone(),
                    password_file: file(&section.password_file),
                    ca_file: file(&section.ca_file),
                }
            }),
        }
    }

    /// Looks these users up, `domain\name`. What cannot be asked or read is on the event with its reason.
    pub async fn look_up(&self, users: &[String], policy: &Policy) -> Event {
        let (mut people, mut faults, mut again) = (Vec::new(), Vec::new(), false);
        let mut take = |source: AddressSource, found: Result<(Vec<Person>, Vec<String>), Silent>| match found
        {
            Ok((found, doubts)) => {
                people.extend(found);
                faults.extend(doubts.into_iter().map(|doubt| format!("{}: {doubt}", source.as_str())));
            }
            Err(silent) => {
                again |= silent.again;
                faults.push(format!("{}: {}", source.as_str(), one_line(&silent.why, 250)));
            }
        };
        if let Some(file) = &self.csv {
            let (file, users, policy) = (file.clone(), users.to_vec(), policy.clone());
            let listed = tokio::task::spawn_blocking(move || listed(&file, &users, &policy)).await;
            take(AddressSource::Csv, listed.unwrap_or_else(|error| Err(Silent::for_now(error.to_string()))));
        }
        if let Some(server) = &self.ldap {
            #[cfg(unix)]
            take(AddressSource::Ldap, ldap::look_up(server, users).await);
            #[cfg(not(unix))]
            take(
                AddressSource::Ldap,
                Err(Silent::for_good(format!("{} is not asked from Windows", server.section.url))),
            );
        }
        Event::LookedUp { people, faults, again }
    }
}

/// What the file lists of the users. A file that is not there or reads badly may be put right before the next try.
fn listed(file: &Path, users: &[String], policy: &Policy) -> Result<(Vec<Person>, Vec<String>), Silent> {
    let failed = |why: &dyn std::fmt::Display| Silent::for_now(format!("{}: {why}", file.display()));
    let text = read(file).map_err(|error| failed(&error))?;
    let listed = directory::look_up(&text, users, policy).map_err(|fault| failed(&fault))?;
    Ok((listed.people, listed.faults))
}

/// How many users the file lists, for whoever checks a policy.
///
/// # Errors
/// Where the file cannot be used, in one line.
pub fn check_csv(file: &Path, policy: &Policy) -> Result<usize, String> {
    let text = read(file).map_err(|error| error.to_string())?;
    directory::look_up(&text, &[], policy).map(|listed| listed.rows).map_err(|fault| fault.to_string())
}

/// One byte more than may be, so that the excess is seen.
fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8: save it as UTF-8 (in Excel: CSV UTF-8)")
    })
}
