//! Where a relay finds its orders: the one opaque parameter that travels to it.

use std::net::IpAddr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::is_sha256;

/// Longest encoded link, in characters: what Systems Manager takes as a parameter's value.
pub const MAX_LINK_CHARS: usize = 4096;
/// Longest URL, in bytes. A presigned one with a session token has about 2,000.
const MAX_URL_BYTES: usize = 8192;

/// Names one order file. It is base64url of JSON, so that nothing in it can mean anything to a shell on the way. The
/// URL is a secret while it lasts: who has it reads the orders.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderLink {
    /// Where to GET the file, see [`check_url`].
    pub url: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
}

/// A link without its URL.
impl std::fmt::Debug for OrderLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderLink").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// Why a text names no order file. None of them quotes the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Over [`MAX_LINK_CHARS`].
    #[error("the order parameter has more than {MAX_LINK_CHARS} characters")]
    TooLong,
    /// Not base64url without padding.
    #[error("the order parameter is not base64url without padding")]
    NotBase64,
    /// Not the JSON that is expected.
    #[error("the order parameter does not hold exactly a url and a sha256")]
    NotALink,
    /// The URL must not be used.
    #[error("the order file's URL {0}")]
    Url(UrlFault),
    /// The hash is none.
    #[error("the order parameter's sha256 is not 64 lower-case hex digits")]
    Hash,
}

impl OrderLink {
    /// The parameter's value. Where it comes out longer than [`MAX_LINK_CHARS`], no relay will read it.
    ///
    /// # Errors
    /// When the link could not be read back.
    pub fn encode(&self) -> Result<String, LinkError> {
        self.check()?;
        let json = serde_json::to_vec(self).map_err(|_| LinkError::NotALink)?;
        let text = BASE64URL_NOPAD.encode(&json);
        if text.len() > MAX_LINK_CHARS { Err(LinkError::TooLong) } else { Ok(text) }
    }

    /// Reads the parameter's value.
    ///
    /// # Errors
    /// When it is anything but a link that may be followed.
    pub fn decode(text: &str) -> Result<Self, LinkError> {
        if text.len() > MAX_LINK_CHARS {
            return Err(LinkError::TooLong);
        }
        let json = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| LinkError::NotBase64)?;
        let link: Self = serde_json::from_slice(&json).map_err(|_| LinkError::NotALink)?;
        link.check()?;
        Ok(link)
    }

    fn check(&self) -> Result<(), LinkError> {
        check_url(&self.url).map_err(LinkError::Url)?;
        if is_sha256(&self.sha256) { Ok(()) } else { Err(LinkError::Hash) }
    }
}

/// What is wrong with a URL. Reads as the end of a sentence, and never quotes the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Over 8192 bytes.
    #[error("is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// A character that programs read differently, or drop.
    #[error("has a character that no URL has")]
    BadCharacter,
    /// Neither https, nor http to this machine.
    #[error("is not https (http is only for a loopback host)")]
    Scheme,
    /// A name or a password before the host.
    #[error("has a user name before its host")]
    UserInfo,
    /// No host, or none that can be.
    #[error("has no host")]
    Host,
}

/// Whether a URL may be used for orders and evidence: https, or http to a loopback host.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_url(url: &str) -> Result<(), UrlFault> {
    if url.len() > MAX_URL_BYTES {
        return Err(UrlFault::TooLong);
    }
    // URL parsers strip tabs and line ends, and take a backslash for a slash: what is checked here would not be what
    // is contacted.
    if url.bytes().any(|b| !b.is_ascii_graphic() || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`')) {
        return Err(UrlFault::BadCharacter);
    }
    let (is_secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err(UrlFault::Scheme),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UrlFault::UserInfo);
    }
    let host = host(authority).ok_or(UrlFault::Host)?;
    let is_loopback = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if is_secure || is_loopback { Ok(()) } else { Err(UrlFault::Scheme) }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let sound_host = !host.is_empty() && (host.contains(':') || host.bytes().all(is_name));
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    (sound_host && port.is_none_or(is_port)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(url: &str) -> OrderLink {
        OrderLink { url: url.to_owned(), sha256: "0a".repeat(32) }
    }

    #[test]
    fn a_link_is_read_as_it_is_written() {
        let link = link("https://bucket.s3.eu-central-1.amazonaws.com/orders/1.json?X-Amz-Signature=ab");
        let text = link.encode().unwrap();
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
        assert_eq!(OrderLink::decode(&text).unwrap(), link);
    }

    #[test]
    fn anything_else_is_no_link() {
        let encoded = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
        let hash = "0a".repeat(32);
        for (text, error) in [
            ("e30=".to_owned(), LinkError::NotBase64),
            ("$(id)".to_owned(), LinkError::NotBase64),
            (String::new(), LinkError::NotALink),
            ("A".repeat(5000), LinkError::TooLong),
            (encoded("[]"), LinkError::NotALink),
            (encoded(r#"{"url":"https://a/"}"#), LinkError::NotALink),
            (encoded(&format!(r#"{{"url":"https://a/","sha256":"{hash}","x":1}}"#)), LinkError::NotALink),
            (encoded(r#"{"url":"https://a/","sha256":"00"}"#), LinkError::Hash),
            (
                encoded(&format!(r#"{{"url":"file:///etc/passwd","sha256":"{hash}"}}"#)),
                LinkError::Url(UrlFault::Scheme),
            ),
        ] {
            assert_eq!(OrderLink::decode(&text), Err(error), "{text}");
        }
        let long = link(&format!("https://a/{}", "a".repeat(4000)));
        assert_eq!(long.encode(), Err(LinkError::TooLong));
    }

    #[test]
    fn a_link_is_not_printed_with_its_url() {
        assert!(!format!("{:?}", link("https://a/?X-Amz-Signature=ab")).contains("Signature"));
    }

    #[test]
    fn only_https_and_loopback_http_are_followed() {
        for url in [
            "https://b.s3.amazonaws.com/k?X-Amz-Signature=a%2Fb&x=1",
            "https://10.0.0.1:8443/",
            "https://[2001:db8::1]/k",
            "http://127.0.0.1:4566/b/k",
            "http://localhost:4566/b/k",
            "http://[::1]:4566/b/k",
            "https://a",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for (url, fault) in [
            ("http://b.s3.amazonaws.com/k", UrlFault::Scheme),
            ("http://127.0.0.1.evil.example/k", UrlFault::Scheme),
            ("http://127.1/k", UrlFault::Scheme),
            ("http://10.0.0.1/k", UrlFault::Scheme),
            ("HTTPS://a/", UrlFault::Scheme),
            ("ftp://a/", UrlFault::Scheme),
            ("", UrlFault::Scheme),
            ("http://127.0.0.1@evil.example/", UrlFault::UserInfo),
            ("http://127.0.0.1\\@evil.example/", UrlFault::BadCharacter),
            ("https://a/\nb", UrlFault::BadCharacter),
            ("https://a/ b", UrlFault::BadCharacter),
            ("https://ä/", UrlFault::BadCharacter),
            ("https:///k", UrlFault::Host),
            ("https://:443/k", UrlFault::Host),
            ("https://a:/k", UrlFault::Host),
            ("https://a:+1/k", UrlFault::Host),
            ("https://a:99999/k", UrlFault::Host),
            ("https://%6c/k", UrlFault::Host),
            ("https://[::1/k", UrlFault::Host),
            ("https://[::1]x/k", UrlFault::Host),
        ] {
            assert_eq!(check_url(url), Err(fault), "{url}");
        }
    }
}
