//! Which relay reaches a machine, and whether it is there.
//!
//! A relay is one or several hybrid-activated nodes (`mi-…`) with the tag `PeerhoundRelay`. `SendCommand` answers
//! alike for a node that is switched off and for one that never was, so who asks for a command looks first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_ssm::types::{InstanceInformationStringFilter, PingStatus};
use investigation::policy::{Policy, Relay};

use super::client::Clients;
use super::told;

/// The tag that says which relay a node is.
pub const RELAY_TAG: &str = "PeerhoundRelay";
/// How long an answer about a relay's nodes is used.
const FRESH: Duration = Duration::from_secs(60);

/// A node of a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `mi-…`.
    pub id: String,
    /// SSM hears from its agent.
    pub online: bool,
}

/// Why no relay can be asked. Each is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRelay {
    /// The policy lists none for this address.
    #[error(
        "no relay reaches {0}: add its network to a [[relay]] in the policy, or set fallback = true on one"
    )]
    NotListed(IpAddr),
    /// None of those that the policy lists is registered.
    #[error(
        "relay {0} is not registered: no node carries the tag PeerhoundRelay={0}; register one with an activation"
    )]
    Unknown(String),
    /// They are registered, and none answers.
    #[error("relay {0} is offline: SSM does not hear from its agent; look at the machine and its way out")]
    Offline(String),
    /// SSM cannot be asked.
    #[error("SSM does not say which relays are there: {0}")]
    Ssm(String),
}

impl NoRelay {
    /// Stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotListed(_) => "relay_not_listed",
            Self::Unknown(_) => "relay_unknown",
            Self::Offline(_) => "relay_offline",
            Self::Ssm(_) => "ssm_failed",
        }
    }
}

/// The relays as SSM knows them.
pub struct Relays {
    clients: Clients,
    known: Mutex<HashMap<String, (Instant, Vec<Node>)>>,
}

impl Relays {
    /// Asks nothing yet.
    pub fn new(clients: Clients) -> Self {
        Self { clients, known: Mutex::default() }
    }

    /// The relay to ask for an address, with a node of it that answers. The nodes of one relay take turns by `turn`.
    ///
    /// # Errors
    /// See [`NoRelay`].
    pub async fn choose<'p>(
        &self,
        policy: &'p Policy,
        target: IpAddr,
        turn: usize,
    ) -> Result<(&'p Relay, String), NoRelay> {
        let mut why = NoRelay::NotListed(target);
        for relay in policy.relays_for(target) {
            let nodes = self.nodes(&relay.name).await?;
            let online: Vec<&Node> = nodes.iter().filter(|node| node.online).collect();
            if !online.is_empty() {
                return Ok((relay, online[turn % online.len()].id.clone()));
            }
            // The nearest relay is the one to put right; a registered one that is down says more than one unknown.
            match (&why, nodes.is_empty()) {
                (NoRelay::NotListed(_), true) => why = NoRelay::Unknown(relay.name.clone()),
                (NoRelay::NotListed(_) | NoRelay::Unknown(_), false) => {
                    why = NoRelay::Offline(relay.name.clone());
                }
                _ => {}
            }
        }
        Err(why)
    }

    /// The nodes of one relay, as SSM said at most a minute ago.
    ///
    /// # Errors
    /// When SSM cannot be asked.
    pub async fn nodes(&self, relay: &str) -> Result<Vec<Node>, NoRelay> {
        if let Some((at, nodes)) = self.lock().get(relay)
            && at.elapsed() < FRESH
        {
            return Ok(nodes.clone());
        }
        let filter = InstanceInformationStringFilter::builder()
            .key(format!("tag:{RELAY_TAG}"))
            .values(relay)
            .build()
            .map_err(|error| NoRelay::Ssm(told(error)))?;
        let mut pages = self
            .clients
            .ssm()
            .describe_instance_information()
            .filters(filter)
            .into_paginator()
            .page_size(50)
            .send();
        let mut nodes = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| NoRelay::Ssm(told(error)))?;
            nodes.extend(page.instance_information_list().iter().filter_map(|node| {
                let online = node.ping_status() == Some(&PingStatus::Online);
                Some(Node { id: node.instance_id()?.to_owned(), online })
            }));
        }
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        self.lock().insert(relay.to_owned(), (Instant::now(), nodes.clone()));
        Ok(nodes)
    }

    /// Forgets what is known of a relay: a command to it was refused.
    pub fn forget(&self, relay: &str) {
        self.lock().remove(relay);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Vec<Node>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
