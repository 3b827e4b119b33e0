//! Which of a user's addresses is written to. The alert and the endpoint are written by outsiders, and a directory may be
//! out of date: an address is only used if its domain is one of the policy's and its local part is plain, wherever it is
//! from.

use serde::Serialize;

use super::Person;
use crate::policy::{AddressSource, Policy};

/// An address that a source gives for a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    /// Who says so.
    pub source: AddressSource,
    /// As it is said there.
    pub mail: String,
    /// Why it is not written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<&'static str>,
}

/// What each source that the policy asks says of a user, `domain\name` in lower case, in the policy's order. The first
/// that is not refused is written to.
pub fn addresses(user: &str, in_alert: Option<&str>, people: &[Person], policy: &Policy) -> Vec<Address> {
    let said = policy.users.look_up.iter().filter_map(|&source| {
        let mail = match source {
            AddressSource::Alert => in_alert?.to_owned(),
            AddressSource::Csv | AddressSource::Ldap => {
                let said = |person: &&Person| person.user == user && person.source == source;
                people.iter().filter(said).find_map(|person| person.mail.clone())?
            }
            AddressSource::Pattern => {
                let (domain, name) = user.split_once('\\').unwrap_or(("", user));
                policy.users.mail.as_ref()?.replace("{user}", name).replace("{domain}", domain)
            }
        };
        let refused = refusal(&mail, source, policy);
        Some(Address { source, mail, refused })
    });
    said.collect()
}

fn refusal(mail: &str, source: AddressSource, policy: &Policy) -> Option<&'static str> {
    let Some((local, domain)) = mail.rsplit_once('@') else { return Some("it is no address") };
    if !is_plain(local) {
        return Some("what stands before the @ is not plain: letters, digits and . _ - + are");
    }
    // A pattern is the policy's own: its domain may be made of the user's.
    let allowed =
        if source == AddressSource::Pattern { is_plain(domain) } else { policy.users.may_mail(domain) };
    (!allowed).then_some("its domain is not among [users] mail_domains")
}

/// Whether text may stand in a mail address without quoting.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    (1..=64).contains(&text.len())
        && text.chars().all(plain)
        && !text.starts_with('.')
        && !text.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_says_what_it_has_and_why_it_is_not_used() {
        let policy = Policy::parse(
            "version = 1\n[scope]\nnetworks = []\n[users]\nmail = '{user}@{domain}.example.com'\n\
             mail_domains = ['example.com']\ndirectory = 'users.csv'\nlook_up = ['pattern', 'csv', 'alert']\n",
        )
        .unwrap();
        let person = |mail: &str| Person {
            user: "corp\\alice".to_owned(),
            source: AddressSource::Csv,
            mail: Some(mail.to_owned()),
            language: None,
        };
        let said = addresses("corp\\alice", Some("alice"), &[person("a@elsewhere.example")], &policy);
        let said: Vec<_> =
            said.iter().map(|said| (said.mail.as_str(), said.refused.unwrap_or_default())).collect();
        assert_eq!(
            said,
            [
                ("alice@corp.example.com", ""),
                ("a@elsewhere.example", "its domain is not among [users] mail_domains"),
                ("alice", "it is no address"),
            ]
        );
        // A name that makes no address leaves it to the next source.
        let said = addresses("corp\\zoë", None, &[], &policy);
        assert_eq!(said.len(), 1);
        assert!(said[0].refused.is_some_and(|why| why.contains("not plain")), "{said:?}");
    }
}
