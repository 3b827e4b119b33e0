//! The manifest of a container that is being sealed, and the rules that it is held to before and after.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use investigation::evidence::Collection;
use investigation::evidence::manifest::{
    Entry, Manifest, ManifestFault, Preceding, Supplement, Tool, format_of, media_type,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What a manifest says of the container as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heading<'r> {
    pub case_id: &'r str,
    pub tool: &'r Tool,
    pub sealed_at: Timestamp,
    pub supplement: Option<&'r Supplement>,
    pub collection: &'r Collection,
}

impl Heading<'_> {
    pub(super) fn manifest(&self, entries: Vec<Entry>, preceding: Preceding) -> Manifest {
        Manifest {
            format_version: format_of(self.supplement),
            case_id: self.case_id.to_owned(),
            tool: self.tool.clone(),
            sealed_at: self.sealed_at,
            supplement: self.supplement.cloned(),
            collection: self.collection.clone(),
            entries,
            preceding,
        }
    }
}

pub(super) fn entry(path: &str, size: u64, sha256: String) -> Entry {
    Entry { path: path.to_owned(), size, sha256, media_type: media_type(path).to_owned() }
}

/// The entry that some bytes make.
pub fn entry_of(path: &str, bytes: &[u8]) -> Entry {
    entry(path, bytes.len() as u64, HEXLOWER.encode(&Sha256::digest(bytes)))
}

/// With nothing known but the names, the rules on names are checked before anything is written.
pub(super) fn check_names<'n>(
    names: impl Iterator<Item = &'n str> + Clone,
    heading: &Heading<'_>,
) -> Result<(), ManifestFault> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.clone().find(|name| !seen.insert(*name)) {
        return Err(ManifestFault::Duplicate(twice.to_owned()));
    }
    let entries = names.map(|name| entry(name, 0, "0".repeat(64))).collect();
    check(&heading.manifest(entries, Preceding { size: 0, sha256: "0".repeat(64) }))
}

/// Nothing is sealed that would not verify.
pub(super) fn check(manifest: &Manifest) -> Result<(), ManifestFault> {
    manifest.faults().into_iter().next().map_or(Ok(()), Err)
}
