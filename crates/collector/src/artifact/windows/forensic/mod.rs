//! What is collected besides from a Windows that is compromised, an artifact a file. What is the same on Linux has the
//! same parsed form. What the artifacts have in common is here.

pub(crate) mod accounts;
pub(crate) mod antivirus;
pub(crate) mod authorized_keys;
pub(crate) mod event_logs;
mod events;
pub(crate) mod images;
pub(crate) mod logins;
pub(crate) mod name_resolution;
pub(crate) mod recent_executables;
pub(crate) mod registry_persistence;
pub(crate) mod scheduled_tasks;
pub(crate) mod script;
pub(crate) mod services;
pub(crate) mod shares;
pub(crate) mod shell_histories;
pub(crate) mod spots;
pub(crate) mod transfer_jobs;
pub(crate) mod wmi_subscriptions;

#[cfg(test)]
mod tests;

use std::io;

use super::super::forensic::{NAME_CAP, PATH_CAP, Rows, cut};
use super::super::tally::Tally;
use super::answers::Answers;
use super::rows::Row;
use super::{some, wmic};

/// Longest row of a script. Texts of tasks are the longest.
const ROW_CAP: usize = 512 << 10;
/// Longest command, query or value that is kept, in bytes.
const TEXT_CAP: usize = 4096;

/// A name in a row, where there is one.
fn name(row: &Row, field: &str) -> Option<String> {
    some(row.text(field)).map(|text| cut(text, NAME_CAP))
}

/// A longer text in a row, where there is one.
fn long(row: &Row, field: &str) -> Option<String> {
    some(row.text(field)).map(|text| cut(text, TEXT_CAP))
}

/// `DOMAIN\name`, or the name alone.
fn account(domain: &str, name: &str) -> Option<String> {
    let name = some(name).filter(|name| name != "-")?;
    let domain = some(domain).filter(|domain| domain != "-");
    Some(cut(domain.map_or_else(|| name.clone(), |domain| format!("{domain}\\{name}")), NAME_CAP))
}

/// A SHA-256 in hexadecimal digits of any case.
fn sha256(text: &str) -> Option<String> {
    let is_hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}

/// A number of the registry or of CIM as the word for when something starts.
pub(crate) fn start_of(number: u64) -> Option<&'static str> {
    ["boot", "system", "auto", "manual", "disabled"].get(usize::try_from(number).ok()?).copied()
}

/// A security identifier in its binary form (MS-DTYP 2.4.2.2), spelled as numbers between any other characters.
fn sid_of_numbers(text: &str) -> Option<String> {
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let bytes: Vec<u8> = numbers.take(69).map(|run| run.parse().ok()).collect::<Option<_>>()?;
    let [revision, count, a, b, c, d, e, f, rest @ ..] = bytes.as_slice() else { return None };
    if *count > 15 || rest.len() != 4 * usize::from(*count) {
        return None;
    }
    let authority = [*a, *b, *c, *d, *e, *f].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let parts = rest.chunks_exact(4).map(|part| u32::from_le_bytes([part[0], part[1], part[2], part[3]]));
    Some(parts.fold(format!("S-{revision}-{authority}"), |sid, part| format!("{sid}-{part}")))
}

/// The owner of a file out of its security descriptor (`O:BAG:…`, MS-DTYP 2.5.1): a SID, in no language.
fn owner_of_sddl(sddl: &str) -> Option<String> {
    let owner = sddl.strip_prefix("O:")?;
    if let Some(rest) = owner.strip_prefix("S-1-") {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
        return Some(cut(format!("S-1-{}", &rest[..end]), NAME_CAP));
    }
    let known = owner.get(..2).filter(|word| word.bytes().all(|b| b.is_ascii_uppercase()))?;
    let sid = match known {
        "BA" => "S-1-5-32-544",
        "BU" => "S-1-5-32-545",
        "SY" => "S-1-5-18",
        "LS" => "S-1-5-19",
        "NS" => "S-1-5-20",
        "WD" => "S-1-1-0",
        other => other,
    };
    Some(sid.to_owned())
}

/// Hands each record that a `wmic … /value` printed to `take`; how many there were.
fn records(
    answers: &Answers,
    name: &str,
    code_page: Option<u16>,
    tally: &mut Tally,
    mut take: impl FnMut(&wmic::Record, &mut Tally),
) -> io::Result<u64> {
    let mut records = wmic::Records::default();
    let mut found = 0;
    answers.lines(name, code_page, tally, |line, tally| {
        if let Some(record) = records.line(line) {
            found += 1;
            take(&record, tally);
        }
    })?;
    if let Some(record) = records.finish() {
        found += 1;
        take(&record, tally);
    }
    Ok(found)
}
