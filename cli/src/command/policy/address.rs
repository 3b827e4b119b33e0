//! `peerhound policy address`: which mail address a user has, by whom, and which one is written to.

use anyhow::{Result, anyhow};
use casework::deliver;
use investigation::case::{Address, Event, Person, addresses};
use investigation::claim::ClaimKey;
use investigation::policy::{AddressSource, Policy};
use serde::Serialize;

use crate::exit::{Exit, WithExit};
use crate::setup::Setup;
use crate::show::{self, paint};

/// What is known of one user.
#[derive(Serialize)]
struct Known {
    /// `domain\name`, as cases and cooldowns know them.
    user: String,
    /// The address that is written to.
    mail: Option<String>,
    /// The language of the directory, where it has one; the policy's otherwise.
    language: String,
    sources: Vec<Address>,
}

/// Runs the command.
pub(super) async fn run(setup: &Setup, users: &[String]) -> Result<Exit> {
    let policy = setup.policy()?;
    let keys: Vec<String> = users.iter().map(|user| key(user, &policy)).collect::<Result<_>>()?;
    deliver::install_crypto();
    let Event::LookedUp { people, faults, .. } = setup.directories(&policy).look_up(&keys, &policy).await
    else {
        return Err(anyhow!("the look-up had no answer"));
    };
    let known: Vec<Known> = keys.into_iter().map(|user| of(user, &people, &policy)).collect();
    for fault in &faults {
        show::note(&format!("peerhound: {}", show::safe(fault)));
    }
    let without = known.iter().any(|known| known.mail.is_none());
    if setup.json {
        known.iter().for_each(show::json);
    } else {
        show::lines(&known.iter().flat_map(|known| lines(known, &policy)).collect::<Vec<_>>());
    }
    Ok(if without || !faults.is_empty() { Exit::Failed } else { Exit::Done })
}

/// The user as the core knows them.
fn key(user: &str, policy: &Policy) -> Result<String> {
    let key = policy.user_key(None, user);
    let key = key.as_ref().and_then(ClaimKey::user_name);
    let refused = || {
        anyhow!("{user:?} is no user: write DOMAIN\\name or name@domain").context(WithExit(Exit::BadInput))
    };
    key.map(str::to_owned).ok_or_else(refused)
}

fn of(user: String, people: &[Person], policy: &Policy) -> Known {
    let sources = addresses(&user, None, people, policy);
    let mail = sources.iter().find(|said| said.refused.is_none()).map(|said| said.mail.clone());
    let theirs =
        people.iter().filter(|person| person.user == user).find_map(|person| person.language.clone());
    Known { language: theirs.unwrap_or_else(|| policy.mail.language.clone()), user, mail, sources }
}

fn lines(known: &Known, policy: &Policy) -> Vec<String> {
    let mut lines = vec![match &known.mail {
        Some(mail) => format!(
            "{}  {}  {}",
            show::safe(&known.user),
            paint::bold(&show::safe(mail)),
            show::safe(&known.language)
        ),
        None => format!(
            "{}  {}",
            show::safe(&known.user),
            paint::yellow("no address: mail_user is skipped, and the case says so")
        ),
    }];
    let mut used = false;
    for &source in policy.users.look_up.iter().filter(|source| **source != AddressSource::Alert) {
        let said = known.sources.iter().find(|said| said.source == source);
        let said = match said {
            None if !policy.users.asks(source) => "not set up".to_owned(),
            None => "has none".to_owned(),
            Some(Address { mail, refused: Some(why), .. }) => {
                format!("{}: not used, {why}", show::safe(mail))
            }
            Some(Address { mail, .. }) if used => format!("{}: would come next", show::safe(mail)),
            Some(Address { mail, .. }) => {
                used = true;
                format!("{}: used", show::safe(mail))
            }
        };
        lines.push(format!("    {:8} {said}", source.as_str()));
    }
    lines
}
