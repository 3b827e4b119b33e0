//! What cannot be shown, and what to do about it.

use axum::response::{Html, IntoResponse, Response};
use casework::backend::StoreError;
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::pages::refusal;

/// A page that says no.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// A few words.
    pub(super) title: &'static str,
    /// What is wrong and what to do, in plain text.
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        Self { status, title, text: text.into() }
    }

    /// There is no such thing.
    pub(super) fn missing(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", text)
    }

    /// Something that was asked cannot be meant.
    pub(super) fn unclear(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "That cannot be read", text)
    }

    pub(super) fn too_often() -> Self {
        let text = "Too many requests came in the last minute. Wait a moment and try again.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests", text)
    }

    pub(super) fn other_name(url: &str) -> Self {
        let text = format!("This site answers to its own name alone. Open {url}/ instead.");
        Self::new(StatusCode::MISDIRECTED_REQUEST, "Not this name", text)
    }

    pub(super) fn not_from_here() -> Self {
        let text = "The form was not sent from a page of this site, or from one of an earlier session. Open the page \
                    anew and try again. Nothing was changed.";
        Self::new(StatusCode::FORBIDDEN, "Not from here", text)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a page could not be shown");
        let text = format!("{error}.");
        match error.is_passing() {
            true => Self::new(StatusCode::SERVICE_UNAVAILABLE, "The store does not answer", text),
            false => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The store failed", text),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Html(refusal::page(&self).into_string())).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // A scheme of its own: browsers must not ask for a password with a window of theirs.
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Peerhound-Token"));
        }
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response
    }
}
