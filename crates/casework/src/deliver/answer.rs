//! What servers answer, read with suspicion.

use std::time::Duration;

use investigation::text::one_line;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// The longest wait that the other side may ask for.
const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Names under which ticket systems give the id: the one that people use first.
const IDS: [&str; 7] = ["key", "number", "ticket_number", "ticket_id", "id", "iid", "reference"];
/// Names under which they give the page.
const PAGES: [&str; 7] = ["html_url", "web_url", "permalink", "url", "link", "self", "href"];
/// Names of the object around it.
const WRAPPERS: [&str; 5] = ["ticket", "issue", "result", "data", "incident"];

/// Id and page of a ticket, where the answer is JSON and has them.
pub(super) fn ticket(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return (None, None) };
    let inner = WRAPPERS.iter().find_map(|name| answer.get(name).filter(|value| value.is_object()));
    let find = |names: &[&str], accept: fn(&Value) -> Option<String>| {
        inner
            .into_iter()
            .chain([&answer])
            .find_map(|object| names.iter().find_map(|name| accept(object.get(name)?)))
    };
    (find(&IDS, id), find(&PAGES, page))
}

fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(one_line(text.trim(), 100)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn page(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let url = reqwest::Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && text.len() <= 500).then(|| one_line(text, 500))
}

/// How long the other side asks to wait, held to a day: `Retry-After` in either of its forms (RFC 9110, section 10.2.3),
/// or the end of GitHub's time in which nothing more is taken, where nothing remains of it.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let Some(text) = header(RETRY_AFTER.as_str()) else {
        let used_up = header("x-ratelimit-remaining") == Some("0");
        let reset = header("x-ratelimit-reset").filter(|_| used_up)?.parse().ok()?;
        let wait = Timestamp::from_second(reset).ok()?.duration_since(now);
        return Some(Duration::try_from(wait).unwrap_or_default().min(MAX_WAIT));
    };
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_where_ticket_systems_put_it() {
        let found = |body: &str| ticket(body.as_bytes());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            found(r#"{"id":"10000","key":"SEC-7","self":"https://t.example/rest/10000"}"#),
            (some("SEC-7"), some("https://t.example/rest/10000"))
        );
        assert_eq!(found(r#"{"result":{"number":"INC0010001","sys_id":"x"}}"#), (some("INC0010001"), None));
        assert_eq!(
            found(r#"{"id":7,"html_url":"https://t.example/7"}"#),
            (some("7"), some("https://t.example/7"))
        );
        assert_eq!(found(r#"{"id":{"a":1},"url":"javascript:alert(1)"}"#), (None, None));
        assert_eq!(found(r#"{"id":"a\u001b[2J\nb"}"#), (some("a\\u{1b}[2J\\nb"), None));
        for nothing in ["", "ok", "[1]", "null", "\u{1}", &"[".repeat(100_000)] {
            assert_eq!(found(nothing), (None, None));
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_held_to_a_day() {
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("Mon, 02 Mar 2026 09:05:00 GMT"), Some(300));
        assert_eq!(wait("Mon, 02 Mar 2026 08:05:00 GMT"), Some(0));
        assert_eq!(wait("99999999999"), Some(86_400));
        assert_eq!(wait("Mon, 02 Mar 2099 09:05:00 GMT"), Some(86_400));
        for nonsense in ["", "soon", "-1", "1e9"] {
            assert_eq!(wait(nonsense), None, "{nonsense}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
        let mut limited = HeaderMap::new();
        limited.insert("x-ratelimit-reset", (now.as_second() + 90).to_string().parse().unwrap());
        assert_eq!(retry_after(&limited, now), None, "some remain");
        limited.insert("x-ratelimit-remaining", "0".parse().unwrap());
        assert_eq!(retry_after(&limited, now), Some(Duration::from_secs(90)));
    }
}
