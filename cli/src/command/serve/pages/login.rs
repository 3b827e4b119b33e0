//! The door: a token is exchanged for a cookie.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use hyper::header::{HeaderValue, SET_COOKIE};
use hyper::{StatusCode, Uri};
use serde::Deserialize;

use super::super::access::{Login, Visitor};
use super::super::failure::Failure;
use super::super::routes::{CASES, asked};
use super::super::site::Site;
use crate::records::Records;

/// What is shown at the door.
#[derive(Deserialize)]
pub(in super::super) struct Shown {
    #[serde(default)]
    token: String,
}

/// What a form that changes something brings back.
#[derive(Deserialize)]
pub(in super::super) struct Leaving {
    #[serde(default)]
    form: String,
}

/// The address that was printed at the start.
pub(in super::super) async fn follow<S: Records>(
    State(site): State<Arc<Site<S>>>,
    uri: Uri,
) -> Result<Response, Failure> {
    let Shown { token } = asked(&uri)?;
    match token.is_empty() {
        true => Err(log_in("Show the token to see the cases.")),
        false => exchange(&site, &token),
    }
}

/// The form of the page that asks for the token.
pub(in super::super) async fn enter<S: Records>(
    State(site): State<Arc<Site<S>>>,
    form: Result<Form<Shown>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(Shown { token }) = form.map_err(|_| log_in("No token came."))?;
    exchange(&site, token.trim())
}

fn exchange<S: Records>(site: &Site<S>, token: &str) -> Result<Response, Failure> {
    match site.access.login(token, Instant::now()) {
        Login::Granted(cookie) => with_cookie(&cookie),
        Login::Wrong => {
            tracing::warn!("somebody showed a wrong token");
            Err(log_in("That is not the token. Is it from an earlier start of the program?"))
        }
        Login::TooOften => Err(Failure::too_often()),
        Login::Failed => Err(no_cookie()),
    }
}

fn log_in(text: &str) -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "Log in", text)
}

fn no_cookie() -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "No session", "No session can be made now. Try again.")
}

/// Ends the session.
pub(in super::super) async fn leave<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    form: Result<Form<Leaving>, FormRejection>,
) -> Result<Response, Failure> {
    let from_here = form.is_ok_and(|Form(Leaving { form })| visitor.sent(&form));
    if !from_here {
        return Err(Failure::not_from_here());
    }
    with_cookie(&site.access.logout(&visitor))
}

/// To the cases, with a cookie to be kept or forgotten. The address with the token does not stay in the window.
fn with_cookie(cookie: &str) -> Result<Response, Failure> {
    let mut response = Redirect::to(CASES).into_response();
    let cookie = HeaderValue::from_str(cookie).map_err(|_| no_cookie())?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}
