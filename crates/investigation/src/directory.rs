//! A site's list of users: a CSV file with their mail addresses and languages.
//!
//! The first line names the columns, in any order and in any case; others are passed over. Cells are separated by commas,
//! semicolons or tabs. A row whose user has no domain is for the user of that name in any domain.

use csv_core::ReadRecordResult;

use crate::case::Person;
use crate::claim::ClaimKey;
use crate::policy::{AddressSource, Policy};
use crate::text::one_line;

/// Longest file, in bytes.
pub const MAX_FILE_BYTES: usize = 64 << 20;
/// Longest row, in bytes.
const MAX_ROW: usize = 64 << 10;
/// Most columns.
const MAX_COLUMNS: usize = 256;

/// Names that a column goes by.
const USER: &[&str] = &["user", "username", "user_name", "login", "account", "samaccountname", "uid"];
const DOMAIN: &[&str] = &["domain", "user_domain"];
const MAIL: &[&str] = &["mail", "email", "e-mail", "mail_address"];
const LANGUAGE: &[&str] = &["language", "preferredlanguage", "preferred_language", "lang"];

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryFault {
    /// Larger than any list of users should be.
    #[error("it is larger than {} MiB", MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// It is empty, or its first line names other columns.
    #[error("its first line has to name the columns user and mail; it names {0}")]
    Header(String),
    /// A row is no row.
    #[error("line {0}: a row of more than 64 KiB or {MAX_COLUMNS} columns; is a quote not closed?")]
    Row(u64),
}

/// What a file says of some users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Those that it lists, once each.
    pub people: Vec<Person>,
    /// Users that it lists twice with different addresses, each in one line. They are not among the people.
    pub faults: Vec<String>,
    /// Rows with a user.
    pub rows: usize,
}

/// Which column is which.
struct Columns {
    user: usize,
    domain: Option<usize>,
    mail: usize,
    language: Option<usize>,
}

/// Looks for users, `domain\name` in lower case, in the text of a file.
///
/// # Errors
/// Where the file as a whole cannot be used.
pub fn look_up(text: &str, users: &[String], policy: &Policy) -> Result<Listed, DirectoryFault> {
    if text.len() > MAX_FILE_BYTES {
        return Err(DirectoryFault::TooLarge);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [';', '\t'].into_iter().find(|c| header.contains(*c)).unwrap_or(',');
    let mut columns = None;
    let mut listed = Listed::default();
    rows(text, delimiter, |cells| {
        let Some(columns) = &columns else {
            columns = Some(Columns::of(cells)?);
            return Ok(());
        };
        let cell = |at: usize| cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
        let Some(name) = cell(columns.user) else { return Ok(()) };
        listed.rows += 1;
        let key = policy.user_key(columns.domain.and_then(cell), name);
        let Some(key) = key.as_ref().and_then(ClaimKey::user_name) else {
            return Ok(());
        };
        let anywhere = key.strip_prefix('\\');
        let is_it = |user: &&String| match anywhere {
            Some(name) => user.rsplit('\\').next() == Some(name),
            None => *user == key,
        };
        for user in users.iter().filter(is_it) {
            let person = Person {
                user: user.clone(),
                source: AddressSource::Csv,
                mail: cell(columns.mail).map(str::to_owned),
                language: columns.language.and_then(cell).map(str::to_owned),
            };
            listed.add(person);
        }
        Ok(())
    })?;
    match columns {
        Some(_) => Ok(listed),
        None => Err(DirectoryFault::Header("nothing".to_owned())),
    }
}

impl Listed {
    fn add(&mut self, person: Person) {
        let known = self.people.iter().position(|known| known.user == person.user);
        match known.map(|at| (at, self.people[at].mail == person.mail)) {
            None if self.faults.iter().any(|fault| fault.starts_with(&fault_of(&person.user))) => {}
            None => self.people.push(person),
            Some((_, true)) => {}
            Some((at, false)) => {
                self.people.remove(at);
                self.faults.push(format!("{} with different addresses", fault_of(&person.user)));
            }
        }
    }
}

fn fault_of(user: &str) -> String {
    format!("{} is listed twice", one_line(user, 80))
}

impl Columns {
    fn of(cells: &[&str]) -> Result<Self, DirectoryFault> {
        let column = |names: &[&str]| {
            cells.iter().position(|cell| names.iter().any(|name| cell.trim().eq_ignore_ascii_case(name)))
        };
        match (column(USER), column(MAIL)) {
            (Some(user), Some(mail)) => {
                Ok(Self { user, domain: column(DOMAIN), mail, language: column(LANGUAGE) })
            }
            _ => Err(DirectoryFault::Header(one_line(&cells.join(", "), 120))),
        }
    }
}

/// Reads row by row, with quotes as RFC 4180 has them.
fn rows(
    text: &str,
    delimiter: char,
    mut each: impl FnMut(&[&str]) -> Result<(), DirectoryFault>,
) -> Result<(), DirectoryFault> {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter as u8).build();
    let mut input = text.as_bytes();
    let (mut cells, mut ends) = (vec![0_u8; MAX_ROW], vec![0_usize; MAX_COLUMNS]);
    let (mut filled, mut count) = (0, 0);
    loop {
        let (result, read, written, more) =
            reader.read_record(input, &mut cells[filled..], &mut ends[count..]);
        input = &input[read..];
        filled += written;
        count += more;
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                return Err(DirectoryFault::Row(reader.line()));
            }
            ReadRecordResult::Record => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let row: Vec<&str> = starts
                    .zip(&ends[..count])
                    .map(|(start, end)| std::str::from_utf8(&cells[start..*end]).unwrap_or_default())
                    .collect();
                each(&row)?;
                (filled, count) = (0, 0);
            }
            ReadRecordResult::End => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let text =
            "version = 1\n[scope]\nnetworks = []\n[users]\ndomains = { 'emea.example.net' = 'EXNET' }\n";
        Policy::parse(text).unwrap()
    }

    fn found(text: &str, user: &str) -> Option<(Option<String>, Option<String>)> {
        let listed = look_up(text, &[user.to_owned()], &policy()).unwrap();
        listed.people.into_iter().next().map(|person| (person.mail, person.language))
    }

    #[test]
    fn a_user_is_found_under_every_spelling() {
        let mail = |of: &str| Some((Some(of.to_owned()), Some("de".to_owned())));
        for text in [
            "user,domain,mail,language\nbob,CORP,b@x.example,en\nAlice,CORP,a@x.example,de\n",
            "\u{feff}Mail;Language;User;Manager\r\na@x.example;de;CORP\\alice;bob\r\n",
            "user\tmail\tlanguage\nalice@corp.example.com\ta@x.example\tde\n",
            "user,mail,language\n\"alice\",\" a@x.example \",de",
        ] {
            assert_eq!(found(text, "corp\\alice"), mail("a@x.example"), "{text:?}");
            assert_eq!(found(text, "corp\\carol"), None, "{text:?}");
        }
        let elsewhere = "user,domain,mail\nalice,OTHER,a@x.example\n";
        assert_eq!(found(elsewhere, "corp\\alice"), None, "another domain's user of the same name");
        let aliased = "user,domain,mail\nalice,emea.example.net,a@x.example\n";
        assert_eq!(found(aliased, "exnet\\alice"), Some((Some("a@x.example".to_owned()), None)));
    }

    #[test]
    fn who_is_listed_twice_with_different_addresses_gets_none_of_them() {
        let text = "user,mail\nalice,a@x.example\nalice,b@x.example\nalice,a@x.example\n";
        let listed = look_up(text, &["corp\\alice".to_owned()], &policy()).unwrap();
        assert_eq!((listed.people.len(), listed.rows), (0, 3));
        assert!(listed.faults[0].contains("corp\\alice is listed twice"), "{listed:?}");
        let same = "user,mail\nalice,a@x.example\nalice,a@x.example\n";
        assert_eq!(look_up(same, &["corp\\alice".to_owned()], &policy()).unwrap().people.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_list_of_users_says_why() {
        let fault = |text: &str| look_up(text, &[], &policy()).unwrap_err().to_string();
        assert!(fault("").contains("names nothing"), "{}", fault(""));
        assert!(fault("name,phone\nx,y\n").contains("it names name, phone"));
        let open = format!("user,mail\n\"alice,{}\n", "x\n".repeat(40_000));
        assert!(fault(&open).contains("quote"), "{}", fault(&open));
        assert!(fault(&format!("user,mail{}\n", ",x".repeat(300))).contains("columns"));
    }
}
