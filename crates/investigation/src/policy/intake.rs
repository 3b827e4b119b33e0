//! The sections about how alerts come in, besides files.

use serde::{Deserialize, Serialize};

use super::check::{Remark, error, warning};
use super::{Policy, Span};

/// `[door]`: alerts over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Door {
    /// File with the keys of those who may knock, one a line; relative to the policy file. On AWS they lie in Secrets
    /// Manager instead.
    pub keys_file: Option<String>,
    /// Longest body, in KiB.
    pub max_body_kib: u32,
    /// Requests a minute.
    pub per_minute: u32,
    /// How far the timestamp of a signed request may be from our clock.
    pub replay_window: Span,
}

impl Default for Door {
    fn default() -> Self {
        Self { keys_file: None, max_body_kib: 4096, per_minute: 6000, replay_window: Span::minutes(5) }
    }
}

/// `[[list]]`: a list of addresses that is fetched again and again, as SIEMs give their active lists and lookup tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Name, as alerts carry it.
    pub name: String,
    /// Where it is: `https://…`, `http://…`, or the path of a file, relative to the policy file.
    pub url: String,
    /// How often it is fetched.
    #[serde(default = "often")]
    pub every: Span,
    /// File that holds a bearer token; relative to the policy file.
    #[serde(default)]
    pub token_file: Option<String>,
    /// File that holds a whole header, `Name: value`, where the list wants another than a bearer token; relative to
    /// the policy file.
    #[serde(default)]
    pub header_file: Option<String>,
    /// Time for one fetch.
    #[serde(default = "patience")]
    pub timeout: Span,
}

impl List {
    /// Whether it is fetched over HTTP.
    pub fn is_remote(&self) -> bool {
        ["http://", "https://"].iter().any(|scheme| self.url.to_ascii_lowercase().starts_with(scheme))
    }
}

fn often() -> Span {
    Span::minutes(5)
}

fn patience() -> Span {
    Span::seconds(30)
}

/// Shortest wait between two looks at a list.
const OFTEN: Span = Span::seconds(1);

impl Policy {
    pub(super) fn check_intake(&self, remarks: &mut Vec<Remark>) {
        for (index, format) in self.format.iter().enumerate() {
            remarks.extend(format.problems().into_iter().map(error));
            if self.format[..index].iter().any(|other| other.name == format.name) {
                remarks.push(error(format!("format `{}`: two formats have this name", format.name)));
            }
        }
        for (index, list) in self.list.iter().enumerate() {
            let name = &list.name;
            if name.trim().is_empty() || self.list[..index].iter().any(|other| other.name == *name) {
                remarks.push(error(format!("list `{name}`: each list has a name of its own")));
            }
            if list.token_file.is_some() && list.header_file.is_some() {
                remarks.push(error(format!("list `{name}`: token_file and header_file: name one of them")));
            }
            if list.every < OFTEN {
                remarks.push(error(format!(
                    "list `{name}`: every = {}: fetch it every {OFTEN} at most",
                    list.every
                )));
            }
            if list.is_remote() && !list.url.to_ascii_lowercase().starts_with("https://") {
                let text = "whoever is on the way can write it, and so choose who is investigated; use https";
                remarks.push(warning(format!("list `{name}`: {text}")));
            }
        }
        if self.door.max_body_kib == 0 || self.door.per_minute == 0 {
            remarks.push(error("[door] max_body_kib and per_minute: 0 lets nothing in"));
        }
        if self.door.max_body_kib > 65_536 {
            remarks.push(error("[door] max_body_kib: more than 64 MiB in one request is no alert"));
        }
    }
}
