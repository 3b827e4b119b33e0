mod desk;
mod mails;
mod mime;
pub(crate) mod products;
pub(crate) mod servers;
mod tickets;

use investigation::act::{Message, Priority, Ticket};
use jiff::Timestamp;

use super::*;

fn message() -> Message {
    Message {
        subject: "Peer-to-peer software on ws-0042".to_owned(),
        text: "Hello,\n\n.a line that begins with a dot\nGr\u{fc}\u{df}e\n".to_owned(),
        html: None,
    }
}

fn ticket() -> Ticket {
    Ticket {
        title: "Policy violation: ws-0042".to_owned(),
        body_markdown: "| | |\n| --- | --- |\n".to_owned(),
        body_text: "Case: case-7\n".to_owned(),
        priority: Priority::Normal,
        labels: vec!["p2p".to_owned()],
        fields: serde_json::json!({"host.ip": "10.20.0.5"}),
    }
}

fn not_accepted(error: &DeliveryError) -> &str {
    match error {
        DeliveryError::NotAccepted { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

fn rejected(error: &DeliveryError) -> &str {
    match error {
        DeliveryError::Rejected { why } => why,
        other => panic!("{other:?}"),
    }
}

fn uncertain(error: &DeliveryError) -> &str {
    match error {
        DeliveryError::Uncertain { why } => why,
        other => panic!("{other:?}"),
    }
}
