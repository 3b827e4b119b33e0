//! `peerhound case report`: a case on one page, written from what is on record and from its proven container.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use casework::backend::Backend;
use casework::container::{self, Opened};
use investigation::case::{Case, SealedEvidence};
use investigation::report::{self, Subject};
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
    let page = page(&case, opened.as_ref(), organisation.as_deref());
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

fn page(case: &Case, opened: Option<&Opened>, organisation: Option<&str>) -> String {
    report::html(&Subject {
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
