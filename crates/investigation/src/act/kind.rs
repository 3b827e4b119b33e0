//! The closed set of things that a verdict can lead to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One action. The policy switches each by verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Notice to the user of the machine.
    MailUser,
    /// Mail to the SOC.
    MailSoc,
    /// Ticket at the webhook.
    Ticket,
    /// Finding for the SIEM.
    Finding,
    /// Mail to a person who may approve measures, with that person's own link. The policy's `[remediation.link]` decides on
    /// it, and no list of actions does.
    MailApprover,
}

impl ActionKind {
    /// Every action that the policy names, in the order in which they are performed.
    pub const ALL: [Self; 4] = [Self::MailUser, Self::MailSoc, Self::Ticket, Self::Finding];

    /// The word used in the policy, in output and on the case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MailUser => "mail_user",
            Self::MailSoc => "mail_soc",
            Self::Ticket => "ticket",
            Self::Finding => "finding",
            Self::MailApprover => "mail_approver",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
