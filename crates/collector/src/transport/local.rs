//! This very machine: the Linux scripts through its own shell, and what a library reads better through the system's
//! own interfaces. Windows has no such shell: what is there is read through its interfaces, and what has none by its
//! own programs.

pub(crate) mod files;
pub(crate) mod native;
pub(crate) mod processes;
#[cfg(feature = "remote")]
mod shell;
pub(crate) mod sockets;
// Its readers of registries read those of other machines, too.
pub(crate) mod windows;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "remote")]
pub(crate) use shell::{LocalSession, command};

/// Tells blocking work that nobody waits for it any more.
#[derive(Debug, Default)]
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl CancelOnDrop {
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
