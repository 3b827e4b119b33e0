//! A preset in use at a site: from a ticket to whole requests.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::TicketReference;
use super::preset::{Auth, Method, Preset, Search, Step};
use super::template::{self, percent};
use crate::act::Ticket;
use crate::policy::Span;

/// Longest text of a single value of a ticket in a comment or an address, in characters.
const MAX_WORD: usize = 200;

/// A product at a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Desk {
    /// The product.
    pub preset: Preset,
    /// Its address, without a slash at its end. None where it is the secret.
    pub url: Option<String>,
    /// Account, where HTTP Basic is wanted.
    pub user: Option<String>,
    /// Parameters, complete with the preset's defaults.
    pub parameters: BTreeMap<String, Value>,
    /// What the site wants in its tickets besides.
    pub fields: Map<String, Value>,
    /// Time for one delivery as a whole.
    pub timeout: Span,
}

/// What templates may name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(BTreeMap<String, Value>);

impl Values {
    /// The value of a name; `field:NAME` is a field of the ticket.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match name.strip_prefix("field:") {
            Some(field) => self.0.get("fields")?.get(field),
            None => self.0.get(name),
        }
    }

    /// Sets a value.
    pub fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}

/// One request, whole. It holds the secret, so it has no `Debug`.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Address with path and query.
    pub url: String,
    /// Headers; the body's type is not among them.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Option<Body>,
}

/// A body.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// JSON.
    Json(Value),
    /// A form, encoded.
    Form(String),
}

impl Body {
    /// Its media type.
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Form(_) => "application/x-www-form-urlencoded",
        }
    }

    /// As it is sent.
    pub fn text(&self) -> String {
        match self {
            Self::Json(value) => value.to_string(),
            Self::Form(form) => form.clone(),
        }
    }
}

/// Names that every ticket gives a value to.
pub(super) const OF_TICKETS: [&str; 15] = [
    "title",
    "title_marked",
    "summary_marked",
    "body",
    "case_id",
    "key",
    "labels",
    "labels_with_case",
    "labels_text",
    "fields",
    "posted",
    "verdict",
    "url",
    "user",
    "secret",
];
/// Names that every comment gives a value to.
pub(super) const OF_COMMENTS: [&str; 8] = ["text", "marker", "id", "number", "key", "url", "user", "secret"];

impl Desk {
    /// Whether a ticket whose answer was lost may be made again: it is looked up first, or folded by its receiver.
    pub fn may_repeat(&self) -> bool {
        self.preset.folds_repeats || self.preset.find.is_some()
    }

    /// The same of a comment.
    pub fn may_repeat_comment(&self) -> bool {
        self.preset.comment.as_ref().is_some_and(|comment| comment.find.is_some() || comment.repeatable)
    }

    /// What an item must have to be what a search looks for.
    pub fn word(&self, search: &Search, values: &Values) -> String {
        let own = if values.get("marker").is_some() { "${marker}" } else { "${case_id}" };
        let word = search.word.as_deref().unwrap_or(own);
        template::text(word, &|name| values.get(name), &|text| text.to_owned())
    }

    /// Whether a secret has to be had.
    pub fn needs_secret(&self) -> bool {
        !self.preset.secret_optional
    }

    /// What the requests for a ticket may name.
    pub fn values(&self, ticket: &Ticket, key: &str) -> Values {
        let field = |name: &str| ticket.fields.get(name).and_then(Value::as_str);
        let markup = self.preset.markup;
        let case_id = plain(field("peerhound.case_id").unwrap_or(key));
        let title = self.title(&ticket.title, &case_id);
        let mut values = self.common(key);
        values.put("title_marked", markup.line(&title).into());
        values.put("summary_marked", markup.line(field("message").unwrap_or(&ticket.title)).into());
        values.put("title", title.into());
        values.put("body", markup.body(&ticket.body_text, &ticket.body_markdown, self.preset.body_bytes));
        let with_case: Vec<&str> =
            ticket.labels.iter().map(String::as_str).chain([case_id.as_str()]).collect();
        values.put("labels_with_case", json!(with_case));
        values.put("labels", json!(ticket.labels));
        values.put("labels_text", ticket.labels.join(",").into());
        values.put("verdict", field("peerhound.verdict").map_or(Value::Null, Value::from));
        values.put("fields", ticket.fields.clone());
        let mut posted = serde_json::to_value(ticket).unwrap_or_default();
        posted["idempotency_key"] = key.into();
        values.put("posted", posted);
        values.put("case_id", case_id.into());
        for (name, mapping) in &self.preset.map {
            let mapped = field(&mapping.from).and_then(|word| mapping.values.get(word));
            // It may be the policy's to say: a mapping takes parameters.
            let filled =
                template::tree(mapped.unwrap_or(&mapping.otherwise), &|name| self.parameters.get(name));
            values.put(name, filled.unwrap_or_default());
        }
        values
    }

    /// What the requests for a comment may name. The comment carries `key` as its marker.
    pub fn comment_values(&self, to: &TicketReference, text: &str, key: &str) -> Values {
        let mut values = self.common(key);
        let marker = plain(key);
        let lines: Vec<String> = text.lines().map(|line| self.preset.markup.line(line)).collect();
        // Two blanks end a line of Markdown.
        let marked = format!("{}\n\n[{}]", lines.join("  \n"), self.preset.markup.line(&marker));
        let plain_text = format!("{text}\n\n[{marker}]");
        values.put("text", self.preset.markup.body(&plain_text, &marked, self.preset.body_bytes));
        values.put("marker", marker.into());
        values.put("id", to.id.clone().into());
        values.put("number", to.number.clone().into());
        values
    }

    fn common(&self, key: &str) -> Values {
        let mut values = Values::default();
        for (name, value) in &self.parameters {
            values.put(name, value.clone());
        }
        values.put("key", plain(key).into());
        values.put("url", self.url.clone().unwrap_or_default().into());
        values.put("user", self.user.clone().unwrap_or_default().into());
        values
    }

    /// The title within what the product takes. It has the case id, by which it is found again.
    fn title(&self, title: &str, case_id: &str) -> String {
        let cut = |text: &str| match text.chars().count() <= self.preset.title_chars {
            true => text.to_owned(),
            false => text.chars().take(self.preset.title_chars.saturating_sub(1)).chain(['…']).collect(),
        };
        let shown = cut(title);
        if shown.contains(case_id) { shown } else { cut(&format!("[{case_id}] {title}")) }
    }

    /// A step of this desk with its values. The `secret` goes into its place.
    ///
    /// # Errors
    /// One line: what cannot be sent.
    pub fn request(&self, step: &Step, values: &Values, secret: Option<&str>) -> Result<Request, String> {
        let get = |name: &str| values.get(name);
        let base = match (&self.preset.auth, &self.url) {
            (Auth::Url, _) => secret.unwrap_or_default(),
            (_, Some(url)) => url,
            (_, None) => "",
        };
        let mut url = format!("{base}{}", template::text(&step.path, &get, &percent));
        for (index, (name, value)) in step.query.iter().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            // A value of a query language is encoded as a whole, so that nothing in it ends it.
            let value = template::text(value, &get, &|text| text.to_owned());
            url.push_str(&format!("{mark}{}={}", percent(name), percent(&value)));
        }
        let mut headers = Vec::new();
        for (name, value) in self.preset.headers.iter().chain(&step.headers) {
            headers.push((name.clone(), template::text(value, &get, &|text| text.to_owned())));
        }
        headers.extend(secret.and_then(|secret| self.authorization(secret)));
        if headers.iter().any(|(_, value)| value.contains(char::is_control)) {
            return Err("a header would have more than one line".to_owned());
        }
        Ok(Request { method: step.method, url, headers, body: self.body(step, values, secret) })
    }

    fn body(&self, step: &Step, values: &Values, secret: Option<&str>) -> Option<Body> {
        let secret = secret.filter(|_| self.preset.auth == Auth::Body).map(Value::from);
        let get = |name: &str| match name {
            "secret" => secret.as_ref(),
            name => values.get(name),
        };
        if let Some(form) = &step.form {
            let pair = |(name, value): (&String, &String)| {
                let value = template::text(value, &get, &|text| text.to_owned());
                format!("{}={}", percent(name), percent(&value))
            };
            return Some(Body::Form(form.iter().map(pair).collect::<Vec<_>>().join("&")));
        }
        let mut json = step.json.clone()?;
        let makes = self.preset.create.steps.last().is_some_and(|last| std::ptr::eq(last, step));
        if makes
            && let Some(at) = &self.preset.create.fields_at
            && let Some(Value::Object(object)) = json.pointer_mut(at)
        {
            object.extend(self.fields.clone());
        }
        template::tree(&json, &get).map(Body::Json)
    }

    fn authorization(&self, secret: &str) -> Option<(String, String)> {
        let header = |value: String| Some(("Authorization".to_owned(), value));
        match (&self.preset.auth, &self.user) {
            (Auth::Url | Auth::Body, _) => None,
            (Auth::Header(name), None) => Some((name.clone(), secret.to_owned())),
            (_, Some(user)) => {
                header(format!("Basic {}", BASE64.encode(format!("{user}:{secret}").as_bytes())))
            }
            (Auth::Scheme(scheme), None) => header(format!("{scheme} {secret}")),
            (Auth::Bearer | Auth::Basic, None) => header(format!("Bearer {secret}")),
        }
    }
}

/// A word that means nothing to any query language, address or markup: letters, digits, `.`, `_` and `-`.
fn plain(word: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    word.chars().take(MAX_WORD).map(safe).collect()
}
