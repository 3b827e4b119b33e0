//! `peerhound case report`: a case on one page, written from what is on record and from its proven container.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use casework::backend::Backend;
use casework::container::{self, Opened, OpenedSecond};
use investigation::case::{Case, SealedEvidence};
use investigation::report::{self, Deeper, Subject};
use jiff::Timestamp;
use serde::Serialize;

use crate::exit::{Exit, WithExit};
use crate::setup::Setup;
use crate::show::{self, safe};

/// What was written.
#[derive(Serialize)]
struct Written<'a> {
    case_id: &'a str,
    report: String,
}

/// Runs the command.
pub(super) async fn run(
    store: &impl Backend,
    setup: &Setup,
    case_id: &str,
    out: Option<&Path>,
) -> Result<Exit> {
    let case = store.case(case_id).await?.ok_or_else(|| {
        let text = format!("no case {}: see `peerhound case list`", safe(case_id));
        anyhow!(text).context(WithExit(Exit::BadInput))
    })?;
    let opened = match &case.evidence {
        Some(sealed) => Some(opened(setup, sealed).await?),
        None => None,
    };
    let organisation = setup.policy_if_any()?.and_then(|policy| policy.organisation.name);
    let second = match case.forensics.as_ref().and_then(|look| look.evidence.as_ref()) {
        Some(sealed) => Some(opened_second(setup, &case, sealed).await),
        None => None,
    };
    let page = page(&case, opened.as_ref(), second.as_ref(), organisation.as_deref());
    if out == Some(Path::new("-")) {
        std::io::stdout().write_all(page.as_bytes()).context("standard output")?;
        return Ok(Exit::Done);
    }
    let out = out.map_or_else(|| PathBuf::from(format!("{}.html", case.id)), Path::to_owned);
    write(&out, &page).context(WithExit(Exit::BadInput))?;
    let report = out.display().to_string();
    if setup.json {
        show::json(&Written { case_id: &case.id, report });
    } else {
        show::lines(&[format!("{}: the report of case {}", safe(&report), case.id)]);
    }
    Ok(Exit::Done)
}

fn page(
    case: &Case,
    opened: Option<&Opened>,
    second: Option<&Result<OpenedSecond, String>>,
    organisation: Option<&str>,
) -> String {
    let deeper = match second {
        None => Deeper::None,
        Some(Ok(second)) => {
            Deeper::Read { evidence: &second.evidence, collection: &second.manifest.collection }
        }
        Some(Err(why)) => Deeper::Unread(why),
    };
    report::html(&Subject {
        deeper,
        case,
        evidence: opened.map(|opened| &opened.evidence),
        collection: opened.map(|opened| &opened.manifest.collection),
        entries: opened.map_or(&[], |opened| &opened.manifest.entries),
        organisation,
        written_at: Timestamp::now(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Proves the container and reads it. It must be the very one that the case names.
async fn opened(setup: &Setup, sealed: &SealedEvidence) -> Result<Opened> {
    let location = &sealed.location;
    let opened = match location.strip_prefix("s3://") {
        Some(object) => open_object(setup, object).await,
        None => {
            let path = PathBuf::from(location);
            Ok(tokio::task::spawn_blocking(move || container::open(&path)).await??)
        }
    };
    let opened = opened.with_context(|| format!("the evidence {}", safe(location)))?;
    if opened.sha256 != sealed.sha256 {
        bail!(
            "the evidence {} is not the container that was sealed: its SHA-256 is {}, and the case says {}",
            safe(location),
            opened.sha256,
            sealed.sha256
        );
    }
    Ok(opened)
}

/// Proves the second container and reads it. The page says why it could not be: the first is the case's evidence, and is
/// shown all the same.
async fn opened_second(setup: &Setup, case: &Case, sealed: &SealedEvidence) -> Result<OpenedSecond, String> {
    let opened = match sealed.location.strip_prefix("s3://") {
        Some(object) => open_second_object(setup, object).await,
        None => {
            let path = PathBuf::from(&sealed.location);
            match tokio::task::spawn_blocking(move || container::open_second(&path)).await {
                Ok(opened) => opened.map_err(anyhow::Error::from),
                Err(error) => Err(error.into()),
            }
        }
    };
    let opened = opened.map_err(|error| format!("{error:#}"))?;
    if opened.sha256 != sealed.sha256 {
        return Err(format!("its SHA-256 is {}, and the case says {}", opened.sha256, sealed.sha256));
    }
    let first = case.evidence.as_ref().map(|first| first.sha256.as_str());
    let named = opened.manifest.supplement.as_ref().map(|supplement| supplement.first_sha256.as_str());
    if named.is_none() || named != first {
        return Err("it is not the second container of this case's evidence".to_owned());
    }
    Ok(opened)
}

#[cfg(feature = "aws")]
async fn open_second_object(setup: &Setup, object: &str) -> Result<OpenedSecond> {
    let (bucket, key) =
        crate::deployed::bucket_and_key(object).context("its location is not s3://BUCKET/KEY")?;
    let s3 = setup.s3().await?;
    Ok(casework::aws::evidence::read_container(&s3, bucket, key, container::open_second_in).await?)
}

#[cfg(not(feature = "aws"))]
async fn open_second_object(_: &Setup, _: &str) -> Result<OpenedSecond> {
    Err(super::without_aws())
}

#[cfg(feature = "aws")]
async fn open_object(setup: &Setup, object: &str) -> Result<Opened> {
    let (bucket, key) =
        crate::deployed::bucket_and_key(object).context("its location is not s3://BUCKET/KEY")?;
    let s3 = setup.s3().await?;
    Ok(casework::aws::evidence::read_container(&s3, bucket, key, container::open_in).await?)
}

#[cfg(not(feature = "aws"))]
async fn open_object(_: &Setup, _: &str) -> Result<Opened> {
    Err(super::without_aws())
}

/// A file that is there may be evidence: it is never written over. It names people: only its owner may read it.
pub(super) fn write(path: &Path, page: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            anyhow!("{} exists already: name another file with --out", path.display())
        }
        _ => anyhow!(error).context(format!("cannot write {}", path.display())),
    })?;
    file.write_all(page.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.html");
        write(&path, "<p>").unwrap();
        let error = write(&path, "<b>").unwrap_err().to_string();
        assert!(error.contains("exists already") && error.contains("--out"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "<p>");
    }
}
