//! `Windows.Network.Shares`: what is shared, who uses it, and what is used of other machines (ATT&CK T1021.002, T1135, T1570).

use std::io::{self, BufRead};

use investigation::evidence::Share;
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::{image_path, named, rows};
use super::{PATH_CAP, ROW_CAP, Rows, cut, name, records};

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = rows::read(input, ROW_CAP, Rows::new(limits), |list, row, tally| {
        if matches!(row.kind(), "share" | "session" | "connection") {
            let share = Share {
                kind: row.kind().to_owned(),
                name: named(row.text("name").to_owned()),
                path: image_path(row.text("path")),
                user: name(&row, "user"),
                seconds: row.number("seconds"),
            };
            list.push(share, tally);
        }
    })?;
    Ok((Parsed::Shares(list.rows), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = answers.read(Rows::new(limits), |list, tally| {
        let found = records(answers, "shares", facts.code_page, tally, |record, tally| {
            if let Some(share) = record.get("Name") {
                let path = record.get("Path").and_then(image_path);
                let name = named(share.to_owned());
                list.push(Share { kind: "share".into(), name, path, ..Share::default() }, tally);
            }
        })?;
        answers.expect("shares", found, tally);
        answers.lines("sessions", facts.code_page, tally, |line, tally| {
            if let Some(session) = session(line) {
                list.push(session, tally);
            }
        })?;
        answers.lines("connections", facts.code_page, tally, |line, tally| {
            if let Some(connection) = connection(line) {
                list.push(connection, tally);
            }
        })?;
        for name in ["sessions", "connections"] {
            answers.expect_done(name, tally);
        }
        Ok(())
    })?;
    Ok((Parsed::Shares(list.rows), tally))
}

/// A row of `net session`: `\\10.20.3.9   alice   Windows 10   0 00:01:02`.
fn session(line: &str) -> Option<Share> {
    let mut words = line.split_whitespace();
    let from = words.next()?.strip_prefix(r"\\")?;
    let user = words.next().filter(|word| !word.bytes().all(|b| b.is_ascii_digit() || b == b':'));
    Some(Share {
        kind: "session".into(),
        name: named(from.to_owned()),
        user: user.map(|user| named(user.to_owned())),
        ..Share::default()
    })
}

/// A row of `net use`, whatever stands before and behind: `OK   Z:   \\server\share   Microsoft Windows Network`.
fn connection(line: &str) -> Option<Share> {
    let share = line.split_whitespace().find(|word| word.starts_with(r"\\") && word.len() > 2)?;
    Some(Share { kind: "connection".into(), name: cut(share.to_owned(), PATH_CAP), ..Share::default() })
}
