//! What the tests of the parsers share: outputs written for the project, and how they are read.

use std::fmt::Write as _;

use investigation::evidence::{ArtifactKind, ArtifactStatus};
use investigation::order::Limits;

use super::super::facts::Facts;
use super::super::{Parsed, Reader, System, find};
use super::answers::{Answer, Answers, Output};

/// What a reading came to, as a snapshot shows it.
pub(super) struct Read {
    pub(super) parsed: Parsed,
    pub(super) status: ArtifactStatus,
    pub(super) reasons: Vec<String>,
}

impl Read {
    /// Status, reasons, and one line of JSON a row.
    pub(super) fn shown(&self) -> String {
        let mut text = format!("{:?}\n", self.status);
        self.reasons.iter().for_each(|reason| writeln!(text, "- {reason}").unwrap());
        match serde_json::to_value(&self.parsed).unwrap() {
            serde_json::Value::Array(rows) => rows.iter().for_each(|row| writeln!(text, "{row}").unwrap()),
            one => writeln!(text, "{}", serde_json::to_string_pretty(&one).unwrap()).unwrap(),
        }
        text
    }
}

/// Reads what the PowerShell script of a kind prints, by the catalogue's parser.
pub(super) fn rows(kind: ArtifactKind, output: &[u8], limits: &Limits) -> Read {
    let artifact = find(kind, System::Windows).unwrap();
    let Some(Reader::PowerShell { parse, .. }) = artifact.readers.first() else { panic!("another way") };
    let (parsed, tally) = parse(&mut &*output, &Facts::default(), limits).unwrap();
    let (status, reasons) = tally.settle();
    Read { parsed, status, reasons }
}

/// Reads what the commands of a kind print, by the catalogue's parser.
pub(super) fn answers(kind: ArtifactKind, outputs: &[(&str, &[u8])], limits: &Limits) -> Read {
    let artifact = find(kind, System::Windows).unwrap();
    let Some(Reader::Commands { commands, parse }) = artifact.readers.get(1) else { panic!("another way") };
    let mut answers = Answers::default();
    for command in commands {
        let output = outputs.iter().find(|(name, _)| *name == command.name);
        answers.push(Answer {
            name: command.name.clone(),
            output: Output::Bytes(output.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default()),
            exit_code: Some(i32::from(output.is_none())),
            stderr: String::new(),
            spare: command.spare,
        });
    }
    assert!(
        outputs.iter().all(|(name, _)| commands.iter().any(|command| command.name == *name)),
        "a name of the catalogue"
    );
    let facts = Facts { code_page: Some(850), ..Facts::default() };
    let (parsed, tally) = parse(&answers, &facts, limits).unwrap();
    let (status, reasons) = tally.settle();
    Read { parsed, status, reasons }
}

/// As a console of the code page 850 prints it.
pub(super) fn console(text: &str) -> Vec<u8> {
    let bytes = oem_cp::encode_string_checked(text, &oem_cp::code_table::ENCODING_TABLE_CP850).unwrap();
    let mut out = Vec::with_capacity(bytes.len() + 64);
    for byte in bytes {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}
