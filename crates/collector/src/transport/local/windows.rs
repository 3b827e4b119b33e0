//! This machine where it runs Windows: its registry, its folders, and what is read from there.
//!
//! What the values mean is told by code that knows no operating system, so that it is tested everywhere, and reads the
//! registries of other machines as well; only `registry::ThisRegistry` asks Windows, and [`folders::ThisDisk`] the disk.

pub(crate) mod accounts;
mod autostart;
mod firewall;
#[cfg(any(windows, test))]
pub(crate) mod folders;
#[cfg(any(windows, test))]
pub(crate) mod forensic;
pub(crate) mod identity;
#[cfg(any(windows, test))]
mod prefetch;
mod programs;
pub(crate) mod registry;
#[cfg(any(windows, test))]
mod root;
#[cfg(any(windows, test))]
mod startup;

pub(crate) use autostart::read as autostart;
pub(crate) use firewall::read as firewall;
#[cfg(all(windows, feature = "remote"))]
pub(crate) use identity::here as contact;
#[cfg(windows)]
pub(crate) use prefetch::read as prefetch;
pub(crate) use programs::read as programs;
#[cfg(windows)]
pub(crate) use root::program;
#[cfg(windows)]
pub(crate) use startup::read as startup_folders;
