//! This machine where it runs Windows: its registry, and what identity, autostart and firewall are read from there.
//!
//! What the values mean is told by code that knows no operating system, so that it is tested everywhere, and reads the
//! registries of other machines as well; only `registry::ThisRegistry` asks Windows.

pub(crate) mod accounts;
mod autostart;
mod firewall;
pub(crate) mod identity;
pub(crate) mod registry;

pub(crate) use autostart::read as autostart;
pub(crate) use firewall::read as firewall;
#[cfg(windows)]
pub(crate) use identity::here as contact;
