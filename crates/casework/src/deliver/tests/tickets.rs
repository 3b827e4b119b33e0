use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::desk::webhook;
use super::servers::{closed_port, http};
use super::*;

const ACCEPTED: &str = "HTTP/1.1 201 Created\r\ncontent-length: 44\r\n\r\n{\"key\":\"SEC-7\",\"self\":\"https://t.example/7\"}\n";

fn hook(url: &str) -> TicketConfig {
    webhook(url, false, None)
}

async fn post(config: &TicketConfig) -> Result<Receipt, DeliveryError> {
    let filed = post_ticket(config, &ticket(), "case-7.3", Path::new("/nowhere")).await;
    filed.map(|filed| filed.receipt)
}

/// The delivery at a server that answers with these bytes.
async fn answered(answer: &str) -> Result<Receipt, DeliveryError> {
    let (port, running) = http(Some(answer.to_owned())).await;
    let result = post(&hook(&format!("http://127.0.0.1:{port}/hook?key=s3cret"))).await;
    running.await.unwrap();
    result
}

async fn status(line: &str) -> DeliveryError {
    answered(&format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n")).await.unwrap_err()
}

#[tokio::test]
async fn a_ticket_arrives_with_its_key_and_the_answer_is_read() {
    let folder = TempDir::new().unwrap();
    let token_file = folder.path().join("token");
    fs::write(&token_file, "t0ken\n").unwrap();
    let (port, running) = http(Some(ACCEPTED.to_owned())).await;
    let token = Some(Token::File(token_file));
    let receipt = post(&webhook(&format!("http://127.0.0.1:{port}/hook"), false, token)).await.unwrap();
    assert_eq!(receipt.reference.as_deref(), Some("SEC-7"));
    assert_eq!(receipt.url.as_deref(), Some("https://t.example/7"));
    assert_eq!(receipt.to_string(), format!("accepted by 127.0.0.1:{port}; SEC-7; https://t.example/7"));

    let request = running.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    for header in
        ["idempotency-key: case-7.3", "authorization: Bearer t0ken", "content-type: application/json"]
    {
        assert!(head.lines().any(|line| line.eq_ignore_ascii_case(header)), "{header} in {head}");
    }
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["title"], "Policy violation: ws-0042");
    assert_eq!(body["fields"]["host.ip"], "10.20.0.5");
    assert_eq!(body["idempotency_key"], "case-7.3");
}

#[tokio::test]
async fn a_request_that_was_never_sent_was_surely_not_delivered() {
    let port = closed_port().await;
    let error = post(&hook(&format!("http://127.0.0.1:{port}/hook?key=s3cret"))).await.unwrap_err();
    assert!(
        not_accepted(&error).to_lowercase().contains("refused") && !error.to_string().contains("s3cret"),
        "{error}"
    );

    // TLS with a server that speaks none, and with one that says nothing.
    let (port, running) = http(Some("HTTP/1.1 200 OK\r\n\r\n".to_owned())).await;
    not_accepted(&post(&hook(&format!("https://127.0.0.1:{port}/"))).await.unwrap_err());
    running.abort();
    let (port, running) = http(None).await;
    not_accepted(&post(&hook(&format!("https://127.0.0.1:{port}/"))).await.unwrap_err());
    running.abort();
}

#[tokio::test]
async fn an_answer_that_settles_it_is_believed() {
    for line in ["429 Too Many Requests", "503 Service Unavailable", "408 Request Timeout"] {
        not_accepted(&status(line).await);
    }
    for line in [
        "400 Bad Request",
        "401 Unauthorized",
        "404 Not Found",
        "409 Conflict",
        "422 No",
        "501 Not Implemented",
    ] {
        rejected(&status(line).await);
    }
    for line in ["500 Internal Server Error", "502 Bad Gateway", "504 Gateway Timeout"] {
        uncertain(&status(line).await);
    }
}

#[tokio::test]
async fn the_wait_that_was_asked_for_is_passed_on() {
    let error =
        answered("HTTP/1.1 429 Slow Down\r\nretry-after: 17\r\ncontent-length: 0\r\n\r\n").await.unwrap_err();
    match error {
        DeliveryError::NotAccepted { retry_after, .. } => {
            assert_eq!(retry_after, Some(Duration::from_secs(17)))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_without_an_answer_may_have_been_delivered() {
    uncertain(&answered("").await.unwrap_err());
    uncertain(&answered("nonsense\r\n\r\n").await.unwrap_err());
    let (port, running) = http(None).await;
    let error = post(&hook(&format!("http://127.0.0.1:{port}/hook?key=s3cret"))).await.unwrap_err();
    assert_eq!(uncertain(&error), format!("127.0.0.1:{port}: no answer in time"));
    running.abort();
}

#[tokio::test]
async fn a_conflict_over_the_key_means_that_an_earlier_try_is_there() {
    let (port, running) = http(Some("HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n".to_owned())).await;
    uncertain(&post(&webhook(&format!("http://127.0.0.1:{port}/"), true, None)).await.unwrap_err());
    running.await.unwrap();
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (elsewhere, running) = http(Some(ACCEPTED.to_owned())).await;
    for (code, sure) in [("301", true), ("302", true), ("307", true), ("308", true), ("303", false)] {
        let error = answered(&format!(
            "HTTP/1.1 {code} Elsewhere\r\nlocation: http://localhost:{elsewhere}/x?key=t0ken\r\ncontent-length: 0\r\n\r\n"
        ))
        .await
        .unwrap_err();
        let why = if sure { rejected(&error) } else { uncertain(&error) };
        assert!(why.contains("to localhost, not followed") && !why.contains("t0ken"), "{why}");
    }
    assert!(!running.is_finished(), "nobody went there");
    running.abort();
}

#[tokio::test]
async fn an_answer_without_end_or_shape_does_no_harm() {
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{{\"id\":\"{}\"}}", "x".repeat(10 << 20));
    assert_eq!(answered(&long).await.unwrap().reference, None);
    let broken = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"id\":1}";
    assert_eq!(answered(broken).await.unwrap().reference.as_deref(), Some("1"), "what came is read");
    let empty = "HTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(answered(empty).await.unwrap().reference, None);
}

#[tokio::test]
async fn words_of_the_receiver_are_shown_in_one_line_and_never_the_token() {
    let body = "title\r\n\x1b[2Jis too long.....";
    let length = body.len();
    let error =
        answered(&format!("HTTP/1.1 422 No\r\ncontent-length: {length}\r\n\r\n{body}")).await.unwrap_err();
    assert!(rejected(&error).ends_with(": title\\r\\n\\u{1b}[2Jis too long....."), "{error}");

    let folder = TempDir::new().unwrap();
    let token_file = folder.path().join("token");
    fs::write(&token_file, "t0ken").unwrap();
    let echo = "HTTP/1.1 401 No\r\ncontent-length: 14\r\n\r\nBearer t0ken ?";
    let (port, running) = http(Some(echo.to_owned())).await;
    let token = Some(Token::File(token_file));
    let error = post(&webhook(&format!("http://127.0.0.1:{port}/"), false, token)).await.unwrap_err();
    assert!(!rejected(&error).contains("t0ken"), "{error}");
    running.await.unwrap();
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_before_anything_is_sent() {
    for url in ["", "hook", "ftp://127.0.0.1/", "file:///etc/passwd"] {
        rejected(&post(&hook(url)).await.unwrap_err());
    }
    assert!(rejected(&post(&hook("http://192.0.2.1/")).await.unwrap_err()).contains("unprotected"));
    let token = Some(Token::File(Path::new("/nonexistent/token").to_owned()));
    let error = post(&webhook("https://127.0.0.1:1/", false, token)).await.unwrap_err();
    assert!(not_accepted(&error).contains("token file"), "{error}");
    let no_authority =
        TicketConfig { ca: Some(Authority::Pem("none".to_owned())), ..hook("https://127.0.0.1:1/") };
    assert!(rejected(&post(&no_authority).await.unwrap_err()).contains("CA file"));
}

#[tokio::test]
async fn without_a_webhook_a_ticket_is_a_file() {
    let folder = TempDir::new().unwrap();
    let outbox = folder.path().join("outbox");
    let filed = post_ticket(&TicketConfig::default(), &ticket(), "case-7.3", &outbox).await.unwrap();
    let receipt = filed.receipt;
    assert_eq!(receipt.channel, Channel::Outbox);
    let text = fs::read_to_string(outbox.join("case-7.3.md")).unwrap();
    assert!(text.starts_with("# Policy violation: ws-0042\n"), "{text}");
    assert!(text.contains("```json\n{\n  \"host.ip\": \"10.20.0.5\"\n}\n```\n"), "{text}");
}
