//! How an endpoint is reached. A transport runs the catalogue's constant scripts and hands back what they print; it
//! knows nothing of what they are about.

#[cfg(feature = "remote")]
pub(crate) mod account;
#[cfg(feature = "remote")]
pub(crate) mod deploy;
pub(crate) mod local;
#[cfg(feature = "remote")]
mod session;
#[cfg(feature = "remote")]
pub(crate) mod smb;
#[cfg(feature = "remote")]
pub(crate) mod ssh;
#[cfg(feature = "remote")]
pub(crate) mod winrm;

#[cfg(feature = "remote")]
pub(crate) use session::{Ended, Gathering, Run, Script, Session, Silence};
