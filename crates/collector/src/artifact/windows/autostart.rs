//! `Windows.Persistence.Autostart`: what starts by itself (ATT&CK T1547.001, T1547.004, T1543.003, T1053.005).

mod startup;

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, AutostartEntry};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::cut_text;
use super::super::tally::Tally;
use super::answers::Answers;
use super::registry::{Value, read_values};
use super::rows::{self, Row};
use super::{csv, named, some};
use startup::Switches;
#[cfg(any(windows, test))]
pub(crate) use startup::entry as startup_entry;

/// Longest row.
const ROW_CAP: usize = 256 << 10;
/// Longest command that is kept, in bytes.
const COMMAND_CAP: usize = 4096;
/// Longest key or path that is kept, in bytes.
const LOCATION_CAP: usize = 1024;
/// Answers of `reg query`, by name.
const KEYS: [&str; 13] = [
    "winlogon",
    "run",
    "runonce",
    "policies",
    "run32",
    "runonce32",
    "policies32",
    "users",
    "approved",
    "approved_users",
    "images",
    "starts",
    "accounts",
];
/// Where services are described.
const SERVICES: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\";

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let list = List::new(limits);
    let (list, mut tally) = rows::read(input, ROW_CAP, list, |list, mut row, tally| match row.kind() {
        "value" => list.value(Value::from_row(&mut row), tally),
        "startup" => list.startup(row.text("path"), some(row.text("sid")), tally),
        "service" => list.push(service(&row), tally),
        "task" => list.push(task(&row), tally),
        "schtasks" => {
            list.task_line(row.text("line"), tally);
        }
        _ => {}
    })?;
    Ok((Parsed::Autostart(list.finish(&mut tally)), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, mut tally) = answers.read(List::new(limits), |list, tally| {
        read_values(answers, &KEYS, facts.code_page, tally, |value, tally| {
            list.value(value, tally);
        })?;
        let mut found = 0;
        answers.lines("tasks", facts.code_page, tally, |line, tally| found += list.task_line(line, tally))?;
        answers.expect("tasks", found, tally);
        startup::answers(answers, facts.code_page, list, tally)
    })?;
    Ok((Parsed::Autostart(list.finish(&mut tally)), tally))
}

fn service(row: &Row) -> AutostartEntry {
    let name = named(row.text("name").to_owned());
    AutostartEntry {
        mechanism: "service".into(),
        location: format!("{SERVICES}{name}"),
        name,
        command: some(row.text("image")),
        user: some(row.text("user")),
        // `Manual` is started by something else, `Disabled` by nothing.
        enabled: match row.text("mode") {
            "" => None,
            mode => Some(matches!(mode, "Auto" | "Boot" | "System")),
        },
    }
}

fn task(row: &Row) -> AutostartEntry {
    let (path, name) = task_name(row.text("name"));
    let run = [row.text("execute"), row.text("arguments")].join(" ");
    AutostartEntry {
        mechanism: "scheduled_task".into(),
        location: path,
        name,
        command: some(&run).or_else(|| some(row.text("class")).map(|class| format!("COM class {class}"))),
        user: some(row.text("user")),
        enabled: some(row.text("state")).map(|state| state != "Disabled"),
    }
}

/// Folder and name.
fn task_name(full: &str) -> (String, String) {
    let (folder, name) = full.rsplit_once('\\').unwrap_or(("", full));
    (format!("{folder}\\"), name.to_owned())
}

/// Entries up to the cap on rows, and services whose values come apart.
struct List<'a> {
    limits: &'a Limits,
    rows: Vec<AutostartEntry>,
    services: BTreeMap<String, Service>,
    switches: Switches,
}

#[derive(Default)]
struct Service {
    image: Option<String>,
    start: Option<u64>,
    account: Option<String>,
}

impl<'a> List<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, rows: Vec::new(), services: BTreeMap::new(), switches: Switches::default() }
    }

    /// Takes in a value of the registry, where it is one that starts something.
    fn value(&mut self, value: Value, tally: &mut Tally) {
        let key = value.key.to_ascii_lowercase();
        let run = [r"\currentversion\run", r"\currentversion\runonce", r"\policies\explorer\run"];
        if self.switches.take(&value, self.limits, tally) {
            return;
        }
        let mechanism = if run.iter().any(|end| key.ends_with(end)) {
            "run_key"
        } else if key.ends_with(r"\winlogon")
            && ["shell", "userinit"].contains(&value.name.to_ascii_lowercase().as_str())
            || key.contains(r"\winlogon\notify\") && value.name.eq_ignore_ascii_case("dllname")
        {
            "winlogon"
        } else {
            self.service_value(&value, tally);
            return;
        };
        // The key's own value is empty nearly everywhere; `reg` puts a sentence there.
        if value.name.is_empty() && value.data.starts_with('(') {
            return;
        }
        let user = value
            .key
            .strip_prefix(r"HKEY_USERS\")
            .and_then(|rest| rest.split('\\').next())
            .map(str::to_owned);
        self.push(
            AutostartEntry {
                mechanism: mechanism.into(),
                location: value.key,
                name: value.name,
                command: some(&value.data),
                user,
                enabled: Some(true),
            },
            tally,
        );
    }

    /// Takes in a file of a startup folder.
    fn startup(&mut self, path: &str, sid: Option<String>, tally: &mut Tally) {
        if let Some(entry) = startup::entry(path, sid) {
            self.push(entry, tally);
        }
    }

    /// Values right below the key of a service: its parts have keys of their own.
    fn service_value(&mut self, value: &Value, tally: &mut Tally) {
        let below = value.key.get(..SERVICES.len()).filter(|start| start.eq_ignore_ascii_case(SERVICES));
        let Some(name) = below.map(|_| &value.key[SERVICES.len()..]).filter(|name| !name.contains('\\'))
        else {
            return;
        };
        if self.services.len() as u64 >= self.limits.rows && !self.services.contains_key(name) {
            tally.count(ArtifactStatus::Truncated, "values of services beyond the cap on rows were left out");
            return;
        }
        let service = self.services.entry(name.to_owned()).or_default();
        match value.name.to_ascii_lowercase().as_str() {
            "imagepath" => service.image = some(&value.data),
            "start" => service.start = value.number(),
            "objectname" => service.account = some(&value.data),
            _ => {}
        }
    }

    /// A row of `schtasks /query /fo csv /v`, by position. Headers come again and again, and their second column is no
    /// path. Gives how many tasks it was.
    fn task_line(&mut self, line: &str, tally: &mut Tally) -> u64 {
        let Some(fields) = csv::fields(line) else { return 0 };
        let field = |at: usize| fields.get(at).map(String::as_str).unwrap_or_default();
        if !field(1).starts_with('\\') {
            return 0;
        }
        let (location, name) = task_name(field(1));
        let enabled = match field(11).to_lowercase().as_str() {
            "enabled" | "aktiviert" | "activé" | "activée" | "habilitado" | "habilitada" | "включено" => {
                Some(true)
            }
            "disabled" | "deaktiviert" | "désactivé" | "désactivée" | "deshabilitado" | "deshabilitada"
            | "отключено" => Some(false),
            _ => None,
        };
        self.push(
            AutostartEntry {
                mechanism: "scheduled_task".into(),
                location,
                name,
                command: some(field(8)),
                user: some(field(14)),
                enabled,
            },
            tally,
        );
        1
    }

    fn push(&mut self, mut row: AutostartEntry, tally: &mut Tally) {
        if self.rows.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "entries beyond the cap on rows were left out");
            return;
        }
        if row.command.as_mut().is_some_and(|command| cut_text(command, COMMAND_CAP)) {
            tally.count(ArtifactStatus::Truncated, "commands were longer than 4096 bytes and were cut");
        }
        cut_text(&mut row.location, LOCATION_CAP);
        row.name = named(row.name);
        row.user = row.user.map(named);
        // A task with several triggers is listed once for each.
        if self.rows.last() != Some(&row) {
            self.rows.push(row);
        }
    }

    fn finish(mut self, tally: &mut Tally) -> Vec<AutostartEntry> {
        for (name, Service { image, start, account }) in std::mem::take(&mut self.services) {
            // Drivers have no account; without an image it is a part of something else.
            let Some(image) =
                image.filter(|image| !image.to_ascii_lowercase().trim_end_matches('"').ends_with(".sys"))
            else {
                continue;
            };
            let entry = AutostartEntry {
                mechanism: "service".into(),
                location: format!("{SERVICES}{name}"),
                name,
                command: Some(image),
                user: account,
                // 0 boot, 1 system, 2 automatic, 3 on demand, 4 disabled.
                enabled: start.map(|start| start <= 2),
            };
            self.push(entry, tally);
        }
        self.rows.iter_mut().for_each(|row| self.switches.apply(row));
        self.rows
    }
}
