//! Activations: the right of so many machines to register as nodes.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{activation_code, epoch, uuid};
use super::paging::page;
use super::refusal::{Answer, Refusal};
use super::service::Service;
use super::tags::{Kind, Tag};

/// An activation and what came of it.
#[derive(Debug)]
pub(super) struct Activation {
    code: String,
    description: Option<String>,
    default_name: Option<String>,
    role: String,
    limit: u32,
    registered: u32,
    created: Timestamp,
    expires: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    description: Option<String>,
    default_instance_name: Option<String>,
    iam_role: String,
    registration_limit: Option<u32>,
    expiration_date: Option<f64>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(service: &Service, request: Create) -> Answer {
    let limit = request.registration_limit.unwrap_or(1);
    if !(1..=1000).contains(&limit) {
        return Err(Refusal::validation("registrationLimit must be between 1 and 1000"));
    }
    if request.iam_role.is_empty() || request.iam_role.len() > 64 {
        return Err(Refusal::validation("iamRole must have 1 to 64 characters"));
    }
    let now = Timestamp::now();
    let expires = match request.expiration_date {
        None => now + SignedDuration::from_hours(24),
        // The fraction of a second of an expiry is nobody's concern.
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are wanted, and checked below")]
        Some(seconds) => Timestamp::from_second(seconds as i64)
            .ok()
            .filter(|at| *at > now && *at <= now + SignedDuration::from_hours(24 * 30))
            .ok_or_else(|| Refusal::validation("expirationDate must lie within the next 30 days"))?,
    };
    let (id, code) = (uuid(), activation_code());
    let activation = Activation {
        code: code.clone(),
        description: request.description,
        default_name: request.default_instance_name,
        // The service keeps the path and the name apart; nodes only ever show the name.
        role: request.iam_role,
        limit,
        registered: 0,
        created: now,
        expires,
    };
    let mut state = service.state();
    state.activations.insert(id.clone(), activation);
    state.tags.put(Kind::Activation, &id, request.tags);
    Ok(json!({"ActivationId": id, "ActivationCode": code}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Describe {
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    filter_key: String,
    filter_values: Vec<String>,
}

pub(super) fn describe(service: &Service, request: &Describe) -> Answer {
    let state = service.state();
    let mut found: Vec<Value> = Vec::new();
    for (id, activation) in &state.activations {
        let mut wanted = true;
        for filter in &request.filters {
            let value = match filter.filter_key.as_str() {
                "ActivationIds" => id.as_str(),
                "DefaultInstanceName" => activation.default_name.as_deref().unwrap_or_default(),
                "IamRole" => activation.role.as_str(),
                _ => return Err(Refusal::new("InvalidFilter", "The filter name isn't valid.")),
            };
            wanted &= filter.filter_values.iter().any(|filter| filter == value);
        }
        if wanted {
            let mut told = activation.describe(id);
            told["Tags"] = state.tags.list(Kind::Activation, id);
            found.push(told);
        }
    }
    let (found, next) = page(&found, request.max_results, request.next_token.as_deref(), 1..=50)?;
    let mut answer = json!({"ActivationList": found});
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    activation_id: String,
}

pub(super) fn delete(service: &Service, request: &Delete) -> Answer {
    let mut state = service.state();
    let known = state.activations.remove(&request.activation_id);
    known.ok_or_else(|| Refusal::new("InvalidActivation", "The activation isn't valid."))?;
    state.tags.forget(Kind::Activation, &request.activation_id);
    Ok(json!({}))
}

impl Activation {
    /// Uses the activation once. The role and name for the node, or why it may not register.
    pub(super) fn use_once(&mut self, code: &str) -> Result<(String, Option<String>), &'static str> {
        if self.code != code {
            return Err("the activation code is wrong");
        }
        if self.expires <= Timestamp::now() {
            return Err("the activation has expired");
        }
        if self.registered >= self.limit {
            return Err("the activation's registration limit is reached");
        }
        self.registered += 1;
        Ok((self.role.clone(), self.default_name.clone()))
    }

    fn describe(&self, id: &str) -> Value {
        let mut told = json!({
            "ActivationId": id,
            "IamRole": self.role,
            "RegistrationLimit": self.limit,
            "RegistrationsCount": self.registered,
            "ExpirationDate": epoch(self.expires),
            "Expired": self.expires <= Timestamp::now(),
            "CreatedDate": epoch(self.created),
        });
        if let Some(description) = &self.description {
            told["Description"] = json!(description);
        }
        if let Some(name) = &self.default_name {
            told["DefaultInstanceName"] = json!(name);
        }
        told
    }
}
