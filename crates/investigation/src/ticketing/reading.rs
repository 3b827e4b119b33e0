//! What products answer, read with suspicion.

use std::collections::BTreeMap;

use serde_json::Value;

use super::desk::{Desk, Values};
use super::preset::Search;
use super::{TicketReference, template};
use crate::text::one_line;

/// Longest captured value, in characters.
const MAX_CAPTURED: usize = 500;

/// What is captured from an answer: texts and numbers as one-line texts. What is not there is left out.
pub fn captured(capture: &BTreeMap<String, String>, answer: &Value) -> Vec<(String, Value)> {
    let one = |(name, pointer): (&String, &String)| {
        let text = match answer.pointer(pointer)? {
            Value::String(text) if !text.trim().is_empty() => one_line(text.trim(), MAX_CAPTURED),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some((name.clone(), Value::String(text)))
    };
    capture.iter().filter_map(one).collect()
}

/// The first item of a search's answer that has `word` where it must have it.
///
/// # Errors
/// One line: the answer is not what the product gives.
pub fn found<'a>(search: &Search, answer: &'a Value, word: &str) -> Result<Option<&'a Value>, String> {
    let items = answer.pointer(&search.items).and_then(Value::as_array);
    let items = items.ok_or_else(|| match search.items.as_str() {
        "" => "its answer is no list".to_owned(),
        items => format!("its answer has no list at {items}"),
    })?;
    let holds = |item: &&Value| match item.pointer(&search.matches) {
        Some(Value::String(text)) => has_word(text, word),
        Some(other) => has_word(&other.to_string(), word),
        None => false,
    };
    Ok(items.iter().find(holds))
}

/// Whether a text has a word that is not part of a longer one: `ph-1.effect-1` is not `ph-1.effect-12`.
fn has_word(text: &str, word: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
            !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
        })
}

/// The ticket that was made or found, where the answer named it.
pub fn reference(desk: &Desk, values: &Values) -> Option<TicketReference> {
    let text = |name: &str| values.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = text("id").filter(|id| !id.is_empty())?;
    let page = match &desk.preset.page {
        // The address is one already; what comes from an answer is a part of it and stays one.
        Some(page) => Some(template::text(page, &|name| values.get(name), &|text| match is_page(text) {
            true => text.to_owned(),
            false => template::percent(text),
        })),
        None => text("page"),
    };
    Some(TicketReference {
        number: text("number").unwrap_or_else(|| id.clone()),
        id,
        url: page.filter(|page| is_page(page)),
    })
}

fn is_page(text: &str) -> bool {
    let web = text.starts_with("https://") || text.starts_with("http://");
    web && text.len() <= MAX_CAPTURED
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '<')
}
