//! Reaches one endpoint and collects the artifacts that prove or refute a P2P alert.
//!
//! Three things are kept apart: *what* is collected ([`artifact`]: a catalogue of constant scripts and their
//! parsers), *how* an endpoint is reached (`transport`: this machine, SSH,
//! WinRM, SMB), and what torrent-related files say
//! ([`torrent`]). [`Collector::execute`] carries out one order.
//!
//! What comes back is hostile until proven otherwise: output is framed so that no name can forge a record, goes to
//! disk under caps, and is parsed from there in bounded memory. No outside data is ever part of what is run.
//!
//! Without the feature `remote`, what is left is what reads the very machine that it runs on: the [`program`] that may be
//! sent to an endpoint.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(feature = "remote"),
    allow(dead_code, reason = "the parsers of what other machines print are compiled along")
)]

pub mod artifact;
#[cfg(feature = "remote")]
mod collector;
#[cfg(feature = "remote")]
mod contact_error;
#[cfg(feature = "remote")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(all(test, feature = "remote"))]
mod powershell;
pub mod program;
#[cfg(feature = "remote")]
mod remediation;
#[cfg(feature = "remote")]
mod staging;
pub mod torrent;
mod transport;

#[cfg(feature = "remote")]
pub use crate::{
    collector::{Collector, Config, Progress},
    contact_error::{ContactError, SetupError},
    staging::COLLECTION_ENTRY,
    transport::{
        smb::SmbConfig,
        ssh::{Privilege, SshConfig},
        winrm::WinrmConfig,
    },
};
