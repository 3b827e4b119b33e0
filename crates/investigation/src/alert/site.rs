//! Formats that a site describes in its policy, because every SIEM is customised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::framing::{Content, Record};
use super::lookup::Lookup;
use super::{AlertFields, Field, Reject, mapping, pairs};

/// `[[format]]`: one more format, read before all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteFormat {
    /// Name, as alerts carry it.
    pub name: String,
    /// What records are written in.
    pub kind: SiteKind,
    /// Which records are of this format: all of these fields are there.
    pub detect: Vec<Detect>,
    /// For each field of an alert the record's own, the most telling first. In JSON a path is keys between dots, and
    /// lists on the way are gone through.
    pub fields: BTreeMap<Field, Vec<String>>,
}

/// What a site's records are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteKind {
    /// JSON objects.
    Json,
    /// Lines of `key=value` between blanks, values perhaps in quotes.
    KeyValue,
}

/// A field that tells a format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detect {
    /// The record's field.
    pub field: String,
    /// What it must be. Anything, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
}

impl SiteFormat {
    /// Whether `record` is of this format. A format that nothing tells detects nothing.
    pub(super) fn detects(&self, record: &Record) -> bool {
        self.looked_up(record, |lookup| {
            !self.detect.is_empty()
                && self.detect.iter().all(|detect| match &detect.equals {
                    None => lookup.has(&detect.field),
                    Some(wanted) => lookup.all(&detect.field).iter().any(|value| value == wanted),
                })
        })
        .unwrap_or_default()
    }

    /// The alerts of a record that `detects` said yes to.
    pub(super) fn parse(&self, record: &Record) -> Result<Vec<AlertFields>, Reject> {
        let fields: Vec<(Field, &Vec<String>)> =
            self.fields.iter().map(|(field, paths)| (*field, paths)).collect();
        self.looked_up(record, |lookup| mapping::read(lookup, &fields)).unwrap_or(Ok(Vec::new()))
    }

    fn looked_up<T>(&self, record: &Record, ask: impl FnOnce(Lookup<'_>) -> T) -> Option<T> {
        match (self.kind, &record.content) {
            (SiteKind::Json, Content::Json(value @ Value::Object(_))) => Some(ask(Lookup::Json(value))),
            (SiteKind::KeyValue, Content::Line) => Some(ask(Lookup::Pairs(&pairs::spaced(&record.text)))),
            _ => None,
        }
    }

    /// What is wrong with the description, one line each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let name = &self.name;
        let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(of_name) {
            problems.push(format!("format `{name}`: a name is letters, digits and `_`"));
        }
        if super::FORMATS.iter().any(|format| format.name == name) {
            problems.push(format!("format `{name}`: a format of Peerhound's has this name, choose another"));
        }
        if self.detect.is_empty() {
            problems.push(format!(
                "format `{name}`: `detect` names no field, so no record would be of this format"
            ));
        }
        if ![Field::SourceIp, Field::DestinationIp].iter().any(|field| self.fields.contains_key(field)) {
            problems
                .push(format!("format `{name}`: `fields` gives neither `source.ip` nor `destination.ip`"));
        }
        if let Some((field, _)) = self.fields.iter().find(|(_, paths)| paths.is_empty()) {
            problems.push(format!("format `{name}`: `{}` lists no field of the record", field.name()));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::framing::Framing;
    use crate::alert::read;

    fn formats() -> Vec<SiteFormat> {
        #[derive(Deserialize)]
        struct Formats {
            format: Vec<SiteFormat>,
        }
        let formats: Formats = toml::from_str(
            r#"
            [[format]]
            name = "corp_siem"
            kind = "json"
            detect = [{ field = "vendor", equals = "corp" }, { field = "flow.client" }]
            fields = { "source.ip" = ["flow.client"], "destination.ip" = ["flow.server"], "rule.name" = ["title"] }
            [[format]]
            name = "corp_proxy"
            kind = "key_value"
            detect = [{ field = "proxy_rule" }]
            fields = { "source.ip" = ["client"], "user.name" = ["who"], "rule.name" = ["proxy_rule"] }
            "#,
        )
        .expect("formats");
        formats.format
    }

    fn one(text: &str) -> super::super::Alert {
        let record = Framing::new(text.as_bytes()).next().expect("an item").content.expect("a record");
        read(&record, "", &formats()).remove(0).expect("an alert")
    }

    #[test]
    fn a_site_describes_its_own_json_and_key_value_lines() {
        let alert =
            one(r#"{"vendor":"corp","title":"BT","flow":{"client":"10.0.0.5","server":"192.0.2.1"}}"#);
        assert_eq!((alert.format.as_str(), alert.rule_name.as_deref()), ("corp_siem", Some("BT")));
        assert_eq!(alert.origins[&Field::SourceIp], "flow.client");
        let alert = one(r#"<13>Mar  4 05:06:07 px client=10.0.0.5 who="CORP\\alice" proxy_rule="P2P apps""#);
        assert_eq!(
            (alert.user_name.as_deref(), alert.rule_name.as_deref()),
            (Some("alice"), Some("P2P apps"))
        );
    }

    #[test]
    fn a_description_that_cannot_work_says_why() {
        assert!(formats().iter().all(|format| format.problems().is_empty()));
        let format = SiteFormat {
            name: "suricata_eve".to_owned(),
            kind: SiteKind::Json,
            detect: Vec::new(),
            fields: BTreeMap::from([(Field::RuleName, Vec::new())]),
        };
        assert_eq!(format.problems().len(), 4, "{:?}", format.problems());
    }
}
