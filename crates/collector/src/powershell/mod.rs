//! There is no PowerShell to run the scripts with, so they are read: each one that is sent to an endpoint is parsed as a
//! whole, and every cmdlet, parameter, type and method in it is held against lists from Microsoft's documents. This finds
//! what a first run on Windows would: what is no PowerShell, what is of a later one than the 5.1 that every Windows 10 has,
//! what does not exist; and what must not be, whether it runs or not: values that become code, or wildcards.
//!
//! What it does not find is what a cmdlet does on a real machine.

mod cmdlets;
mod dotnet;
mod lint;
mod tree;

use std::path::{Path, PathBuf};

use lint::{Kind, faults};

use crate::artifact::{Reader, catalogue};
use crate::remediation::windows;
use crate::transport::deploy;

/// Every script that is sent, with its name.
fn sent() -> Vec<(String, Kind, String)> {
    let mut all = Vec::new();
    for artifact in catalogue() {
        for reader in &artifact.readers {
            if let Reader::PowerShell { script, .. } = reader {
                all.push((artifact.id.to_string(), Kind::Artifact, (*script).to_owned()));
            }
        }
    }
    let measures = windows::scripts();
    all.extend(measures.into_iter().map(|(name, text)| (name.to_owned(), Kind::Measure, text)));
    let deployed = deploy::windows::scripts();
    all.extend(deployed.into_iter().map(|(name, text)| (name.to_owned(), Kind::Artifact, text)));
    all
}

#[test]
fn every_script_that_is_sent_is_sound() {
    let all = sent();
    assert!(all.iter().filter(|(_, kind, _)| *kind == Kind::Artifact).count() >= 10, "{}", all.len());
    let mut found = Vec::new();
    for (name, kind, text) in &all {
        found.extend(faults(text, *kind).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A script that was forgotten here would be read by nobody.
#[test]
fn every_file_is_part_of_a_script_that_is_sent() {
    let all = sent();
    let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 30, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.is_ascii() && !text.contains('\r'), "{file:?}: whatever the code page is");
        assert!(
            all.iter().any(|(_, _, script)| script.contains(text.trim_end())),
            "{file:?} is sent nowhere"
        );
    }
}

/// What people run themselves is parsed as well.
#[test]
fn scripts_for_people_are_powershell() {
    let relay = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../relay");
    let files = files(&relay);
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(lint::syntax(&text), Vec::<String>::new(), "{file:?}");
    }
}

/// All `.ps1` files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut stack, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = stack.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|end| end == "ps1") {
                found.push(path);
            }
        }
    }
    found
}
