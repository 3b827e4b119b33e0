//! `Windows.System.EventLogs`: which event logs are kept, how far back they go, and that they were cleared (ATT&CK T1070.001,
//! T1562.002).

use std::io::{self, BufRead};

use investigation::evidence::EventLog;
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::{named, rows, some};
use super::events::{Event, Reading};
use super::{NAME_CAP, ROW_CAP, Rows, account, cut};

/// Logs that the commands ask about: their state, and their contents' measure.
const LOGS: [(&str, &str, &str); 3] = [
    ("Security", "security", "security_info"),
    ("System", "system", "system_info"),
    ("Microsoft-Windows-PowerShell/Operational", "powershell", "powershell_info"),
];

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = rows::read(input, ROW_CAP, Rows::new(limits), |list, row, tally| match row.kind() {
        "log" => {
            let log = EventLog {
                log: named(row.text("log").to_owned()),
                kind: "log".into(),
                enabled: Some(row.flag("enabled")),
                records: row.number("records"),
                max_bytes: row.number("max"),
                at: row.time("oldest"),
                user: None,
            };
            list.push(log, tally);
        }
        "cleared" => {
            let log = EventLog {
                log: named(row.text("log").to_owned()),
                kind: "cleared".into(),
                at: row.time("at"),
                user: account(row.text("domain"), row.text("user")),
                ..EventLog::default()
            };
            list.push(log, tally);
        }
        _ => {}
    })?;
    Ok((Parsed::EventLogs(list.rows), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = answers.read(Rows::new(limits), |list, tally| {
        for (log, state, info) in LOGS {
            let mut row = EventLog { log: log.into(), kind: "log".into(), ..EventLog::default() };
            for name in [state, info] {
                answers.lines(name, facts.code_page, tally, |line, _| property(line, &mut row))?;
            }
            answers.expect(state, u64::from(row.enabled.is_some()), tally);
            if row.enabled.is_some() || row.records.is_some() {
                list.push(row, tally);
            }
        }
        for name in ["security_cleared", "system_cleared"] {
            let mut reading = Reading::default();
            answers.lines(name, facts.code_page, tally, |line, tally| {
                for row in reading.line(line).iter().filter_map(cleared) {
                    list.push(row, tally);
                }
            })?;
            answers.expect_done(name, tally);
        }
        Ok(())
    })?;
    Ok((Parsed::EventLogs(list.rows), tally))
}

/// A line of `wevtutil gl` or `wevtutil gli`, whose names are those of the programming interface.
fn property(line: &str, row: &mut EventLog) {
    let Some((name, value)) = line.trim().split_once(": ") else { return };
    match name {
        "enabled" => row.enabled = Some(value.trim() == "true"),
        "maxSize" => row.max_bytes = value.trim().parse().ok(),
        "numberOfLogRecords" => row.records = value.trim().parse().ok(),
        _ => {}
    }
}

/// 1102 of `Security` says so of itself, 104 of `System` of any other.
fn cleared(event: &Event) -> Option<EventLog> {
    let log = match event.id {
        1102 => "Security".to_owned(),
        104 => event.value("Channel").and_then(|log| some(&log))?,
        _ => return None,
    };
    Some(EventLog {
        log: cut(log, NAME_CAP),
        kind: "cleared".into(),
        at: event.at,
        user: account(&event.text("SubjectDomainName"), &event.text("SubjectUserName")),
        ..EventLog::default()
    })
}
