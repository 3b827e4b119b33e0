//! A deployment on AWS: its file, and the clients for it.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use casework::aws::client::{Clients, Surroundings};
use casework::aws::deployment::Deployment;
use casework::backend::aws::Aws;
use investigation::text::one_line;

use crate::exit::{Exit, WithExit};
use crate::setup::Setup;

/// Longest deployment file that is read, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// A deployment with what talks to it.
pub(crate) struct Deployed {
    /// Where its parts are.
    pub(crate) deployment: Deployment,
    /// The clients.
    pub(crate) clients: Clients,
    /// Its cases and claims.
    pub(crate) store: Aws,
}

impl Setup {
    /// What the deployment file says.
    pub(crate) fn deployment(&self) -> Result<Deployment> {
        let path = self.deployment_file.as_deref().ok_or_else(|| {
            let text = "this command works on a deployment: name its file with --deployment or PEERHOUND_DEPLOYMENT; \
                        `terraform output -raw deployment` writes it";
            anyhow!(text).context(WithExit(Exit::BadPolicy))
        })?;
        read(path)
            .with_context(|| format!("the deployment {}", path.display()))
            .context(WithExit(Exit::BadPolicy))
    }

    /// The deployment to work on, and the clients for it.
    pub(crate) async fn deployed(&self) -> Result<Deployed> {
        let deployment = self.deployment()?;
        let clients = clients(deployment.region.as_deref()).await?;
        let store = Aws::new(
            clients.dynamodb().clone(),
            deployment.cases_table.clone(),
            deployment.cooldowns_table.clone(),
        );
        Ok(Deployed { deployment, clients, store })
    }

    /// S3 of the deployment; without one, of the region that the environment names.
    pub(crate) async fn s3(&self) -> Result<aws_sdk_s3::Client> {
        Ok(match &self.deployment_file {
            Some(_) => self.deployed().await?.clients.s3().clone(),
            None => clients(None).await?.s3().clone(),
        })
    }
}

/// The parts of a location, behind its `s3://`.
pub(crate) fn bucket_and_key(object: &str) -> Option<(&str, &str)> {
    object.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
}

/// The clients for a region, or for the one that the environment names.
pub(crate) async fn clients(region: Option<&str>) -> Result<Clients> {
    let mut surroundings = Surroundings::read();
    if let Some(region) = region {
        surroundings.region = Some(region.to_owned());
    }
    let clients = Clients::of_operator(&surroundings).await;
    let clients = match region {
        Some(region) => {
            clients.with_context(|| format!("the deployment is in {region}: set AWS_REGION={region}"))?
        }
        None => clients?,
    };
    let used = clients.sqs().config().region().map(ToString::to_string);
    match (region, used) {
        (Some(region), Some(used)) if region != used => {
            bail!("the deployment is in {region}, and the environment says {used}: set AWS_REGION={region}")
        }
        _ => Ok(clients),
    }
}

/// Who AWS says the caller is: the ARN of the principal, which no flag and no file on this machine decides.
pub(crate) async fn principal(clients: &Clients) -> Result<String> {
    let identity = clients.sts().get_caller_identity().send().await;
    let identity = identity.map_err(|error| anyhow!("AWS does not say who you are: {}", told(&error)))?;
    identity.arn().map(str::to_owned).ok_or_else(|| anyhow!("AWS does not say who you are"))
}

fn read(path: &Path) -> Result<Deployment> {
    let length = std::fs::metadata(path).context("cannot be read")?.len();
    if length > MAX_FILE {
        bail!("is no deployment file: it has {length} bytes");
    }
    let text = std::fs::read_to_string(path).context("cannot be read")?;
    toml::from_str(&text).map_err(|error| {
        // The parser shows the place on several lines.
        let message = error.message();
        let line = error
            .span()
            .map(|span| text.as_bytes()[..span.start.min(text.len())].split(|b| *b == b'\n').count());
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        anyhow!("{place}{message}; write it anew with `terraform output -raw deployment`")
    })
}

/// An error of the SDK on one line: what AWS said, or what kept it from saying something.
pub(crate) fn told<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let text = match (error, error.code()) {
        (SdkError::ServiceError(_), Some(code)) => match error.message() {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        },
        _ => DisplayErrorContext(error).to_string(),
    };
    one_line(&text, 400)
}

/// The name of a queue, from its URL.
pub(crate) fn queue_name(url: &str) -> &str {
    url.trim_end_matches('/').rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        format!("{:#}", read(file.path()).unwrap_err())
    }

    #[test]
    fn what_is_wrong_in_a_deployment_file_is_said_on_one_line() {
        let unknown = error("cases_table = \"a\"\nqueue = \"b\"\n");
        assert!(unknown.starts_with("line 2: ") && unknown.contains("queue"), "{unknown}");
        for wrong in [unknown, error("cases_table"), error(""), error(&"#".repeat(100_000))] {
            assert!(!wrong.contains('\n'), "{wrong}");
        }
    }

    #[test]
    fn a_queue_is_named_by_the_end_of_its_url() {
        assert_eq!(queue_name("https://sqs.eu-central-1.amazonaws.com/123456789012/ph-alerts"), "ph-alerts");
    }
}
