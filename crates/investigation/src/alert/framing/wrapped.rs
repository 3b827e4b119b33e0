//! Lines of CEF that a terminal, a mail or a document broke.

use std::io::BufRead;

use super::{Framed, Framing, MAX_RECORD_BYTES, Unreadable};
use crate::alert::fields::looks_like_address;
use crate::alert::format::cef;
use crate::alert::syslog;

/// Most lines of one message.
const MAX_LINES: usize = 64;

/// A message that goes on for some lines.
#[derive(Debug)]
pub(super) struct Wrapped {
    lines: usize,
}

impl Wrapped {
    /// Whether `line`, without its line end, is the first of several: it ends with a backslash, or with a blank where a
    /// message without any end of the flow cannot be complete. An input that stays open is not waited for otherwise.
    pub(super) fn starts(line: &str) -> Option<Self> {
        let breaks = line.ends_with('\\')
            || line.ends_with([' ', '\t']) && [" src=", " dst="].iter().all(|end| !line.contains(end));
        (breaks && cef::is_cef(line)).then_some(Self { lines: 1 })
    }

    /// Takes `next`, without its line end, behind `text`. False where it is a record of its own.
    pub(super) fn take(&mut self, text: &mut String, next: &str) -> bool {
        let fits = self.lines < MAX_LINES && text.len() + next.len() < MAX_RECORD_BYTES;
        if !fits || starts_record(next) {
            return false;
        }
        self.lines += 1;
        let end = text.trim_end_matches(|c: char| c == '\\' || c.is_ascii_whitespace()).len();
        text.truncate(end);
        text.push(' ');
        text.push_str(next.trim_ascii_start());
        true
    }
}

impl<R: BufRead> Framing<R> {
    /// A line with those behind it that belong to its message.
    pub(super) fn unwrap_lines(&mut self, mut text: String) -> String {
        let Some(mut wrapped) = Wrapped::starts(text.trim_end_matches(['\r', '\n'])) else { return text };
        loop {
            let place = self.bytes.place();
            let mut raw = Vec::new();
            let read = self.bytes.read_line(&mut raw);
            if let Ok(false) = read {
                self.found_early = Some(Framed { line: place.line, content: Err(Unreadable::TooLong) });
                return text;
            }
            let next = str::from_utf8(&raw).ok().filter(|_| read.is_ok() && !raw.contains(&0));
            let taken = next.is_some_and(|next| wrapped.take(&mut text, next.trim_end_matches(['\r', '\n'])));
            if !taken {
                if !raw.is_empty() {
                    self.bytes.give_back(&raw, place);
                }
                if let Err(failure) = read {
                    self.bytes.fail_later(failure);
                }
                return text;
            }
        }
    }
}

fn starts_record(line: &str) -> bool {
    let line = line.trim_start();
    let first = line.split_whitespace().next().unwrap_or_default();
    line.is_empty()
        || line.starts_with(['<', '{', '[', '#'])
        || ["id=", "date=", "time=", "timestamp=", "device=", "LEEF:"].iter().any(|key| line.starts_with(key))
        || cef::is_cef(line)
        || looks_like_address(first)
        || syslog::split(line).host.is_some()
}

#[cfg(test)]
mod tests {
    use crate::alert::framing::Framing;

    fn texts(input: &str) -> Vec<(u64, String)> {
        let records = Framing::new(input.as_bytes());
        records.map(|framed| (framed.line, framed.content.expect("a record").text)).collect()
    }

    #[test]
    fn a_message_on_several_lines_is_one_record() {
        let input = "CEF:0|a|b|c|d|e|5|act=x \n  cs1=y z\nsrc=10.0.0.5 \nCEF:0|a|b|c|d|e|5|act=x \\\nsrc=10.0.0.6\\\r\ndpt=5\n\n10.0.0.7\n";
        let want = [
            (1, "CEF:0|a|b|c|d|e|5|act=x cs1=y z src=10.0.0.5"),
            (4, "CEF:0|a|b|c|d|e|5|act=x src=10.0.0.6 dpt=5"),
            (8, "10.0.0.7"),
        ];
        let long = format!("CEF:0|a|b|c|d|e|5|x=1 \n{}\n10.0.0.5\n", "x".repeat(2 << 20));
        let codes: Vec<_> =
            Framing::new(long.as_bytes()).map(|framed| (framed.line, framed.content.is_ok())).collect();
        assert_eq!(codes, [(1, true), (2, false), (3, true)]);
        assert_eq!(texts(input), want.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn what_is_complete_takes_nothing_more() {
        for (input, records) in [
            ("CEF:0|a|b|c|d|e|5|src=10.0.0.5\ncs1=x\n", 2),
            ("CEF:0|a|b|c|d|e|5|x=1 src=10.0.0.5 \ncs1=x\n", 2),
            ("CEF:0|a|b|c|d|e|5|x=1 \n10.0.0.5\n", 2),
            ("CEF:0|a|b|c|d|e|5|x=1 \nid=firewall src=10.0.0.5\n", 2),
            ("CEF:0|a|b|c|d|e|5|x=1 \n{\"a\":1}\n", 2),
            ("CEF:0|a|b|c|d|e|5|x=1 \n<13>Mar  4 05:06:07 fw x=1\n", 2),
            ("CEF:0|a|b|c|d|e|5|x=1 ", 1),
        ] {
            assert_eq!(texts(input).len(), records, "{input:?}");
        }
    }
}
