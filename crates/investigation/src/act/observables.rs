//! What a responder searches for elsewhere: the observables of a case, in the form that TheHive 5 and Cortex take
//! (`dataType`, `data`, `message`, `tags`).

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::brief::Brief;
use super::message::short;

/// Most observables of one kind.
const MAX_OF_KIND: usize = 20;
/// Longest value, in characters; TheHive indexes no longer one.
const MAX_DATA: usize = 300;

/// All of them, each once.
pub(super) fn of(brief: &Brief) -> Value {
    let mut found: Vec<Value> = Vec::new();
    let mut add = |kind: &str, data: &str, message: &str, tags: &[&str]| {
        let data = short(data, MAX_DATA);
        let same = |other: &Value| other["dataType"] == kind && other["data"] == data.as_str();
        if !data.is_empty() && !found.iter().any(same) {
            let message = short(message, MAX_DATA);
            found.push(json!({"dataType": kind, "data": data, "message": message, "tags": tags}));
        }
    };
    add("ip", &brief.target.to_string(), "The machine", &["host"]);
    add("hostname", brief.host_name().unwrap_or_default(), "The machine", &["host"]);
    let alert = &brief.alert;
    for ip in [alert.source_ip, alert.destination_ip].into_iter().flatten() {
        add("ip", &ip.to_string(), "The other end of the alert's flow", &["peer"]);
    }
    for peer in peers(brief) {
        add("ip", &peer, "A peer in the evidence", &["peer"]);
    }
    let infohash = alert.infohash.as_deref().unwrap_or_default();
    add("hash", infohash, "BitTorrent infohash on the wire, and not of a file", &["infohash"]);
    for (hash, image) in image_hashes(brief) {
        add("hash", &hash, &format!("SHA-256 of the image {image}"), &["sha256", "image"]);
    }
    let mut container = |location: &str, sha256: &str, which: &str| {
        add("other", sha256, &format!("SHA-256 of the {which} container: {location}"), &["evidence"]);
    };
    container(&brief.evidence_location, &brief.evidence_sha256, "sealed");
    if let Some((location, sha256)) = &brief.second {
        container(location, sha256, "second sealed");
    }
    Value::Array(found)
}

/// Hashes of the images that the findings cite, as lower-case hex, each with the image.
pub(super) fn image_hashes(brief: &Brief) -> Vec<(String, String)> {
    let mut hashes: Vec<(String, String)> = Vec::new();
    let findings = brief.assessment.iter().flat_map(|assessment| &assessment.findings);
    for cited in findings.flat_map(|finding| &finding.citations) {
        let Some(hash) = cited.sha256.as_deref().filter(|hash| is_sha256(hash)) else { continue };
        if hashes.len() < MAX_OF_KIND && !hashes.iter().any(|(known, _)| known == hash) {
            hashes.push((hash.to_owned(), short(cited.image.as_deref().unwrap_or_default(), MAX_DATA)));
        }
    }
    hashes
}

fn peers(brief: &Brief) -> Vec<String> {
    let findings = brief.assessment.iter().flat_map(|assessment| &assessment.findings);
    let cited = findings.flat_map(|finding| &finding.citations).filter_map(|cited| cited.peer.as_deref());
    let addresses = cited.filter_map(|peer| peer.parse::<SocketAddr>().ok().map(|end| end.ip().to_string()));
    addresses.take(MAX_OF_KIND).collect()
}

/// Written by the endpoint: anything may stand there.
fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
