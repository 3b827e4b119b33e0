//! This machine where it runs Windows: its registry, and what identity, autostart and firewall are read from there.
//!
//! What the values mean is told by code that knows no operating system, so that it is tested everywhere; only
//! [`registry::ThisRegistry`] asks Windows.

pub(crate) mod accounts;
mod autostart;
mod firewall;
mod firewall_rule;
mod identity;
pub(crate) mod registry;

use investigation::evidence::ArtifactKind;

use crate::artifact::{Artifact, Caps, Cost, Reader, System};

#[cfg(windows)]
pub(crate) use autostart::read as autostart;
#[cfg(windows)]
pub(crate) use firewall::read as firewall;
#[cfg(windows)]
pub(crate) use identity::here as contact;

/// What this machine's own interfaces tell on Windows and no script of the catalogue does. On Linux the scripts tell
/// the same, which is why these are no rows of the catalogue.
static ARTIFACTS: [Artifact; 3] = [
    Artifact {
        id: "ThisMachine.System.Identity",
        kind: ArtifactKind::Identity,
        system: System::ThisMachine,
        purpose: "which machine answered, whose it is, and who is logged in",
        cost: Cost::Light,
        caps: Caps { seconds: 60, bytes: 8 << 20 },
        reader: Reader::Native,
    },
    Artifact {
        id: "ThisMachine.Persistence.Autostart",
        kind: ArtifactKind::Autostart,
        system: System::ThisMachine,
        purpose: "what starts a client, or worse, again after the machine is cleaned",
        cost: Cost::Light,
        caps: Caps { seconds: 60, bytes: 32 << 20 },
        reader: Reader::Native,
    },
    Artifact {
        id: "ThisMachine.Network.Firewall",
        kind: ArtifactKind::Firewall,
        system: System::ThisMachine,
        purpose: "whether ports were opened for a client",
        cost: Cost::Light,
        caps: Caps { seconds: 60, bytes: 32 << 20 },
        reader: Reader::Native,
    },
];

/// The artifact of a kind that is read here.
pub(crate) fn artifact(kind: ArtifactKind) -> Option<&'static Artifact> {
    ARTIFACTS.iter().find(|artifact| artifact.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::CATALOGUE;

    #[test]
    fn no_id_is_taken_twice() {
        for artifact in &ARTIFACTS {
            assert!(CATALOGUE.iter().all(|other| other.id != artifact.id), "{}", artifact.id);
        }
        assert!(artifact(ArtifactKind::Torrents).is_none());
    }
}
