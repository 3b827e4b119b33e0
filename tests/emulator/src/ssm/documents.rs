//! Documents and their versions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::names::{ACCOUNT, epoch, is_document_name};
use super::refusal::{Answer, Refusal};
use super::schema::Schema;
use super::service::Service;
use super::tags::{Kind, Tag};

const LONGEST: usize = 64 << 10;

/// A document with all its versions.
#[derive(Debug)]
pub(super) struct Document {
    versions: Vec<Version>,
    /// Counted from 1.
    default: usize,
    target_type: Option<String>,
    created: Timestamp,
}

/// What was given as one version.
#[derive(Debug)]
struct Version {
    content: String,
    schema: Schema,
    name: Option<String>,
    created: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    name: String,
    content: String,
    document_type: Option<String>,
    document_format: Option<String>,
    target_type: Option<String>,
    version_name: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(service: &Service, request: Create) -> Answer {
    if !is_document_name(&request.name) {
        return Err(Refusal::validation("the name must be 3 to 128 letters, digits, '_', '-' or '.'"));
    }
    let reserved = ["aws", "amazon", "amzn"];
    let lower = request.name.to_ascii_lowercase();
    if reserved.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(Refusal::validation("the name begins with a prefix that is reserved"));
    }
    if request.document_type.as_deref().is_none_or(|kind| kind != "Command") {
        return Err(Refusal::new(
            "InvalidDocumentContent",
            "only documents of the type Command are kept here",
        ));
    }
    let version = Version::read(request.content, request.document_format.as_deref(), request.version_name)?;
    let mut state = service.state();
    if state.documents.contains_key(&request.name) {
        return Err(Refusal::new("DocumentAlreadyExists", "The specified document already exists."));
    }
    let created = version.created;
    let document =
        Document { versions: vec![version], default: 1, target_type: request.target_type, created };
    state.documents.insert(request.name.clone(), document);
    state.tags.put(Kind::Document, &request.name, request.tags);
    let description = state.documents[&request.name].describe(&request.name, 1, "Creating");
    Ok(json!({"DocumentDescription": description}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    name: String,
    document_version: Option<String>,
}

pub(super) fn describe(service: &Service, request: &Named) -> Answer {
    let state = service.state();
    let document = find(&state.documents, &request.name)?;
    let version = document.number(request.document_version.as_deref())?;
    let mut described = document.describe(&request.name, version, "Active");
    described["Tags"] = state.tags.list(Kind::Document, &request.name);
    Ok(json!({"Document": described}))
}

pub(super) fn get(service: &Service, request: &Named) -> Answer {
    let state = service.state();
    let document = find(&state.documents, &request.name)?;
    let number = document.number(request.document_version.as_deref())?;
    let version = &document.versions[number - 1];
    Ok(json!({
        "Name": request.name,
        "CreatedDate": epoch(version.created),
        "DocumentVersion": number.to_string(),
        "VersionName": version.name,
        "Status": "Active",
        "Content": version.content,
        "DocumentType": "Command",
        "DocumentFormat": "JSON",
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Update {
    name: String,
    content: String,
    document_version: Option<String>,
    document_format: Option<String>,
    target_type: Option<String>,
    version_name: Option<String>,
}

pub(super) fn update(service: &Service, request: Update) -> Answer {
    let version = Version::read(request.content, request.document_format.as_deref(), request.version_name)?;
    let mut state = service.state();
    let document = state.documents.get_mut(&request.name).ok_or_else(|| missing(&request.name))?;
    let named = document.number(request.document_version.as_deref())?;
    if request.document_version.is_some() && named != document.versions.len() {
        return Err(Refusal::new("InvalidDocumentVersion", "only the latest version can be updated"));
    }
    if document.versions.iter().any(|known| known.content == version.content) {
        return Err(Refusal::new(
            "DuplicateDocumentContent",
            "The content of a version is the same as this.",
        ));
    }
    document.versions.push(version);
    if request.target_type.is_some() {
        document.target_type = request.target_type;
    }
    let number = document.versions.len();
    Ok(json!({"DocumentDescription": document.describe(&request.name, number, "Updating")}))
}

pub(super) fn update_default(service: &Service, request: &Named) -> Answer {
    let mut state = service.state();
    let document = state.documents.get_mut(&request.name).ok_or_else(|| missing(&request.name))?;
    let wanted = request.document_version.as_deref().and_then(|version| version.parse::<usize>().ok());
    let number = wanted
        .filter(|number| (1..=document.versions.len()).contains(number))
        .ok_or_else(|| Refusal::new("InvalidDocumentVersion", "The document version isn't valid."))?;
    document.default = number;
    Ok(json!({"Description": {
        "Name": request.name,
        "DefaultVersion": number.to_string(),
        "DefaultVersionName": document.versions[number - 1].name,
    }}))
}

pub(super) fn delete(service: &Service, request: &Named) -> Answer {
    let mut state = service.state();
    state.documents.remove(&request.name).ok_or_else(|| missing(&request.name))?;
    state.tags.forget(Kind::Document, &request.name);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Permission {
    name: String,
    permission_type: String,
}

pub(super) fn permission(service: &Service, request: &Permission) -> Answer {
    find(&service.state().documents, &request.name)?;
    if request.permission_type != "Share" {
        return Err(Refusal::new("InvalidPermissionType", "The permission type isn't supported."));
    }
    Ok(json!({"AccountIds": [], "AccountSharingInfoList": []}))
}

/// The document that a command names (by name or ARN): its name, and the content of the version.
pub(super) fn to_send(
    documents: &BTreeMap<String, Document>,
    named: &str,
    version: Option<&str>,
) -> Result<(String, Schema), Refusal> {
    let name = named.rsplit_once(":document/").map_or(named, |(_, name)| name);
    let document = find(documents, name)?;
    let number = document.number(version)?;
    Ok((name.to_owned(), document.versions[number - 1].schema.clone()))
}

fn find<'a>(documents: &'a BTreeMap<String, Document>, name: &str) -> Result<&'a Document, Refusal> {
    documents.get(name).ok_or_else(|| missing(name))
}

/// Terraform reads "does not exist" in the message, and takes any other for a failure.
fn missing(name: &str) -> Refusal {
    Refusal::new("InvalidDocument", format!("Document with name {name} does not exist."))
}

impl Version {
    fn read(content: String, format: Option<&str>, name: Option<String>) -> Result<Self, Refusal> {
        if content.len() > LONGEST {
            return Err(Refusal::new("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB."));
        }
        if format.is_some_and(|format| format != "JSON") {
            return Err(Refusal::new("InvalidDocumentContent", "only documents in JSON are read here"));
        }
        let schema =
            Schema::parse(&content).map_err(|reason| Refusal::new("InvalidDocumentContent", reason))?;
        Ok(Self { content, schema, name, created: Timestamp::now() })
    }
}

impl Document {
    /// Counted from 1. Nothing named means the default version, `$LATEST` the last.
    fn number(&self, named: Option<&str>) -> Result<usize, Refusal> {
        match named {
            None | Some("" | "$DEFAULT") => Ok(self.default),
            Some("$LATEST") => Ok(self.versions.len()),
            Some(number) => {
                number.parse().ok().filter(|number| (1..=self.versions.len()).contains(number)).ok_or_else(
                    || Refusal::new("InvalidDocumentVersion", "The document version isn't valid."),
                )
            }
        }
    }

    fn describe(&self, name: &str, number: usize, status: &str) -> Value {
        let version = &self.versions[number - 1];
        let hash: String =
            Sha256::digest(version.content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let parameters: Vec<Value> = version
            .schema
            .parameters
            .iter()
            .map(|parameter| {
                let mut told = json!({
                    "Name": parameter.name,
                    "Type": parameter.kind.name(),
                    "Description": parameter.description,
                });
                if let Some(default) = &parameter.default {
                    told["DefaultValue"] = json!(default.join(","));
                }
                told
            })
            .collect();
        let mut told = json!({
            "Hash": hash,
            "HashType": "Sha256",
            "Name": name,
            "Owner": ACCOUNT,
            "CreatedDate": epoch(self.created),
            "Status": status,
            "DocumentVersion": number.to_string(),
            "Description": version.schema.description,
            "Parameters": parameters,
            "PlatformTypes": version.schema.platforms().iter().map(|platform| platform.name()).collect::<Vec<_>>(),
            "DocumentType": "Command",
            "SchemaVersion": "2.2",
            "LatestVersion": self.versions.len().to_string(),
            "DefaultVersion": self.default.to_string(),
            "DocumentFormat": "JSON",
            "Tags": [],
        });
        if let Some(target_type) = &self.target_type {
            told["TargetType"] = json!(target_type);
        }
        if let Some(version_name) = &version.name {
            told["VersionName"] = json!(version_name);
        }
        told
    }
}
