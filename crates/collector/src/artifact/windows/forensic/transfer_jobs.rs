//! `Windows.System.BitsJobs`: what is fetched or sent in the background, and what is run when it is done (ATT&CK T1197), with
//! what the log says began lately: a job that is done is gone from the list.

use std::io::{self, BufRead};

use investigation::evidence::TransferJob;
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::{named, rows};
use super::events::{Event, Reading};
use super::{PATH_CAP, ROW_CAP, Rows, TEXT_CAP, cut, long, name};

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let reading = (Rows::new(limits), Reading::default());
    let ((list, _), tally) =
        rows::read(input, ROW_CAP, reading, |(list, events), row, tally| match row.kind() {
            "job" => {
                let job = TransferJob {
                    kind: "job".into(),
                    id: name(&row, "id"),
                    name: named(row.text("name").to_owned()),
                    owner: name(&row, "owner"),
                    state: name(&row, "state"),
                    url: long(&row, "url"),
                    path: long(&row, "path"),
                    command: long(&row, "command"),
                    at: row.time("at"),
                };
                list.push(job, tally);
            }
            "event" => {
                for event in events.line(row.text("xml")).iter().filter(|event| event.id == 59) {
                    list.push(begun(event), tally);
                }
            }
            _ => {}
        })?;
    Ok((Parsed::TransferJobs(list.rows), tally))
}

/// Reads the outputs of the commands: the log alone, since the words of `bitsadmin` are for people.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut list = Rows::new(limits);
    let mut reading = Reading::default();
    answers.lines("begun", facts.code_page, &mut tally, |line, tally| {
        for event in reading.line(line).iter().filter(|event| event.id == 59) {
            list.push(begun(event), tally);
        }
    })?;
    answers.expect_done("begun", &mut tally);
    tally.partial("commands tell what began by the log, and not which jobs there are, nor what they run when they are done");
    Ok((Parsed::TransferJobs(list.rows), tally))
}

fn begun(event: &Event) -> TransferJob {
    TransferJob {
        kind: "event".into(),
        id: event.value("Id").or_else(|| event.value("transferId")).map(named),
        name: named(event.text("name")),
        url: event.value("url").map(|url| cut(url, TEXT_CAP)),
        path: event.value("LocalName").map(|path| cut(path, PATH_CAP)),
        at: event.at,
        ..TransferJob::default()
    }
}
