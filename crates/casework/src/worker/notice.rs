//! What a worker tells whoever watches.

use std::net::IpAddr;

use collector::Progress;
use investigation::act::ActionKind;

/// One thing that is going on.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// The alert.
    pub alert_id: &'a str,
    /// Its case.
    pub case_id: &'a str,
    /// The endpoint.
    pub target: IpAddr,
    /// What.
    pub phase: Phase,
}

/// What is going on.
#[derive(Clone, Debug)]
pub enum Phase {
    /// The endpoint is contacted and asked who it is.
    Identifying,
    /// The users' claims are looked up.
    ClaimingUsers,
    /// Artifacts are collected.
    Collecting,
    /// News from inside the contact.
    Contact(Progress),
    /// The evidence is read.
    Assessing,
    /// The container is written.
    Sealing,
    /// A message or a ticket is delivered.
    Acting(ActionKind),
    /// What people approved is done on the endpoint.
    Remediating,
    /// A change is taken back.
    Undoing,
    /// The evidence is put under legal hold, or released.
    Holding,
    /// A legal hold is lifted.
    Releasing,
    /// The case is closed.
    Closed,
}

/// Whoever watches. Called often and from several threads; must not block.
pub trait Observer: Send + Sync {
    /// Something is going on.
    fn notice(&self, notice: &Notice<'_>);
}

/// Watches nothing.
impl Observer for () {
    fn notice(&self, _: &Notice<'_>) {}
}
