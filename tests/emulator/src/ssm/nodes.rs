//! Hybrid nodes: what they are, and what clients are told about them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::names::{epoch, is_node_id, node_id};
use super::paging::page;
use super::refusal::{Answer, Refusal};
use super::service::{Service, State};
use super::tags::Kind;

/// A node's operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Runs `aws:runShellScript`.
    Linux,
    /// Runs `aws:runPowerShellScript`.
    Windows,
}

impl Platform {
    /// As the service writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Windows => "Windows",
        }
    }
}

/// A node's connection, as `PingStatus` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    /// It answers.
    Online,
    /// It has not been heard of for some minutes: SendCommand refuses it.
    ConnectionLost,
    /// It has not been heard of for long.
    Inactive,
}

impl Ping {
    fn name(self) -> &'static str {
        match self {
            Self::Online => "Online",
            Self::ConnectionLost => "ConnectionLost",
            Self::Inactive => "Inactive",
        }
    }
}

/// What a node does with the commands that it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Runs the document's steps and reports.
    Runs,
    /// Never picks the command up: `DeliveryTimedOut` after `TimeoutSeconds` and the time-outs of the steps.
    Hangs,
    /// The command cannot be handed over: `Undeliverable`, soon.
    Undeliverable,
    /// Picks the command up (`InProgress`), loses its connection, and runs nothing.
    Vanishes,
    /// Picks the command up, runs it to its end, and loses its connection before it reports.
    LosesReport,
}

/// A node, as a test describes it. Make one with [`Node::new`] and set what is to differ.
#[derive(Debug, Clone)]
pub struct Node {
    /// `mi-` and 17 hexadecimal digits.
    pub id: String,
    /// The computer's name.
    pub name: String,
    /// Tags, e.g. `PeerhoundRelay`.
    pub tags: BTreeMap<String, String>,
    /// Its operating system.
    pub platform: Platform,
    /// Where steps run that name no `workingDirectory`; exists.
    pub folder: PathBuf,
    /// Variables for the steps. Nothing is inherited from the test.
    pub environment: Vec<(String, String)>,
    /// Folders before `/usr/local/sbin:…:/bin` on the search path.
    pub path: Vec<PathBuf>,
    /// A command that runs the shell, e.g. `ip netns exec X`.
    pub prefix: Vec<String>,
    /// The PowerShell of a Windows node; it gets `-NoProfile -NonInteractive -File <script>`. Without it steps fail.
    pub powershell: Option<PathBuf>,
    /// The agent's version. Before 3.3.2746.0 it does not know `interpolationType: ENV_VAR`.
    pub agent: String,
    /// What it does with commands.
    pub behaviour: Behaviour,
    /// How many commands its agent runs at a time (`Mds.CommandWorkersLimit`); others wait on it.
    pub workers: usize,
}

impl Node {
    /// A Linux node with a random id that runs its steps in `folder`.
    #[must_use]
    pub fn new(name: &str, folder: impl Into<PathBuf>) -> Self {
        Self {
            id: node_id(),
            name: name.to_owned(),
            tags: BTreeMap::new(),
            platform: Platform::Linux,
            folder: folder.into(),
            environment: Vec::new(),
            path: Vec::new(),
            prefix: Vec::new(),
            powershell: None,
            agent: "3.3.3572.0".to_owned(),
            behaviour: Behaviour::Runs,
            workers: 5,
        }
    }

    /// With a tag more.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Whether its agent sets `SSM_<name>` for parameters that are declared so.
    pub(super) fn knows_env_var(&self) -> bool {
        let numbers = |version: &str| -> Vec<u64> {
            version.split('.').map(|number| number.parse().unwrap_or_default()).collect()
        };
        numbers(&self.agent) >= numbers("3.3.2746.0")
    }
}

/// A node that is registered.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) node: Node,
    /// The agent's workers.
    pub(super) workers: Arc<Semaphore>,
    pub(super) ping: Ping,
    pub(super) since: Timestamp,
    pub(super) activation: String,
    pub(super) role: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Describe {
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    instance_information_filter_list: Vec<OldFilter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: String,
    values: Vec<String>,
}

/// The older way to say the same, with names in lower case.
#[derive(Deserialize)]
struct OldFilter {
    key: String,
    #[serde(rename = "valueSet")]
    values: Vec<String>,
}

pub(super) fn describe(service: &Service, request: &Describe) -> Answer {
    if !request.filters.is_empty() && !request.instance_information_filter_list.is_empty() {
        return Err(Refusal::validation("Filters and InstanceInformationFilterList exclude each other"));
    }
    let filters: Vec<(&str, &[String])> = request
        .filters
        .iter()
        .map(|filter| (filter.key.as_str(), filter.values.as_slice()))
        .chain(
            request
                .instance_information_filter_list
                .iter()
                .map(|filter| (filter.key.as_str(), filter.values.as_slice())),
        )
        .collect();
    let state = service.state();
    for (key, values) in &filters {
        check_filter(key, values)?;
    }
    let found: Vec<Value> = state
        .nodes
        .values()
        .filter(|node| filters.iter().all(|(key, values)| node.matches(&state, key, values)))
        .map(Registered::describe)
        .collect();
    let (found, next) = page(&found, request.max_results, request.next_token.as_deref(), 5..=50)?;
    let mut answer = json!({"InstanceInformationList": found});
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

fn check_filter(key: &str, values: &[String]) -> Result<(), Refusal> {
    if values.is_empty() || values.len() > 100 {
        return Err(Refusal::validation("a filter needs 1 to 100 values"));
    }
    let known =
        ["InstanceIds", "PingStatus", "PlatformTypes", "ActivationIds", "IamRole", "ResourceType", "tag-key"];
    if !known.contains(&key) && key.strip_prefix("tag:").is_none_or(str::is_empty) {
        return Err(Refusal::new("InvalidFilterKey", "The specified key isn't valid."));
    }
    let allowed: &[&str] = match key {
        "PingStatus" => &["Online", "ConnectionLost", "Inactive"],
        "PlatformTypes" => &["Linux", "Windows", "MacOS"],
        "ResourceType" => &["ManagedInstance", "EC2Instance"],
        _ => &[],
    };
    let fits = |value: &String| allowed.is_empty() || allowed.contains(&value.as_str());
    if !values.iter().all(fits) {
        return Err(Refusal::new("InvalidInstanceInformationFilterValue", "The filter value isn't valid."));
    }
    if key == "InstanceIds" && !values.iter().all(|id| is_node_id(id)) {
        return Err(Refusal::new("InvalidInstanceId", "The managed node ID isn't valid."));
    }
    Ok(())
}

impl Registered {
    fn matches(&self, state: &State, key: &str, values: &[String]) -> bool {
        let id = &self.node.id;
        let has = |value: &str| values.iter().any(|wanted| wanted == value);
        match key {
            "InstanceIds" => has(id),
            "PingStatus" => has(self.ping.name()),
            "PlatformTypes" => has(self.node.platform.name()),
            "ActivationIds" => has(&self.activation),
            "IamRole" => has(&self.role),
            "ResourceType" => has("ManagedInstance"),
            "tag-key" => state.tags.of(Kind::Node, id).iter().any(|tag| has(&tag.key)),
            _ => {
                key.strip_prefix("tag:").and_then(|key| state.tags.get(Kind::Node, id, key)).is_some_and(has)
            }
        }
    }

    fn describe(&self) -> Value {
        let (platform, version) = match self.node.platform {
            Platform::Linux => ("Debian GNU/Linux", "12"),
            Platform::Windows => ("Microsoft Windows Server 2022 Standard", "10.0.20348"),
        };
        json!({
            "InstanceId": self.node.id,
            "PingStatus": self.ping.name(),
            "LastPingDateTime": epoch(if self.ping == Ping::Online { Timestamp::now() } else { self.since }),
            "AgentVersion": self.node.agent,
            "IsLatestVersion": true,
            "PlatformType": self.node.platform.name(),
            "PlatformName": platform,
            "PlatformVersion": version,
            "ActivationId": self.activation,
            "IamRole": self.role,
            "RegistrationDate": epoch(self.since),
            "ResourceType": "ManagedInstance",
            "Name": self.node.name,
            "IPAddress": "127.0.0.1",
            "ComputerName": self.node.name,
        })
    }
}
