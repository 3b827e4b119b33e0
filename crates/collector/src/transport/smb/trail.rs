//! Everything that was asked is on record, and everything that came back of it in a raw output, within caps.

use std::time::Instant;

use data_encoding::{BASE64, HEXLOWER};
use investigation::evidence::CommandRecord;
use investigation::text::one_line;
use jiff::Timestamp;

use crate::artifact::tally::Tally;
use crate::contact_error::ContactError;
use crate::staging::RawOutput;
use crate::transport::local::windows::registry::Value;

/// Questions of one artifact that get a record each. The raw output has them all.
const RECORDS: usize = 200;
/// Longest text of a record, in characters.
const TEXT: usize = 1000;

/// The record of one artifact while it is read.
pub(super) struct Trail {
    artifact: String,
    raw: RawOutput,
    is_full: bool,
    records: Vec<CommandRecord>,
    more: u64,
    /// Our own disk failed.
    broken: Option<ContactError>,
}

/// A question under way.
pub(super) struct Question {
    at: Timestamp,
    since: Instant,
}

impl Question {
    pub(super) fn begin() -> Self {
        Self { at: Timestamp::now(), since: Instant::now() }
    }
}

impl Trail {
    pub(super) fn new(artifact: &str, raw: RawOutput) -> Self {
        let artifact = artifact.to_owned();
        Self { artifact, raw, is_full: false, records: Vec::new(), more: 0, broken: None }
    }

    /// Puts a question on record: what was asked, the lines that came back, and why it came to nothing.
    pub(super) fn note(&mut self, asked: &str, question: &Question, lines: &[String], why: Option<&str>) {
        let asked = one_line(asked, TEXT);
        self.line(&format!("? {asked}"));
        let before = self.raw.written();
        lines.iter().for_each(|line| self.line(line));
        if let Some(why) = why {
            self.line(&format!("! {}", one_line(why, TEXT)));
        }
        if self.records.len() >= RECORDS {
            self.more += 1;
            return;
        }
        self.records.push(CommandRecord {
            artifact: self.artifact.clone(),
            command: asked,
            exit_code: None,
            stdout_bytes: self.raw.written() - before,
            stderr: why.map(|why| one_line(why, TEXT)).unwrap_or_default(),
            started_at: question.at,
            elapsed_ms: u64::try_from(question.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }

    fn line(&mut self, line: &str) {
        if self.is_full || self.broken.is_some() {
            return;
        }
        let written = self.raw.write(line.as_bytes()).and_then(|whole| Ok(whole && self.raw.write(b"\n")?));
        match written {
            Ok(whole) => self.is_full = !whole,
            Err(error) => self.broken = Some(error),
        }
    }

    /// Closes the raw output; with the records.
    pub(super) fn finish(mut self, tally: &mut Tally) -> Result<Vec<CommandRecord>, ContactError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.is_full {
            tally.truncated("the raw output reached its cap: what came after it is in the parsed form only");
        }
        if self.more > 0 {
            self.records.push(CommandRecord {
                artifact: self.artifact,
                command: format!("{} more questions of this kind; the raw output has each", self.more),
                exit_code: None,
                stdout_bytes: 0,
                stderr: String::new(),
                started_at: Timestamp::now(),
                elapsed_ms: 0,
            });
        }
        self.raw.close()?;
        Ok(self.records)
    }
}

/// A value as a line of the raw output: type, bytes in hexadecimal digits, and the name, which ends the line.
pub(super) fn value_line(value: &Value) -> String {
    format!("{}\t{}\t{}", value.kind, HEXLOWER.encode(&value.bytes), one_line(&value.name, TEXT))
}

/// A file's content as a line of the raw output.
pub(super) fn content_line(content: &[u8]) -> String {
    format!("base64\t{}", BASE64.encode(content))
}
