//! A proof of who somebody is: a request to `sts:GetCallerIdentity`, signed by that person and sent by whoever has to know.
//!
//! Vault and Kubernetes on AWS know people by it. What went wrong there does not happen here: nothing of the request is
//! taken from the message but the four parts that only the person can know, so that there is no address, no header and no
//! body to be chosen by whoever sends it. What it is said for is in a header that is signed, [`DECISION`]: a request that was
//! signed for something else, or for another word, or for another deployment, has another signature.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::Timestamp;

use super::super::told;
use super::StsProof;

/// The header that binds a signature to one word: the word's digest.
pub const DECISION: &str = "x-peerhound-decision";
/// All that is ever asked.
pub(super) const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
pub(super) const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";
const SERVICE: &str = "sts";
/// Longest session token, in characters. AWS promises no length; the longest that are seen have some 2,500.
const MAX_TOKEN: usize = 16 << 10;

/// What a request is signed for.
pub struct Bound<'a> {
    /// The word's digest, see [`Spoken::digest`](super::Spoken::digest).
    pub digest: &'a str,
    /// When it was said, in whole seconds.
    pub said_at: Timestamp,
    /// The region whose STS is asked.
    pub region: &'a str,
    /// Its host, and the port where it is not the usual one.
    pub host: &'a str,
}

impl Bound<'_> {
    /// The headers that are signed, with a session's token where there is one; in the order of their names.
    fn headers<'h>(&'h self, date: &'h str, token: Option<&'h str>) -> Vec<(&'static str, &'h str)> {
        let mut headers = vec![("content-type", CONTENT_TYPE), ("host", self.host), ("x-amz-date", date)];
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        headers.push((DECISION, self.digest));
        headers
    }

    fn date(&self) -> String {
        self.said_at.strftime("%Y%m%dT%H%M%SZ").to_string()
    }
}

impl StsProof {
    /// Signs, with a person's own credentials.
    ///
    /// # Errors
    /// One line, where the credentials cannot sign.
    pub fn sign(bound: &Bound<'_>, credentials: Credentials) -> Result<Self, String> {
        let access_key_id = credentials.access_key_id().to_owned();
        let session_token = credentials.session_token().map(str::to_owned);
        let seconds = u64::try_from(bound.said_at.as_second()).map_err(told)?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(bound.region)
            .name(SERVICE)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .settings(SigningSettings::default())
            .build()
            .map_err(told)?
            .into();
        // The signer adds the date and the token itself.
        let headers = [("content-type", CONTENT_TYPE), ("host", bound.host), (DECISION, bound.digest)];
        let uri = format!("https://{}/", bound.host);
        let body = SignableBody::Bytes(BODY.as_bytes());
        let request = SignableRequest::new("POST", uri, headers.into_iter(), body).map_err(told)?;
        let (_, signature) = sign(request, &params).map_err(told)?.into_parts();
        Ok(Self { access_key_id, session_token, signature })
    }

    /// What is wrong with the parts, before anything is sent.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let key = &self.access_key_id;
        if key.is_empty() || key.len() > 128 || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Some("the id of its key is none");
        }
        if self.signature.len() != 64
            || !self.signature.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Some("its signature is none");
        }
        let sound = |token: &String| {
            !token.is_empty() && token.len() <= MAX_TOKEN && token.bytes().all(|b| b.is_ascii_graphic())
        };
        if !self.session_token.as_ref().is_none_or(sound) {
            return Some("its session token is none");
        }
        None
    }

    /// The headers of the request that this is the proof of: those that were signed, and the signature. What the word is and
    /// where it counts are the asker's own: where they are not what was signed, AWS refuses the signature.
    pub(super) fn headers(&self, bound: &Bound<'_>) -> Vec<(&'static str, String)> {
        let date = bound.date();
        let signed = bound.headers(&date, self.session_token.as_deref());
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let scope = format!("{}/{}/{SERVICE}/aws4_request", &date[..8], bound.region);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={}",
            self.access_key_id,
            names.join(";"),
            self.signature
        );
        let mut headers: Vec<(&str, String)> =
            signed.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        headers.push(("authorization", authorization));
        headers
    }
}
