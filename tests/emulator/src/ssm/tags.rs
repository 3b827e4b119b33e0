//! Tags of documents, nodes and activations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::{Answer, Refusal};
use super::service::{Service, State};

/// A key with its value, as the protocol writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// What has tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Document,
    Node,
    Activation,
}

/// All tags.
#[derive(Debug, Default)]
pub(super) struct Tags(BTreeMap<(Kind, String), BTreeMap<String, String>>);

impl Tags {
    pub(super) fn put(&mut self, kind: Kind, id: &str, tags: impl IntoIterator<Item = Tag>) {
        let held = self.0.entry((kind, id.to_owned())).or_default();
        held.extend(tags.into_iter().map(|tag| (tag.key, tag.value)));
    }

    pub(super) fn forget(&mut self, kind: Kind, id: &str) {
        self.0.remove(&(kind, id.to_owned()));
    }

    pub(super) fn get(&self, kind: Kind, id: &str, key: &str) -> Option<&str> {
        self.0.get(&(kind, id.to_owned()))?.get(key).map(String::as_str)
    }

    /// As a list of [`Tag`]s in JSON.
    pub(super) fn list(&self, kind: Kind, id: &str) -> Value {
        json!(self.of(kind, id))
    }

    pub(super) fn of(&self, kind: Kind, id: &str) -> Vec<Tag> {
        let held = self.0.get(&(kind, id.to_owned()));
        held.into_iter()
            .flatten()
            .map(|(key, value)| Tag { key: key.clone(), value: value.clone() })
            .collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Request {
    resource_type: String,
    resource_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn add(service: &Service, request: Request) -> Answer {
    let mut state = service.state();
    let kind = kind(&state, &request)?;
    state.tags.put(kind, &request.resource_id, request.tags);
    Ok(json!({}))
}

pub(super) fn remove(service: &Service, request: &Request) -> Answer {
    let mut state = service.state();
    let kind = kind(&state, request)?;
    if let Some(held) = state.tags.0.get_mut(&(kind, request.resource_id.clone())) {
        held.retain(|key, _| !request.tag_keys.contains(key));
    }
    Ok(json!({}))
}

pub(super) fn list(service: &Service, request: &Request) -> Answer {
    let state = service.state();
    let kind = kind(&state, request)?;
    Ok(json!({"TagList": state.tags.list(kind, &request.resource_id)}))
}

fn kind(state: &State, request: &Request) -> Result<Kind, Refusal> {
    let id = &request.resource_id;
    let (kind, known) = match request.resource_type.as_str() {
        "Document" => (Kind::Document, state.documents.contains_key(id)),
        "ManagedInstance" => (Kind::Node, state.nodes.contains_key(id)),
        "Activation" => (Kind::Activation, state.activations.contains_key(id)),
        _ => return Err(Refusal::new("InvalidResourceType", "The resource type isn't valid.")),
    };
    if known { Ok(kind) } else { Err(Refusal::new("InvalidResourceId", "The resource ID isn't valid.")) }
}
