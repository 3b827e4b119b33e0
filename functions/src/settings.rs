//! The settings of a function, read once when it starts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use casework::aws::client::{Clients, Surroundings};
use casework::aws::deployment::Deployment;
use casework::aws::dispatch::Dispatch;
use casework::aws::door::{Approvals, Doorman};
use casework::aws::metrics::Metrics;
use casework::aws::performer::{Role, ThroughRelays};
use casework::backend::aws::Aws;
use casework::directories::Directories;
use casework::rules::Rules;
use casework::worker::{Clock, Worker};

use crate::log::Steps;
use investigation::act::Texts;
use investigation::policy::{AddressSource, Policy};
use jiff::Timestamp;

/// A function with everything that it needs.
pub(crate) struct Site {
    pub(crate) role: Role,
    pub(crate) name: &'static str,
    pub(crate) namespace: String,
    pub(crate) worker: Arc<Worker<Aws, ThroughRelays>>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Reads the environment and the policy, and builds the clients. Asks AWS nothing.
pub(crate) fn site(role: Role) -> Result<Site> {
    let policy = Arc::new(policy()?);
    let deployment = Arc::new(Deployment::from_env(variable)?);
    let clients = Clients::of_function(&Surroundings::read())?;
    let store = Aws::new(
        clients.dynamodb().clone(),
        deployment.cases_table.clone(),
        deployment.cooldowns_table.clone(),
    )
    .with_hold(timeout())
    .with_retention(policy.storage.keep_alerts.duration());
    let metrics = Arc::new(Metrics::default());
    let now: Clock = Arc::new(Timestamp::now);
    let performer = ThroughRelays {
        role,
        dispatch: Dispatch::new(clients.clone(), Arc::clone(&deployment), store.clone()),
        clients,
        deployment,
        policy: Arc::clone(&policy),
        rules: rules(&policy)?,
        texts: texts(&policy)?,
        directories: directories(&policy)?,
        now: Arc::clone(&now),
        metrics: Arc::clone(&metrics),
        tokens: Default::default(),
    };
    let worker = Arc::new(Worker { backend: store, performer, policy, observer: Arc::new(Steps), now });
    let name = match role {
        Role::Intake => "intake",
        Role::Progress => "progress",
        Role::Act => "act",
        Role::Sweep => "sweep",
    };
    Ok(Site { role, name, namespace: namespace(), worker, metrics })
}

/// What the function `ingest` needs, and the namespace of its metrics. It has no business with cases, but to show approvers
/// theirs where the deployment lets them come by a link.
pub(crate) fn doorman() -> Result<(Doorman, String)> {
    let needed = |name: &str| {
        variable(name)
            .with_context(|| format!("{name} is not set: the Terraform module sets it for this function"))
    };
    let clients = Clients::of_function(&Surroundings::read())?;
    let approvals = match variable("PEERHOUND_LINK_SECRET") {
        None => None,
        Some(link_secret) => {
            let (cases, cooldowns) = (needed("PEERHOUND_CASES_TABLE")?, needed("PEERHOUND_COOLDOWNS_TABLE")?);
            Some(Approvals {
                store: Aws::new(clients.dynamodb().clone(), cases, cooldowns),
                link_secret,
                key: Default::default(),
                decisions_queue_url: needed("PEERHOUND_DECISIONS_QUEUE_URL")?,
            })
        }
    };
    let doorman = Doorman {
        clients,
        policy: policy()?,
        alerts_queue_url: needed("PEERHOUND_ALERTS_QUEUE_URL")?,
        alerts_dlq_url: needed("PEERHOUND_ALERTS_DLQ_URL")?,
        secret: needed("PEERHOUND_DOOR_SECRET")?,
        keys: Default::default(),
        metrics: Metrics::default(),
        approvals,
    };
    Ok((doorman, namespace()))
}

fn namespace() -> String {
    variable("PEERHOUND_METRICS_NAMESPACE").unwrap_or_else(|| "Peerhound".to_owned())
}

/// Where the policy is, with what its relative paths start from.
fn policy_path() -> PathBuf {
    variable("PEERHOUND_POLICY").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(variable("LAMBDA_TASK_ROOT").unwrap_or_else(|| ".".to_owned())).join("policy.toml")
    })
}

/// The site's own rules lie beside the policy. Only the function that assesses needs them, and each is built the same.
fn rules(policy: &Policy) -> Result<Rules> {
    let folder = policy.assessment.rules.as_ref().map(|folder| policy_path().with_file_name(folder));
    let (rules, faults) =
        Rules::read(folder.as_deref()).context("[assessment] rules; scripts/package puts them there")?;
    for fault in faults {
        tracing::warn!(%fault, "a rule of the site's cannot be used");
    }
    Ok(rules)
}

/// The site's own texts of mails lie beside the policy. Only the function that delivers needs them, and each is built the
/// same.
fn texts(policy: &Policy) -> Result<Arc<Texts>> {
    let folder = policy.mail.texts.as_ref().map(|folder| policy_path().with_file_name(folder));
    let (texts, faults) =
        casework::texts::read(folder.as_deref()).context("[mail] texts; scripts/package puts them there")?;
    for fault in faults {
        tracing::warn!(%fault, "a text of the site's cannot be used");
    }
    Ok(texts)
}

/// The list of users lies beside the policy. A directory server is for one machine in its network: its password would lie
/// in the package, and a function does not reach it.
fn directories(policy: &Policy) -> Result<Directories> {
    anyhow::ensure!(
        !policy.users.asks(AddressSource::Ldap),
        "[users.ldap] is not for AWS: export the users into a CSV file and name it as [users] directory"
    );
    Ok(Directories::of(policy, |file| policy_path().with_file_name(file)))
}

/// The policy lies beside the program, in the same package: what a function may do is reviewed and deployed with it.
fn policy() -> Result<Policy> {
    let path = policy_path();
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("no policy at {}; scripts/package puts it there", path.display()))?;
    Policy::parse(&text).with_context(|| format!("the policy {} cannot be used", path.display()))
}

/// The function's own time-out: for so long nobody else may have its case in hand, and no longer, as Lambda has ended
/// it by then.
fn timeout() -> Duration {
    let seconds = variable("PEERHOUND_TIMEOUT_SECONDS").and_then(|seconds| seconds.parse().ok());
    // The longest that Lambda allows.
    Duration::from_secs(seconds.unwrap_or(900))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a function's settings are its environment, and this is where it is read"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
