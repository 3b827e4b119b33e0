//! `Windows.System.Services` and `Windows.System.Drivers`: what runs as a service (ATT&CK T1543.003, T1569.002), and what is
//! loaded into the kernel (T1014, T1068, T1547.006), with the hash of each file and what the system says of its signature.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, KernelModule, Service};
use investigation::order::Limits;

use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::super::{Parsed, forensic::cut};
use super::super::answers::Answers;
use super::super::registry::{Value, read_values};
use super::super::rows::Row;
use super::super::{named, rows, some};
use super::images::{Images, file_of};
use super::{PATH_CAP, ROW_CAP, Rows, TEXT_CAP, long, name, start_of};

/// Where both are registered.
const KEYS: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\";
/// Windows' own folder, where nothing says otherwise.
const USUAL: &str = r"C:\Windows";
/// What commands do not tell.
const LESS: &str = "commands tell neither hashes nor signatures";

/// Reads the script of services.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (mut services, images, tally) = with_images(input, limits, "service", service)?;
    for service in &mut services {
        let image = images.of(service.path.as_deref());
        (service.sha256, service.signature, service.signer) = (image.sha256, image.signature, image.signer);
    }
    Ok((Parsed::Services(services), tally))
}

/// Reads the script of drivers.
pub(crate) fn parse_driver_rows(
    input: &mut dyn BufRead,
    _: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (mut drivers, images, tally) = with_images(input, limits, "driver", driver)?;
    for driver in &mut drivers {
        let image = images.of(driver.path.as_deref());
        (driver.sha256, driver.signature, driver.signer) = (image.sha256, image.signature, image.signer);
    }
    Ok((Parsed::KernelModules(drivers), tally))
}

/// The rows of one kind, and what is said of the files that they name.
fn with_images<'a, T>(
    input: &mut dyn BufRead,
    limits: &'a Limits,
    kind: &str,
    made: fn(&Row) -> T,
) -> io::Result<(Vec<T>, Images<'a>, Tally)> {
    let reading = (Rows::new(limits), Images::new(limits));
    let ((list, images), tally) =
        rows::read(input, ROW_CAP, reading, |(list, images), row, tally| match row.kind() {
            "image" => images.take(&row, tally),
            found if found == kind => list.push(made(&row), tally),
            _ => {}
        })?;
    Ok((list.rows, images, tally))
}

fn path(row: &Row) -> Option<String> {
    some(row.text("file")).map(|path| cut(path, PATH_CAP))
}

fn service(row: &Row) -> Service {
    Service {
        name: named(row.text("name").to_owned()),
        command: long(row, "command"),
        library: long(row, "library"),
        start: some(row.text("mode")).map(|mode| named(mode.to_ascii_lowercase())),
        state: name(row, "state"),
        account: name(row, "account"),
        path: path(row),
        ..Service::default()
    }
}

fn driver(row: &Row) -> KernelModule {
    KernelModule {
        name: named(row.text("name").to_owned()),
        state: named(row.text("state").to_owned()),
        start: some(row.text("mode")).map(|mode| named(mode.to_ascii_lowercase())),
        path: path(row),
        ..KernelModule::default()
    }
}

/// Reads the commands for services.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (registered, mut tally) = read(answers, facts, limits)?;
    let mut list = Rows::new(limits);
    for (name, entry) in registered.entries {
        if entry.is_driver() || !entry.is_service() || entry.command.is_none() {
            continue;
        }
        let row = Service {
            state: registered.active.contains(&name.to_lowercase()).then(|| "Running".to_owned()),
            path: entry.library.as_ref().or(entry.command.as_ref()).and_then(|line| file_of(line, USUAL)),
            start: entry.start.and_then(start_of).map(str::to_owned),
            command: entry.command,
            library: entry.library,
            account: entry.account,
            name,
            ..Service::default()
        };
        list.push(row, &mut tally);
    }
    Ok((Parsed::Services(list.rows), tally))
}

/// Reads the commands for drivers.
pub(crate) fn parse_driver_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (registered, mut tally) = read(answers, facts, limits)?;
    let mut list = Rows::new(limits);
    for (name, entry) in registered.entries {
        if !entry.is_driver() {
            continue;
        }
        let is_active = registered.active.contains(&name.to_lowercase());
        let row = KernelModule {
            state: if is_active { "Running" } else { "Stopped" }.to_owned(),
            start: entry.start.and_then(start_of).map(str::to_owned),
            path: entry.command.and_then(|line| file_of(&line, USUAL)),
            name,
            ..KernelModule::default()
        };
        list.push(row, &mut tally);
    }
    Ok((Parsed::KernelModules(list.rows), tally))
}

/// What is registered, by name, and the names of what runs, in lower case.
#[derive(Default)]
struct Registered {
    entries: BTreeMap<String, Entry>,
    active: BTreeSet<String>,
}

/// One service or driver as the registry has it.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) command: Option<String>,
    pub(crate) library: Option<String>,
    pub(crate) start: Option<u64>,
    pub(crate) account: Option<String>,
    kind: u64,
}

impl Entry {
    /// The types of drivers: of the kernel, of file systems, and what recognizes those.
    pub(crate) fn is_driver(&self) -> bool {
        self.kind & 0x0b != 0
    }

    /// Services run alone, share a host, or belong to a user; a key without a type is settings.
    pub(crate) fn is_service(&self) -> bool {
        self.kind & 0x70 != 0
    }

    /// Takes in a value of its key.
    pub(crate) fn set(&mut self, name: &str, data: &str, number: Option<u64>) {
        let text = || some(data).map(|text| cut(text, TEXT_CAP));
        match name.to_ascii_lowercase().as_str() {
            "imagepath" => self.command = text(),
            "start" => self.start = number,
            "type" => self.kind = number.unwrap_or(0),
            "objectname" => self.account = text().map(named),
            "servicedll" => self.library = text(),
            _ => {}
        }
    }
}

fn read(answers: &Answers, facts: &Facts, limits: &Limits) -> io::Result<(Registered, Tally)> {
    let (registered, mut tally) = answers.read(Registered::default(), |registered, tally| {
        read_values(
            answers,
            &["images", "types", "starts", "accounts", "libraries"],
            facts.code_page,
            tally,
            |value, tally| {
                take(registered, &value, limits, tally);
            },
        )?;
        let mut found = 0;
        answers.lines("active", facts.code_page, tally, |line, _| {
            // The one label that is a name of the programming interface, and the same in every language.
            if let Some(name) = line.strip_prefix("SERVICE_NAME:")
                && (registered.active.len() as u64) < limits.rows
            {
                found += 1;
                registered.active.insert(named(name.trim().to_lowercase()));
            }
        })?;
        answers.expect("active", found, tally);
        Ok(())
    })?;
    if !tally.is_failed() {
        tally.partial(LESS);
    }
    Ok((registered, tally))
}

/// Values right below the key of a service, and of its `Parameters`.
fn take(registered: &mut Registered, value: &Value, limits: &Limits, tally: &mut Tally) {
    let below = value.key.get(..KEYS.len()).filter(|start| start.eq_ignore_ascii_case(KEYS));
    let Some(rest) = below.map(|_| &value.key[KEYS.len()..]) else { return };
    let name = match rest.split_once('\\') {
        None => rest,
        Some((name, below)) if below.eq_ignore_ascii_case("Parameters") => name,
        Some(_) => return,
    };
    let entries = &mut registered.entries;
    if entries.len() as u64 >= limits.rows && !entries.contains_key(name) {
        tally.count(ArtifactStatus::Truncated, "values of services beyond the cap on rows were left out");
        return;
    }
    entries.entry(named(name.to_owned())).or_default().set(&value.name, &value.data, value.number());
}
