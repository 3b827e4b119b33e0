//! `Windows.System.Accounts`: local accounts, and who is an administrator or may come in from outside (ATT&CK T1136.001,
//! T1098, T1078.003). Groups go by their SIDs: their names are in the language of the endpoint.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, LocalAccount};
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::wmic::Record;
use super::super::{named, rows, some};
use super::{ROW_CAP, account, name, records};

/// Administrators, remote desktop, remote management, backup operators.
const GROUPS: [&str; 4] = ["S-1-5-32-544", "S-1-5-32-555", "S-1-5-32-580", "S-1-5-32-551"];

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = rows::read(input, ROW_CAP, List::new(limits), |list, row, tally| match row.kind() {
        "user" => {
            let user = LocalAccount {
                name: named(row.text("name").to_owned()),
                sid: name(&row, "sid"),
                local: true,
                enabled: Some(!row.flag("disabled")),
                no_password: row.flag("no_password"),
                last_login: row.time("last_login"),
                password_set: row.time("password_set"),
                ..LocalAccount::default()
            };
            list.add(user, tally);
        }
        // More of the same account, by another question.
        "times" => {
            if let Some(known) = list.get(row.text("sid")) {
                known.last_login = row.time("last_login").or(known.last_login);
                known.password_set = row.time("password_set").or(known.password_set);
            }
        }
        "member" => {
            let member = LocalAccount {
                name: account(row.text("domain"), row.text("name")).unwrap_or_default(),
                sid: name(&row, "sid"),
                ..LocalAccount::default()
            };
            list.member(member, row.text("group"), tally);
        }
        _ => {}
    })?;
    Ok((Parsed::Accounts(list.rows), tally))
}

/// Reads the outputs of the commands: accounts, groups, and who is in which, by names that the three share.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, mut tally) = answers.read(List::new(limits), |list, tally| {
        let found = records(answers, "accounts", facts.code_page, tally, |record, tally| {
            if let Some(user) = user(record) {
                record.get("Domain").unwrap_or_default().clone_into(&mut list.domain);
                list.add(user, tally);
            }
        })?;
        answers.expect("accounts", found, tally);
        let mut sids: BTreeMap<String, String> = BTreeMap::new();
        let found = records(answers, "groups", facts.code_page, tally, |record, _| {
            if let (Some(name), Some(sid)) = (record.get("Name"), record.get("SID"))
                && GROUPS.contains(&sid)
            {
                sids.insert(name.to_lowercase(), sid.to_owned());
            }
        })?;
        answers.expect("groups", found, tally);
        let found = records(answers, "members", facts.code_page, tally, |record, tally| {
            let part = |key| record.get(key).and_then(named_in);
            let (Some((_, group)), Some((domain, name))) = (part("GroupComponent"), part("PartComponent"))
            else {
                return;
            };
            if let Some(sid) = sids.get(&group.to_lowercase()) {
                let local =
                    list.rows.iter().find(|row| row.local && row.name.eq_ignore_ascii_case(&name)).cloned();
                let other = LocalAccount {
                    name: account(&domain, &name).unwrap_or_default(),
                    ..LocalAccount::default()
                };
                let is_here = list.domain.eq_ignore_ascii_case(&domain);
                list.member(local.filter(|_| is_here).unwrap_or(other), sid, tally);
            }
        })?;
        answers.expect("members", found, tally);
        Ok(())
    })?;
    if !tally.is_failed() {
        tally.partial("commands tell neither when an account logged in nor when its password was set");
    }
    Ok((Parsed::Accounts(list.rows), tally))
}

fn user(record: &Record) -> Option<LocalAccount> {
    let flag = |key| record.get(key).map(|word| word.eq_ignore_ascii_case("TRUE"));
    Some(LocalAccount {
        name: named(record.get("Name")?.to_owned()),
        sid: record.get("SID").map(|sid| named(sid.to_owned())),
        local: true,
        enabled: flag("Disabled").map(|disabled| !disabled),
        no_password: flag("PasswordRequired") == Some(false),
        ..LocalAccount::default()
    })
}

/// `\\PC-07\root\cimv2:Win32_UserAccount.Domain="PC-07",Name="alice"`: domain and name.
fn named_in(path: &str) -> Option<(String, String)> {
    let part = |key: &str| {
        let mark = format!("{key}=\"");
        let start = path.find(&mark)? + mark.len();
        path[start..].find('"').map(|end| path[start..start + end].to_owned())
    };
    Some((part("Domain")?, part("Name")?))
}

/// Accounts up to the cap on rows.
struct List<'a> {
    limits: &'a Limits,
    rows: Vec<LocalAccount>,
    /// The machine's own name, which its accounts have as their domain.
    domain: String,
    places: BTreeMap<String, usize>,
}

impl<'a> List<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, rows: Vec::new(), domain: String::new(), places: BTreeMap::new() }
    }

    fn get(&mut self, sid: &str) -> Option<&mut LocalAccount> {
        self.rows.get_mut(*self.places.get(sid)?)
    }

    fn add(&mut self, account: LocalAccount, tally: &mut Tally) {
        if self.rows.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "accounts beyond the cap on rows were left out");
            return;
        }
        let key = account.sid.clone().or_else(|| some(&account.name.to_lowercase()));
        if let Some(key) = key {
            self.places.entry(key).or_insert(self.rows.len());
        }
        self.rows.push(account);
    }

    /// Somebody is a member of a group: one that is known, or another.
    fn member(&mut self, account: LocalAccount, group: &str, tally: &mut Tally) {
        if !GROUPS.contains(&group) {
            return;
        }
        let key = account.sid.clone().unwrap_or_else(|| account.name.to_lowercase());
        if !self.places.contains_key(&key) {
            self.add(account, tally);
        }
        if let Some(known) = self.get(&key)
            && !known.groups.iter().any(|other| other == group)
        {
            known.groups.push(group.to_owned());
        }
    }
}
