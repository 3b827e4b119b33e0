//! The raw outputs of the commands of one way.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use investigation::evidence::ArtifactStatus;
use investigation::text::one_line;

use super::super::tally::Tally;
use super::lines::Lines;

/// What the commands printed, in the order of the catalogue.
#[derive(Debug, Default)]
pub(crate) struct Answers(Vec<Answer>);

/// What one command printed.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its name in the catalogue.
    pub(crate) name: String,
    /// Where its output is.
    pub(crate) output: Output,
    /// Exit code, where there is one.
    pub(crate) exit_code: Option<i32>,
    /// First part of standard error.
    pub(crate) stderr: String,
    /// Nothing is missing where it has nothing to say.
    pub(crate) spare: bool,
}

/// Where an output is.
#[derive(Debug)]
pub(crate) enum Output {
    /// In our folder.
    File(PathBuf),
    /// In memory.
    Bytes(Vec<u8>),
}

impl Answer {
    /// Bytes that it printed.
    fn length(&self) -> io::Result<u64> {
        Ok(match &self.output {
            Output::File(path) => path.metadata()?.len(),
            Output::Bytes(bytes) => bytes.len() as u64,
        })
    }
}

impl Answers {
    /// Takes in the next answer.
    pub(crate) fn push(&mut self, answer: Answer) {
        self.0.push(answer);
    }

    /// Reads them into `reading`, unless no command printed anything, which is a failure.
    pub(super) fn read<R>(
        &self,
        mut reading: R,
        read: impl FnOnce(&mut R, &mut Tally) -> io::Result<()>,
    ) -> io::Result<(R, Tally)> {
        let mut tally = Tally::default();
        if self.is_silent()? {
            tally.failed("the endpoint ran none of the commands");
        } else {
            read(&mut reading, &mut tally)?;
        }
        Ok((reading, tally))
    }

    /// Whether nothing was printed by any command.
    fn is_silent(&self) -> io::Result<bool> {
        for answer in &self.0 {
            if answer.length()? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Hands every line that a command printed to `take`, decoded. Nothing where it was not run.
    pub(super) fn lines(
        &self,
        name: &str,
        code_page: Option<u16>,
        tally: &mut Tally,
        mut take: impl FnMut(&str, &mut Tally),
    ) -> io::Result<()> {
        let Some(answer) = self.find(name) else { return Ok(()) };
        let mut input: Box<dyn BufRead> = match &answer.output {
            Output::File(path) => Box::new(BufReader::with_capacity(64 << 10, File::open(path)?)),
            Output::Bytes(bytes) => Box::new(bytes.as_slice()),
        };
        let mut lines = Lines::open(&mut *input, code_page)?;
        while let Some(line) = lines.next()? {
            take(&line, tally);
        }
        for _ in 0..lines.cut().min(1_000_000) {
            tally.count(ArtifactStatus::Truncated, "lines were longer than 64 KiB and were cut");
        }
        Ok(())
    }

    /// Whether a command printed anything.
    pub(super) fn said(&self, name: &str) -> io::Result<bool> {
        self.find(name).map_or(Ok(false), |answer| Ok(answer.length()? > 0))
    }

    /// Says in the tally where a command that matters gave nothing that could be read. `found`: rows of it.
    pub(super) fn expect(&self, name: &str, found: u64, tally: &mut Tally) {
        if found > 0 {
            return;
        }
        let Some(answer) = self.find(name).filter(|answer| !answer.spare) else { return };
        let code = answer.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
        let said = one_line(answer.stderr.trim(), 160);
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        tally.partial(format!("`{name}` gave nothing that could be read{code}{said}"));
    }

    /// Says in the tally where a command that may rightly find nothing did not come to its end.
    pub(super) fn expect_done(&self, name: &str, tally: &mut Tally) {
        let Some(answer) = self.find(name).filter(|answer| answer.exit_code != Some(0)) else { return };
        let code = answer.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
        let said = one_line(answer.stderr.trim(), 160);
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        tally.partial(format!("`{name}` did not end as it should{code}{said}"));
    }

    fn find(&self, name: &str) -> Option<&Answer> {
        self.0.iter().find(|answer| answer.name == name)
    }
}
