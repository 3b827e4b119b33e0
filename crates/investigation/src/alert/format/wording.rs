//! Reading what a sensor says in a sentence instead of in a field.

use crate::scope::parse_address;

/// The word behind the first of `before`s that the text has, without quotes and punctuation around it. A word in quotes
/// may hold blanks.
pub(super) fn word_after<'a>(text: &'a str, before: &[&str]) -> Option<&'a str> {
    before.iter().find_map(|before| {
        let at = text.find(before)? + before.len();
        first_word(&text[at..])
    })
}

/// The same, where the word is an IP address; other words in its place are passed over.
pub(super) fn address_after<'a>(text: &'a str, before: &[&str]) -> Option<&'a str> {
    before.iter().find_map(|before| {
        let mut rest = text;
        while let Some(at) = rest.find(before) {
            rest = &rest[at + before.len()..];
            let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\'' || c == '"');
            let word = rest.split(|c| !is_of_address(c)).next().unwrap_or_default();
            let word = word.trim_end_matches(['.', ':']);
            let without_port = word.rsplit_once(':').map_or(word, |(address, _)| address);
            if let Some(address) = [word, without_port].into_iter().find(|word| parse_address(word).is_some())
            {
                return Some(address);
            }
        }
        None
    })
}

fn first_word(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let quoted = text.strip_prefix('\'').map(|inside| (inside, '\''));
    let quoted = quoted.or_else(|| text.strip_prefix('"').map(|inside| (inside, '"')));
    let word = match quoted {
        Some((inside, quote)) => inside.split(quote).next(),
        None => text.split_whitespace().next().map(|word| word.trim_end_matches(['.', ',', ';', ':'])),
    };
    word.map(str::trim).filter(|word| !word.is_empty())
}

fn is_of_address(c: char) -> bool {
    c.is_ascii_hexdigit() || c == '.' || c == ':'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_with_and_without_quotes() {
        assert_eq!(word_after("login for user 'A B'. Reason: x", &["for user "]), Some("A B"));
        assert_eq!(word_after("User alice, from", &["user ", "User "]), Some("alice"));
        assert_eq!(word_after("for user ", &["for user "]), None);
    }

    #[test]
    fn addresses_are_found_and_other_words_passed_over() {
        assert_eq!(address_after("from ssh(1) from 10.20.1.17.", &["from "]), Some("10.20.1.17"));
        assert_eq!(address_after("to server 192.0.2.7:389, by", &["server "]), Some("192.0.2.7"));
        assert_eq!(address_after("GUI(fd12::1)", &["("]), Some("fd12::1"));
        assert_eq!(address_after("from '10.20.1.17', a", &["from "]), Some("10.20.1.17"));
        assert_eq!(address_after("from nobody at 10.20.1.17", &["from "]), None);
    }
}
