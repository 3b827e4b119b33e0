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
    let filter = EnvFilter::try_new(filter(&level)).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
}

/// The SDK's own spans would show what was asked of AWS, alerts included; the runtime would show what came in, keys of the door,
/// links and codes of approvers included.
fn filter(level: &str) -> String {
    let level = level.to_lowercase();
    format!("{level},aws_config=warn,aws_smithy_runtime=warn,hyper=warn,lambda_runtime=info")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_comes_in_is_logged_at_no_level() {
        let written = Kept::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(filter("TRACE")).unwrap())
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(subscriber.finish(), || {
            // What the runtime says at this level, under its own name.
            tracing::trace!(target: "lambda_runtime::layers::api_response", body = "link=secret", "raw JSON event");
            tracing::trace!("our own words");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("our own words") && !text.contains("secret"), "{text}");
    }
}
