//! What ticket systems answer.

use std::collections::BTreeMap;

use investigation::policy::Span;
use investigation::ticketing::{Desk, Search, Values, captured, found, reference, shipped};
use serde_json::{Map, Value};

use super::{assert_one_line, seeds as given, way};

/// The case that is looked for.
const CASE: &str = "ph-20261130-aaaaaaaa";
/// Longest value, in characters: 500, each escaped as `\u{10ffff}`, and the mark of the cut.
const LONGEST: usize = 500 * 10 + 1;

/// Answers to every shipped preset's look-ups and requests.
///
/// - An item that is found has the case's id in it.
/// - Id and number of a ticket are one line and capped; its page is an address of the web without anything that ends one.
pub fn ticket_answer(data: &[u8]) -> u64 {
    let Ok(answer) = serde_json::from_slice::<Value>(data) else { return way("no JSON") };
    let mut said = String::new();
    for preset in shipped() {
        let desk = Desk {
            preset: preset.clone(),
            url: Some("https://tickets.example.com".to_owned()),
            user: None,
            parameters: BTreeMap::new(),
            fields: Map::new(),
            timeout: Span::seconds(1),
        };
        if let Some(search) = &preset.find {
            said.push_str(&looked_up(&desk, search, &answer));
        }
        for step in &preset.create.steps {
            said.push_str(&told(&desk, captured(&step.capture, &answer)));
        }
    }
    way(&said)
}

fn looked_up(desk: &Desk, search: &Search, answer: &Value) -> String {
    match found(search, answer, CASE) {
        Err(why) => {
            assert_one_line(&why);
            "wrong ".to_owned()
        }
        Ok(None) => "none ".to_owned(),
        Ok(Some(item)) => {
            assert!(item.to_string().contains(CASE), "another case's ticket: {item}");
            told(desk, captured(&search.request.capture, item))
        }
    }
}

fn told(desk: &Desk, captured: Vec<(String, Value)>) -> String {
    let mut values = Values::default();
    values.put("url", desk.url.clone().unwrap_or_default().into());
    captured.into_iter().for_each(|(name, value)| values.put(&name, value));
    let Some(ticket) = reference(desk, &values) else { return "no id ".to_owned() };
    for text in [&ticket.id, &ticket.number] {
        assert_one_line(text);
        assert!(text.chars().count() <= LONGEST, "{} characters", text.chars().count());
    }
    if let Some(page) = &ticket.url {
        assert_one_line(page);
        assert!(page.starts_with("https://") || page.starts_with("http://"), "{page}");
        assert!(!page.contains(['<', ' ']), "{page}");
    }
    format!("id {} ", ticket.url.is_some())
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let answers = [
        r#"{"issues":[{"id":"1","key":"SEC-7","fields":{"labels":["p2p","ph-20261130-aaaaaaaa"]}}],"isLast":true}"#,
        r#"{"id":"10000","key":"SEC-7","self":"https://x.atlassian.net/rest/api/3/issue/10000"}"#,
        r#"{"result":[{"sys_id":"46e18c0fa9fe19810066a0083f76bd56","number":"INC0010001","correlation_id":"ph-20261130-aaaaaaaa"}]}"#,
        r#"{"result":{"sys_id":"46e18c0fa9fe19810066a0083f76bd56","number":"INC0010001"}}"#,
        r#"[{"_id":"~4096","sourceRef":"ph-20261130-aaaaaaaa"}]"#,
        r#"{"items":[{"type":"ticket","id":"1","Subject":"x [case ph-20261130-aaaaaaaa]"}],"count":1}"#,
        r#"{"data":{"collection":[{"id":"1","title":"x [case ph-20261130-aaaaaaaa]"}],"@total_size":1}}"#,
        r#"{"data":{"id":"1","link":"http://127.0.0.1/rest/data/issue/1"}}"#,
        r#"[{"number":7,"iid":7,"html_url":"https://github.com/o/r/issues/7","web_url":"https://g/7","title":"[ph-20261130-aaaaaaaa]"}]"#,
        r#"{"status":"success","message":"Event processed","dedup_key":"ph-20261130-aaaaaaaa"}"#,
        r#"{"id":"\u001b[2J\n<b>","key":"../..?x=1#","number":1e300,"html_url":"javascript:alert(1)"}"#,
    ];
    let mut seeds: Vec<Vec<u8>> = answers.iter().map(|answer| answer.as_bytes().to_vec()).collect();
    seeds.push(given::many(b"[", 64 << 10));
    seeds
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"ph-20261130-aaaaaaaa",
    b"\"id\":",
    b"\"key\":",
    b"\"number\":",
    b"\"iid\":",
    b"\"html_url\":\"https://",
    b"\"items\":[",
    b"\"issues\":[",
    b"\"fields\":{",
    b"\"result\":",
    b"\"data\":{",
    b"\"title\":",
    b"\\u202e",
    b"null",
    b"[]",
    b"{}",
];
