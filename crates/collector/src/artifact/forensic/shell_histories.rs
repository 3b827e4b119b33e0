//! `Linux.System.ShellHistories`: whether shells and clients keep histories, how large they are and since when they are not
//! written any more (ATT&CK T1070.003). What they hold is personal data and often secrets, and stays where it is.

use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, HistoryFile};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::{Records, some_text, text};
use super::super::tally::Tally;
use super::{PATH_CAP, Rows, cut, note_whole, owner, seconds};

/// Longest value.
const VALUE_CAP: usize = 8 << 10;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    super::script_of::shell_histories()
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, facts: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::ShellHistories(Vec::new()), tally));
    };
    let mut file: Option<HistoryFile> = None;
    while let Some(record) = records.next()? {
        match record.key {
            b"file" => {
                if let Some(file) = file.take() {
                    rows.push(file, &mut tally);
                }
                file =
                    Some(HistoryFile { path: cut(text(record.value), PATH_CAP), ..HistoryFile::default() });
            }
            b"target" => {
                if let Some(file) = &mut file {
                    file.target = some_text(record.value).map(|target| cut(target, PATH_CAP));
                }
            }
            b"stat" => {
                let stat = text(record.value);
                let mut fields = stat.split_ascii_whitespace();
                if let (Some(file), Some(uid), Some(size), Some(at)) =
                    (&mut file, fields.next(), fields.next(), fields.next())
                {
                    file.owner = owner(facts, uid);
                    file.size = size.parse().unwrap_or(0);
                    file.modified_at = seconds(at);
                }
            }
            b"closed" => tally.count(ArtifactStatus::Partial, "home folders are closed to this account"),
            _ => {}
        }
    }
    if let Some(file) = file {
        rows.push(file, &mut tally);
    }
    note_whole(&records, &mut tally);
    Ok((Parsed::ShellHistories(rows.rows), tally))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{keeps_to_its_word, read, read_bare, run};
    use super::*;

    const BODY: &[u8] = b"file\0/home/alice/.bash_history\0stat\x001000 5120 1764000000\n\0\
        file\0/root/.bash_history\0target\0/dev/null\n\0stat\x000 9 1764000001\0closed\0/home/bob\0";

    #[test]
    fn a_history_that_leads_nowhere_shows() {
        let (parsed, status, reasons) = read(parse, BODY, &Limits::default());
        let Parsed::ShellHistories(rows) = parsed else { panic!("histories") };
        assert_eq!((rows.len(), status), (2, ArtifactStatus::Partial), "{reasons:?}");
        assert_eq!((rows[0].owner.as_deref(), rows[0].size, &rows[0].target), (Some("alice"), 5120, &None));
        assert_eq!(rows[1].target.as_deref(), Some("/dev/null"));
        let (parsed, status, _) = read(parse, BODY, &Limits { rows: 1, ..Limits::default() });
        assert_eq!((parsed.items(), status), (1, ArtifactStatus::Truncated));
    }

    #[test]
    fn this_machine_answers_and_sends_no_content() {
        let output = run(script());
        let (_, status, reasons) = read_bare(parse, &output, &Limits::default());
        assert!(matches!(status, ArtifactStatus::Ok | ArtifactStatus::Partial), "{reasons:?}");
        for word in ["cat ", "head ", "tail ", "grep "] {
            assert!(!include_str!("../sh/shell_histories.sh").contains(word), "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, stat in "[ -~]{0,40}") {
            keeps_to_its_word(parse, &bytes);
            keeps_to_its_word(parse, format!("file\0/a\0stat\0{stat}\0target\0{stat}\0").as_bytes());
        }
    }
}
