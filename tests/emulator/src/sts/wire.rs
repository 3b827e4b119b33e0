//! The query protocol, as far as one operation takes: a form in, XML or JSON out.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;

use super::signature::{Came, No, signer};
use super::{Shared, locked};

const LONGEST_REQUEST: usize = 64 << 10;
const QUESTION: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

/// Answers requests until the runtime ends.
pub(super) async fn serve(listener: TcpListener, state: Shared) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let state = Shared::clone(&state);
        tokio::spawn(async move {
            let answer = service_fn(move |request| answer(Shared::clone(&state), request));
            // A client that hangs up in the middle is its own affair.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(state: Shared, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let wants_json = request.headers().get(ACCEPT).is_some_and(|kind| kind == "application/json");
    let outcome = perform(&state, request).await;
    let status = match &outcome {
        Ok(_) => StatusCode::OK,
        Err(("Throttling" | "IncompleteSignature" | "InvalidAction", _)) => StatusCode::BAD_REQUEST,
        Err(_) => StatusCode::FORBIDDEN,
    };
    let body = if wants_json { as_json(&outcome) } else { as_xml(&outcome) };
    let kind = if wants_json { "application/json" } else { "text/xml" };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

async fn perform(state: &Shared, request: Request<Incoming>) -> Result<String, No> {
    let (head, body) = request.into_parts();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let cut = |_| ("IncompleteSignature", "the request is too long or was cut off".to_owned());
    let body = Limited::new(body, LONGEST_REQUEST).collect().await.map_err(cut)?.to_bytes();
    let mut state = locked(state);
    state.calls += 1;
    state.seen.push(headers.clone());
    if state.busy > 0 {
        state.busy -= 1;
        return Err(("Throttling", "Rate exceeded".to_owned()));
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let came = Came { method: head.method.as_str(), path, headers: &headers, body: &body };
    let principal = signer(&came, &state.principals, Timestamp::now())?;
    if path != "/" || came.method != "POST" || body.as_ref() != QUESTION {
        return Err(("InvalidAction", "only GetCallerIdentity is served".to_owned()));
    }
    Ok(principal.arn.clone())
}

fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn as_json(outcome: &Result<String, No>) -> String {
    let value = match outcome {
        Ok(arn) => json!({ "GetCallerIdentityResponse": {
            "GetCallerIdentityResult": { "Account": account(arn), "Arn": arn, "UserId": "AIDAEXAMPLE" },
            "ResponseMetadata": { "RequestId": "00000000-0000-4000-8000-000000000000" },
        }}),
        Err((code, message)) => {
            json!({ "Error": { "Code": code, "Message": message, "Type": "Sender" }, "RequestId": "0" })
        }
    };
    value.to_string()
}

fn as_xml(outcome: &Result<String, No>) -> String {
    let inside = match outcome {
        Ok(arn) => format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>{arn}</Arn><UserId>AIDAEXAMPLE</UserId><Account>{}</Account></GetCallerIdentityResult>\
             </GetCallerIdentityResponse>",
            account(arn)
        ),
        Err((code, message)) => format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        ),
    };
    format!("<?xml version=\"1.0\"?>{inside}")
}
