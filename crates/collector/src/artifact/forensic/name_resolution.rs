//! `Linux.Network.NameResolution`: whether names lead elsewhere (ATT&CK T1565.001, T1557): the hosts file, the resolvers, and
//! the order in which they are asked.

use std::io::{self, BufRead};
use std::net::IpAddr;

use investigation::evidence::{ArtifactStatus, NameEntry};
use investigation::order::Limits;
use investigation::text::one_line;
use jiff::Timestamp;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::{Records, text};
use super::super::tally::Tally;
use super::{NAME_CAP, PATH_CAP, Rows, cut, note_whole, seconds};

/// Longest value: the script cuts files at 1 MiB.
const VALUE_CAP: usize = 1 << 20;
/// Names of one host entry that are kept.
pub(crate) const NAMES: usize = 64;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    super::script_of::name_resolution()
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::NameResolution(Vec::new()), tally));
    };
    let mut file = File::default();
    let mut answered = false;
    while let Some(record) = records.next()? {
        let read: fn(&str) -> Option<Row> = match record.key {
            b"file" => {
                file = File { path: cut(text(record.value), PATH_CAP), written: None };
                continue;
            }
            b"written" => {
                file.written = seconds(&text(record.value));
                continue;
            }
            b"closed" => {
                tally.count(ArtifactStatus::Partial, "files are closed to this account");
                continue;
            }
            b"hosts" => host,
            b"resolv" => resolver,
            b"resolved" => setting,
            b"nsswitch" => order,
            _ => continue,
        };
        answered = true;
        if record.cut || record.value.len() >= VALUE_CAP {
            tally.truncated(format!("{} is longer than 1 MiB and was cut", one_line(&file.path, 200)));
        }
        let content = text(record.value);
        for line in content.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some((kind, value, names)) = read(line) {
                rows.push(file.entry(kind, value, names), &mut tally);
            }
        }
    }
    note_whole(&records, &mut tally);
    if !answered {
        tally.failed("the endpoint showed none of its files");
    }
    Ok((Parsed::NameResolution(rows.rows), tally))
}

/// Kind, value, names.
pub(crate) type Row = (&'static str, String, Vec<String>);

#[derive(Default)]
struct File {
    path: String,
    written: Option<Timestamp>,
}

impl File {
    fn entry(&self, kind: &str, value: String, names: Vec<String>) -> NameEntry {
        NameEntry {
            source: self.path.clone(),
            kind: kind.to_owned(),
            value: cut(value, PATH_CAP),
            names: names.into_iter().take(NAMES).map(|name| cut(name, NAME_CAP)).collect(),
            modified_at: self.written,
        }
    }
}

/// `127.0.1.1 ws-0042.corp.example ws-0042`
pub(crate) fn host(line: &str) -> Option<Row> {
    let mut words = line.split_ascii_whitespace();
    let address: IpAddr = words.next()?.split('%').next()?.parse().ok()?;
    let names: Vec<String> = words.take(NAMES + 1).map(str::to_owned).collect();
    (!names.is_empty()).then(|| ("host", address.to_string(), names))
}

/// resolv.conf(5)
fn resolver(line: &str) -> Option<Row> {
    let line = line.split(';').next()?.trim();
    let (word, value) = line.split_once(|c: char| c.is_ascii_whitespace())?;
    let kind = match word {
        "nameserver" => "nameserver",
        "search" | "domain" => "search",
        "options" | "sortlist" => "option",
        _ => return None,
    };
    Some((kind, value.trim().to_owned(), Vec::new()))
}

/// resolved.conf(5): `DNS=10.0.0.2`
fn setting(line: &str) -> Option<Row> {
    let (name, value) = line.split_once('=')?;
    let kind = match name.trim() {
        "DNS" | "FallbackDNS" => "nameserver",
        "Domains" => "search",
        _ => "option",
    };
    let value = value.trim();
    let value = if kind == "option" { line.to_owned() } else { value.to_owned() };
    (!value.is_empty()).then(|| (kind, value, Vec::new()))
}

/// nsswitch.conf(5): `hosts: files dns`
fn order(line: &str) -> Option<Row> {
    let value = line.strip_prefix("hosts:")?.trim();
    Some(("hosts_order", value.to_owned(), Vec::new()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{keeps_to_its_word, read, read_bare, run};
    use super::*;

    const BODY: &[u8] = b"file\0/etc/hosts\0written\x001764000000\n\0hosts\0# a comment\n127.0.0.1\tlocalhost\n\
        203.0.113.66  update.example.com www.example.com # not ours\nnonsense line\n::1 ip6-localhost\n\0\
        file\0/etc/resolv.conf\0written\x001764000001\0resolv\0search corp.example\nnameserver 10.0.0.2\nnameserver 203.0.113.53 ; odd\noptions edns0\n\0\
        file\0/etc/systemd/resolved.conf\0resolved\0[Resolve]\n#DNS=\nDNS=10.0.0.3\nLLMNR=no\n\0\
        file\0/etc/nsswitch.conf\0nsswitch\0passwd: files\nhosts: files dns\n\0";

    #[test]
    fn every_file_is_read_by_its_own_grammar() {
        let (parsed, status, reasons) = read(parse, BODY, &Limits::default());
        let Parsed::NameResolution(rows) = parsed else { panic!("entries") };
        assert_eq!(status, ArtifactStatus::Ok, "{reasons:?}");
        let shown: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.value.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("host", "127.0.0.1"),
                ("host", "203.0.113.66"),
                ("host", "::1"),
                ("search", "corp.example"),
                ("nameserver", "10.0.0.2"),
                ("nameserver", "203.0.113.53"),
                ("option", "edns0"),
                ("nameserver", "10.0.0.3"),
                ("option", "LLMNR=no"),
                ("hosts_order", "files dns"),
            ]
        );
        assert_eq!(rows[1].names, ["update.example.com", "www.example.com"]);
        assert_eq!(rows[1].modified_at, Timestamp::from_second(1_764_000_000).ok());
        let (parsed, status, _) = read(parse, BODY, &Limits { rows: 2, ..Limits::default() });
        assert_eq!((parsed.items(), status), (2, ArtifactStatus::Truncated));
    }

    #[test]
    fn what_is_missing_is_said() {
        let closed = b"file\0/etc/hosts\0closed\0/etc/hosts\0nsswitch\0\0";
        assert_eq!(read(parse, closed, &Limits::default()).1, ArtifactStatus::Partial);
        assert_eq!(read(parse, b"", &Limits::default()).1, ArtifactStatus::Failed);
        let long = [b"file\0/etc/hosts\0hosts\0", "127.0.0.1 a\n".repeat(100_000).as_bytes(), b"\0"].concat();
        assert_eq!(read(parse, &long, &Limits::default()).1, ArtifactStatus::Truncated);
    }

    #[test]
    fn this_machine_answers() {
        let (parsed, status, reasons) = read_bare(parse, &run(script()), &Limits::default());
        assert!(matches!(status, ArtifactStatus::Ok | ArtifactStatus::Partial), "{reasons:?}");
        let Parsed::NameResolution(rows) = parsed else { panic!("entries") };
        assert!(rows.iter().any(|row| row.kind == "host"), "{rows:?}");
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, text in "[ -~\n]{0,200}") {
            keeps_to_its_word(parse, &bytes);
            for key in ["hosts", "resolv", "resolved", "nsswitch"] {
                keeps_to_its_word(parse, format!("file\0/x\0{key}\0{text}\0").as_bytes());
            }
        }
    }
}
