//! What comes on the queue of reports: news from S3, from SSM, and from our own other functions.

use serde::Deserialize;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An object lies in the staging bucket.
    Arrived {
        /// Its key, as S3 spells it in events.
        key: String,
    },
    /// A command at a relay ended.
    CommandEnded {
        /// The command.
        command_id: String,
        /// How, in SSM's words: `Success`, `Failed`, `TimedOut`, `Cancelled`, …
        status: String,
    },
    /// The summary of a day is due.
    Digest,
    /// A case has something due.
    Continue {
        /// The case.
        case_id: String,
    },
}

/// The detail type of SSM's news about one node's part of a command.
const INVOCATION: &str = "EC2 Command Invocation Status-change Notification";
/// The detail type of SSM's news about a command as a whole; a command of ours has one node.
const COMMAND: &str = "EC2 Command Status-change Notification";

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    /// What S3 sends when a notification is set up.
    #[serde(rename = "Event")]
    event: Option<String>,
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    detail: Option<Detail>,
    #[serde(rename = "continue")]
    go_on: Option<String>,
    digest: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName", default)]
    event_name: String,
    s3: Option<S3>,
}

#[derive(Deserialize)]
struct S3 {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "command-id")]
    command_id: Option<String>,
    status: Option<String>,
}

/// Reads one message. None of the senders is an endpoint or a relay.
///
/// # Errors
/// One line, where it is none of the three.
pub fn read(body: &str) -> Result<Vec<News>, String> {
    let envelope: Envelope = serde_json::from_str(body)
        .map_err(|error| format!("the message is not JSON of a known shape: {error}"))?;
    if let Some(case_id) = envelope.go_on {
        return Ok(vec![News::Continue { case_id }]);
    }
    if envelope.digest.is_some() {
        return Ok(vec![News::Digest]);
    }
    if let Some(records) = envelope.records {
        let created = records.into_iter().filter(|record| record.event_name.starts_with("ObjectCreated:"));
        return Ok(created.filter_map(|record| Some(News::Arrived { key: record.s3?.object.key })).collect());
    }
    match (envelope.source.as_deref(), envelope.detail_type.as_deref(), envelope.detail) {
        (Some("aws.ssm"), Some(INVOCATION | COMMAND), Some(detail)) => {
            let (Some(command_id), Some(status)) = (detail.command_id, detail.status) else {
                return Err("SSM's message names no command or no status".to_owned());
            };
            Ok(vec![News::CommandEnded { command_id, status }])
        }
        _ if envelope.event.as_deref() == Some("s3:TestEvent") => Ok(Vec::new()),
        _ => Err("the message is neither from S3, nor from SSM, nor from Peerhound".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_is_understood() {
        let s3 = r#"{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},
            "object":{"key":"staging/ph-1/1-1/bundle.zip","size":3,"eTag":"e"}}},{"eventName":"ObjectRemoved:Delete",
            "s3":{"object":{"key":"x"}}}]}"#;
        assert_eq!(read(s3).unwrap(), [News::Arrived { key: "staging/ph-1/1-1/bundle.zip".to_owned() }]);
        let ssm = r#"{"version":"0","source":"aws.ssm","detail-type":"EC2 Command Invocation Status-change Notification",
            "detail":{"command-id":"e8d3c0e4","document-name":"d","instance-id":"mi-0123456789abcdef0","status":"TimedOut"}}"#;
        let ended = News::CommandEnded { command_id: "e8d3c0e4".to_owned(), status: "TimedOut".to_owned() };
        assert_eq!(read(ssm).unwrap(), [ended]);
        assert_eq!(read(r#"{"continue":"ph-1"}"#).unwrap(), [News::Continue { case_id: "ph-1".to_owned() }]);
        assert_eq!(read(r#"{"digest":"2026-11-30"}"#).unwrap(), [News::Digest]);
        assert_eq!(read(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#).unwrap(), []);
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        for body in ["", "[]", "{}", "null", r#"{"source":"aws.ssm","detail-type":"x","detail":{}}"#] {
            assert!(!read(body).unwrap_err().contains('\n'), "{body}");
        }
    }
}
