//! `peerhound verify`: proves that evidence is whole and unchanged, anywhere and offline.

use std::path::PathBuf;

use anyhow::Result;
use casework::container::{VerifyError, verify};
use serde::Serialize;

use crate::exit::Exit;
use crate::show::{self, paint, safe};

/// The answer for one container.
#[derive(Serialize)]
struct Answer {
    file: String,
    intact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    case_id: Option<String>,
    entries: usize,
    problems: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Runs the command.
pub(super) async fn run(files: &[PathBuf], json: bool) -> Result<Exit> {
    let mut exit = Exit::Done;
    for file in files {
        let path = file.clone();
        let verified = tokio::task::spawn_blocking(move || verify(&path)).await?;
        let name = file.display().to_string();
        let answer = match verified {
            Ok(report) => {
                let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
                let manifest = report.manifest.as_ref();
                Answer {
                    file: name,
                    intact: problems.is_empty(),
                    case_id: manifest.map(|manifest| manifest.case_id.clone()),
                    entries: manifest.map_or(0, |manifest| manifest.entries.len()),
                    problems,
                    error: None,
                }
            }
            // Something that was a zip once and proves nothing now is not intact; anything else is no evidence at all.
            Err(error)
                if !matches!(error, VerifyError::Io(_) | VerifyError::NotAFile | VerifyError::NotAZip) =>
            {
                let problems = vec![error.to_string()];
                Answer { file: name, intact: false, case_id: None, entries: 0, problems, error: None }
            }
            Err(error) => {
                let chain = anyhow::Error::from(error);
                let text = chain.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
                Answer {
                    file: name,
                    intact: false,
                    case_id: None,
                    entries: 0,
                    problems: Vec::new(),
                    error: Some(text),
                }
            }
        };
        exit = exit.max(match (&answer.error, answer.intact) {
            (Some(_), _) => Exit::BadInput,
            (None, true) => Exit::Done,
            (None, false) => Exit::Failed,
        });
        print(&answer, json);
    }
    Ok(exit)
}

fn print(answer: &Answer, json: bool) {
    if json {
        show::json(answer);
    } else if let Some(error) = &answer.error {
        show::note(&format!("peerhound: {}: {}", safe(&answer.file), safe(error)));
    } else {
        let word = if answer.intact { paint::green("intact") } else { paint::red("NOT INTACT") };
        let case = safe(answer.case_id.as_deref().unwrap_or("of an unknown case"));
        let mut lines =
            vec![format!("{}: {word}, case {case}, {} entries", safe(&answer.file), answer.entries)];
        lines.extend(answer.problems.iter().map(|problem| format!("    {}", safe(problem))));
        show::lines(&lines);
    }
}
