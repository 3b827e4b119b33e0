//! A directory server, asked over TLS for the mail addresses of a few users. Nothing is written there.

use investigation::case::Person;
use investigation::policy::AddressSource;
use ldap3::{Ldap, Scope, SearchEntry, SearchOptions, ldap_escape};

use super::{LdapServer, Silent, connection};
use crate::deliver::{secret, with_causes};

/// Result codes (RFC 4511, section 4.1.9) after which the same question may be answered later.
const BUSY: [u32; 3] = [51, 52, 80];
/// More entries than were asked for.
const SIZE_LIMIT_EXCEEDED: u32 = 4;
/// Wrong name or password.
const INVALID_CREDENTIALS: u32 = 49;

/// Looks each user up.
pub(super) async fn look_up(
    server: &LdapServer,
    users: &[String],
) -> Result<(Vec<Person>, Vec<String>), Silent> {
    let limit = server.section.timeout.duration();
    let asked = tokio::time::timeout(limit, ask(server, users)).await;
    asked.unwrap_or_else(|_| {
        Err(Silent::for_now(format!(
            "{} did not answer within {}",
            server.section.url, server.section.timeout
        )))
    })
}

async fn ask(server: &LdapServer, users: &[String]) -> Result<(Vec<Person>, Vec<String>), Silent> {
    let section = &server.section;
    let failed = |what: &str, error: &dyn std::error::Error| {
        Silent::for_now(format!("{}: {what}: {}", section.url, with_causes(error)))
    };
    let mut connection = connection::open(&section.url, server.ca_file.as_deref()).await?;
    let found = found(server, users, &mut connection.ldap, &failed).await;
    let _ = connection.ldap.unbind().await;
    found
}

async fn found(
    server: &LdapServer,
    users: &[String],
    ldap: &mut Ldap,
    failed: &(dyn Fn(&str, &dyn std::error::Error) -> Silent + Sync),
) -> Result<(Vec<Person>, Vec<String>), Silent> {
    let section = &server.section;
    if let (Some(name), Some(file)) = (&section.bind_dn, &server.password_file) {
        let password = secret::read(file, "the password file");
        let password = password.map_err(|error| Silent::for_now(error.to_string()))?;
        let bound = ldap.simple_bind(name, &password).await.map_err(|error| failed("login", &error))?;
        match bound.rc {
            0 => {}
            INVALID_CREDENTIALS => return Err(Silent::for_good(format!("{}: login refused", section.url))),
            code => return Err(refused(&section.url, "login", code)),
        }
    }
    let (mut people, mut doubts) = (Vec::new(), Vec::new());
    for user in users {
        let (domain, name) = user.split_once('\\').unwrap_or(("", user));
        let filter =
            section.filter.replace("{domain}", &ldap_escape(domain)).replace("{user}", &ldap_escape(name));
        // One more than there may be, so that a second one is seen.
        ldap.with_search_options(SearchOptions::new().sizelimit(2));
        let attributes = [section.mail_attribute.as_str(), section.language_attribute.as_str()];
        let answer = ldap.search(&section.base, Scope::Subtree, &filter, attributes).await;
        let answer = answer.map_err(|error| failed("search", &error))?;
        let (entries, code) = (answer.0, answer.1.rc);
        match (entries.len(), code) {
            (0, 0) => {}
            (1, 0) => {
                let entry = entries.into_iter().next().map(SearchEntry::construct);
                people.extend(entry.map(|entry| person(user, entry, server)));
            }
            (_, 0 | SIZE_LIMIT_EXCEEDED) => {
                let user = investigation::text::one_line(user, 80);
                doubts.push(format!("{user} is found more than once: narrow base or filter"));
            }
            (_, code) => return Err(refused(&section.url, "search", code)),
        }
    }
    Ok((people, doubts))
}

fn person(user: &str, entry: SearchEntry, server: &LdapServer) -> Person {
    // Names of attributes have no case.
    let first = |wanted: &str| {
        let found = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.and_then(|(_, values)| values.first()).cloned()
    };
    Person {
        user: user.to_owned(),
        source: AddressSource::Ldap,
        mail: first(&server.section.mail_attribute),
        language: first(&server.section.language_attribute),
    }
}

fn refused(url: &str, what: &str, code: u32) -> Silent {
    let why = format!("{url}: {what} refused with result code {code}");
    if BUSY.contains(&code) { Silent::for_now(why) } else { Silent::for_good(why) }
}
