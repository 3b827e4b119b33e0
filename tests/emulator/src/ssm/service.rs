//! The state behind the operations.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::activations::Activation;
use super::commands::Command;
use super::documents::Document;
use super::knobs::Knobs;
use super::nodes::Registered;
use super::tags::Tags;

/// Everything that clients made, and what the test knows of.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) documents: BTreeMap<String, Document>,
    pub(super) activations: BTreeMap<String, Activation>,
    pub(super) nodes: BTreeMap<String, Registered>,
    pub(super) tags: Tags,
    /// Oldest first.
    pub(super) commands: Vec<Command>,
}

impl State {
    pub(super) fn command(&self, id: &str) -> Option<&Command> {
        self.commands.iter().find(|command| command.id == id)
    }

    pub(super) fn command_mut(&mut self, id: &str) -> Option<&mut Command> {
        self.commands.iter_mut().find(|command| command.id == id)
    }
}

/// The service: its state, its knobs, and how fast its clock runs.
#[derive(Debug)]
pub(super) struct Service {
    state: Mutex<State>,
    knobs: Mutex<Knobs>,
    second: Duration,
}

impl Service {
    pub(super) fn new(second: Duration) -> Self {
        Self { state: Mutex::default(), knobs: Mutex::default(), second }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.knobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long so many of the service's seconds last.
    pub(super) fn seconds(&self, seconds: u64) -> Duration {
        self.second.saturating_mul(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}
