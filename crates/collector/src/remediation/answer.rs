//! What a script of a measure says.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use investigation::remediation::MeasureStatus;

use super::Ending;
use crate::artifact::record::{Records, text};
use crate::artifact::windows::told;

/// Longest value: the content of a file that starts something.
const VALUE_CAP: usize = 96 << 10;
/// Most values.
const VALUES: usize = 32;
/// Most notes that a detail takes in.
const NOTES: usize = 4;

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    status: Option<MeasureStatus>,
    detail: String,
    notes: Vec<String>,
    values: BTreeMap<String, Vec<u8>>,
}

impl Answer {
    /// Reads it. `None` where no script of ours ran, or it did not come to its end.
    pub(crate) fn read(input: &mut dyn BufRead) -> io::Result<Option<Self>> {
        let Some(mut records) = Records::open(input, VALUE_CAP)? else { return Ok(None) };
        let mut answer = Self::default();
        while let Some(record) = records.next()? {
            match record.key {
                b"status" => answer.status = status(record.value),
                b"detail" => answer.detail = text(record.value),
                b"note" if answer.notes.len() < NOTES => answer.notes.push(text(record.value)),
                key if answer.values.len() < VALUES && !record.cut => {
                    answer.values.insert(text(key), record.value.to_vec());
                }
                _ => {}
            }
        }
        Ok(records.is_whole().then_some(answer).filter(|answer| answer.status.is_some()))
    }

    /// Reads what PowerShell says, as [`Self::read`].
    pub(crate) fn read_rows(input: &mut dyn BufRead) -> io::Result<Option<Self>> {
        let mut answer = Self::default();
        let whole = told(input, &mut |key, value| match key {
            // The first one ends the script: what comes after it is none of ours.
            "status" if answer.status.is_none() => answer.status = status(value.as_bytes()),
            "detail" if answer.detail.is_empty() => answer.detail = value.to_owned(),
            "status" | "detail" => {}
            "note" if answer.notes.len() < NOTES => answer.notes.push(value.to_owned()),
            "note" => {}
            key if answer.values.len() < VALUES && value.len() <= VALUE_CAP => {
                answer.values.insert(key.to_owned(), value.as_bytes().to_vec());
            }
            _ => {}
        })?;
        Ok(Some(answer).filter(|answer| whole && answer.status.is_some()))
    }

    /// What stands for the answer of a script that gave none.
    pub(crate) fn failed(why: String) -> Self {
        Self { status: Some(MeasureStatus::Failed), detail: why, ..Self::default() }
    }

    /// Whether the script did what it was made for.
    pub(crate) fn is_done(&self) -> bool {
        self.status == Some(MeasureStatus::Done)
    }

    /// The bytes of a value that it told.
    pub(crate) fn bytes(&self, key: &str) -> Option<&[u8]> {
        self.values.get(key).map(Vec::as_slice)
    }

    /// A value as text, nothing where it is empty.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.bytes(key).map(text).filter(|text| !text.is_empty())
    }

    /// Texts of all values whose names begin like this.
    pub(crate) fn texts(&self, start: &str) -> Vec<String> {
        let found = self.values.iter().filter(|(key, _)| key.starts_with(start));
        found.map(|(_, value)| text(value)).collect()
    }

    /// A SHA-256 that it told.
    pub(crate) fn sha256(&self) -> Option<String> {
        let hash = self.text("sha256")?;
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (hash.len() == 64 && hash.bytes().all(hex)).then_some(hash)
    }

    /// How it ended, with what else is to be known.
    pub(crate) fn ending(&self) -> Ending {
        let mut detail = self.detail.clone();
        for note in &self.notes {
            detail.push_str("; ");
            detail.push_str(note);
        }
        Ending::new(self.status.unwrap_or(MeasureStatus::Failed), detail)
    }
}

fn status(word: &[u8]) -> Option<MeasureStatus> {
    Some(match word {
        b"done" => MeasureStatus::Done,
        b"already" => MeasureStatus::Already,
        b"gone" => MeasureStatus::Gone,
        b"refused" => MeasureStatus::Refused,
        b"failed" => MeasureStatus::Failed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Option<Answer> {
        Answer::read(&mut &*bytes).unwrap()
    }

    #[test]
    fn an_answer_is_read_to_its_end_or_not_at_all() {
        let whole = b"motd\0PEERHOUND-1\0note\0a\nb\0status\0done\0detail\0it is gone\0end\0\0";
        let answer = read(whole).unwrap();
        assert!(answer.is_done());
        assert_eq!(answer.ending(), Ending::new(MeasureStatus::Done, "it is gone; a\nb"));
        for cut in 0..whole.len() - 5 {
            assert!(read(&whole[..cut]).is_none(), "{cut}");
        }
        assert!(read(b"\0PEERHOUND-1\0detail\0x\0end\0\0").is_none(), "without a status");
        assert!(read(b"\0PEERHOUND-1\0status\0fine\0end\0\0").is_none(), "with an unknown one");
    }

    fn rows(text: &str) -> Option<Answer> {
        Answer::read_rows(&mut text.as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_of_powershell_counts_only_where_a_script_of_ours_ran_to_its_end() {
        let told = r#"{"k":"told","name":"sha256","value":"00"}"#;
        let end = r#"{"k":"answer","status":"done","detail":"a\nb"}"#;
        let note = r#"{"k":"note","text":"c"}"#;
        let whole = format!("PEERHOUND-1\r\n{told}\r\n{note}\r\n{end}\r\nPEERHOUND-END\r\n");
        let answer = rows(&whole).unwrap();
        assert_eq!(answer.ending(), Ending::new(MeasureStatus::Done, "a\nb; c"));
        assert_eq!((answer.text("sha256").as_deref(), answer.sha256()), (Some("00"), None));
        for cut in ["", "PEERHOUND-1\r\n", end, &whole[..whole.len() - 5], &whole.replace("done", "fine")] {
            assert!(rows(cut).is_none(), "{cut}");
        }
        let whole = "#< CLIXML\r\nPEERHOUND-1\r\nPEERHOUND-END\r\n";
        assert!(rows(whole).is_none(), "without a status");
    }

    #[test]
    fn what_an_endpoint_adds_to_an_answer_of_powershell_changes_none_of_it() {
        let end = r#"{"k":"answer","status":"refused","detail":"no"}"#;
        let late = r#"{"k":"answer","status":"done","detail":"yes"}"#;
        let answer = rows(&format!("PEERHOUND-1\n{end}\n{late}\nPEERHOUND-END\n")).unwrap();
        assert_eq!(answer.ending(), Ending::refused("no"));
        // A value is no status, whatever it is called.
        let posing = r#"{"k":"told","name":"status","value":"done"}"#;
        let answer = rows(&format!("PEERHOUND-1\n{posing}\n{end}\nPEERHOUND-END\n")).unwrap();
        assert_eq!(answer.ending(), Ending::refused("no"));
        let many: String =
            (0..1000).map(|n| format!("{{\"k\":\"told\",\"name\":\"v{n}\",\"value\":\"x\"}}\n")).collect();
        let answer = rows(&format!("PEERHOUND-1\n{many}{end}\nPEERHOUND-END\n")).unwrap();
        assert_eq!(answer.texts("v").len(), VALUES);
        let line = format!("{{\"k\":\"told\",\"name\":\"v\",\"value\":\"{}\"}}\n", "x".repeat(1 << 20));
        assert!(rows(&format!("PEERHOUND-1\n{line}{end}\nPEERHOUND-END\n")).is_none(), "no row is so long");
    }

    #[test]
    fn what_it_tells_is_bounded_and_a_hash_is_one() {
        let mut bytes = b"\0PEERHOUND-1\0".to_vec();
        for n in 0..1000 {
            bytes.extend(format!("k{n}\0v\0note\0{n}\0").bytes());
        }
        bytes.extend(b"status\0refused\0detail\0\0end\0\0");
        let answer = read(&bytes).unwrap();
        assert_eq!((answer.values.len(), answer.notes.len()), (VALUES, NOTES));
        let hash = |value: &str| {
            let bytes = format!("\0PEERHOUND-1\0sha256\0{value}\0status\0done\0end\0\0");
            read(bytes.as_bytes()).unwrap().sha256()
        };
        assert!(hash(&"a".repeat(64)).is_some());
        assert!(hash(&"g".repeat(64)).is_none() && hash("").is_none());
    }

    proptest! {
        #[test]
        fn any_answer_is_read_to_an_end_and_stays_small(
            pieces in proptest::collection::vec(prop_oneof![
                Just("PEERHOUND-END".to_owned()),
                Just(r#"{"k":"answer","status":"done","detail":"x"}"#.to_owned()),
                r#"\{"k":"(answer|note|told|problem)","(status|name|text|detail)":"[a-z0-9]{0,6}","value":"\PC{0,40}"\}"#,
                ".{0,60}",
            ], 0..60),
        ) {
            let text = format!("PEERHOUND-1\n{}\n", pieces.join("\n"));
            if let Some(answer) = rows(&text) {
                prop_assert!(answer.values.len() <= VALUES && answer.notes.len() <= NOTES);
                let ending = answer.ending();
                prop_assert!(!ending.detail.contains('\n') && ending.detail.chars().count() <= 401);
            }
        }
    }
}
