//! What a preset says. Every key is listed here, and an unknown one is an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::markup::Markup;
use crate::policy::Span;

/// One product.
///
/// Texts may hold `${name}`: a value of the ticket (see [`super::Values`]), a parameter of the policy, a mapping, or what
/// was captured from an earlier answer. In a body, a text that is nothing but one `${name}` becomes the value itself, also
/// a list or an object; where there is no such value, its key goes, and with it the object where that is a list's item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Name, as `[ticket] preset` has it.
    pub name: String,
    /// Product and versions.
    pub about: String,
    /// Pages of the product's documentation that it was written from.
    #[serde(default)]
    pub docs: Vec<String>,
    /// Address, where it is the same for every site.
    #[serde(default)]
    pub url: Option<String>,
    /// How the secret is shown. Where the policy names a `user`, it is that user's password instead (HTTP Basic).
    pub auth: Auth,
    /// It works without a secret too.
    #[serde(default)]
    pub secret_optional: bool,
    /// How bodies and comments are written.
    pub markup: Markup,
    /// Longest title, in characters.
    pub title_chars: usize,
    /// Longest body or comment, in bytes as it is written.
    pub body_bytes: usize,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What the policy has to say besides.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Values that follow from a field of the ticket, such as a severity.
    #[serde(default)]
    pub map: BTreeMap<String, Mapping>,
    /// The page of a ticket.
    #[serde(default)]
    pub page: Option<String>,
    /// The product folds requests with the same key by itself, so that one whose answer was lost may be repeated.
    #[serde(default)]
    pub folds_repeats: bool,
    /// How long after its making a ticket may still be missing from searches: before that, one whose answer was lost is
    /// not looked up.
    #[serde(default = "at_once")]
    pub searchable_after: Span,
    /// How the ticket of a case is looked up.
    #[serde(default)]
    pub find: Option<Search>,
    /// How it is made.
    pub create: Creation,
    /// How it is commented on.
    #[serde(default)]
    pub comment: Option<Comment>,
}

fn at_once() -> Span {
    Span::seconds(0)
}

/// How the secret is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer,
    /// HTTP Basic: the policy has to name a user.
    Basic,
    /// `Authorization: <this> …`.
    Scheme(String),
    /// A header of this name.
    Header(String),
    /// The secret is the address.
    Url,
    /// In the body, as `${secret}`.
    Body,
}

/// A parameter that the policy gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is.
    pub about: String,
    /// Its value where the policy gives none. Without one, the policy has to.
    #[serde(default)]
    pub default: Option<Value>,
}

/// A value that follows from a field of the ticket. Its values may name parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The field, such as `peerhound.verdict`.
    pub from: String,
    /// Value of the field to the product's.
    pub values: BTreeMap<String, Value>,
    /// For every other.
    pub otherwise: Value,
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "they are HTTP's")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
}

impl Method {
    /// As it is written in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Method.
    pub method: Method,
    /// Path behind the address.
    pub path: String,
    /// Query.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Headers besides the preset's.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body as JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// Body as a form.
    #[serde(default)]
    pub form: Option<BTreeMap<String, String>>,
    /// What later texts may name: name to JSON pointer (RFC 6901) into the answer.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
    /// Where this finds something, an earlier try has sent the request: it is left out, and what the look-up captures
    /// stands in for its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Box<Search>>,
}

/// A look-up whose answer lists what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The request. What it captures is looked for in the item that was found.
    pub request: Step,
    /// JSON pointer to the list.
    pub items: String,
    /// JSON pointer into an item: what is there must contain `word`. Searches find words that are only alike.
    pub matches: String,
    /// Of a ticket the case id, of a comment its marker, unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}

/// How a ticket is made: requests one after the other, of which the last one makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Creation {
    /// The requests. `id` is captured for comments, `number` is what people say, `page` the ticket's page.
    pub steps: Vec<Step>,
    /// Where in the last one's JSON the policy's `fields` go: a JSON pointer to an object. Absent: nowhere.
    #[serde(default)]
    pub fields_at: Option<String>,
    /// The answer that says that there is such a ticket already.
    #[serde(default)]
    pub exists: Option<Exists>,
    /// Id and page are looked for under the names that ticket systems use.
    #[serde(default)]
    pub guess_answer: bool,
}

/// The answer to a second ticket with the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exists {
    /// Status.
    pub status: u16,
    /// Words in it.
    #[serde(default)]
    pub contains: String,
}

/// How a ticket is commented on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// How a comment with this marker is looked up. Without it, one whose answer was lost is left to a person.
    #[serde(default)]
    pub find: Option<Search>,
    /// Its steps may be sent again as they are: each has its own `unless`, or does no harm.
    #[serde(default)]
    pub repeatable: bool,
    /// The requests, of which the last one makes the comment.
    pub steps: Vec<Step>,
}
