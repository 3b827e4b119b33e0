//! The server takes what Amazon's own SDK signs, and nothing that differs from it.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use super::StsServer;
use super::signature::{Came, signer};
use crate::http::ask;

const ARN: &str = "arn:aws:iam::123456789012:user/anna";
const BODY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

async fn asked(server: &StsServer, key: &str, secret: &str, token: Option<&str>) -> Result<String, String> {
    let keys = Credentials::new(key, secret, token.map(str::to_owned), None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(server.endpoint())
        .build();
    let identity = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
    let identity = identity.map_err(|error| format!("{:?}", error.into_service_error()))?;
    Ok(identity.arn().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_sdks_own_requests_are_taken_and_others_keys_are_not() {
    let server = StsServer::start().expect("the server");
    server.knows("AKIAANNA", "a secret", None, ARN);
    server.knows(
        "ASIABERT",
        "b secret",
        Some("a/session+token=="),
        "arn:aws:sts::123456789012:assumed-role/Soc/bert",
    );
    assert_eq!(asked(&server, "AKIAANNA", "a secret", None).await.as_deref(), Ok(ARN));
    let bert = asked(&server, "ASIABERT", "b secret", Some("a/session+token==")).await;
    assert_eq!(bert.as_deref(), Ok("arn:aws:sts::123456789012:assumed-role/Soc/bert"));
    for (key, secret, token, code) in [
        ("AKIAANNA", "b secret", None, "SignatureDoesNotMatch"),
        ("AKIANOBODY", "a secret", None, "InvalidClientTokenId"),
        ("AKIAANNA", "a secret", Some("a token"), "InvalidClientTokenId"),
        ("ASIABERT", "b secret", None, "InvalidClientTokenId"),
        ("ASIABERT", "b secret", Some("another"), "InvalidClientTokenId"),
    ] {
        let refused = asked(&server, key, secret, token).await.expect_err("it was taken");
        assert!(refused.contains(code), "{refused}");
    }
    let unsigned = ask("POST", &format!("{}/", server.endpoint()), &[], BODY).expect("an answer");
    assert_eq!(unsigned.status, 403);
    assert!(String::from_utf8_lossy(&unsigned.body).contains("MissingAuthenticationToken"));
}

/// What AWS's documents give as an example of the whole computation for another service has no public vector for STS: so a
/// request of the SDK is taken as it came, and each part of it changed.
#[tokio::test]
async fn not_one_signed_part_can_be_changed() {
    let server = StsServer::start().expect("the server");
    server.knows("AKIAANNA", "a secret", None, ARN);
    asked(&server, "AKIAANNA", "a secret", None).await.expect("an answer");
    let headers = server.seen().remove(0);
    let principals = super::locked(&server.state).principals.clone();
    let now = jiff::Timestamp::now();
    let with = |headers: &[(String, String)], body: &[u8], now| {
        let came = Came { method: "POST", path: "/", headers, body };
        signer(&came, &principals, now).map(|principal| principal.arn.clone()).map_err(|(code, _)| code)
    };
    // As it came, by the server's own record of it.
    let body = BODY;
    assert_eq!(with(&headers, body, now).as_deref(), Ok(ARN));
    assert_eq!(
        with(&headers, b"Action=GetSessionToken&Version=2011-06-15", now),
        Err("SignatureDoesNotMatch")
    );
    let late = now + jiff::SignedDuration::from_mins(16);
    assert_eq!(with(&headers, body, late), Err("SignatureDoesNotMatch"));
    let signed = headers.iter().find(|(name, _)| name == "authorization").expect("a signature").1.clone();
    let names = signed.split("SignedHeaders=").nth(1).and_then(|rest| rest.split(',').next()).expect("names");
    for name in names.split(';') {
        let mut changed = headers.clone();
        let header = changed.iter_mut().find(|(known, _)| known == name).expect("the header");
        header.1 = match name {
            "x-amz-date" => "20260101T000000Z".to_owned(),
            _ => format!("{}x", header.1),
        };
        assert!(with(&changed, body, now).is_err(), "{name}");
        let mut without = headers.clone();
        without.retain(|(known, _)| known != name);
        assert!(with(&without, body, now).is_err(), "without {name}");
    }
    let mut more = headers.clone();
    more.push(("x-amz-more".to_owned(), "x".to_owned()));
    assert_eq!(with(&more, body, now), Err("AccessDenied"));
}
