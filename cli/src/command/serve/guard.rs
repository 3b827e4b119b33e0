//! What every request passes: the name that it was sent to, a session, and for whatever changes something, where it is
//! from. And what every answer carries: that the page may load its stylesheet, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use casework::page::HEADERS;
use hyper::header::{CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::{Method, StatusCode};

use super::failure::Failure;
use super::site::Site;
use crate::records::Records;

/// Nothing but the stylesheet and the icon that is part of the page; no script, no frame, forms to this site alone.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";
const SEC_FETCH_SITE: &str = "sec-fetch-site";
/// What is there for everybody: the door, and what it looks like.
const OPEN: [&str; 2] = [super::routes::LOGIN, super::routes::STYLE];

/// The names that this site answers to. A page of another site whose name was made to lead here (DNS rebinding) sends
/// that other name.
pub(super) struct Names {
    hosts: Vec<String>,
    scheme: &'static str,
}

impl Names {
    /// Those of a socket on this machine, or the one name that a proxy is reached by.
    pub(super) fn new(listen: SocketAddr, proxy: Option<&str>) -> Self {
        match proxy {
            Some(name) => Self { hosts: vec![name.to_owned(), format!("{name}:443")], scheme: "https" },
            None => {
                let port = listen.port();
                let mut hosts = vec![listen.to_string(), format!("localhost:{port}")];
                if port == 80 {
                    hosts.extend([listen.to_string().replace(":80", ""), "localhost".to_owned()]);
                }
                Self { hosts, scheme: "http" }
            }
        }
    }

    /// Whether browsers come by TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.scheme == "https"
    }

    /// What to type, without a slash at its end.
    pub(super) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.hosts[0])
    }

    fn is_host(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(HOST).iter();
        let (first, second) = (sent.next(), sent.next());
        let named = first.and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
        second.is_none() && named.is_some_and(|named| self.hosts.contains(&named))
    }

    /// Whether a form was sent from one of these pages. They ask browsers to tell nobody where they were, and so some send
    /// `null` here; then the browser's own word on it counts.
    fn is_from_here(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        match text(ORIGIN.as_str()) {
            Some(origin) if origin != "null" => {
                let host = origin.strip_prefix(self.scheme).and_then(|rest| rest.strip_prefix("://"));
                host.is_some_and(|host| self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host)))
                    && text(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin")
            }
            _ => text(SEC_FETCH_SITE) == Some("same-origin"),
        }
    }
}

/// Lets a request through to its page, or says what is wrong with it.
pub(super) async fn guard<S: Records>(
    State(site): State<Arc<Site<S>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match admit(&site, &mut request) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    };
    let policy = (CONTENT_SECURITY_POLICY.as_str(), POLICY);
    for (name, value) in HEADERS.into_iter().chain([policy]) {
        let name = HeaderName::from_static(name);
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn admit<S: Records>(site: &Site<S>, request: &mut Request) -> Result<(), Failure> {
    if !site.names.is_host(request.headers()) {
        return Err(Failure::other_name(&site.names.url()));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) && !site.names.is_from_here(request.headers())
    {
        return Err(Failure::not_from_here());
    }
    let now = Instant::now();
    let cookies: Vec<&str> =
        request.headers().get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    let visitor = site.access.visitor(&cookies.join("; "), now);
    match visitor {
        Some(visitor) => drop(request.extensions_mut().insert(visitor)),
        None if OPEN.contains(&request.uri().path()) => {}
        None if !site.strangers.take(now) => return Err(Failure::too_often()),
        None => {
            return Err(Failure::new(
                StatusCode::UNAUTHORIZED,
                "Log in",
                "This page is for those who have the token.",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_its_own_names_are_answered() {
        let names = Names::new("127.0.0.1:8322".parse().unwrap(), None);
        for host in ["127.0.0.1:8322", "localhost:8322", "LOCALHOST:8322"] {
            assert!(names.is_host(&headers(&[("host", host)])), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8322",
            "127.0.0.1",
            "localhost:1",
            "127.0.0.1:8322.evil.example",
            "",
        ] {
            assert!(!names.is_host(&headers(&[("host", host)])), "{host}");
        }
        assert!(!names.is_host(&headers(&[])));
        assert!(!names.is_host(&headers(&[("host", "localhost:8322"), ("host", "evil.example")])), "two");
        let six = Names::new("[::1]:8322".parse().unwrap(), None);
        assert!(six.is_host(&headers(&[("host", "[::1]:8322")])));
        let proxied = Names::new("10.0.0.5:8322".parse().unwrap(), Some("cases.corp.example"));
        assert!(proxied.is_host(&headers(&[("host", "cases.corp.example")])));
        assert!(!proxied.is_host(&headers(&[("host", "10.0.0.5:8322")])));
    }

    #[test]
    fn a_form_from_elsewhere_is_refused() {
        let names = Names::new("127.0.0.1:8322".parse().unwrap(), None);
        let from = |pairs: &[(&str, &str)]| names.is_from_here(&headers(pairs));
        assert!(from(&[("origin", "http://127.0.0.1:8322")]));
        assert!(from(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        for wrong in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://127.0.0.1:8322")],
            &[("origin", "http://127.0.0.1:8323")],
            &[("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "http://127.0.0.1:8322"), ("sec-fetch-site", "same-site")],
        ] {
            assert!(!from(wrong), "{wrong:?}");
        }
    }
}
