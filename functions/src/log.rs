//! Logs: one JSON object a line on standard output, which Lambda carries away.

use casework::worker::{Notice, Observer};
use tracing_subscriber::EnvFilter;

/// Logs each step of a case with the ids by which it is found, and nothing about people or machines.
pub(crate) struct Steps;

impl Observer for Steps {
    fn notice(&self, notice: &Notice<'_>) {
        tracing::info!(case_id = notice.case_id, alert_id = notice.alert_id, step = ?notice.phase, "case");
    }
}

/// Begins to log. The level is the one that Lambda's own logging settings name.
#[expect(clippy::disallowed_methods, reason = "set by Lambda itself, before anything else is read")]
pub(crate) fn begin() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|_| "info".to_owned());
    // The SDK's own spans would show what was asked of AWS, alerts included.
    let filter = format!("{},aws_config=warn,aws_smithy_runtime=warn,hyper=warn", level.to_lowercase());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
}
