//! This machine where it runs Windows: its registry, and what identity, autostart and firewall are read from there.
//!
//! What the values mean is told by code that knows no operating system, so that it is tested everywhere; only
//! [`registry::ThisRegistry`] asks Windows.

pub(crate) mod accounts;
mod autostart;
mod firewall;
mod identity;
pub(crate) mod registry;

#[cfg(windows)]
pub(crate) use autostart::read as autostart;
#[cfg(windows)]
pub(crate) use firewall::read as firewall;
#[cfg(all(windows, feature = "remote"))]
pub(crate) use identity::here as contact;
