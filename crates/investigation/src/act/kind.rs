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
    /// Ticket.
    Ticket,
    /// Page to whoever is on call.
    Page,
    /// Message to a chat.
    Chat,
    /// Finding for the SIEM.
    Finding,
    /// Comment on the ticket, when something is added to the case. The core's own: the policy does not list it.
    TicketComment,
    /// Mail to a person who may approve measures, with that person's own link. The policy's `[remediation.link]` decides on
    /// it, and no list of actions does.
    MailApprover,
}

impl ActionKind {
    /// Every action, in the order in which they are performed.
    pub const ALL: [Self; 8] = [
        Self::MailUser,
        Self::MailSoc,
        Self::Ticket,
        Self::Page,
        Self::Chat,
        Self::Finding,
        Self::TicketComment,
        Self::MailApprover,
    ];

    /// The word used in the policy, in output and on the case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MailUser => "mail_user",
            Self::MailSoc => "mail_soc",
            Self::Ticket => "ticket",
            Self::Page => "page",
            Self::Chat => "chat",
            Self::Finding => "finding",
            Self::TicketComment => "ticket_comment",
            Self::MailApprover => "mail_approver",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
