//! What the page for approvers needs besides the store.

use casework::approval_link::LinkKey;
use investigation::policy::Policy;

/// The policy's word on who may, and the key of its links.
pub(super) struct Approving {
    pub(super) policy: Policy,
    pub(super) key: LinkKey,
}
