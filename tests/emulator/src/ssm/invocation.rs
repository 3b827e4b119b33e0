//! How far a command has come on a node, and what its steps said.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::names::{epoch, iso};
use super::schema::Step;

/// GetCommandInvocation hands out so much of what a step wrote, in characters.
const LONGEST_OUTPUT: usize = 24_000;
const LONGEST_ERROR: usize = 8_000;
/// ListCommandInvocations hands out so much of both together.
const LONGEST_LISTED: usize = 2_500;

/// A state of a command, an invocation or a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    InProgress,
    Cancelling,
    Success,
    Failed,
    ExecutionTimedOut,
    DeliveryTimedOut,
    Undeliverable,
    Cancelled,
}

impl Status {
    /// `Status`, which tells less than [`Self::details`].
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ExecutionTimedOut | Self::DeliveryTimedOut => "TimedOut",
            Self::Undeliverable => "Failed",
            other => other.details(),
        }
    }

    /// `StatusDetails`.
    pub(super) fn details(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Undeliverable => "Undeliverable",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether nothing comes after it.
    pub(super) fn is_end(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Cancelling)
    }
}

/// One step on one node.
#[derive(Debug, Clone)]
pub(super) struct Plugin {
    pub(super) step: String,
    pub(super) status: Status,
    /// The exit code; -1 as long as there is none.
    pub(super) code: i32,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    pub(super) output: String,
    pub(super) error: String,
}

impl Plugin {
    pub(super) fn pending(step: &Step) -> Self {
        Self {
            step: step.name.clone(),
            status: Status::Pending,
            code: -1,
            started: None,
            ended: None,
            output: String::new(),
            error: String::new(),
        }
    }

    /// The step's part of GetCommandInvocation.
    pub(super) fn describe(&self) -> Value {
        let time = |at: Option<Timestamp>| at.map(iso).unwrap_or_default();
        let elapsed = match (self.started, self.ended) {
            (Some(started), Some(ended)) => format!("PT{:.3}S", epoch(ended) - epoch(started)),
            _ => String::new(),
        };
        json!({
            "PluginName": self.step,
            "ResponseCode": self.code,
            "ExecutionStartDateTime": time(self.started),
            "ExecutionElapsedTime": elapsed,
            "ExecutionEndDateTime": time(self.ended),
            "StandardOutputContent": cut(&self.output, LONGEST_OUTPUT),
            "StandardOutputUrl": "",
            "StandardErrorContent": cut(&self.error, LONGEST_ERROR),
            "StandardErrorUrl": "",
        })
    }

    /// The step's part of ListCommandInvocations.
    pub(super) fn describe_in_list(&self) -> Value {
        let mut output = self.output.clone();
        if !self.error.is_empty() {
            output.push_str("\n----------ERROR-------\n");
            output.push_str(&self.error);
        }
        let mut told = json!({
            "Name": self.step,
            "Status": self.status.name(),
            "StatusDetails": self.status.details(),
            "ResponseCode": self.code,
            "Output": cut(&output, LONGEST_LISTED),
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
            "OutputS3Region": "",
            "OutputS3BucketName": "",
            "OutputS3KeyPrefix": "",
        });
        // Where the step has not come so far, the members are left out.
        if let Some(started) = self.started {
            told["ResponseStartDateTime"] = json!(epoch(started));
        }
        if let Some(ended) = self.ended {
            told["ResponseFinishDateTime"] = json!(epoch(ended));
        }
        told
    }
}

/// The first characters.
fn cut(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_by_characters() {
        assert_eq!(cut("äöü", 2), "äö");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("", 3), "");
    }

    #[test]
    fn status_tells_less_than_its_details() {
        assert_eq!(
            (Status::Undeliverable.name(), Status::Undeliverable.details()),
            ("Failed", "Undeliverable")
        );
        assert_eq!(Status::DeliveryTimedOut.name(), "TimedOut");
        assert!(!Status::Cancelling.is_end() && Status::Cancelled.is_end());
    }
}
