//! `peerhound verify`: proves that evidence is whole and unchanged, anywhere; a file also offline.

use std::path::PathBuf;

use anyhow::Result;
use casework::backend::Backend;
use casework::container::{Report, VerifyError, verify};
use investigation::case::SealedEvidence;
use serde::Serialize;

use crate::exit::Exit;
use crate::setup::Setup;
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

/// Why a container says nothing.
enum Failure {
    /// It was evidence once, and is not intact.
    Broken(String),
    /// It is no evidence, or cannot be had.
    Unusable(String),
}

/// Runs the command.
pub(super) async fn run(setup: &Setup, containers: &[String]) -> Result<Exit> {
    let mut exit = Exit::Done;
    for named in containers {
        let answer = match sealed(setup, named).await? {
            None => answer(named, prove(setup, named).await?, None),
            Some(Ok(sealed)) => {
                let location = sealed.location.clone();
                answer(&location, prove(setup, &location).await?, Some(&sealed))
            }
            Some(Err(reason)) => answer(named, Err(Failure::Unusable(reason)), None),
        };
        exit = exit.max(match (&answer.error, answer.intact) {
            (Some(_), _) => Exit::BadInput,
            (None, true) => Exit::Done,
            (None, false) => Exit::Failed,
        });
        print(&answer, setup.json);
    }
    Ok(exit)
}

/// What a case says of its container, where `named` is a case and no file; an error where it has none.
async fn sealed(setup: &Setup, named: &str) -> Result<Option<Result<SealedEvidence, String>>> {
    if !is_case_id(named) || std::fs::exists(named).unwrap_or(true) {
        return Ok(None);
    }
    let case = match &setup.deployment_file {
        None => setup.store(&setup.policy()?)?.case(named).await?,
        #[cfg(feature = "aws")]
        Some(_) => setup.deployed().await?.store.case(named).await?,
        #[cfg(not(feature = "aws"))]
        Some(_) => return Err(super::without_aws()),
    };
    Ok(Some(match case {
        None => Err("neither a file nor a case: see `peerhound case list`".to_owned()),
        Some(case) => case.evidence.ok_or_else(|| "the case has no sealed evidence".to_owned()),
    }))
}

/// `ph-<date>-<8 characters>`.
pub(super) fn is_case_id(text: &str) -> bool {
    let rest = text.strip_prefix("ph-").and_then(|rest| rest.split_once('-'));
    rest.is_some_and(|(date, code)| {
        date.len() == 8
            && date.bytes().all(|b| b.is_ascii_digit())
            && code.len() == 8
            && code.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// Reads a container where it lies.
async fn prove(setup: &Setup, location: &str) -> Result<Result<Report, Failure>> {
    if let Some(object) = location.strip_prefix("s3://") {
        return prove_object(setup, object).await;
    }
    let path = PathBuf::from(location);
    Ok(tokio::task::spawn_blocking(move || verify(&path)).await?.map_err(failure))
}

#[cfg(feature = "aws")]
async fn prove_object(setup: &Setup, object: &str) -> Result<Result<Report, Failure>> {
    use casework::aws::evidence::{ContainerError, read_container};
    use casework::container::verify_in;

    let Some((bucket, key)) = crate::deployed::bucket_and_key(object) else {
        return Ok(Err(Failure::Unusable("write s3://BUCKET/KEY".to_owned())));
    };
    let s3 = setup.s3().await?;
    let proven = read_container(&s3, bucket, key, |mut object, size| verify_in(&mut object, size)).await;
    Ok(proven.map_err(|error| match error {
        ContainerError::Content(error) => failure(error),
        ContainerError::Object(error) => Failure::Unusable(chain(error)),
    }))
}

#[cfg(not(feature = "aws"))]
async fn prove_object(_: &Setup, _: &str) -> Result<Result<Report, Failure>> {
    Err(super::without_aws())
}

/// Something that was a zip once and proves nothing now is not intact; anything else is no evidence at all.
fn failure(error: VerifyError) -> Failure {
    match error {
        VerifyError::Io(_) | VerifyError::NotAFile | VerifyError::NotAZip => Failure::Unusable(chain(error)),
        broken => Failure::Broken(broken.to_string()),
    }
}

fn chain(error: impl std::error::Error + Send + Sync + 'static) -> String {
    anyhow::Error::from(error).chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// `sealed` is what the case says of it, where it was found by its case.
fn answer(file: &str, proven: Result<Report, Failure>, sealed: Option<&SealedEvidence>) -> Answer {
    let mut answer = Answer {
        file: file.to_owned(),
        intact: false,
        case_id: None,
        entries: 0,
        problems: Vec::new(),
        error: None,
    };
    match proven {
        Ok(report) => {
            answer.problems = report.problems.iter().map(ToString::to_string).collect();
            if let Some(sealed) = sealed.filter(|sealed| sealed.sha256 != report.sha256) {
                answer.problems.push(format!(
                    "it is not the container that was sealed: its SHA-256 is {}, and the case says {}",
                    report.sha256, sealed.sha256
                ));
            }
            answer.intact = answer.problems.is_empty();
            if let Some(manifest) = report.manifest {
                (answer.case_id, answer.entries) = (Some(manifest.case_id), manifest.entries.len());
            }
        }
        Err(Failure::Broken(problem)) => answer.problems.push(problem),
        Err(Failure::Unusable(error)) => answer.error = Some(error),
    }
    answer
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_id_is_told_from_a_file() {
        assert!(is_case_id("ph-20260302-kq3v7a2m"));
        for file in ["ph-20260302-kq3v7a2m.zip", "ph-2026-kq3v7a2m", "a.zip", "", "ph-20260302-../../a"] {
            assert!(!is_case_id(file), "{file}");
        }
    }

    #[test]
    fn an_intact_container_that_is_not_the_sealed_one_is_no_proof() {
        let report = |sha256: &str| Report {
            manifest: None,
            size: 1,
            sha256: sha256.to_owned(),
            checked: 1,
            problems: Vec::new(),
        };
        let sealed = SealedEvidence {
            location: "a.zip".to_owned(),
            sha256: "aa".to_owned(),
            size: 1,
            sealed_at: jiff::Timestamp::UNIX_EPOCH,
        };
        assert!(answer("a.zip", Ok(report("aa")), Some(&sealed)).intact);
        let other = answer("a.zip", Ok(report("bb")), Some(&sealed));
        assert!(!other.intact && other.problems[0].contains("the case says aa"));
        assert!(answer("a.zip", Ok(report("bb")), None).intact);
    }
}
