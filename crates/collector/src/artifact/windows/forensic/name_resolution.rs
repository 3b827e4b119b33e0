//! `Windows.Network.NameResolution`: whether names lead elsewhere (ATT&CK T1565.001, T1557, T1090): the hosts file, the resolvers
//! of each interface, rules for single names (NRPT), and proxies.

use std::io::{self, BufRead};

use data_encoding::HEXLOWER_PERMISSIVE;
use investigation::evidence::{ArtifactStatus, NameEntry};
use investigation::order::Limits;
use jiff::Timestamp;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::forensic::name_resolution::{NAMES, host};
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::registry::{Value, read_values};
use super::super::rows;
use super::{NAME_CAP, PATH_CAP, ROW_CAP, Rows, cut};

/// Where the file lies unless the registry says otherwise.
pub(crate) const HOSTS: &str = r"drivers\etc\hosts";
/// Lines of the file that are read.
pub(crate) const LINES: usize = 20_000;
/// Commands that ask the registry.
const KEYS: [&str; 8] =
    ["tcpip", "interfaces", "order", "rules", "policy", "proxy", "proxy_users", "winhttp"];

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let reading = (Rows::new(limits), String::new(), None);
    let ((list, ..), tally) =
        rows::read(input, ROW_CAP, reading, |(list, file, written), mut row, tally| match row.kind() {
            "file" => {
                *file = cut(row.text("path").to_owned(), PATH_CAP);
                *written = row.time("modified");
            }
            "line" => {
                if let Some(entry) = host_entry(file, *written, row.text("line")) {
                    list.push(entry, tally);
                }
            }
            "long" => tally.truncated("the hosts file has more lines than are read"),
            "value" => {
                if let Some(entry) = setting(&Value::from_row(&mut row)) {
                    list.push(entry, tally);
                }
            }
            _ => {}
        })?;
    Ok((Parsed::NameResolution(list.rows), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = answers.read(Rows::new(limits), |list: &mut Rows<'_, NameEntry>, tally| {
        let mut lines = 0;
        answers.lines("hosts", facts.code_page, tally, |line, tally| {
            lines += 1;
            if lines > LINES {
                tally.count(ArtifactStatus::Truncated, "lines of the hosts file were left out");
            } else if let Some(entry) = host_entry(HOSTS, None, line) {
                list.push(entry, tally);
            }
        })?;
        answers.expect_done("hosts", tally);
        read_values(answers, &KEYS, facts.code_page, tally, |value, tally| {
            if let Some(entry) = setting(&value) {
                list.push(entry, tally);
            }
        })?;
        Ok(())
    })?;
    Ok((Parsed::NameResolution(list.rows), tally))
}

/// An entry for a line of the hosts file, where it names somebody.
pub(crate) fn host_entry(file: &str, written: Option<Timestamp>, line: &str) -> Option<NameEntry> {
    let line = line.trim_start_matches('\u{feff}').split('#').next().unwrap_or_default().trim();
    let (kind, value, names) = host(line)?;
    Some(NameEntry {
        source: file.to_owned(),
        kind: kind.to_owned(),
        value,
        names: names.into_iter().take(NAMES).map(|name| cut(name, NAME_CAP)).collect(),
        modified_at: written,
    })
}

fn setting(value: &Value) -> Option<NameEntry> {
    let data = match value.name.eq_ignore_ascii_case("WinHttpSettings") {
        true => winhttp(&bytes(&value.data))?,
        false => value.data.clone(),
    };
    entry(&value.key, &value.name, &data)
}

/// An entry for a value of the registry, where it is one that says how names or ways are found.
pub(crate) fn entry(key: &str, name: &str, data: &str) -> Option<NameEntry> {
    let lower = key.to_ascii_lowercase();
    let data = data.trim().replace('\n', " ").replace("\\0", " ");
    let kind = match name.to_ascii_lowercase().as_str() {
        "nameserver" | "dhcpnameserver" => "nameserver",
        "searchlist" | "domain" | "dhcpdomain" | "nv domain" => "search",
        "databasepath" => "option",
        "localpriority" | "hostspriority" | "dnspriority" | "netbtpriority" => "hosts_order",
        // What a rule is for, and who is asked then.
        "name" | "genericdnsservers" if lower.contains("dnspolicyconfig") => "nameserver",
        "enablemulticast" | "dohpolicy" | "enableautodoh" => "option",
        "proxyenable" | "proxyserver" | "proxyoverride" | "autoconfigurl" | "autodetect" => "proxy",
        "winhttpsettings" => "proxy",
        _ => return None,
    };
    let bare = matches!(kind, "nameserver" | "search") && !lower.contains("dnspolicyconfig");
    let data = if bare { data } else { format!("{name}={data}") };
    (!data.is_empty() && !data.ends_with('=')).then(|| NameEntry {
        source: cut(key.to_owned(), PATH_CAP),
        kind: kind.to_owned(),
        value: cut(data, PATH_CAP),
        ..NameEntry::default()
    })
}

/// Binary data as `reg` prints it, or as the scripts do: a number a line.
fn bytes(data: &str) -> Vec<u8> {
    match data.contains('\n') {
        true => data.lines().take(4096).filter_map(|number| number.trim().parse().ok()).collect(),
        false => HEXLOWER_PERMISSIVE.decode(data.trim().as_bytes()).unwrap_or_default(),
    }
}

/// The proxy that services use: five numbers and two texts, of which the length stands before each. Nothing where they
/// connect directly.
pub(crate) fn winhttp(bytes: &[u8]) -> Option<String> {
    let text = |at: usize| {
        let length = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
        let end = (at + 4).checked_add(usize::try_from(length).ok()?)?;
        Some((String::from_utf8_lossy(bytes.get(at + 4..end)?).into_owned(), end))
    };
    let (proxy, end) = text(12)?;
    if proxy.is_empty() {
        return None;
    }
    let bypass = text(end).map(|(bypass, _)| bypass).unwrap_or_default();
    Some(format!("{proxy} {bypass}").trim().to_owned())
}
