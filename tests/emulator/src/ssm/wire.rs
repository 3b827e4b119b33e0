//! The JSON 1.1 protocol: one POST, the operation in a header, errors by `__type`.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::knobs::Failure;
use super::refusal::{Answer, Refusal};
use super::service::Service;
use super::{activations, commands, documents, nodes, send, tags};

const JSON: &str = "application/x-amz-json-1.1";
const PREFIX: &str = "AmazonSSM.";
/// A document has at most 64 KiB, as a string in JSON at most six times that.
const LONGEST_REQUEST: usize = 1 << 20;

/// Answers requests until the runtime ends.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service_fn(move |request| answer(Arc::clone(&service), request));
            // A client that hangs up in the middle is its own affair.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(
    service: Arc<Service>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let outcome = perform(&service, request).await;
    let (status, body) = match outcome {
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status, json!({"__type": refusal.code, "message": refusal.message})),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(JSON));
    Ok(response)
}

async fn perform(service: &Arc<Service>, request: Request<Incoming>) -> Answer {
    let operation = operation(&request)?;
    let body = Limited::new(request.into_body(), LONGEST_REQUEST)
        .collect()
        .await
        .map_err(|_| Refusal::new("SerializationException", "the request is too long or was cut off"))?
        .to_bytes();
    let body: Value = serde_json::from_slice(&body)
        .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    // Apart from the match, so that the knobs are not locked while the operation runs.
    let failure = service.knobs().call(&operation);
    match failure {
        None => dispatch(service, &operation, body),
        Some(Failure::Throttled) => Err(Refusal::new("ThrottlingException", "Rate exceeded")),
        Some(Failure::Internal) => Err(Refusal::internal()),
        Some(Failure::AnswerLost) => {
            dispatch(service, &operation, body)?;
            Err(Refusal::internal())
        }
    }
}

fn operation(request: &Request<Incoming>) -> Result<String, Refusal> {
    let header = |name: &str| text(request.headers(), name);
    if request.method() != Method::POST || request.uri().path() != "/" {
        return Err(Refusal::new("UnknownOperationException", "only POST / is served"));
    }
    if header(CONTENT_TYPE.as_str()) != Some(JSON) {
        return Err(Refusal::new("UnknownOperationException", format!("the content type is not {JSON}")));
    }
    let signature = header(AUTHORIZATION.as_str()).unwrap_or_default();
    if !signature.starts_with("AWS4-HMAC-SHA256 ") || !signature.contains("/ssm/aws4_request") {
        let message = "the request is not signed for the service ssm";
        return Err(Refusal::new("MissingAuthenticationTokenException", message));
    }
    header("x-amz-target").and_then(|target| target.strip_prefix(PREFIX)).map(str::to_owned).ok_or_else(
        || Refusal::new("UnknownOperationException", "X-Amz-Target names no operation of AmazonSSM"),
    )
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn dispatch(service: &Arc<Service>, operation: &str, body: Value) -> Answer {
    match operation {
        "CreateDocument" => documents::create(service, read(body)?),
        "DescribeDocument" => documents::describe(service, &read(body)?),
        "GetDocument" => documents::get(service, &read(body)?),
        "UpdateDocument" => documents::update(service, read(body)?),
        "UpdateDocumentDefaultVersion" => documents::update_default(service, &read(body)?),
        "DeleteDocument" => documents::delete(service, &read(body)?),
        "DescribeDocumentPermission" => documents::permission(service, &read(body)?),
        "AddTagsToResource" => tags::add(service, read(body)?),
        "RemoveTagsFromResource" => tags::remove(service, &read(body)?),
        "ListTagsForResource" => tags::list(service, &read(body)?),
        "CreateActivation" => activations::create(service, read(body)?),
        "DescribeActivations" => activations::describe(service, &read(body)?),
        "DeleteActivation" => activations::delete(service, &read(body)?),
        "DescribeInstanceInformation" => nodes::describe(service, &read(body)?),
        "SendCommand" => send::send(service, read(body)?),
        "GetCommandInvocation" => commands::get_invocation(service, &read(body)?),
        "ListCommandInvocations" => commands::list_invocations(service, &read(body)?),
        "ListCommands" => commands::list(service, &read(body)?),
        "CancelCommand" => commands::cancel(service, &read(body)?),
        unknown => Err(Refusal::new("UnknownOperationException", format!("{unknown} is not served"))),
    }
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T, Refusal> {
    serde_json::from_value(body).map_err(|error| Refusal::new("SerializationException", error.to_string()))
}
