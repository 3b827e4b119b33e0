//! One dead letter.

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use jiff::{SignedDuration, Timestamp};

/// What `intake` writes beside a record that it sets aside.
const REASON: &str = "Reason";
const ORIGIN: &str = "Origin";
/// Characters of an id that are shown, and that are enough to name one.
const SHORT: usize = 8;

/// A message of a dead-letter queue.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) id: String,
    pub(super) receipt: String,
    pub(super) body: String,
    pub(super) sent_at: Option<Timestamp>,
    /// How often it was received, here and on its own queue.
    pub(super) receives: u32,
    attributes: HashMap<String, MessageAttributeValue>,
}

impl Letter {
    /// `None` for an answer without the parts that every message has.
    pub(super) fn of(message: Message) -> Option<Self> {
        let system = |name: &MessageSystemAttributeName| {
            message
                .attributes()
                .and_then(|attributes| attributes.get(name))
                .and_then(|value| value.parse::<i64>().ok())
        };
        let sent_at = system(&MessageSystemAttributeName::SentTimestamp);
        let receives = system(&MessageSystemAttributeName::ApproximateReceiveCount);
        Some(Self {
            sent_at: sent_at.and_then(|at| Timestamp::from_millisecond(at).ok()),
            receives: receives.and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
            id: message.message_id?,
            receipt: message.receipt_handle?,
            body: message.body.unwrap_or_default(),
            attributes: message.message_attributes.unwrap_or_default(),
        })
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(MessageAttributeValue::string_value)
    }

    /// Why `intake` set it aside. What SQS moved here by itself has none.
    pub(super) fn reason(&self) -> Option<&str> {
        self.attribute(REASON)
    }

    pub(super) fn origin(&self) -> Option<&str> {
        self.attribute(ORIGIN)
    }

    /// Attributes that its sender gave it.
    pub(super) fn others(&self) -> HashMap<String, MessageAttributeValue> {
        let own = |name: &String| name == REASON || name == ORIGIN;
        self.attributes.iter().filter(|(name, _)| !own(name)).map(|(a, b)| (a.clone(), b.clone())).collect()
    }

    /// The same, of those that are text, by name.
    pub(super) fn other_attributes(&self) -> Vec<(&str, &str)> {
        let texts =
            self.attributes.iter().filter_map(|(name, value)| Some((name.as_str(), value.string_value()?)));
        let mut texts: Vec<_> = texts.filter(|(name, _)| *name != REASON && *name != ORIGIN).collect();
        texts.sort_unstable();
        texts
    }

    /// Bytes that count towards a call's size.
    pub(super) fn size(&self) -> usize {
        let attribute = |(name, value): (&String, &MessageAttributeValue)| {
            let text = value.string_value().map_or(0, str::len);
            name.len() + value.data_type().len() + text + value.binary_value().map_or(0, |b| b.as_ref().len())
        };
        self.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    pub(super) fn short_id(&self) -> &str {
        let end = self.id.char_indices().nth(SHORT).map_or(self.id.len(), |(end, _)| end);
        &self.id[..end]
    }

    /// Whether a person who wrote this means it.
    pub(super) fn is_meant(&self, text: &str) -> bool {
        self.id == text || (text.len() >= SHORT && self.id.starts_with(text))
    }
}

/// How many letters a text means.
pub(super) enum Chosen<'a> {
    One(&'a Letter),
    None,
    Several,
}

pub(super) fn chosen<'a>(letters: &'a [Letter], text: &str) -> Chosen<'a> {
    let mut meant = letters.iter().filter(|letter| letter.is_meant(text));
    match (meant.next(), meant.next()) {
        (None, _) => Chosen::None,
        (Some(letter), None) => Chosen::One(letter),
        (Some(_), Some(_)) => Chosen::Several,
    }
}

/// How long ago something was, in its largest unit: `3 d`, `5 h`, `12 min`.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at).max(SignedDuration::ZERO);
    match (passed.as_hours() / 24, passed.as_hours(), passed.as_mins()) {
        (1.., _, _) => format!("{} d", passed.as_hours() / 24),
        (_, 1.., _) => format!("{} h", passed.as_hours()),
        (_, _, minutes) => format!("{minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(id: &str) -> Letter {
        let attribute = |text: &str| {
            MessageAttributeValue::builder().data_type("String").string_value(text).build().unwrap()
        };
        let message = Message::builder()
            .message_id(id)
            .receipt_handle("r")
            .body("{}")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1772442000000")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "6")
            .message_attributes("Reason", attribute("no JSON"))
            .message_attributes("Sender", attribute("siem"));
        Letter::of(message.build()).unwrap()
    }

    #[test]
    fn a_letter_is_meant_by_its_id_or_by_eight_characters_of_it() {
        let letters = [letter("5f1d0c9e-aaaa"), letter("5f1d0c9e-bbbb"), letter("77ab01fe-cccc")];
        assert!(matches!(chosen(&letters, "77ab01fe"), Chosen::One(letter) if letter.id == "77ab01fe-cccc"));
        assert!(matches!(chosen(&letters, "5f1d0c9e"), Chosen::Several));
        assert!(matches!(chosen(&letters, "5f1d0c9e-bbbb"), Chosen::One(_)));
        assert!(
            matches!(chosen(&letters, "77ab"), Chosen::None) && matches!(chosen(&letters, ""), Chosen::None)
        );
    }

    #[test]
    fn what_intake_wrote_beside_it_is_told_and_not_sent_on() {
        let letter = letter("5f1d0c9e-aaaa");
        assert_eq!((letter.reason(), letter.origin(), letter.receives), (Some("no JSON"), None, 6));
        assert_eq!(letter.others().into_keys().collect::<Vec<_>>(), ["Sender"]);
        assert_eq!(letter.size(), 2 + 6 + 6 + 7 + 6 + 6 + 4);
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let at = Timestamp::from_second(1_772_442_000).unwrap();
        let after = |minutes: i64| age(at, at + SignedDuration::from_mins(minutes));
        assert_eq!(
            [after(-5), after(59), after(60), after(1439), after(3 * 1440)],
            ["0 min", "59 min", "1 h", "23 h", "3 d"]
        );
    }
}
