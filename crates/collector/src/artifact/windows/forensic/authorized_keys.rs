//! `Windows.Persistence.AuthorizedKeys`: whose keys let somebody in over OpenSSH for Windows (ATT&CK T1098.004). Administrators'
//! keys lie together in one file.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, AuthorizedKey};
use investigation::order::Limits;
use jiff::Timestamp;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::forensic::authorized_keys::{elsewhere, key};
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::{rows, some};
use super::{PATH_CAP, ROW_CAP, Rows, cut};

/// Lines of one file that are read.
pub(crate) const LINES: u32 = 5000;
/// Below `%ProgramData%`.
const ADMINISTRATORS: &str = r"C:\ProgramData\ssh\administrators_authorized_keys";

/// A file of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) user: Option<String>,
    pub(crate) modified_at: Option<Timestamp>,
}

/// Keys up to the cap on rows.
pub(crate) struct List<'a> {
    rows: Rows<'a, AuthorizedKey>,
}

impl<'a> List<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { rows: Rows::new(limits) }
    }

    /// Takes in a line of a file, from 1.
    pub(crate) fn line(&mut self, file: &File, line: u32, content: &str, tally: &mut Tally) {
        let content = content.trim_start_matches('\u{feff}').trim();
        if content.is_empty() || content.starts_with('#') {
            return;
        }
        if line > LINES {
            tally.count(
                ArtifactStatus::Truncated,
                "lines of files of keys were left out: the files are longer than 5000",
            );
            return;
        }
        match key(content) {
            Some(found) => {
                let File { path, user, modified_at } = file.clone();
                self.rows.push(AuthorizedKey { user, path, modified_at, line, ..found }, tally);
            }
            None => tally.count(ArtifactStatus::Partial, "lines of such files hold no key"),
        }
    }

    pub(crate) fn finish(self) -> Vec<AuthorizedKey> {
        self.rows.rows
    }
}

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let reading = (List::new(limits), File::default(), String::new());
    let ((list, _, settings), mut tally) =
        rows::read(input, ROW_CAP, reading, |(list, file, settings), row, tally| match row.kind() {
            "setting" if settings.len() < 4096 => {
                settings.push_str(row.text("line"));
                settings.push('\n');
            }
            "file" => {
                *file = File {
                    path: cut(row.text("path").to_owned(), PATH_CAP),
                    user: some(row.text("sid")).map(super::super::named),
                    modified_at: row.time("modified"),
                }
            }
            "line" => list.line(file, row.number("number").unwrap_or(0), row.text("line"), tally),
            _ => {}
        })?;
    elsewhere(&settings, &mut tally);
    Ok((Parsed::AuthorizedKeys(list.finish()), tally))
}

/// Reads the outputs of the commands. Hardly a machine has any such file, and `findstr` then says nothing.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut list = List::new(limits);
    let administrators = File { path: ADMINISTRATORS.into(), ..File::default() };
    let mut number = 0;
    answers.lines("administrators", facts.code_page, &mut tally, |line, tally| {
        number += 1;
        list.line(&administrators, number, line, tally);
    })?;
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    answers.lines("users", facts.code_page, &mut tally, |line, tally| {
        // `C:\Users\alice\.ssh\authorized_keys:ssh-ed25519 …`
        let drive = line.get(..3).filter(|start| start.ends_with(":\\"));
        let Some((path, content)) = drive.and_then(|_| line[2..].split_once(':')) else { return };
        let path = cut(format!("{}{path}", &line[..2]), PATH_CAP);
        if numbers.len() as u64 >= limits.rows && !numbers.contains_key(&path) {
            tally.count(ArtifactStatus::Truncated, "files of keys beyond the cap on rows were left out");
            return;
        }
        let number = numbers.entry(path.clone()).or_insert(0);
        *number += 1;
        list.line(&File { path, ..File::default() }, *number, content, tally);
    })?;
    let mut settings = String::new();
    answers.lines("settings", facts.code_page, &mut tally, |line, _| {
        if settings.len() < 4096 {
            settings.push_str(line);
            settings.push('\n');
        }
    })?;
    elsewhere(&settings, &mut tally);
    tally.partial("commands neither tell a file that is closed from one that is not there, nor know profiles outside of \\Users");
    Ok((Parsed::AuthorizedKeys(list.finish()), tally))
}
