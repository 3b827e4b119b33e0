//! What comes on the queues of reports, actions and decisions: news from S3, from SSM, from SES, from our own other functions,
//! and from people.

use std::collections::BTreeMap;

use investigation::case::Returned;
use serde::Deserialize;

use super::decisions::{self, Spoken};
use super::mail::{CASE_TAG, EFFECT_TAG};

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
    /// A mail came back, or its receiver complained.
    MailReturned {
        /// The case.
        case_id: String,
        /// The delivery within the case.
        effect: u32,
        /// Which of the two.
        how: Returned,
        /// Whom it concerns and why, in one line. Goes onto the case and nowhere else.
        why: String,
    },
    /// A person said something.
    Spoken(Box<Spoken>),
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
    spoken: Option<Box<Spoken>>,
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
    #[serde(rename = "eventType")]
    event_type: Option<String>,
    mail: Option<SesMail>,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    reject: Option<Reject>,
}

/// SES's events as EventBridge delivers them: the `detail` is what is published to SNS
/// (<https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>).
#[derive(Deserialize)]
struct SesMail {
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    #[serde(default)]
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
    #[serde(default)]
    bounced_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    #[serde(default)]
    complained_recipients: Vec<Recipient>,
    complaint_feedback_type: Option<String>,
}

#[derive(Deserialize)]
struct Reject {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    #[serde(default)]
    email_address: String,
    status: Option<String>,
    diagnostic_code: Option<String>,
}

/// Most receivers of one mail that are told by name.
const MAX_RECIPIENTS: usize = 10;

impl Recipient {
    fn told(&self) -> String {
        let mut text = self.email_address.clone();
        for part in self.status.iter().chain(&self.diagnostic_code) {
            text.push(' ');
            text.push_str(part);
        }
        investigation::text::one_line(&text, 200)
    }
}

impl Detail {
    /// What SES says of a mail of ours. Nothing, where the mail is not: others may send through the same configuration
    /// set.
    fn returned(self) -> Result<Vec<News>, String> {
        let tag = |name: &str| self.mail.as_ref()?.tags.get(name)?.first().cloned();
        let Some(case_id) = tag(CASE_TAG) else { return Ok(Vec::new()) };
        let effect = tag(EFFECT_TAG).and_then(|effect| effect.parse().ok());
        let effect = effect.ok_or("SES's message names no effect of the case")?;
        let list = |recipients: &[Recipient]| {
            let told: Vec<String> = recipients.iter().take(MAX_RECIPIENTS).map(Recipient::told).collect();
            told.join("; ")
        };
        let (how, why) = match (self.event_type.as_deref(), &self.bounce, &self.complaint, &self.reject) {
            (Some("Bounce"), Some(bounce), ..) => {
                let kind = format!("{}/{}", bounce.bounce_type, bounce.bounce_sub_type);
                (Returned::Bounced, format!("{kind}: {}", list(&bounce.bounced_recipients)))
            }
            (Some("Complaint"), _, Some(complaint), _) => {
                let kind = complaint.complaint_feedback_type.as_deref().unwrap_or("complaint");
                (Returned::Complained, format!("{kind}: {}", list(&complaint.complained_recipients)))
            }
            (Some("Reject"), .., Some(reject)) => {
                (Returned::Bounced, format!("SES did not send it: {}", reject.reason))
            }
            // Deliveries, openings and the like change nothing.
            _ => return Ok(Vec::new()),
        };
        let (case_id, why) =
            (investigation::text::one_line(&case_id, 80), investigation::text::one_line(&why, 400));
        Ok(vec![News::MailReturned { case_id, effect, how, why }])
    }
}

/// Reads one message. None of the senders is an endpoint or a relay.
///
/// # Errors
/// One line, where it is none of those.
pub fn read(body: &str) -> Result<Vec<News>, String> {
    let envelope: Envelope = serde_json::from_str(body)
        .map_err(|error| format!("the message is not JSON of a known shape: {error}"))?;
    if let Some(spoken) = envelope.spoken {
        return match decisions::is_too_long(body) {
            true => Err("a person's word is longer than any is".to_owned()),
            false => Ok(vec![News::Spoken(spoken)]),
        };
    }
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
        (Some("aws.ses"), _, Some(detail)) => detail.returned(),
        _ if envelope.event.as_deref() == Some("s3:TestEvent") => Ok(Vec::new()),
        _ => Err("the message is neither from S3, nor from SSM, nor from SES, nor from Peerhound".to_owned()),
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
    fn a_mail_that_came_back_names_its_case() {
        let bounce = include_str!("../../../../events/eventbridge/ses-bounce.json");
        let why = "Permanent/General: alice@example.com 5.1.1 smtp; 550 5.1.1 user unknown".to_owned();
        let of =
            |how, why| News::MailReturned { case_id: "ph-20260302-k3m7qd5a".to_owned(), effect: 6, how, why };
        assert_eq!(read(bounce).unwrap(), [of(Returned::Bounced, why)]);
        let complaint = include_str!("../../../../events/eventbridge/ses-complaint.json");
        let why = "abuse: alice@example.com".to_owned();
        assert_eq!(read(complaint).unwrap(), [of(Returned::Complained, why)]);
        // Somebody else's mail through the same set, and what says nothing new.
        assert_eq!(read(&bounce.replace(CASE_TAG, "other")).unwrap(), []);
        assert_eq!(read(&bounce.replace("\"Bounce\"", "\"Delivery\"")).unwrap(), []);
        assert!(read(&bounce.replace("\"6\"", "\"six\"")).unwrap_err().contains("no effect"));
        let hostile = bounce.replace("user unknown", "user\\r\\n\\u001b[2Junknown");
        let news = read(&hostile).unwrap();
        let [News::MailReturned { why, .. }] = news.as_slice() else { panic!("{news:?}") };
        assert!(!why.contains(char::is_control), "{why:?}");
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        for body in ["", "[]", "{}", "null", r#"{"source":"aws.ssm","detail-type":"x","detail":{}}"#] {
            assert!(!read(body).unwrap_err().contains('\n'), "{body}");
        }
    }
}
