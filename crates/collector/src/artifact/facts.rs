//! What the identity of an endpoint tells the parsers of its other artifacts.

use std::collections::BTreeMap;

use investigation::evidence::Identity;
use jiff::{SignedDuration, Timestamp};

/// Facts about one endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Account names by numeric id.
    pub(crate) accounts: BTreeMap<u32, String>,
    /// The numeric id that the collector works as.
    pub(crate) uid: Option<u32>,
    /// When the endpoint was started.
    pub(crate) boot: Option<Timestamp>,
    /// Clock ticks a second, in which Linux counts the start of a process.
    pub(crate) ticks: u64,
    /// Whether the endpoint's processor keeps the highest byte first, in which `/proc/net` prints addresses.
    pub(crate) big_endian: bool,
    /// The code page of a Windows console, in which its commands print.
    pub(crate) code_page: Option<u16>,
}

impl Facts {
    /// The account's name, or its number where it has no name.
    pub(crate) fn account(&self, uid: u32) -> String {
        self.accounts.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    /// Whether the collector may read everything.
    pub(crate) fn privileged(&self) -> bool {
        self.uid == Some(0)
    }

    /// The time that lies `ticks` clock ticks after the start of the machine.
    pub(crate) fn after_boot(&self, ticks: u64) -> Option<Timestamp> {
        let per_second = if self.ticks == 0 { 100 } else { self.ticks };
        let millis = u128::from(ticks) * 1000 / u128::from(per_second);
        let millis = i64::try_from(millis).ok()?;
        self.boot?.checked_add(SignedDuration::from_millis(millis)).ok()
    }
}

/// Everything that the identity artifact says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contact {
    /// The parsed form.
    pub(crate) identity: Identity,
    /// For the other parsers.
    pub(crate) facts: Facts,
}
