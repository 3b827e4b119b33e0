//! Asks AWS whose signature it is.

use std::time::Duration;

use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use investigation::text::one_line;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;

use super::proof::{BODY, Bound};
use super::{NotVouched, Spoken, StsProof};
use crate::aws::client::Clients;
use crate::aws::deployment::Deployment;
use crate::aws::told;
use crate::deliver::{is_loopback, with_causes};

/// Bytes of an answer that are read. Whole ones have some 400.
const MAX_ANSWER: usize = 16 << 10;
/// Longest for one question.
const PATIENCE: Duration = Duration::from_secs(10);
/// Times that a question is asked at once.
const TRIES: u32 = 3;

/// Where a deployment asks, which is where everybody signs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsEndpoint {
    url: Url,
    /// The host, and the port where it is not the usual one.
    pub host: String,
    /// The region.
    pub region: String,
}

impl StsEndpoint {
    /// The endpoint that the deployment names, or else its region's own.
    ///
    /// # Errors
    /// One line, where there is none that can be trusted.
    pub async fn of(deployment: &Deployment) -> Result<Self, String> {
        let region = deployment.region.clone().ok_or("the deployment names no region")?;
        let text = match &deployment.sts_endpoint {
            Some(endpoint) => endpoint.clone(),
            None => {
                let params = Params::builder().region(region.clone()).use_global_endpoint(false).build();
                let params = params.map_err(|error| told(&error))?;
                let found = DefaultResolver::new().resolve_endpoint(&params).await;
                found.map_err(|error| one_line(&error.to_string(), 200))?.url().to_owned()
            }
        };
        Self::at(&text, region)
    }

    fn at(text: &str, region: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("the STS endpoint {} {why}", one_line(text, 200));
        let url = Url::parse(text).map_err(|_| wrong("is no URL"))?;
        let name = url.host_str().ok_or_else(|| wrong("names no host"))?;
        // Whoever answers in its place could name anybody.
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(name)) {
            return Err(wrong("is not https"));
        }
        if url.path() != "/"
            || url.query().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(wrong("has more than a host and a port"));
        }
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { url, host, region })
    }

    /// What is signed for a word there.
    pub fn bound<'a>(&'a self, spoken: &Spoken, digest: &'a str) -> Bound<'a> {
        Bound { digest, said_at: spoken.said_at, region: &self.region, host: &self.host }
    }
}

/// The answer as JSON, which is asked for. <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "GetCallerIdentityResponse")]
    response: Outer,
}

#[derive(Deserialize)]
struct Outer {
    #[serde(rename = "GetCallerIdentityResult")]
    result: Identity,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "Arn")]
    arn: String,
    #[serde(rename = "Account")]
    account: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "Error")]
    error: Coded,
}

#[derive(Deserialize)]
struct Coded {
    #[serde(rename = "Code")]
    code: String,
}

/// The ARN of the principal whose word it is.
pub(super) async fn ask(
    clients: &Clients,
    endpoint: &StsEndpoint,
    spoken: &Spoken,
    digest: &str,
    proof: &StsProof,
) -> Result<String, NotVouched> {
    if let Some(fault) = proof.fault() {
        return Err(NotVouched::Refused(format!("its proof of who said it is none: {fault}")));
    }
    let http = clients.plain_http().map_err(NotVouched::Later)?;
    let mut headers = HeaderMap::new();
    for (name, value) in proof.headers(&endpoint.bound(spoken, digest)) {
        let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            return Err(NotVouched::Refused("its proof of who said it cannot be sent".to_owned()));
        };
        value.set_sensitive(true);
        // What is sent names the same host: it is that of the address.
        if name != HOST {
            headers.insert(name, value);
        }
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let mut why = String::new();
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(300) * attempt).await;
        }
        let request = http.post(endpoint.url.clone()).headers(headers.clone()).body(BODY).timeout(PATIENCE);
        match request.send().await {
            Ok(response) => match read(response).await {
                Err(NotVouched::Later(reason)) => why = reason,
                settled => return settled,
            },
            Err(error) => {
                why = format!("AWS cannot be asked who said it: {}", with_causes(&error.without_url()))
            }
        }
    }
    Err(NotVouched::Later(one_line(&why, 300)))
}

async fn read(mut response: Response) -> Result<String, NotVouched> {
    let status = response.status();
    let json = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let json = json.is_some_and(|kind| kind.split(';').next() == Some("application/json"));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(NotVouched::Later("AWS's answer is longer than any is".to_owned())),
            Ok(None) => break,
            Err(error) => {
                let why = with_causes(&error.without_url());
                return Err(NotVouched::Later(format!("AWS's answer broke off: {why}")));
            }
        }
    }
    settled(status, json, &body)
}

/// What an answer means. Only a whole one in the one shape that is asked for names somebody.
fn settled(status: StatusCode, json: bool, body: &[u8]) -> Result<String, NotVouched> {
    if status == StatusCode::OK {
        let answer = serde_json::from_slice::<Answer>(body).ok().filter(|_| json);
        let identity = answer.map(|answer| answer.response.result).filter(is_principal);
        return identity
            .map(|identity| identity.arn)
            .ok_or_else(|| NotVouched::Later("AWS's answer names nobody that can be read".to_owned()));
    }
    let code = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.error.code).unwrap_or_default();
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
    let busy = matches!(
        code.as_str(),
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "IDPCommunicationError"
    );
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS && !busy {
        return Err(NotVouched::Refused(format!(
            "AWS does not take its proof of who said it (HTTP {} {code}): it was signed for something else, or too long ago, \
             or by nobody",
            status.as_u16()
        )));
    }
    Err(NotVouched::Later(format!("AWS does not say who said it (HTTP {} {code})", status.as_u16())))
}

/// An ARN of IAM or STS, in the account that the answer names.
fn is_principal(identity: &Identity) -> bool {
    let parts: Vec<&str> = identity.arn.splitn(6, ':').collect();
    let [start, partition, service, region, account, name] = parts.as_slice() else { return false };
    let partition = partition
        .strip_prefix("aws")
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
    *start == "arn"
        && partition
        && matches!(*service, "iam" | "sts")
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && *account == identity.account
        && !name.is_empty()
        && identity.arn.len() <= 700
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_/-:".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sts::123456789012:assumed-role/Soc/anna@corp.example";

    fn answer(arn: &str, account: &str) -> String {
        format!(
            r#"{{"GetCallerIdentityResponse":{{"GetCallerIdentityResult":{{"Account":"{account}","Arn":"{arn}","UserId":"AROA:anna"}},"ResponseMetadata":{{"RequestId":"1"}}}}}}"#
        )
    }

    #[test]
    fn only_a_whole_answer_names_somebody() {
        let ok = |body: &str| settled(StatusCode::OK, true, body.as_bytes());
        assert_eq!(ok(&answer(ARN, "123456789012")), Ok(ARN.to_owned()));
        let whole = answer(ARN, "123456789012");
        let wrong = [
            answer(ARN, "210987654321"),
            answer("arn:aws:s3::123456789012:user/anna", "123456789012"),
            answer("arn:aws:iam::123456789012:user/anna b", "123456789012"),
            answer("arn:evil:iam::123456789012:user/anna", "123456789012"),
            answer("anna", "123456789012"),
            format!("{whole}{whole}"),
            format!("<xml>{whole}</xml>"),
            whole[..whole.len() - 1].to_owned(),
            r#"{"Arn":"arn:aws:iam::123456789012:user/anna","Account":"123456789012"}"#.to_owned(),
            String::new(),
        ];
        for body in wrong {
            assert!(matches!(ok(&body), Err(NotVouched::Later(_))), "{body}");
        }
        assert!(settled(StatusCode::OK, false, whole.as_bytes()).is_err(), "of another kind");
        assert!(settled(StatusCode::FOUND, true, whole.as_bytes()).is_err(), "a redirect names nobody");
    }

    #[test]
    fn a_refusal_is_told_from_a_service_that_is_busy() {
        let coded = |code: &str| format!(r#"{{"Error":{{"Code":"{code}","Message":"m","Type":"Sender"}}}}"#);
        let refused = settled(StatusCode::FORBIDDEN, true, coded("SignatureDoesNotMatch").as_bytes());
        assert!(
            matches!(&refused, Err(NotVouched::Refused(why)) if why.contains("403 SignatureDoesNotMatch"))
        );
        let odd = settled(StatusCode::FORBIDDEN, true, coded("a\\n\\u001b[2J").as_bytes());
        assert!(matches!(&odd, Err(NotVouched::Refused(why)) if !why.contains(char::is_control)));
        for (status, code) in [(400, "Throttling"), (503, "ServiceUnavailable"), (500, ""), (301, "")] {
            let status = StatusCode::from_u16(status).unwrap();
            let later = settled(status, true, coded(code).as_bytes());
            assert!(matches!(later, Err(NotVouched::Later(_))), "{status}");
        }
    }

    #[tokio::test]
    async fn the_endpoint_is_the_regions_own_or_the_one_that_the_deployment_names() {
        let mut deployment = Deployment::from_env(|name| Some(name.to_owned())).unwrap();
        deployment.sts_endpoint = None;
        for (region, host) in [
            ("eu-central-1", "sts.eu-central-1.amazonaws.com"),
            ("us-east-1", "sts.us-east-1.amazonaws.com"),
            ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ] {
            deployment.region = Some(region.to_owned());
            let endpoint = StsEndpoint::of(&deployment).await.unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.url.scheme()), (host, "https"));
        }
        let at = |text: &str| StsEndpoint::at(text, "eu-central-1".to_owned());
        assert_eq!(at("http://127.0.0.1:4566").unwrap().host, "127.0.0.1:4566");
        assert_eq!(at("https://vpce-1.sts.eu-central-1.vpce.amazonaws.com").unwrap().url.port(), None);
        for wrong in [
            "http://sts.example",
            "https://a:b@sts.example",
            "https://sts.example/x",
            "https://sts.example/?a",
            "sts",
            "",
        ] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
