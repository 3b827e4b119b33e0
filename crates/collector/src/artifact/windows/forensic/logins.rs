//! `Windows.System.Logins`: who logged in and from where, whose tries failed, who got an administrator's rights, and who used
//! another's credentials (ATT&CK T1078, T1110, T1021.001, T1134.002): events of the logs `Security`, `System` and of remote
//! desktop. Numbers, names of fields and SIDs, and no message: those are in the language of the endpoint.

use std::io::{self, BufRead};

use investigation::evidence::{Login, LoginKind};
use investigation::order::Limits;
use jiff::Timestamp;

use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::super::{Parsed, forensic::cut};
use super::super::answers::Answers;
use super::super::rows::Row;
use super::super::{rows, some};
use super::events::{Event, Reading};
use super::{NAME_CAP, PATH_CAP, ROW_CAP, Rows, account};

/// Commands, with the log that each asks.
const LOGS: [(&str, &str); 7] = [
    ("logon", "Security"),
    ("failed", "Security"),
    ("logoff", "Security"),
    ("privileged", "Security"),
    ("explicit", "Security"),
    ("sessions", SESSIONS),
    ("starts", "System"),
];
const SESSIONS: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational";
/// Events of one kind that a command gives, the latest first.
const MOST: u64 = 4000;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (mut list, mut tally) = rows::read(input, ROW_CAP, Rows::new(limits), |list, row, tally| match row
        .kind()
    {
        "event" => {
            if let Some(login) = Said::of_row(&row).login(row.time("at")) {
                list.push(login, tally);
            }
        }
        "more" => tally.truncated("a log has more of such events than are read: the oldest were left out"),
        _ => {}
    })?;
    note_services(&mut tally);
    Ok((Parsed::Logins(newest_first(&mut list)), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (mut list, mut tally) = answers.read(Rows::new(limits), |list, tally| {
        for (name, log) in LOGS {
            let mut reading = Reading::default();
            let mut found = 0;
            answers.lines(name, facts.code_page, tally, |line, tally| {
                for event in reading.line(line) {
                    found += 1;
                    if let Some(login) = Said::of_event(&event, log).login(event.at) {
                        list.push(login, tally);
                    }
                }
            })?;
            if found >= MOST {
                tally.truncated(format!(
                    "{log} has more than {MOST} events of `{name}`: the oldest were left out"
                ));
            }
            answers.expect_done(name, tally);
        }
        Ok(())
    })?;
    note_services(&mut tally);
    Ok((Parsed::Logins(newest_first(&mut list)), tally))
}

fn note_services(tally: &mut Tally) {
    if !tally.is_failed() {
        tally.note("logons of services (type 5) are left out");
    }
}

fn newest_first(list: &mut Rows<'_, Login>) -> Vec<Login> {
    let mut rows = std::mem::take(&mut list.rows);
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    rows
}

/// What an event says, whichever way it came.
#[derive(Debug, Default)]
struct Said {
    id: u32,
    log: String,
    user: Option<String>,
    by: Option<String>,
    logon_type: Option<u32>,
    session: Option<String>,
    from: Option<String>,
    program: Option<String>,
    target: Option<String>,
}

impl Said {
    fn of_row(row: &Row) -> Self {
        let text = |field| some(row.text(field)).filter(|text| text != "-");
        Self {
            id: row.number("id").unwrap_or(0),
            log: cut(row.text("log").to_owned(), NAME_CAP),
            user: account(row.text("domain"), row.text("user")),
            by: account(row.text("by_domain"), row.text("by")),
            logon_type: row.number("type"),
            session: text("session"),
            from: text("address").or_else(|| text("host")),
            program: text("program"),
            target: text("target"),
        }
    }

    fn of_event(event: &Event, log: &str) -> Self {
        let of = |domain, name| account(&event.text(domain), &event.text(name));
        let subject = of("SubjectDomainName", "SubjectUserName");
        let is_session = log == SESSIONS;
        let is_start =
            event.id > 20 || event.provider().as_deref() == Some("Microsoft-Windows-Kernel-General");
        Self {
            // Others write to the log of the system under the same numbers.
            id: if is_start { event.id } else { 0 },
            log: log.to_owned(),
            user: if is_session {
                event.value("User")
            } else if event.id == 4672 {
                subject.clone()
            } else {
                of("TargetDomainName", "TargetUserName")
            },
            by: subject.filter(|_| event.id != 4672),
            logon_type: event.value("LogonType").and_then(|kind| kind.parse().ok()),
            session: if is_session { event.value("SessionID") } else { logon_id(event) },
            from: event
                .value("IpAddress")
                .or_else(|| event.value("Address"))
                .or_else(|| event.value("WorkstationName")),
            program: event.value("ProcessName"),
            target: event.value("TargetServerName"),
        }
    }

    fn login(self, at: Option<Timestamp>) -> Option<Login> {
        let is_session = self.log == SESSIONS;
        let kind = match self.id {
            4624 => LoginKind::Login,
            4625 => LoginKind::Failed,
            4634 | 4647 => LoginKind::Logout,
            4672 => LoginKind::Privileged,
            4648 => LoginKind::ExplicitCredentials,
            21 | 25 if is_session => LoginKind::Login,
            23 | 24 if is_session => LoginKind::Logout,
            12 => LoginKind::Boot,
            13 => LoginKind::RunLevel,
            _ => return None,
        };
        if self.logon_type == Some(5) && self.id != 4625 {
            return None;
        }
        let name = |text: Option<String>| text.map(|text| cut(text, NAME_CAP));
        Some(Login {
            kind,
            at,
            user: name(self.user),
            session: name(self.session),
            from: name(self.from),
            pid: None,
            source: self.log,
            event: Some(self.id),
            how: self.logon_type.map(how),
            by: name(self.by),
            program: self.program.map(|path| cut(path, PATH_CAP)),
            target: name(self.target),
        })
    }
}

fn logon_id(event: &Event) -> Option<String> {
    event.value("TargetLogonId").or_else(|| event.value("SubjectLogonId"))
}

/// Windows' logon types (SECURITY_LOGON_TYPE).
fn how(number: u32) -> String {
    let word = match number {
        2 => "interactive",
        3 => "network",
        4 => "batch",
        5 => "service",
        7 => "unlock",
        8 => "network_cleartext",
        9 => "new_credentials",
        10 => "remote_interactive",
        11 => "cached_interactive",
        12 => "cached_remote_interactive",
        13 => "cached_unlock",
        other => return other.to_string(),
    };
    word.to_owned()
}
