//! The set of things that a verdict can lead to: those that are built in, and those that a site made itself.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::one_line;

/// What comes before the name of a site's own action, in the policy's lists and on cases.
const CUSTOM: &str = "action:";
/// What a list of the policy may name, for whoever named something else.
const KNOWN: &str = "mail_user, mail_soc, ticket, page, chat, finding, or action:NAME of an [[action]]";
/// Longest name of a site's own action, in bytes.
const MAX_NAME: usize = 32;

/// One action. The policy switches each by verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// An action that the policy describes in an `[[action]]`.
    Custom(CustomName),
}

/// The name of an action that a site made itself: 1 to 32 of `a-z`, `0-9`, `_` and `-`. Small and without a pointer, so
/// that an [`ActionKind`] stays something to hand about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomName {
    /// `action:` and the name; the rest is zeros.
    word: [u8; CUSTOM.len() + MAX_NAME],
    length: u8,
}

impl CustomName {
    /// The name, if it can be one.
    pub fn new(name: &str) -> Option<Self> {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(fine) {
            return None;
        }
        let mut word = [0; CUSTOM.len() + MAX_NAME];
        let length = CUSTOM.len() + name.len();
        word.iter_mut().zip(CUSTOM.bytes().chain(name.bytes())).for_each(|(to, from)| *to = from);
        Some(Self { word, length: u8::try_from(length).ok()? })
    }

    /// The name alone.
    pub fn name(&self) -> &str {
        self.word().strip_prefix(CUSTOM).unwrap_or_default()
    }

    /// The name with what tells it from the actions that are built in.
    fn word(&self) -> &str {
        let text = self.word.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Debug for CustomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name())
    }
}

impl ActionKind {
    /// Every action that is built in, in the order in which they are performed.
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
    pub fn as_str(&self) -> &str {
        match self {
            Self::Custom(name) => name.word(),
            built_in => built_in.class(),
        }
    }

    /// The word of what it is: the same for every action that a site made itself.
    pub fn class(&self) -> &'static str {
        match self {
            Self::MailUser => "mail_user",
            Self::MailSoc => "mail_soc",
            Self::Ticket => "ticket",
            Self::Page => "page",
            Self::Chat => "chat",
            Self::Finding => "finding",
            Self::TicketComment => "ticket_comment",
            Self::MailApprover => "mail_approver",
            Self::Custom(_) => "action",
        }
    }

    /// What a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        let built_in = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        built_in.or_else(|| CustomName::new(word.strip_prefix(CUSTOM)?).map(Self::Custom))
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ActionKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ActionKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = ActionKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(KNOWN)
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<ActionKind, E> {
                ActionKind::parse(word)
                    .ok_or_else(|| E::custom(format!("unknown action `{}`: use {KNOWN}", one_line(word, 60))))
            }
        }
        deserializer.deserialize_str(Word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_as_they_are_written() {
        let custom = ActionKind::Custom(CustomName::new("isolate-host_2").unwrap());
        for kind in ActionKind::ALL.into_iter().chain([custom]) {
            let word = serde_json::to_string(&kind).unwrap();
            assert_eq!(word, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<ActionKind>(&word).unwrap(), kind);
        }
        assert_eq!(custom.to_string(), "action:isolate-host_2");
        let longest = "a".repeat(MAX_NAME);
        assert_eq!(CustomName::new(&longest).unwrap().name(), longest);
    }

    #[test]
    fn what_is_no_action_is_named() {
        let longer = format!("action:{}", "a".repeat(MAX_NAME + 1));
        for word in ["", "mail", "action:", "action:A", "action:a b", "action:a/b", "action:\u{e4}", &longer]
        {
            let error = serde_json::from_str::<ActionKind>(&format!("\"{word}\"")).unwrap_err().to_string();
            assert!(error.contains("unknown action") && error.contains("action:NAME"), "{error}");
        }
    }
}
