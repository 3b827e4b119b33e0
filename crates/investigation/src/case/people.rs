//! Who the suspects are for the mail: their addresses and languages, from the alert, a file, a directory or a pattern.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::address::addresses;
use super::{ActionRecord, ActionStatus, Case, Effect};
use crate::act::ActionKind;
use crate::claim::later;
use crate::policy::{AddressSource, Policy};
use crate::text::one_line;

/// Longest address that is kept, in characters (RFC 5321, section 4.5.3.1).
const MAX_ADDRESS: usize = 254;
/// Longest language that is kept, in characters.
const MAX_LANGUAGE: usize = 60;
/// Most people that are kept.
const MAX_PEOPLE: usize = 80;

/// What a file or a directory says of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user as the case knows it: `domain\name`, in lower case.
    pub user: String,
    /// Who says so.
    pub source: AddressSource,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Language, as it is written there: `de`, `fr-CH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Person {
    /// Of a source that somebody else keeps: nothing is longer than it has to be.
    fn capped(mut self) -> Self {
        self.mail = self.mail.map(|mail| mail.trim().chars().take(MAX_ADDRESS).collect());
        self.language = self.language.map(|language| one_line(language.trim(), MAX_LANGUAGE));
        self.mail = self.mail.filter(|mail| !mail.is_empty());
        self.language = self.language.filter(|language| !language.is_empty());
        self
    }
}

impl Case {
    /// Plans the mail to each suspect, or first the look-up of who they are.
    pub(super) fn plan_user_mails(&mut self, policy: &Policy, now: Timestamp) {
        let users = self.to_be_told();
        if users.is_empty() || !policy.users.looked_up() {
            self.address_users(policy, &[], now);
        } else {
            self.push(Effect::LookUpUsers { users }, now);
        }
    }

    /// Takes in what was found of the suspects. Where a source did not answer it is asked again, as often as a delivery
    /// is tried; then the mail goes to whom is known without it.
    pub(super) fn looked_up(
        &mut self,
        people: Vec<Person>,
        faults: Vec<String>,
        again: bool,
        policy: &Policy,
        now: Timestamp,
    ) {
        let of_look_up = |pending: &super::Pending| matches!(pending.effect, Effect::LookUpUsers { .. });
        let Some(position) = self.pending.iter().position(of_look_up) else { return };
        let faults: Vec<String> = faults.iter().take(8).map(|fault| one_line(fault, 300)).collect();
        let pending = &mut self.pending[position];
        if again && pending.attempts < policy.actions.attempts {
            pending.started = false;
            pending.unheard = 0;
            let pause = super::deliveries::pause(policy, &self.id, pending.n, pending.attempts, None);
            pending.not_before = later(now, pause);
            self.note(now, format!("users not looked up, will be tried again: {}", faults.join("; ")));
            return;
        }
        self.pending.remove(position);
        self.people = people.into_iter().map(Person::capped).take(MAX_PEOPLE).collect();
        let found = self.people.iter().filter(|person| person.mail.is_some());
        let found: Vec<String> = found
            .map(|person| format!("{} in {}", one_line(&person.user, 80), person.source.as_str()))
            .collect();
        let found = if found.is_empty() { "no address".to_owned() } else { found.join(", ") };
        let faults_said = faults.iter().map(|fault| format!("; {fault}")).collect::<String>();
        self.note(now, format!("users looked up: {found}{faults_said}"));
        self.address_users(policy, &faults, now);
    }

    /// Puts one mail for each suspect with an address into the outbox: nobody learns who else is told, and each is
    /// written to in their own language.
    fn address_users(&mut self, policy: &Policy, faults: &[String], now: Timestamp) {
        let kind = ActionKind::MailUser;
        let suspects = self.to_be_told();
        let mut addresses: Vec<String> = Vec::new();
        let mut without = Vec::new();
        for user in &suspects {
            match self.address_of(user, policy) {
                Some(address) => {
                    for person in self.people.iter_mut().filter(|person| person.user == *user) {
                        person.mail.get_or_insert_with(|| address.clone());
                    }
                    if !addresses.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                        addresses.push(address);
                    }
                }
                None => without.push(one_line(user, 80)),
            }
        }
        let mut record = |effect, to, status, detail| {
            self.actions.push(ActionRecord { effect, kind, to, status, detail, attempts: 0, at: now });
        };
        if suspects.is_empty() {
            let why = "no user was logged in to the machine".to_owned();
            record(None, Vec::new(), ActionStatus::Skipped, why);
        } else if !without.is_empty() {
            let mut why = format!("no mail address is known for the user {}: ", without.join(", "));
            why.push_str(&if faults.is_empty() {
                "set [users] mail, or put them into the directory, with a domain of mail_domains".to_owned()
            } else {
                faults.join("; ")
            });
            record(None, Vec::new(), ActionStatus::Skipped, one_line(&why, 400));
        }
        for to in addresses.into_iter().map(|address| vec![address]) {
            let effect = self.push(Effect::Act { kind, to: to.clone() }, now);
            let record = ActionRecord {
                effect: Some(effect),
                kind,
                to,
                status: ActionStatus::Pending,
                detail: String::new(),
                attempts: 0,
                at: now,
            };
            self.actions.push(record);
        }
    }

    /// The language of a mail: that of the person whose address it goes to, where a directory says it.
    pub fn language_of(&self, to: &[String]) -> Option<&str> {
        let [address] = to else { return None };
        let theirs = |person: &&Person| {
            person.language.is_some()
                && person.mail.as_ref().is_some_and(|mail| mail.eq_ignore_ascii_case(address))
        };
        self.people.iter().find(theirs)?.language.as_deref()
    }

    /// The suspects. Where several people are logged in, the one whose process was found is the one to be told.
    fn to_be_told(&self) -> Vec<String> {
        let suspects = self.suspects();
        let owner = self.assessment.as_ref().and_then(|assessment| assessment.user()).map(name_of);
        let owners: Vec<String> =
            suspects.iter().filter(|suspect| Some(name_of(suspect)) == owner).cloned().collect();
        if owners.is_empty() { suspects } else { owners }
    }

    /// The first address that may be used, in the policy's order.
    fn address_of(&self, user: &str, policy: &Policy) -> Option<String> {
        let in_alert = self.alert_address(user, policy);
        let said = addresses(user, in_alert.as_deref(), &self.people, policy);
        said.into_iter().find(|said| said.refused.is_none()).map(|said| said.mail)
    }

    /// The address in the alert, where the alert names this very user.
    fn alert_address(&self, user: &str, policy: &Policy) -> Option<String> {
        let name = self.alert.user_name.as_deref()?;
        let key = policy.user_key(self.alert.user_domain.as_deref(), name)?;
        let same = key.user_name() == Some(user);
        self.alert.user_email.clone().filter(|_| same)
    }
}

/// The account name without its domain, in lower case.
fn name_of(user: &str) -> String {
    user.rsplit('\\').next().unwrap_or(user).to_lowercase()
}
