//! `Windows.System.Identity`: which machine answered, whose it is, and who is logged in, at the console or remotely.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::net::IpAddr;

use investigation::evidence::{Identity, SessionUser};
use investigation::order::Limits;
use jiff::Timestamp;

use super::super::Parsed;
use super::super::facts::{Contact, Facts};
use super::super::tally::Tally;
use super::answers::Answers;
use super::quser::{self, UserSession};
use super::registry::{Listing, Value};
use super::rows::{self, Row};
use super::{ipconfig, lines, named, some, systeminfo, tasklist, wmic};

/// Longest row.
const ROW_CAP: usize = 16 << 10;
/// Most addresses that are kept; of sessions an eighth of it.
const CAP: usize = 4096;

/// The catalogue's view of [`read_rows`].
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, _: &Limits) -> io::Result<(Parsed, Tally)> {
    let (contact, tally) = read_rows(input)?;
    Ok((Parsed::Identity(Box::new(contact.unwrap_or_default().identity)), tally))
}

/// The catalogue's view of [`read_answers`].
pub(crate) fn parse_answers(answers: &Answers, _: &Facts, _: &Limits) -> io::Result<(Parsed, Tally)> {
    let (contact, tally) = read_answers(answers)?;
    Ok((Parsed::Identity(Box::new(contact.unwrap_or_default().identity)), tally))
}

/// Reads the script's output. Without a contact where no script of ours ran.
pub(crate) fn read_rows(input: &mut dyn BufRead) -> io::Result<(Option<Contact>, Tally)> {
    let gathered = Gathered::default();
    let (gathered, mut tally) = rows::read(input, ROW_CAP, gathered, |gathered, row, _| gathered.row(&row))?;
    let contact = (!tally.is_failed()).then(|| gathered.into_contact(&mut tally));
    Ok((contact, tally))
}

/// Reads the outputs of the commands. Without a contact where none of them gave an address.
pub(crate) fn read_answers(answers: &Answers) -> io::Result<(Option<Contact>, Tally)> {
    let mut tally = Tally::default();
    let mut gathered = Gathered::default();
    let mut code_page = None;
    answers.lines("chcp", None, &mut tally, |line, _| code_page = code_page.or(lines::code_page(line)))?;
    gathered.facts.code_page = code_page;

    let mut hosts = Vec::new();
    answers.lines("hostname", code_page, &mut tally, |line, _| hosts.extend(some(line)))?;
    let mut selves = Vec::new();
    answers.lines("whoami", code_page, &mut tally, |line, _| selves.extend(some(line)))?;
    // Either is one line; a message is not taken for a name.
    if let [host] = hosts.as_slice() {
        gathered.identity.host_name = named(host.clone());
    }
    if let [user] = selves.as_slice() {
        gathered.identity.collected_as = Some(named(user.clone())).filter(|user| user.contains('\\'));
    }
    let mut own = ipconfig::Reading::default();
    answers.lines("ipconfig", code_page, &mut tally, |line, _| own.line(line))?;
    let own = own.finish();
    answers.expect("ipconfig", own.addresses.len() as u64, &mut tally);
    own.addresses.into_iter().for_each(|ip| gathered.hold(ip));
    if gathered.identity.host_name.is_empty() {
        gathered.identity.host_name = own.host.unwrap_or_default();
    }
    for name in ["tcpip", "version"] {
        let mut listing = Listing::default();
        answers.lines(name, code_page, &mut tally, |line, _| {
            if let Some(value) = listing.line(line) {
                gathered.value(value);
            }
        })?;
    }
    answers.lines("quser", code_page, &mut tally, |line, _| gathered.quser(line))?;
    answers.lines("explorer", code_page, &mut tally, |line, _| {
        if let Some(task) =
            tasklist::task(line).filter(|task| task.image.eq_ignore_ascii_case("explorer.exe"))
            && let Some((domain, user)) = task.user.as_deref().and_then(|user| user.split_once('\\'))
        {
            gathered.desktop(user, domain, task.session, Some(task.session_name), None);
        }
    })?;
    let mut records = wmic::Records::default();
    let mut first = None;
    answers.lines("os", code_page, &mut tally, |line, _| {
        let ended = records.line(line);
        first = first.take().or(ended);
    })?;
    if let Some(os) = first.or_else(|| records.finish()) {
        gathered.facts.boot = os.time("LastBootUpTime");
        gathered.identity.endpoint_time = os.time("LocalDateTime");
    }
    let mut info = systeminfo::Reading::default();
    answers.lines("systeminfo", code_page, &mut tally, |line, _| info.line(line))?;
    gathered.system_info(info.finish());
    if gathered.identity.addresses.is_empty() {
        tally.failed("the endpoint ran none of the commands");
        return Ok((None, tally));
    }
    Ok((Some(gathered.into_contact(&mut tally)), tally))
}

#[derive(Default)]
struct Gathered {
    identity: Identity,
    facts: Facts,
    /// `ProductName`, `DisplayVersion`, build and revision, as the registry has them.
    version: BTreeMap<String, String>,
    /// Who owns an Explorer, with the number of the session.
    desktops: Vec<(Option<u32>, SessionUser)>,
    sessions: Vec<UserSession>,
    console: Option<String>,
}

impl Gathered {
    fn row(&mut self, row: &Row) {
        let identity = &mut self.identity;
        let text = |name: &str| some(row.text(name)).map(named);
        match row.kind() {
            "clock" => identity.endpoint_time = row.time("time"),
            "self" => identity.collected_as = text("user"),
            "address" => {
                let ip = row.text("ip").split('%').next().and_then(|ip| ip.parse::<IpAddr>().ok());
                if let Some(ip) = ip {
                    self.hold(ip.to_canonical());
                }
            }
            "computer" => {
                identity.host_name = text("host").or_else(|| text("name")).unwrap_or_default();
                // A workgroup is no domain.
                identity.domain = text("domain").filter(|_| row.flag("member"));
                self.console = text("console");
            }
            "os" => {
                identity.os = text("caption");
                identity.kernel = text("version");
                self.facts.boot = row.time("boot");
            }
            "desktop" => {
                let session = row.number("session");
                self.desktop(row.text("user"), row.text("domain"), session, None, row.time("since"));
            }
            "quser" => self.quser(row.text("line")),
            // A newer script may say more.
            _ => {}
        }
    }

    fn hold(&mut self, ip: IpAddr) {
        if !ip.is_unspecified() && self.identity.addresses.len() < CAP {
            self.identity.addresses.push(ip);
        }
    }

    fn value(&mut self, value: Value) {
        let name = value.name.to_ascii_lowercase();
        match name.as_str() {
            "hostname" | "nv hostname" if self.identity.host_name.is_empty() => {
                self.identity.host_name = named(value.data);
            }
            "domain" | "nv domain" if self.identity.domain.is_none() => {
                self.identity.domain = some(&value.data).map(named);
            }
            "productname" | "displayversion" | "currentbuild" | "currentbuildnumber" | "ubr" => {
                self.version.entry(name).or_insert_with(|| named(value.data));
            }
            _ => {}
        }
    }

    fn quser(&mut self, line: &str) {
        if self.sessions.len() < CAP / 8 {
            self.sessions.extend(quser::session(line));
        }
    }

    fn desktop(
        &mut self,
        user: &str,
        domain: &str,
        number: Option<u32>,
        session: Option<String>,
        since: Option<Timestamp>,
    ) {
        let Some(name) = some(user).map(named) else { return };
        let session = session.filter(|session| !session.is_empty());
        let domain = some(domain).map(named);
        // One user may have several Explorers in one session.
        let known = |(other, row): &(Option<u32>, SessionUser)| {
            *other == number && row.name.eq_ignore_ascii_case(&name) && row.domain == domain
        };
        if let Some((_, row)) = self.desktops.iter_mut().find(|row| known(row)) {
            row.since = [row.since, since].into_iter().flatten().min();
        } else if self.desktops.len() < CAP / 8 {
            self.desktops.push((number, SessionUser { name, domain, session, from: None, since }));
        }
    }

    fn system_info(&mut self, info: systeminfo::SystemInfo) {
        let identity = &mut self.identity;
        if identity.host_name.is_empty() {
            identity.host_name = info.host.unwrap_or_default();
        }
        // The registry's product name says 10 for Windows 11.
        identity.os = info.os.or_else(|| identity.os.take());
        identity.kernel = identity.kernel.take().or(info.version);
        // A workgroup's name has no dot, a directory's domain has one.
        identity.domain = identity.domain.take().or(info.domain.filter(|domain| domain.contains('.')));
    }

    fn into_contact(mut self, tally: &mut Tally) -> Contact {
        let identity = &mut self.identity;
        identity.addresses.sort();
        identity.addresses.dedup();
        identity.boot_time = self.facts.boot;
        let version = |name: &str| self.version.get(name).cloned();
        if identity.os.is_none() {
            let words = [version("productname"), version("displayversion")];
            // Each was cut by itself, and so is what they make together.
            let words = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
            identity.os = Some(named(words)).filter(|os| !os.is_empty());
        }
        if let Some(build) = version("currentbuildnumber").or_else(|| version("currentbuild")) {
            let revision = version("ubr").and_then(|ubr| {
                Value { data: ubr, ..Value::default() }.number().map(|number| format!(".{number}"))
            });
            identity.kernel = Some(named(format!("{build}{}", revision.unwrap_or_default())));
        }
        if identity.addresses.is_empty() {
            tally.partial("the endpoint did not say which addresses it holds");
        }
        identity.users = merged(self.desktops, self.sessions, self.console);
        Contact { identity: self.identity, facts: self.facts }
    }
}

/// Who has a session: `quser` knows all of them and no domains, Explorers have an owner with a domain, and the console's
/// user is known without either.
fn merged(
    desktops: Vec<(Option<u32>, SessionUser)>,
    sessions: Vec<UserSession>,
    console: Option<String>,
) -> Vec<SessionUser> {
    let mut users: Vec<(Option<u32>, SessionUser)> = desktops;
    for UserSession { name, session, id } in sessions {
        let session = session.unwrap_or_else(|| "disconnected".to_owned());
        let same = |row: &SessionUser| {
            row.name.eq_ignore_ascii_case(&name) || row.name.to_lowercase() == name.to_lowercase()
        };
        match users.iter_mut().find(|(number, row)| *number == Some(id) && same(row)) {
            Some((_, row)) => row.session = Some(session),
            None => {
                // The same account's domain is known from another session of it.
                let domain = users.iter().find(|(_, row)| same(row)).and_then(|(_, row)| row.domain.clone());
                users.push((
                    Some(id),
                    SessionUser { name, domain, session: Some(session), from: None, since: None },
                ));
            }
        }
    }
    if let Some((domain, name)) = console.as_deref().and_then(|user| user.split_once('\\'))
        && !users.iter().any(|(_, row)| row.name.to_lowercase() == name.to_lowercase())
    {
        let row = SessionUser {
            name: name.to_owned(),
            domain: some(domain),
            session: Some("console".into()),
            from: None,
            since: None,
        };
        users.push((None, row));
    }
    users.sort_by_key(|(number, _)| *number);
    users.into_iter().map(|(_, row)| row).collect()
}
