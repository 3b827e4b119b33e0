//! `ipconfig /displaydns`, line by line.
//!
//! A name, a rule of dashes below it, and blocks of labelled values, whose labels are in the language of the endpoint
//! and whose order is the same in all of them: name, type as a number, seconds, length, section, data. Where there is a
//! sentence instead of a block, the name was asked for and has no answer.

use investigation::evidence::DnsRecord;

use super::some;

/// Values of one block that are looked at.
const VALUES: usize = 6;

/// Reads line by line.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The line before this one.
    before: String,
    /// The name above the rule, until it has an answer.
    open: Option<String>,
    /// The last name above a rule.
    name: String,
    values: Vec<String>,
}

impl Reading {
    /// Takes a line in; gives the records that it ends.
    pub(super) fn line(&mut self, line: &str) -> Vec<DnsRecord> {
        let line = line.trim();
        let mut ended = Vec::new();
        if is_rule(line) && !self.before.is_empty() {
            ended.extend(self.block());
            ended.extend(self.open.take().map(unanswered));
            self.name = std::mem::take(&mut self.before);
            self.open = Some(self.name.clone());
        } else if line.is_empty() {
            ended.extend(self.block());
        } else if let Some((label, value)) = line.split_once(": ")
            && label.contains(" .")
            && !self.name.is_empty()
            && self.values.len() < VALUES
        {
            self.values.push(value.trim().to_owned());
        }
        line.clone_into(&mut self.before);
        ended
    }

    /// What the last line ends.
    pub(super) fn finish(mut self) -> Vec<DnsRecord> {
        let last = self.block();
        last.into_iter().chain(self.open.take().map(unanswered)).collect()
    }

    fn block(&mut self) -> Option<DnsRecord> {
        let values = std::mem::take(&mut self.values);
        let [_, kind, ttl, rest @ ..] = values.as_slice() else { return None };
        let (kind, ttl) = (kind.parse::<u16>().ok()?, ttl.parse::<u64>().ok()?);
        self.open = None;
        Some(DnsRecord {
            name: self.name.clone(),
            kind: Some(kind_of(kind)),
            data: rest.get(2).and_then(|data| some(data)),
            ttl: Some(ttl),
        })
    }
}

fn is_rule(line: &str) -> bool {
    line.len() >= 8 && line.bytes().all(|b| b == b'-')
}

fn unanswered(name: String) -> DnsRecord {
    DnsRecord { name, ..DnsRecord::default() }
}

/// The name of a type (RFC 1035 and later), or its number.
pub(super) fn kind_of(number: u16) -> String {
    let name = match number {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        64 => "SVCB",
        65 => "HTTPS",
        other => return other.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<DnsRecord> {
        let mut reading = Reading::default();
        let mut all: Vec<DnsRecord> = text.lines().flat_map(|line| reading.line(line)).collect();
        all.extend(reading.finish());
        all
    }

    const RULE: &str = "    ----------------------------------------";

    #[test]
    fn blocks_are_records_and_sentences_are_no_answers() {
        let text = format!(
            "\nWindows-IP-Konfiguration\n\n    router.bittorrent.com\n{RULE}\n    Eintragsname  . . . . . : router.bittorrent.com\n    Eintragstyp . . . . . . : 1\n    Gültigkeitsdauer  . . . : 57\n    Datenlänge  . . . . . . : 4\n    Abschnitt . . . . . . . : Antwort\n    (Host-)A-Eintrag  . . . : 67.215.246.10\n\n\n    six.example\n{RULE}\n    Record Name . . . . . : six.example\n    Record Type . . . . . : 28\n    Time To Live  . . . . : 9\n    Data Length . . . . . : 16\n    Section . . . . . . . : Answer\n    AAAA Record . . . . . : 2001:db8::1\n\n    Record Name . . . . . : six.example\n    Record Type . . . . . : 5\n    Time To Live  . . . . : 9\n    Data Length . . . . . : 8\n    Section . . . . . . . : Answer\n    CNAME Record  . . . . : other.example\n\n\n    gone.example\n{RULE}\n    Name does not exist.\n\n\n    last.example\n{RULE}\n    No records of type AAAA\n"
        );
        let record = |name: &str, kind: &str, data: &str, ttl| DnsRecord {
            name: name.into(),
            kind: Some(kind.into()),
            data: Some(data.into()),
            ttl: Some(ttl),
        };
        assert_eq!(
            read(&text),
            [
                record("router.bittorrent.com", "A", "67.215.246.10", 57),
                record("six.example", "AAAA", "2001:db8::1", 9),
                record("six.example", "CNAME", "other.example", 9),
                unanswered("gone.example".into()),
                unanswered("last.example".into()),
            ]
        );
        assert!(read("\nWindows IP Configuration\n\nCould not display the DNS Resolver Cache.\n").is_empty());
    }

    #[test]
    fn a_block_that_is_cut_is_no_record() {
        let text = format!("    a.example\n{RULE}\n    Record Name . . . . . : a.example\n    Record Type");
        assert_eq!(read(&text), [unanswered("a.example".into())]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String, parts in proptest::collection::vec("(a . : 1|--------|x|\n){0,3}", 0..20)) {
            read(&text);
            let lines = parts.join("\n");
            prop_assert!(read(&lines).len() <= lines.lines().count() + 1);
        }
    }
}
