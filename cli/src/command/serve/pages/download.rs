//! The container of a case, proven before the first byte of it is sent.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use investigation::case::{Case, SealedEvidence};
use tokio::sync::OwnedSemaphorePermit;

use super::super::evidence::Proven;
use super::super::failure::Failure;
use super::super::listen::Busy;
use super::super::site::Site;
use super::case::find;
use crate::records::Records;

/// Gives it.
pub(in super::super) async fn give<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(busy): Extension<Busy>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (case, proven, permit) = proven(&site, &id, &busy).await?;
    Ok(sent(&format!("{}.zip", case.id), proven, busy, permit))
}

/// Gives the second one, of the deeper look.
pub(in super::super) async fn give_second<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(busy): Extension<Busy>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let case = find(&site, &id).await?;
    let second = case.forensics.as_ref().and_then(|look| look.evidence.as_ref());
    let none =
        || Failure::missing("This case has no second container: its machine was not looked into deeper.");
    let (proven, permit) = proven_of(&site, second.ok_or_else(none)?, &busy).await?;
    Ok(sent(&format!("{}-forensics.zip", case.id), proven, busy, permit))
}

fn sent(name: &str, proven: Proven, busy: Busy, permit: OwnedSemaphorePermit) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/zip".to_owned()),
        (CONTENT_LENGTH, proven.size().to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, Body::new(proven.stream(busy, permit))).into_response()
}

/// A case with its container, and the right to read that: it costs, so that only a few are read at the same time.
pub(super) async fn proven<S: Records>(
    site: &Site<S>,
    id: &str,
    busy: &Busy,
) -> Result<(Case, Proven, OwnedSemaphorePermit), Failure> {
    let case = find(site, id).await?;
    let none =
        || Failure::missing("This case has no sealed evidence. It gets some once everything is collected.");
    let (proven, permit) = proven_of(site, case.evidence.as_ref().ok_or_else(none)?, busy).await?;
    Ok((case, proven, permit))
}

async fn proven_of<S: Records>(
    site: &Site<S>,
    sealed: &SealedEvidence,
    busy: &Busy,
) -> Result<(Proven, OwnedSemaphorePermit), Failure> {
    let permit = Arc::clone(&site.readers).try_acquire_owned().map_err(|_| {
        let text = "Other containers are being read at the moment. Try again when one is done.";
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, "Too many downloads", text)
    })?;
    // A large one takes its time.
    busy.set(true);
    let proven = site.evidence.proven(sealed).await;
    busy.set(false);
    Ok((proven?, permit))
}
