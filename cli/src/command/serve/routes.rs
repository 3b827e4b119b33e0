//! Which page stands at which address.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use hyper::{StatusCode, Uri};
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::guard;
use super::pages::{
    alert, approvals, approve, case, cases, cooldowns, download, health, login, report, review, style,
    suppressed,
};
use super::site::Site;
use crate::records::Records;

pub(super) const CASES: &str = "/";
pub(super) const SUPPRESSED: &str = "/suppressed";
pub(super) const REVIEW: &str = "/review";
pub(super) const COOLDOWNS: &str = "/cooldowns";
pub(super) const RELEASE: &str = "/cooldowns/release";
pub(super) const APPROVALS: &str = "/approvals";
pub(super) const APPROVE: &str = "/approve";
pub(super) const HEALTH: &str = "/health";
pub(super) const ALERT: &str = "/alert";
pub(super) const LOGIN: &str = "/login";
pub(super) const LOGOUT: &str = "/logout";
pub(super) const STYLE: &str = "/style.css";

/// Bytes of a form.
const FORM: usize = 8 << 10;

/// Every page, behind its guard.
pub(super) fn router<S: Records>(site: Arc<Site<S>>) -> Router {
    Router::new()
        .route(CASES, get(cases::show::<S>))
        .route("/case/{id}", get(case::show::<S>))
        .route("/case/{id}/report", get(report::show::<S>))
        .route("/case/{id}/evidence.zip", get(download::give::<S>))
        .route("/case/{id}/forensics.zip", get(download::give_second::<S>))
        .route(SUPPRESSED, get(suppressed::show::<S>))
        .route(REVIEW, get(review::show::<S>))
        .route(COOLDOWNS, get(cooldowns::show::<S>))
        .route(RELEASE, get(cooldowns::ask::<S>).post(cooldowns::release::<S>))
        .route(APPROVALS, get(approvals::show::<S>))
        .route(APPROVE, get(approve::ask::<S>).post(approve::approve::<S>))
        .route(ALERT, get(alert::show::<S>))
        .route(HEALTH, get(health::show::<S>))
        .route(LOGIN, get(login::follow::<S>).post(login::enter::<S>))
        .route(LOGOUT, post(login::leave::<S>))
        .route(STYLE, get(style::give))
        .fallback(nothing)
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(FORM))
        .layer(from_fn_with_state(Arc::clone(&site), guard::guard::<S>))
        .with_state(site)
}

async fn nothing() -> Failure {
    Failure::missing("There is no such page. Go back to the cases.")
}

async fn other_method() -> Failure {
    let text = "This page is only looked at. Go back to the cases.";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Not like this", text)
}

/// What stands behind the question mark.
pub(super) fn asked<T: DeserializeOwned>(uri: &Uri) -> Result<T, Failure> {
    let unclear = |_| {
        Failure::unclear("What stands behind the question mark in the address cannot be read. Correct it.")
    };
    Query::try_from_uri(uri).map(|Query(asked)| asked).map_err(unclear)
}
