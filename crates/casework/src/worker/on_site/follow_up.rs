//! What follows a case on this machine: the second container, the legal hold, and the site's own actions.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use investigation::act::{self, CustomName};
use investigation::case::{Case, Event, LegalHold};
use investigation::evidence::manifest::Tool;
use serde::Serialize;

use super::super::case_file::{forensic_papers, supplement};
use super::super::staged;
use super::{OnSite, blocking, came_of_sealing, gone, seal};
use crate::container::SealRequest;
use crate::deliver::{self, DeliveryError, Receipt};
use crate::partial;

/// The record of a legal hold, beside what it holds.
#[derive(Serialize)]
struct HoldRecord<'h> {
    case_id: &'h str,
    containers: Vec<String>,
    #[serde(flatten)]
    hold: &'h LegalHold,
}

impl OnSite {
    /// Seals the second collection next to the first.
    pub(super) async fn seal_forensics(&self, case: &Case, effect: u32) -> Event {
        let sealed_at = (self.now)();
        let task = case.forensics.as_ref().and_then(|forensics| forensics.staged.clone());
        let Some((task, supplement)) = task.zip(supplement(case)) else { return gone() };
        let staging = self.places.staged(&case.id, &task);
        let destination = self.places.forensic_container(&case.id);
        let (case, policy) = (case.clone(), Arc::clone(&self.policy));
        let sealed = blocking(move || {
            let Some(collection) = staged::collection(&staging, &case.id) else { return Ok(None) };
            let papers = forensic_papers(&case, &policy, &collection)?;
            let extra: Vec<(&str, &[u8])> =
                papers.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
            seal(&SealRequest {
                staging: &staging,
                extra: &extra,
                case_id: &case.id,
                tool: &Tool { name: "peerhound".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
                sealed_at,
                supplement: Some(&supplement),
                collection: &collection,
                destination: &destination,
            })
        });
        came_of_sealing(sealed.await, effect)
    }

    /// Sets or lifts the legal hold: the record of it, and the containers made read-only. Doing it again changes nothing.
    pub(super) async fn hold(&self, case: &Case, effect: u32, on: bool) -> Event {
        let record = self.places.hold_record(&case.id);
        let mut containers = vec![self.places.container(&case.id)];
        if case.forensics.as_ref().is_some_and(|forensics| forensics.evidence.is_some()) {
            containers.push(self.places.forensic_container(&case.id));
        }
        let case = case.clone();
        let done =
            blocking(move || if on { set(&case, &record, &containers) } else { lift(&record, &containers) });
        match done.await {
            Ok(detail) => Event::Held { effect, detail },
            Err(error) => Event::EffectFailed { effect, reason: error.to_string() },
        }
    }

    /// Does one of the site's own actions.
    pub(super) async fn custom(
        &self,
        case: &Case,
        name: &CustomName,
        key: &str,
    ) -> Result<Receipt, DeliveryError> {
        let action = self.actions.iter().find(|action| action.name == name.name());
        let action = action.ok_or_else(|| {
            DeliveryError::rejected(&format!("the policy has no [[action]] named {}", name.name()))
        })?;
        let document = serde_json::to_vec(&act::case_document(case, key))
            .map_err(|error| DeliveryError::rejected(&error.to_string()))?;
        deliver::perform_action(action, document, key).await
    }
}

/// The record comes first: what it names is not removed from then on, whatever becomes of the rest.
fn set(case: &Case, record: &Path, containers: &[PathBuf]) -> io::Result<String> {
    let Some(hold) = &case.hold else { return Err(io::Error::other("the case knows of no hold")) };
    let missing = containers.iter().find(|container| !container.is_file());
    if let Some(missing) = missing {
        let why = format!("{} is not there: put it back, or hold it where it is", missing.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    let names = containers.iter().filter_map(|path| path.file_name());
    let containers_named = names.map(|name| name.to_string_lossy().into_owned()).collect();
    let text = HoldRecord { case_id: &case.id, containers: containers_named, hold };
    let (folder, name) = record.parent().zip(record.file_name()).ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = partial::begin(folder, name)?;
    serde_json::to_writer_pretty(&mut file, &text)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(record).map_err(|error| error.error)?;
    containers.iter().try_for_each(|container| writable(container, false))?;
    Ok(match containers.len() {
        1 => "1 container is read-only".to_owned(),
        many => format!("{many} containers are read-only"),
    })
}

/// The record goes last. A container that was taken elsewhere meanwhile is in nobody's way.
fn lift(record: &Path, containers: &[PathBuf]) -> io::Result<String> {
    for container in containers {
        match writable(container, true) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    match fs::remove_file(record) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => result?,
    }
    Ok("the containers are as they were".to_owned())
}

#[cfg(unix)]
fn writable(container: &Path, yes: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(container, fs::Permissions::from_mode(if yes { 0o600 } else { 0o400 }))
}

#[cfg(not(unix))]
fn writable(container: &Path, yes: bool) -> io::Result<()> {
    let mut permissions = fs::metadata(container)?.permissions();
    permissions.set_readonly(!yes);
    fs::set_permissions(container, permissions)
}
