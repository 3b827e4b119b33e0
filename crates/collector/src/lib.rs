//! Reaches one endpoint and collects the artifacts that prove or refute a P2P alert.
//!
//! Three things are kept apart: *what* is collected ([`artifact`]: a catalogue of constant scripts and their
//! parsers), *how* an endpoint is reached (`transport`: this machine, SSH,
//! WinRM, SMB), and what torrent-related files say
//! ([`torrent`]). [`Collector::execute`] carries out one order.
//!
//! What comes back is hostile until proven otherwise: output is framed so that no name can forge a record, goes to
//! disk under caps, and is parsed from there in bounded memory. No outside data is ever part of what is run.
#![forbid(unsafe_code)]

pub mod artifact;
mod collector;
mod contact_error;
#[doc(hidden)]
pub mod fuzzing;
mod staging;
pub mod torrent;
mod transport;

pub use collector::{Collector, Config, Progress};
pub use contact_error::{ContactError, SetupError};
pub use staging::COLLECTION_ENTRY;
pub use transport::smb::SmbConfig;
pub use transport::ssh::{Privilege, SshConfig};
pub use transport::winrm::WinrmConfig;
