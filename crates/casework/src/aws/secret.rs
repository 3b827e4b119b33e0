//! Secrets of Secrets Manager, kept for a while: asked for once for many calls, and a changed one needs no deployment.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::told;

/// What a secret says, as it was last fetched.
#[derive(Debug)]
pub struct Kept<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// What the secret says, fetched anew where it was fetched longer ago than `fresh`. What `read` refuses is not
    /// kept.
    pub(super) async fn get(
        &self,
        client: &aws_sdk_secretsmanager::Client,
        id: &str,
        fresh: Duration,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut kept = self.0.lock().await;
        if let Some((at, value)) = &*kept
            && at.elapsed() < fresh
        {
            return Ok(value.clone());
        }
        let secret = client.get_secret_value().secret_id(id).send().await.map_err(told)?;
        let value = read(secret.secret_string().unwrap_or_default())?;
        *kept = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}
