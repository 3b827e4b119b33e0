//! Signature Version 4, checked over a request as it came.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::Principal;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const REGION: &str = "us-east-1";
const SERVICE: &str = "sts";
/// STS takes a signature for so long.
const LIFE: SignedDuration = SignedDuration::from_mins(15);

/// A request as it came: names in lower case, values as they were sent.
pub(super) struct Came<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: &'a [u8],
}

/// The service's code for a no, and its message.
pub(super) type No = (&'static str, String);

impl Came<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        // Twice is not once.
        found.next().filter(|_| found.next().is_none()).map(|(_, value)| value.as_str())
    }
}

/// Whose request it is.
pub(super) fn signer<'p>(
    came: &Came<'_>,
    known: &'p [Principal],
    now: Timestamp,
) -> Result<&'p Principal, No> {
    let incomplete = |what: &str| ("IncompleteSignature", what.to_owned());
    let authorization = came.header("authorization");
    let authorization = authorization.ok_or(("MissingAuthenticationToken", "nobody signed it".to_owned()))?;
    let parts = authorization.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' '));
    let parts = parts.ok_or_else(|| incomplete("another algorithm"))?;
    let part = |name: &str| {
        let mut found = parts.split(',').filter_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.next().ok_or_else(|| incomplete(name))
    };
    let (credential, signed, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
    let date = came.header("x-amz-date").ok_or_else(|| incomplete("no x-amz-date"))?;
    let at = moment(date).ok_or_else(|| incomplete("x-amz-date is no date"))?;

    let scope: Vec<&str> = credential.split('/').collect();
    let [key, day, region, service, "aws4_request"] = scope.as_slice() else {
        return Err(incomplete("the credential has no scope"));
    };
    if *day != &date[..8] || *region != REGION || *service != SERVICE {
        return Err(("SignatureDoesNotMatch", format!("Credential should be scoped to {REGION}/{SERVICE}")));
    }
    let names: Vec<&str> = signed.split(';').collect();
    if !names.is_sorted() || !names.contains(&"host") {
        return Err((
            "SignatureDoesNotMatch",
            "'Host' must be a signed header, and they must be sorted".to_owned(),
        ));
    }
    let unsigned =
        |(name, _): &&(String, String)| name.starts_with("x-amz-") && !names.contains(&name.as_str());
    if let Some((name, _)) = came.headers.iter().find(unsigned) {
        return Err(("AccessDenied", format!("There were headers present which were not signed: {name}")));
    }
    let principal = known.iter().find(|principal| principal.access_key_id == *key);
    let principal = principal.ok_or((
        "InvalidClientTokenId",
        "The security token included in the request is invalid".to_owned(),
    ))?;
    if principal.session_token.as_deref() != came.header("x-amz-security-token") {
        return Err((
            "InvalidClientTokenId",
            "The security token included in the request is invalid".to_owned(),
        ));
    }
    let age = now.duration_since(at);
    if age > LIFE || age < -LIFE {
        return Err(("SignatureDoesNotMatch", format!("Signature expired: {date}")));
    }
    let canonical = canonical(came, &names)?;
    let text = format!("{ALGORITHM}\n{date}\n{}\n{}", scope[1..].join("/"), hex(&Sha256::digest(canonical)));
    let day_key = mac(format!("AWS4{}", principal.secret).as_bytes(), day.as_bytes());
    let signing_key = mac(&mac(&mac(&day_key, region.as_bytes()), service.as_bytes()), b"aws4_request");
    if hex(&mac(&signing_key, text.as_bytes())) != signature {
        let message = "The request signature we calculated does not match the signature you provided";
        return Err(("SignatureDoesNotMatch", message.to_owned()));
    }
    Ok(principal)
}

/// `20260302T101500Z`.
fn moment(date: &str) -> Option<Timestamp> {
    if date.len() != 16 || !date.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'T' | b'Z')) {
        return None;
    }
    let (day, time) = date.strip_suffix('Z')?.split_once('T').filter(|(day, _)| day.len() == 8)?;
    let text =
        format!("{}-{}-{}T{}:{}:{}Z", &day[..4], &day[4..6], &day[6..], &time[..2], &time[2..4], &time[4..]);
    text.parse().ok()
}

fn canonical(came: &Came<'_>, names: &[&str]) -> Result<String, No> {
    let (path, query) = came.path.split_once('?').unwrap_or((came.path, ""));
    let mut text = format!("{}\n{path}\n{query}\n", came.method);
    for name in names {
        let value = came
            .header(name)
            .ok_or(("SignatureDoesNotMatch", format!("{name} is signed and was not sent")))?;
        let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
        let _ = writeln!(text, "{name}:{}", words.join(" "));
    }
    let _ = write!(text, "\n{}\n{}", names.join(";"), hex(&Sha256::digest(came.body)));
    Ok(text)
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
