//! `Windows.Network.DnsCache`: which names the endpoint asked for lately, and what came back.

use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, DnsRecord};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::cut_text;
use super::super::tally::Tally;
use super::answers::Answers;
use super::displaydns::{self, kind_of};
use super::rows::{self, Row};
use super::{named, some};

/// Longest row.
const ROW_CAP: usize = 64 << 10;
/// Longest answer that is kept, in bytes: a name has at most 255, a text may be longer.
const DATA_CAP: usize = 1024;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let reading = (List::new(limits), displaydns::Reading::default());
    let ((mut list, rest), mut tally) =
        rows::read(input, ROW_CAP, reading, |(list, lines), row, tally| match row.kind() {
            "dns" => list.push(record(&row), tally),
            "displaydns" => {
                lines.line(row.text("line")).into_iter().for_each(|record| list.push(record, tally));
            }
            _ => {}
        })?;
    rest.finish().into_iter().for_each(|record| list.push(record, &mut tally));
    Ok((Parsed::DnsCache(list.rows), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = answers.read(List::new(limits), |list, tally| {
        let mut lines = displaydns::Reading::default();
        answers.lines("displaydns", facts.code_page, tally, |line, tally| {
            lines.line(line).into_iter().for_each(|record| list.push(record, tally));
        })?;
        lines.finish().into_iter().for_each(|record| list.push(record, tally));
        answers.expect("displaydns", list.rows.len() as u64, tally);
        Ok(())
    })?;
    Ok((Parsed::DnsCache(list.rows), tally))
}

/// A row of `Get-DnsClientCache`. A status other than 0 is a code of an error: there is no such name, or no such record.
fn record(row: &Row) -> DnsRecord {
    let answered = matches!(row.text("status"), "" | "0" | "Success");
    let kind = row.text("type");
    DnsRecord {
        name: row.text("name").to_owned(),
        kind: some(kind).map(|name| kind.parse().map_or(name, kind_of)).filter(|_| answered),
        data: some(row.text("data")).filter(|_| answered),
        ttl: row.number("ttl").filter(|_| answered),
    }
}

/// Records up to the cap on rows.
struct List<'a> {
    limits: &'a Limits,
    rows: Vec<DnsRecord>,
}

impl<'a> List<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, rows: Vec::new() }
    }

    fn push(&mut self, mut row: DnsRecord, tally: &mut Tally) {
        if row.name.is_empty() {
            return;
        }
        if self.rows.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "records beyond the cap on rows were left out");
            return;
        }
        row.name = named(row.name);
        row.kind = row.kind.map(named);
        if let Some(data) = &mut row.data {
            cut_text(data, DATA_CAP);
        }
        self.rows.push(row);
    }
}
