//! `Windows.Persistence.Registry`: the other spots of the registry that load or start something ([`super::spots`]).

use std::io::{self, BufRead};

use investigation::evidence::AutostartEntry;
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::registry::{Value, read_values};
use super::super::{named, rows, some};
use super::{ROW_CAP, Rows, TEXT_CAP, cut, spots};

/// Longest key that is kept, in bytes.
const KEY_CAP: usize = 1024;
/// The commands.
const KEYS: [&str; 22] = [
    "debuggers",
    "verifiers",
    "debuggers32",
    "exits",
    "appinit",
    "appinit32",
    "notify",
    "lsa",
    "lsa_config",
    "providers",
    "session_manager",
    "appcert",
    "monitors",
    "time",
    "network",
    "helpers",
    "helpers32",
    "setup",
    "setup32",
    "safe_boot",
    "processor",
    "users",
];

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = rows::read(input, ROW_CAP, Rows::new(limits), |list, mut row, tally| {
        if row.kind() == "value"
            && let Some(entry) = entry(Value::from_row(&mut row))
        {
            list.push(entry, tally);
        }
    })?;
    Ok((Parsed::RegistryPersistence(list.rows), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, mut tally) = answers.read(Rows::new(limits), |list, tally| {
        read_values(answers, &KEYS, facts.code_page, tally, |value, tally| {
            if let Some(entry) = entry(value) {
                list.push(entry, tally);
            }
        })?;
        Ok(())
    })?;
    if !tally.is_failed() {
        tally.partial("of single users commands read the logon script alone");
    }
    Ok((Parsed::RegistryPersistence(list.rows), tally))
}

/// An entry for a value of one of the spots, where it holds something.
fn entry(value: Value) -> Option<AutostartEntry> {
    let spot = spots::of(&value.key, &value.name)?;
    let user = value.key.strip_prefix(r"HKEY_USERS\").and_then(|rest| rest.split('\\').next());
    Some(made(spot, user.map(str::to_owned), value.key.clone(), value.name, &value.data))
        .filter(|entry| entry.command.is_some())
}

/// The entry itself. Texts of a list, which `reg` parts by `\0`, are parted by blanks.
pub(crate) fn made(
    spot: &spots::Spot,
    user: Option<String>,
    key: String,
    name: String,
    data: &str,
) -> AutostartEntry {
    AutostartEntry {
        mechanism: spot.mechanism.to_owned(),
        location: cut(key, KEY_CAP),
        name: named(name),
        command: some(&data.replace("\\0", " ").replace('\n', " ")).map(|data| cut(data, TEXT_CAP)),
        user: user.map(named),
        enabled: None,
    }
}
