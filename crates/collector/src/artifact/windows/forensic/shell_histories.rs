//! `Windows.System.ShellHistories`: whether PowerShell and others keep histories, how large they are and since when they are not
//! written any more (ATT&CK T1070.003). What they hold is personal data and often secrets, and stays where it is.

use std::io::{self, BufRead};

use investigation::evidence::HistoryFile;
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::{rows, some};
use super::{PATH_CAP, ROW_CAP, Rows, cut, owner_of_sddl};

/// Where PowerShell keeps those of its hosts, below a profile.
#[cfg(any(windows, test))]
pub(crate) const FOLDER: &str = r"AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine";
/// What their names end with.
#[cfg(any(windows, test))]
pub(crate) const END: &str = "_history.txt";

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = rows::read(input, ROW_CAP, Rows::new(limits), |list, row, tally| {
        if row.kind() == "history" {
            let file = HistoryFile {
                path: cut(row.text("path").to_owned(), PATH_CAP),
                owner: owner_of_sddl(row.text("owner")),
                size: row.number("size").unwrap_or(0),
                modified_at: row.time("modified"),
                target: some(row.text("target")).map(|target| cut(target, PATH_CAP)),
            };
            list.push(file, tally);
        }
    })?;
    Ok((Parsed::ShellHistories(list.rows), tally))
}

/// Reads the outputs of the commands: `SIZE PATH`. Where there is none, nothing is printed.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut list = Rows::new(limits);
    answers.lines("histories", facts.code_page, &mut tally, |line, tally| {
        let Some((size, path)) = line.trim().split_once(' ') else { return };
        if let (Ok(size), Some(path)) =
            (size.parse(), some(path).filter(|path| path.get(1..3) == Some(":\\")))
        {
            list.push(HistoryFile { path: cut(path, PATH_CAP), size, ..HistoryFile::default() }, tally);
        }
    })?;
    tally.partial("commands tell neither owners nor times of histories, nor a folder that is closed from one without any");
    Ok((Parsed::ShellHistories(list.rows), tally))
}
