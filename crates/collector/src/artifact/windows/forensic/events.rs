//! Events as `wevtutil qe … /f:xml` prints them, one `<Event>` after the other. Their elements are the same in every
//! language. No document is parsed as a whole: one event at a time, in bounds, and names are looked for in it. What came
//! from outside is escaped in it, so that no value can end its element.

use jiff::Timestamp;

/// Longest event that is looked at, in bytes.
const EVENT_CAP: usize = 64 << 10;

/// Gathers lines to events.
#[derive(Debug, Default)]
pub(super) struct Reading {
    text: String,
}

impl Reading {
    /// Takes a line in; gives the events that it ends.
    pub(super) fn line(&mut self, line: &str) -> Vec<Event> {
        let mut ended = Vec::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("</Event>") {
            self.take(before);
            ended.extend(Event::of(std::mem::take(&mut self.text)));
            rest = after;
        }
        self.take(rest);
        ended
    }

    fn take(&mut self, text: &str) {
        let room = EVENT_CAP.saturating_sub(self.text.len());
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        self.text.push('\n');
    }
}

/// One event.
#[derive(Debug)]
pub(super) struct Event {
    /// Its number.
    pub(super) id: u32,
    /// When.
    pub(super) at: Option<Timestamp>,
    text: String,
}

impl Event {
    fn of(text: String) -> Option<Self> {
        let start = text.find("<Event ")?;
        let text = text[start..].to_owned();
        let id = element(&text, "EventID")?.trim().parse().ok()?;
        let time = text.find("<TimeCreated").and_then(|at| attribute(&text[at..], "SystemTime"));
        Some(Self { id, at: time.and_then(|time| time.parse().ok()), text })
    }

    /// Who wrote it.
    pub(super) fn provider(&self) -> Option<String> {
        let at = self.text.find("<Provider")?;
        attribute(&self.text[at..], "Name").map(str::to_owned)
    }

    /// A value of `EventData` (`<Data Name='…'>`), or an element of `UserData`. Nothing where it is empty or a dash.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        // What stands before is the system's own, and has elements of the same names.
        let start = ["<EventData", "<UserData"].iter().filter_map(|mark| self.text.find(mark)).min()?;
        let text = &self.text[start..];
        let found = ['\'', '"'].iter().find_map(|quote| {
            let mark = format!("<Data Name={quote}{name}{quote}>");
            let start = text.find(&mark)? + mark.len();
            let end = text[start..].find('<')?;
            Some(&text[start..start + end])
        });
        let found = found.or_else(|| element(text, name))?;
        Some(unescaped(found.trim())).filter(|text| !text.is_empty() && text != "-")
    }

    /// [`Self::value`], empty where there is none.
    pub(super) fn text(&self, name: &str) -> String {
        self.value(name).unwrap_or_default()
    }
}

/// What stands in the first element of a name, with or without attributes.
pub(super) fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mark = format!("<{name}");
    for (at, _) in text.match_indices(&mark).take(64) {
        let rest = &text[at + mark.len()..];
        let Some(end) = rest.find('>').filter(|_| rest.starts_with(['>', ' ', '\n', '\t'])) else { continue };
        if rest[..end].ends_with('/') {
            return Some("");
        }
        let content = &rest[end + 1..];
        return content.find(&format!("</{name}>")).map(|end| &content[..end]);
    }
    None
}

/// An attribute of the element that the text begins with.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let tag = &text[..text.find('>')?];
    ['\'', '"'].iter().find_map(|quote| {
        let mark = format!(" {name}={quote}");
        let start = tag.find(&mark)? + mark.len();
        tag[start..].find(*quote).map(|end| &tag[start..start + end])
    })
}

/// The five entities that XML has, and characters by number.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.bytes().take(10).position(|b| b == b';');
        let known = end.and_then(|end| Some((entity(&after[..end])?, end)));
        match known {
            Some((c, end)) => {
                out.push(c);
                rest = &after[end + 1..];
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<Event> {
        let mut reading = Reading::default();
        text.lines().flat_map(|line| reading.line(line)).collect()
    }

    #[test]
    fn events_are_told_apart_and_no_value_ends_its_own() {
        let text = "<?xml version='1.0'?>\n<Event xmlns='http://x'><System><Provider Name='P &amp; Q' Guid='{1}'/><EventID Qualifiers='0'>4625</EventID>\
            <TimeCreated SystemTime='2026-11-30T10:00:00.1234567Z'/></System><EventData><Data Name='TargetUserName'>a&lt;/Data&gt;&lt;Data Name='LogonType'&gt;2</Data>\
            <Data Name='LogonType'>3</Data><Data Name='IpAddress'>-</Data></EventData></Event><Event x='y'>\n<System><EventID>1102</EventID></System>\n\
            <UserData><LogFileCleared xmlns=''><SubjectUserName>eve</SubjectUserName></LogFileCleared></UserData></Event><Event >half";
        let events = read(text);
        assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), [4625, 1102]);
        assert_eq!(events[0].at.unwrap().to_string(), "2026-11-30T10:00:00.1234567Z");
        assert_eq!(events[0].text("TargetUserName"), "a</Data><Data Name='LogonType'>2");
        assert_eq!((events[0].text("LogonType"), events[0].value("IpAddress")), ("3".into(), None));
        assert_eq!((events[1].text("SubjectUserName"), events[1].at), ("eve".into(), None));
        assert_eq!(unescaped("&#65;&#x42;&nope;&;&"), "AB&nope;&;&");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String, xml in "(<Event |</Event>|<EventID>|1|</EventID>|<Data Name='a'>|&lt;|&#x|;|<TimeCreated SystemTime='|\n|é){0,60}") {
            for event in read(&text).into_iter().chain(read(&xml)) {
                prop_assert!(event.text.len() <= EVENT_CAP + text.len().max(xml.len()));
                event.value("a");
                event.provider();
            }
        }
    }
}
