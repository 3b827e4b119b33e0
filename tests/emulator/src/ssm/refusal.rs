//! How the service says no.

/// An error as the JSON protocol carries it: `__type` and `message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    /// An error of the caller's making.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    /// A member of the request is missing or out of its range.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// The service itself failed: clients try again.
    pub(super) fn internal() -> Self {
        Self {
            status: 500,
            code: "InternalServerError",
            message: "An error occurred on the server side.".to_owned(),
        }
    }
}

/// What an operation answers.
pub(super) type Answer = Result<serde_json::Value, Refusal>;
