//! What a program's answer says, held against what was asked. It comes from the endpoint and is believed in nothing:
//! not in its lengths, its counts, its kinds, nor in a single value.

use std::io::{self, BufRead};

use investigation::evidence::{ArtifactKind, ArtifactStatus};
use investigation::order::Limits;
use investigation::text::one_line;
use serde::de::DeserializeOwned;

use super::frame::{FrameError, Frames, Word};
use super::tidy::Tidy;
use super::{Begin, Done};
use crate::artifact::tally::Tally;
use crate::artifact::{self, Parsed};

/// Most reasons that an answer may give.
const REASON_CAP: usize = 60;

/// What an answer came to.
#[derive(Debug)]
pub(crate) enum Reading {
    /// The program has said everything that it had to say.
    Whole(Parsed, Tally),
    /// It was still speaking.
    Cut(Parsed, Tally),
    /// This is no answer to what was asked; one line says why.
    None(String),
}

/// Reads an answer. `version` is the program's.
///
/// # Errors
/// Those of reading our own file.
pub(crate) fn read(
    input: &mut dyn BufRead,
    kind: ArtifactKind,
    version: &str,
    limits: &Limits,
) -> io::Result<Reading> {
    let Some((mut frames, found)) = Frames::open(input)? else {
        return Ok(Reading::None("it said nothing that the program says".into()));
    };
    if found != version {
        return Ok(Reading::None(format!("another program answered, which calls itself version {found}")));
    }
    match Answer::new(kind, limits).take(&mut frames) {
        Ok(Ok((parsed, tally, true))) => Ok(Reading::Whole(parsed, tally)),
        Ok(Ok((parsed, tally, false))) => Ok(Reading::Cut(parsed, tally)),
        Ok(Err(why)) => Ok(Reading::None(why)),
        Err(FrameError::Io(error)) => Err(error),
        Err(error) => Ok(Reading::None(format!("its answer cannot be read: {error}"))),
    }
}

/// An answer while it is read.
struct Answer<'a> {
    kind: ArtifactKind,
    limits: &'a Limits,
    parsed: Parsed,
    tally: Tally,
    rows: u64,
}

impl<'a> Answer<'a> {
    fn new(kind: ArtifactKind, limits: &'a Limits) -> Self {
        Self { kind, limits, parsed: artifact::nothing(kind), tally: Tally::default(), rows: 0 }
    }

    /// All lines. The inner error says what is no answer; true where it came to its end.
    fn take(mut self, frames: &mut Frames<'_>) -> Result<Result<(Parsed, Tally, bool), String>, FrameError> {
        match frames.next() {
            Ok((Word::Begin, json)) => match serde_json::from_slice(json) {
                Ok(Begin { kind }) if kind == self.kind => {}
                Ok(Begin { kind }) => {
                    let (said, asked) = (kind.as_str(), self.kind.as_str());
                    return Ok(Err(format!("it answered with {said} where {asked} was asked")));
                }
                Err(_) => return Err(FrameError::Broken(2)),
            },
            Ok(_) => return Err(FrameError::Broken(2)),
            Err(FrameError::Cut) => return Ok(Ok((self.parsed, self.tally, false))),
            Err(error) => return Err(error),
        }
        loop {
            let (word, json) = match frames.next() {
                Err(FrameError::Cut) => return Ok(Ok((sorted(self.parsed), self.tally, false))),
                other => other?,
            };
            let taken = match word {
                Word::Row => self.row(json),
                Word::State => self.state(json),
                Word::Done => {
                    let done = self.done(json);
                    if !frames.is_at_end()? {
                        return Ok(Err("it goes on after its end".into()));
                    }
                    return Ok(done.map(|()| (sorted(self.parsed), self.tally, true)));
                }
                Word::Begin => Err("it begins twice".into()),
            };
            if let Err(why) = taken {
                return Ok(Err(why));
            }
        }
    }

    fn row(&mut self, json: &[u8]) -> Result<(), String> {
        self.rows += 1;
        if self.rows > self.limits.rows {
            self.tally.count(ArtifactStatus::Truncated, "rows beyond the cap were left out");
            return Ok(());
        }
        let tally = &mut self.tally;
        match &mut self.parsed {
            Parsed::Sockets(rows) => rows.push(read_row(json, tally)?),
            Parsed::Processes(rows) => rows.push(read_row(json, tally)?),
            Parsed::Torrents(rows) => rows.push(read_row(json, tally)?),
            Parsed::Autostart(rows) => rows.push(read_row(json, tally)?),
            Parsed::RecentExecutables(rows) => rows.push(read_row(json, tally)?),
            Parsed::Firewall(state) => state.rules.push(read_row(json, tally)?),
            Parsed::Identity(_) => return Err("nobody asked it who it is".into()),
            _ => return Err("it does not read such a thing".into()),
        }
        Ok(())
    }

    fn state(&mut self, json: &[u8]) -> Result<(), String> {
        let Parsed::Firewall(state) = &mut self.parsed else { return Err("a state of what has none".into()) };
        if self.rows > 0 || !state.engines.is_empty() {
            return Err("its state comes twice, or too late".into());
        }
        *state = read_row(json, &mut self.tally)?;
        Ok(())
    }

    fn done(&mut self, json: &[u8]) -> Result<(), String> {
        let done: Done = serde_json::from_slice(json).map_err(|_| "its last line cannot be read")?;
        if done.rows != self.rows {
            return Err(format!("it counts {} rows and has said {}", done.rows, self.rows));
        }
        if done.reasons.is_empty() != (done.status == ArtifactStatus::Ok) || done.reasons.len() > REASON_CAP {
            return Err("its reasons do not go with its status".into());
        }
        for reason in done.reasons {
            let reason = one_line(&reason, 400);
            match done.status {
                ArtifactStatus::Ok => {}
                ArtifactStatus::Partial => self.tally.partial(reason),
                ArtifactStatus::Truncated => self.tally.truncated(reason),
                ArtifactStatus::Failed => self.tally.failed(reason),
            }
        }
        Ok(())
    }
}

/// In the order that every list of processes has.
fn sorted(mut parsed: Parsed) -> Parsed {
    if let Parsed::Processes(rows) = &mut parsed {
        rows.sort_by_key(|process| process.pid);
    }
    parsed
}

/// One row, in bounds. JSON that nests deeper than any row does is refused by what reads it.
fn read_row<T: DeserializeOwned + Tidy>(json: &[u8], tally: &mut Tally) -> Result<T, String> {
    let mut row: T = serde_json::from_slice(json)
        .map_err(|error| format!("a row cannot be read: {}", one_line(&error.to_string(), 120)))?;
    row.tidy(tally);
    Ok(row)
}
