//! What fetching and uploading share: the client, how long is waited before another try, and errors without URLs. A
//! presigned URL is a secret: none is ever part of a message.

use std::sync::Once;
use std::time::Duration;

use investigation::text::one_line;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Response, StatusCode, Url};

use crate::causes::with_causes;
use crate::config::{ConfigError, Transfer};

/// Bytes of an error's body that are looked at.
const MAX_ERROR_BODY: usize = 16 << 10;
/// The first wait before another try; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait that is chosen here.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A client that goes where it is told and nowhere else: no redirects, no proxy but the configured one.
pub(crate) fn client(transfer: &Transfer) -> Result<Client, ConfigError> {
    install_crypto();
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(transfer.connect_timeout.duration());
    if let Some(proxy) = &transfer.proxy {
        let proxy = Proxy::all(proxy).map_err(|error| ConfigError::Http(without_url(error)))?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| ConfigError::Http(without_url(error)))
}

/// Makes ring the process's provider of cryptography, as no HTTP client can be built without one.
fn install_crypto() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // An error says that there is a provider already, which is all that is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Whether the configuration lets anything be sent to the host of a URL.
pub(crate) fn is_permitted(url: &str, hosts: &[String]) -> bool {
    let url = Url::parse(url).ok();
    let Some(host) = url.as_ref().and_then(Url::host_str) else { return false };
    let below = |name: &String| {
        let name = name.to_ascii_lowercase();
        host == name || host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.'))
    };
    hosts.is_empty() || hosts.iter().any(below)
}

/// The host and port of a URL: all of it that may be shown.
pub(crate) fn place(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or("no host");
    let port = url.as_ref().and_then(Url::port_or_known_default).unwrap_or_default();
    one_line(&format!("{host}:{port}"), 80)
}

/// An error with its causes in one line, without the URL.
pub(crate) fn without_url(error: reqwest::Error) -> String {
    one_line(&with_causes(&error.without_url()), 200)
}

/// What an answer that is no success means.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// `HTTP 403 AccessDenied`: the status, and the word that S3 gives with it.
    pub(crate) said: String,
    /// The status.
    pub(crate) status: StatusCode,
    /// S3's word, where there is one.
    pub(crate) code: Option<String>,
    /// How long the other side asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads the answer. Of its body only the error's code is taken: the rest may quote the signature.
    pub(crate) async fn read(mut response: Response) -> Self {
        let status = response.status();
        let retry_after = retry_after(response.headers(), Timestamp::now());
        let mut body = Vec::new();
        while body.len() < MAX_ERROR_BODY {
            match tokio::time::timeout(Duration::from_secs(5), response.chunk()).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_ERROR_BODY)]),
                _ => break,
            }
        }
        let code = error_code(&body);
        let said = match &code {
            Some(code) => format!("HTTP {} {code}", status.as_u16()),
            None => format!("HTTP {}", status.as_u16()),
        };
        Self { said, status, code, retry_after }
    }

    /// Whether the same request can succeed in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        match self.status.as_u16() {
            // A conditional write that met another one (409), a bucket that wants less (429, 503).
            408 | 409 | 425 | 429 => true,
            501 | 505 => false,
            400 => self.code.as_deref() == Some("RequestTimeout"),
            status => status >= 500,
        }
    }
}

/// The word in `<Code>…</Code>` of an S3 error.
fn error_code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word = (1..=60).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

/// `Retry-After` in either of its forms (RFC 9110, section 10.2.3), held to a day.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(Duration::from_secs(86_400)))
}

/// The wait before the next try, after `tried` of them: doubled each time, spread over its upper half so that relays
/// that failed together do not come back together, and never shorter than the other side asks for.
pub(crate) fn wait(tried: u32, retry_after: Option<Duration>) -> Duration {
    let longest = FIRST_WAIT.saturating_mul(1 << tried.saturating_sub(1).min(16)).min(LONGEST_WAIT);
    let chosen = longest.mul_f64(0.5 + fastrand::f64() / 2.0);
    chosen.max(retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_spread_and_obey() {
        for tried in 1..40 {
            let longest = Duration::from_millis(500 << (tried - 1).min(16)).min(LONGEST_WAIT);
            let waited = wait(tried, None);
            assert!(waited <= longest && waited >= longest / 2, "{tried}: {waited:?}");
        }
        assert_eq!(wait(1, Some(Duration::from_secs(7))), Duration::from_secs(7));
        let some: std::collections::BTreeSet<_> = (0..20).map(|_| wait(3, None)).collect();
        assert!(some.len() > 10, "not all the same");
    }

    #[test]
    fn only_the_word_of_an_error_is_taken() {
        let body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><X>SECRET</X></Error>";
        assert_eq!(error_code(body).as_deref(), Some("AccessDenied"));
        for nothing in ["", "<Code>", "<Code></Code>", "<Code>a b</Code>", "<Code>a\u{1b}</Code>"] {
            assert_eq!(error_code(nothing.as_bytes()), None, "{nothing}");
        }
    }

    #[test]
    fn hosts_are_permitted_with_what_lies_below_them() {
        let hosts = ["s3.amazonaws.com".to_owned(), "127.0.0.1".to_owned()];
        assert!(is_permitted("https://s3.amazonaws.com/k", &hosts));
        assert!(is_permitted("https://Bucket.S3.amazonaws.com:443/k?x", &hosts));
        assert!(is_permitted("http://127.0.0.1:4566/k", &hosts));
        assert!(!is_permitted("https://evils3.amazonaws.com/k", &hosts));
        assert!(!is_permitted("https://s3.amazonaws.com.evil.example/k", &hosts));
        assert!(!is_permitted("https://evil.example/s3.amazonaws.com", &hosts));
        assert!(is_permitted("https://evil.example/", &[]));
    }

    #[test]
    fn a_place_has_no_secret() {
        assert_eq!(place("https://b.example/k?X-Amz-Signature=5ec3e7"), "b.example:443");
    }
}
