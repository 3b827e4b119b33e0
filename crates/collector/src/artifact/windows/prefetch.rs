//! `Windows.Execution.Prefetch`: which programs ran, also those that were deleted since (evidence of execution, ATT&CK
//! T1204). Names and times of the files alone: what is in them (path, count, earlier runs) is not read.

use std::collections::HashMap;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, Prefetched};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::tally::{Tally, counted};
use super::answers::Answers;
use super::{base_name, named, rows, wmic};

/// Longest row.
const ROW_CAP: usize = 16 << 10;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (list, mut tally) = rows::read(input, ROW_CAP, List::new(limits), |list, row, tally| {
        if row.kind() == "prefetch"
            && let Some(mut file) = prefetched(row.text("name"))
        {
            file.created = row.time("created");
            file.modified = row.time("modified");
            list.push(file, tally);
        }
    })?;
    Ok((Parsed::Prefetch(list.finish(&mut tally)), tally))
}

/// Reads the outputs of the commands. The dates of `dir` are in the order and the zone of the endpoint, which nothing
/// tells: times come from `wmic`, which says both.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut list = List::new(limits);
    answers.lines("names", facts.code_page, &mut tally, |line, tally| {
        if let Some(file) = prefetched(line.trim()) {
            list.push(file, tally);
        }
    })?;
    let mut times: HashMap<String, wmic::Record> = HashMap::new();
    let mut records = wmic::Records::default();
    let mut take = |record: wmic::Record| {
        if let Some(path) = record.get("Name")
            && (times.len() as u64) < limits.rows
        {
            times.insert(base_name(path).to_lowercase(), record);
        }
    };
    answers.lines("times", facts.code_page, &mut tally, |line, _| {
        if let Some(record) = records.line(line) {
            take(record);
        }
    })?;
    if let Some(record) = records.finish() {
        take(record);
    }
    for file in &mut list.rows {
        if let Some(record) = times.get(&file.file.to_lowercase()) {
            file.created = record.time("CreationDate");
            file.modified = record.time("LastModified");
        }
    }
    let untimed = list.rows.iter().filter(|file| file.modified.is_none()).count();
    if untimed > 0 {
        tally.partial(counted(
            untimed as u64,
            "files have no known times: there is no `wmic` that tells them",
        ));
    }
    Ok((Parsed::Prefetch(list.finish(&mut tally)), tally))
}

/// `QBITTORRENT.EXE-1A2B3C4D.pf`: the program's name and a hash of its path. Other files of the folder are not of
/// programs.
pub(crate) fn prefetched(file: &str) -> Option<Prefetched> {
    let stem = file.len().checked_sub(3).filter(|at| file.is_char_boundary(*at))?;
    let (stem, end) = file.split_at(stem);
    if !end.eq_ignore_ascii_case(".pf") || file.contains(['\\', '/']) {
        return None;
    }
    let (program, hash) = stem.rsplit_once('-')?;
    let is_hash = (1..=8).contains(&hash.len()) && hash.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hash && !program.is_empty()).then(|| Prefetched {
        file: named(file.to_owned()),
        program: named(program.to_owned()),
        created: None,
        modified: None,
    })
}

/// Files up to the cap on rows.
pub(crate) struct List<'a> {
    limits: &'a Limits,
    rows: Vec<Prefetched>,
}

impl<'a> List<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Prefetched, tally: &mut Tally) {
        if self.rows.len() as u64 >= self.limits.rows {
            tally
                .count(ArtifactStatus::Truncated, "prefetched programs beyond the cap on rows were left out");
        } else {
            self.rows.push(row);
        }
    }

    /// Nothing there is not the same as nothing that ran.
    pub(crate) fn finish(self, tally: &mut Tally) -> Vec<Prefetched> {
        if self.rows.is_empty() && !tally.is_failed() {
            tally.partial(
                "no program is prefetched: Prefetch is switched off, as on servers, was emptied, or is closed to this \
                 account",
            );
        }
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_told_from_hashes() {
        let program = |file| prefetched(file).map(|found| found.program);
        assert_eq!(program("QBITTORRENT.EXE-1A2B3C4D.pf").as_deref(), Some("QBITTORRENT.EXE"));
        assert_eq!(program("A-B.EXE-0AB.PF").as_deref(), Some("A-B.EXE"));
        for other in [
            "Layout.ini",
            "ReadyBoot",
            "X.EXE-12345678A.pf",
            "X.EXE.pf",
            "-12.pf",
            ".pf",
            "",
            "é",
            "X-Z.pf",
            r"C:\X.EXE-1.pf",
        ] {
            assert_eq!(program(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_read(name: String) {
            prefetched(&name);
            prefetched(&format!("{name}-1A.pf"));
        }
    }
}
