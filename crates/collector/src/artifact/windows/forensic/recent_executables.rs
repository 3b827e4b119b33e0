//! `Windows.Files.RecentExecutables`: which programs and scripts came in the last 30 days into folders that users can write
//! into (ATT&CK T1105, T1204.002, T1036.005), with their hashes and the zone that they came from.

use std::collections::HashMap;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, RecentExecutable};
use investigation::order::Limits;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::rows::{self, Row};
use super::{PATH_CAP, ROW_CAP, Rows, cut, owner_of_sddl, sha256};

/// Folders that the commands list, by their names in the catalogue.
const FOLDERS: [(&str, &str); 4] = [
    ("robocopy_users", r"%SystemDrive%\Users"),
    ("robocopy_program_data", "%ProgramData%"),
    ("robocopy_temporary", r"%SystemRoot%\Temp"),
    ("robocopy_recycled", r"%SystemDrive%\$Recycle.Bin"),
];

/// A line that lists what came lately into a folder. Its second folder is named because one has to be; `/l` copies nothing.
pub(crate) fn list_line(made: &str) -> Option<String> {
    let (_, folder) = FOLDERS.iter().find(|(name, _)| *name == made)?;
    let names: Vec<String> = ENDINGS.iter().map(|ending| format!("*.{ending}")).collect();
    Some(format!(
        r"robocopy {folder} %SystemDrive%\peerhound-copies-nothing {} /l /s /maxage:{DAYS} /xj /r:0 /w:0 /njh /njs /ndl /nc /np /bytes /fp /ts",
        names.join(" ")
    ))
}

/// What is run when somebody opens it. The script's pattern and the commands' words are held against it by a test.
pub(crate) const ENDINGS: [&str; 20] = [
    "exe", "dll", "scr", "com", "pif", "cpl", "sys", "ocx", "msi", "bat", "cmd", "ps1", "vbs", "vbe", "js",
    "jse", "wsf", "hta", "lnk", "iso",
];
/// Days that are looked back.
pub(crate) const DAYS: i64 = 30;
/// Largest file that is hashed, in bytes.
pub(crate) const HASHED: u64 = 64 << 20;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let reading = (Rows::new(limits), HashMap::new());
    let ((list, _), tally) =
        rows::read(input, ROW_CAP, reading, |(list, places), row, tally| match row.kind() {
            "program" => {
                let (program, place) = (program(&row), list.rows.len());
                let path = program.path.clone();
                list.push(program, tally);
                if list.rows.len() > place {
                    places.insert(path, place);
                }
            }
            "hash" => {
                let place = places.get(&cut(row.text("path").to_owned(), PATH_CAP));
                if let Some(found) = place.and_then(|place| list.rows.get_mut(*place)) {
                    found.sha256 = sha256(row.text("sha256"));
                    found.zone = row.number("zone");
                    found.owner = owner_of_sddl(row.text("owner"));
                }
                if row.flag("unread") {
                    tally.count(ArtifactStatus::Partial, "programs could not be hashed");
                } else if row.flag("large") {
                    tally.count(
                        ArtifactStatus::Truncated,
                        "programs are above 64 MiB, or lie in a cloud, and are not hashed",
                    );
                }
            }
            "walk" => walk(&row, tally),
            _ => {}
        })?;
    Ok((Parsed::RecentExecutables(list.rows), tally))
}

fn walk(row: &Row, tally: &mut Tally) {
    let count = |field| row.number::<u64>(field).filter(|count| *count > 0);
    if let Some(count) = count("unreadable") {
        tally.partial(format!("{count} folders are closed to this account"));
    }
    if let Some(count) = count("deep") {
        tally.truncated(format!("{count} folders lie deeper than is walked"));
    }
    if let Some(count) = count("more") {
        tally.truncated(format!("{count} programs beyond the cap were left out"));
    }
    if row.flag("stopped") {
        tally.truncated("there are more files than are walked past");
    }
}

fn program(row: &Row) -> RecentExecutable {
    let attributes = row.number::<u32>("attributes").unwrap_or(0);
    RecentExecutable {
        path: cut(row.text("path").to_owned(), PATH_CAP),
        mode: letters(attributes),
        size: row.number("size").unwrap_or(0),
        modified_at: row.time("modified"),
        created_at: row.time("created"),
        ..RecentExecutable::default()
    }
}

/// As `attrib` prints them: read-only, hidden, system, archive.
pub(crate) fn letters(attributes: u32) -> String {
    let known = [(0x20, 'A'), (4, 'S'), (2, 'H'), (1, 'R')];
    known.iter().filter(|(bit, _)| attributes & bit != 0).map(|(_, letter)| letter).collect()
}

/// Reads the outputs of the commands: `robocopy` that only lists. Size, time in UTC, path.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut list = Rows::new(limits);
    for name in ["users", "program_data", "temporary", "recycled"] {
        answers.lines(name, facts.code_page, &mut tally, |line, tally| {
            if let Some(row) = listed(line) {
                list.push(row, tally);
            }
        })?;
    }
    tally.partial(
        "commands tell neither hashes, owners nor zones of programs, and know the time of writing alone: what was copied \
         here with an older one is missing",
    );
    Ok((Parsed::RecentExecutables(list.rows), tally))
}

/// `  18211 2026/11/30 21:00:00  C:\Users\alice\x.exe`
fn listed(line: &str) -> Option<RecentExecutable> {
    let mut rest = line.trim();
    let mut word = || {
        let (word, after) = rest.split_once(char::is_whitespace)?;
        rest = after.trim_start();
        Some(word)
    };
    let (size, day, time) = (word()?.parse().ok()?, word()?, word()?);
    let path = rest.trim();
    let is_path = matches!(path.as_bytes(), [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic());
    is_path.then(|| RecentExecutable {
        path: cut(path.to_owned(), PATH_CAP),
        size,
        modified_at: moment(day, time),
        ..RecentExecutable::default()
    })
}

fn moment(day: &str, time: &str) -> Option<Timestamp> {
    let at: DateTime = format!("{}T{time}", day.replace('/', "-")).parse().ok()?;
    Offset::UTC.to_timestamp(at).ok()
}
