//! The clients, built once for each process.
//!
//! In a function, three of the SDK's defaults cost more than all of our own start: looking for credentials in six
//! places, reading the system's certificates, and a second TLS library. A function has its credentials in its
//! environment and talks to AWS alone, so that is all that [`Clients::of_function`] looks at.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::config::{RequestChecksumCalculation, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

/// Amazon's own roots, which the endpoints of every service in the commercial regions chain to. They are public, and
/// the same as in every system's store.
const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");

/// The clients of one process, each built when it is first asked for: it looks through the list of AWS's regions then, and
/// no function needs them all. Cheap to clone.
#[derive(Clone)]
pub struct Clients(Arc<Built>);

struct Built {
    /// Everything but the relays.
    elsewhere: SdkConfig,
    relays: SdkConfig,
    /// An emulator has no host name for each bucket.
    buckets_in_path: bool,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    ssm: OnceLock<aws_sdk_ssm::Client>,
    ssm_once: OnceLock<aws_sdk_ssm::Client>,
    ses: OnceLock<aws_sdk_sesv2::Client>,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    plain: OnceLock<Result<reqwest::Client, String>>,
    surroundings: Surroundings,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clients")
    }
}

/// Why no client can be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The certificates named by `AWS_CA_BUNDLE` cannot be read.
    #[error("AWS_CA_BUNDLE: {path} cannot be read")]
    CaBundle {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The certificates cannot be used.
    #[error("the certificates for AWS cannot be used: {0}")]
    Tls(String),
    /// No region is set.
    #[error("no AWS region: set AWS_REGION, or a region in the profile")]
    NoRegion,
}

/// What the environment says about where AWS is: the SDK's own standard variables.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<String>,
    /// `AWS_ENDPOINT_URL`: everything, where it is not AWS itself.
    pub endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_SSM`: the relays.
    pub ssm_endpoint: Option<String>,
}

impl Surroundings {
    /// Reads the environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the standard variables of AWS")]
    pub fn read() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            region: var("AWS_REGION").or_else(|| var("AWS_DEFAULT_REGION")),
            ca_bundle: var("AWS_CA_BUNDLE"),
            endpoint: var("AWS_ENDPOINT_URL"),
            ssm_endpoint: var("AWS_ENDPOINT_URL_SSM"),
        }
    }
}

impl Clients {
    /// The clients of a function: credentials from its environment, Amazon's roots. Asks nobody anything.
    ///
    /// # Errors
    /// Where no region is set, or certificates are named that cannot be used.
    pub fn of_function(surroundings: &Surroundings) -> Result<Self, ClientError> {
        let environment = EnvironmentVariableCredentialsProvider::new();
        Self::with(surroundings, SharedCredentialsProvider::new(environment))
    }

    fn with(surroundings: &Surroundings, keys: SharedCredentialsProvider) -> Result<Self, ClientError> {
        let region = surroundings.region.clone().ok_or(ClientError::NoRegion)?;
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(keys)
            .http_client(http_client(surroundings, &region)?)
            .region(Region::new(region))
            .retry_config(retries())
            .timeout_config(timeouts());
        Ok(Self::from(&config.build(), surroundings))
    }

    /// Clients with these keys, for an emulator that takes any.
    ///
    /// # Errors
    /// As [`Clients::of_function`].
    pub fn with_keys(surroundings: &Surroundings, id: &str, secret: &str) -> Result<Self, ClientError> {
        let keys = Credentials::new(id, secret, None, None, "given");
        Self::with(surroundings, SharedCredentialsProvider::new(keys))
    }

    /// The clients of a person at a terminal: profiles, single sign-on, roles, whatever the SDK finds.
    ///
    /// # Errors
    /// As [`Clients::of_function`].
    pub async fn of_operator(surroundings: &Surroundings) -> Result<Self, ClientError> {
        let region = surroundings.region.clone().unwrap_or_default();
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        // What the deployment says comes before a profile's own region.
        if !region.is_empty() {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader
            .http_client(http_client(surroundings, &region)?)
            .retry_config(retries())
            .timeout_config(timeouts())
            .load()
            .await;
        if config.region().is_none() {
            return Err(ClientError::NoRegion);
        }
        Ok(Self::from(&config, surroundings))
    }

    fn from(config: &SdkConfig, surroundings: &Surroundings) -> Self {
        let at = |endpoint: &Option<String>| {
            let mut config = config.to_builder();
            config.set_endpoint_url(endpoint.clone());
            config.build()
        };
        Self(Arc::new(Built {
            elsewhere: at(&surroundings.endpoint),
            relays: at(&surroundings.ssm_endpoint.clone().or_else(|| surroundings.endpoint.clone())),
            buckets_in_path: surroundings.endpoint.is_some(),
            dynamodb: OnceLock::new(),
            s3: OnceLock::new(),
            sqs: OnceLock::new(),
            ssm: OnceLock::new(),
            ssm_once: OnceLock::new(),
            ses: OnceLock::new(),
            events: OnceLock::new(),
            secrets: OnceLock::new(),
            sts: OnceLock::new(),
            kms: OnceLock::new(),
            plain: OnceLock::new(),
            surroundings: surroundings.clone(),
        }))
    }

    /// Cases and cooldowns.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.0.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.0.elsewhere))
    }

    /// Orders, staged and sealed evidence.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.0.s3.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.0.elsewhere)
                .force_path_style(self.0.buckets_in_path)
                // A presigned upload has no body yet that a checksum could be made of.
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }

    /// Alerts, reports and actions.
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.0.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.0.elsewhere))
    }

    /// Relays: what only asks.
    pub fn ssm(&self) -> &aws_sdk_ssm::Client {
        self.0.ssm.get_or_init(|| aws_sdk_ssm::Client::new(&self.0.relays))
    }

    /// Relays: what must not be repeated by itself, as the service cannot tell a repeat from a second command.
    pub fn ssm_once(&self) -> &aws_sdk_ssm::Client {
        self.0.ssm_once.get_or_init(|| aws_sdk_ssm::Client::new(&once(&self.0.relays)))
    }

    /// Mails. Nothing is repeated by itself: a mail whose answer was lost may have left.
    pub fn ses(&self) -> &aws_sdk_sesv2::Client {
        self.0.ses.get_or_init(|| aws_sdk_sesv2::Client::new(&once(&self.0.elsewhere)))
    }

    /// Event buses.
    pub fn events(&self) -> &aws_sdk_eventbridge::Client {
        self.0.events.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.0.elsewhere))
    }

    /// Who the caller is.
    pub fn sts(&self) -> &aws_sdk_sts::Client {
        self.0.sts.get_or_init(|| aws_sdk_sts::Client::new(&self.0.elsewhere))
    }

    /// Seals of approvals.
    pub fn kms(&self) -> &aws_sdk_kms::Client {
        self.0.kms.get_or_init(|| aws_sdk_kms::Client::new(&self.0.elsewhere))
    }

    /// The caller's own credentials, as they are at this moment.
    ///
    /// # Errors
    /// One line, where there are none.
    pub async fn credentials(&self) -> Result<Credentials, String> {
        let provider = self.0.elsewhere.credentials_provider();
        let provider = provider.ok_or("there are no credentials for AWS")?;
        provider.provide_credentials().await.map_err(super::told)
    }

    /// HTTP to AWS for what another principal has signed. Trusts whom the SDK's clients trust, and goes where it is sent and
    /// nowhere else: it follows no redirect and asks no proxy.
    pub(super) fn plain_http(&self) -> Result<&reqwest::Client, String> {
        self.0.plain.get_or_init(|| plain_http(&self.0.surroundings)).as_ref().map_err(Clone::clone)
    }

    /// Tokens of ticket systems.
    pub fn secrets(&self) -> &aws_sdk_secretsmanager::Client {
        self.0.secrets.get_or_init(|| aws_sdk_secretsmanager::Client::new(&self.0.elsewhere))
    }
}

fn once(config: &SdkConfig) -> SdkConfig {
    config.to_builder().retry_config(RetryConfig::disabled()).build()
}

/// A stack of HTTP and TLS that trusts Amazon alone, unless the environment or the region say otherwise.
fn http_client(surroundings: &Surroundings, region: &str) -> Result<SharedHttpClient, ClientError> {
    let trusted = match trusted(surroundings, region)? {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        None => TrustStore::default(),
    };
    let context = TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(|error| ClientError::Tls(error.to_string()))?;
    let stack = Builder::new().tls_provider(Provider::rustls(CryptoMode::Ring));
    Ok(stack.tls_context(context).build_https())
}

fn plain_http(surroundings: &Surroundings) -> Result<reqwest::Client, String> {
    crate::deliver::install_crypto();
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(Duration::from_secs(3));
    let certificates = |pem: &[u8]| {
        let read = reqwest::Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty());
        read.ok_or("the certificates for AWS cannot be used")
    };
    let builder = match trusted(surroundings, surroundings.region.as_deref().unwrap_or_default()) {
        Ok(Some(pem)) => builder.tls_certs_only(certificates(&pem)?),
        Ok(None) => builder,
        Err(error) => return Err(super::told(error)),
    };
    builder.build().map_err(super::told)
}

/// The certificates that are trusted, in PEM; `None`: those of the system.
fn trusted(surroundings: &Surroundings, region: &str) -> Result<Option<Vec<u8>>, ClientError> {
    let other_roots = ["cn-", "us-gov-", "us-iso", "eusc-"].iter().any(|start| region.starts_with(start));
    match &surroundings.ca_bundle {
        Some(path) => std::fs::read(path)
            .map(Some)
            .map_err(|source| ClientError::CaBundle { path: path.clone(), source }),
        None if other_roots => Ok(None),
        None => Ok(Some(AMAZON_ROOTS.as_bytes().to_vec())),
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(4)
}

/// A call that hangs must end while the function that made it can still say so.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(Duration::from_secs(60))
        .build()
}
