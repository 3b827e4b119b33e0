//! How bodies are written for each product, within what it takes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a product makes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Markup {
    /// Markdown with tables (GitHub's, GitLab's).
    Markdown,
    /// Plain text.
    Text,
    /// HTML.
    Html,
    /// Wiki markup of Jira Server and Data Center.
    Wiki,
    /// Atlassian Document Format: not a text, but a tree.
    Adf,
    /// Slack's mrkdwn.
    Slack,
}

/// What stands at the end of a text that did not fit.
const CUT: &str = "(Cut here: this system takes no longer texts. The case has the rest.)";

impl Markup {
    /// A body in at most `max` bytes as it is written: of the Markdown where the product reads it, else of the plain text.
    pub(super) fn body(self, text: &str, markdown: &str, max: usize) -> Value {
        let source = if self == Self::Markdown { markdown } else { text };
        let (open, close) = match self {
            Self::Html => ("<pre>", "</pre>"),
            Self::Wiki => ("{noformat}\n", "\n{noformat}"),
            _ => ("", ""),
        };
        let room = max.saturating_sub(open.len() + close.len());
        let fitted = self.fitted(source.trim_end(), room);
        match self {
            Self::Adf => document(&fitted),
            _ => Value::String(format!("{open}{fitted}{close}")),
        }
    }

    /// A single line, such as a title or a sentence inside a message.
    pub(super) fn line(self, line: &str) -> String {
        match self {
            Self::Markdown => crate::text::markdown(line),
            _ => self.escaped(line),
        }
    }

    /// As many whole lines as fit, and a word about the rest.
    fn fitted(self, text: &str, room: usize) -> String {
        let whole: Vec<String> = text.lines().map(|line| self.escaped(line)).collect();
        let cost = |line: &str| self.cost(line);
        if whole.iter().map(|line| cost(line)).sum::<usize>() <= room {
            return whole.join("\n");
        }
        // The empty line ends a table of Markdown.
        let mut left = room.saturating_sub(cost(CUT) + cost(""));
        let mut kept: Vec<&str> = Vec::new();
        for line in &whole {
            let Some(rest) = left.checked_sub(cost(line)) else { break };
            left = rest;
            kept.push(line);
        }
        kept.extend(["", CUT]);
        kept.join("\n")
    }

    /// Bytes that a line takes with its end.
    fn cost(self, line: &str) -> usize {
        match self {
            // The limit is one of the written JSON: each line is a node.
            Self::Adf => json!(line).to_string().len() + 30,
            _ => line.len() + 1,
        }
    }

    fn escaped(self, line: &str) -> String {
        match self {
            // Escaped by whoever wrote it.
            Self::Markdown | Self::Text | Self::Adf => line.to_owned(),
            Self::Html => line
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;"),
            // Nothing but its own end means anything inside of noformat.
            Self::Wiki => line.replace("{noformat", "{\u{2060}noformat"),
            Self::Slack => line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        }
    }
}

/// A document of one block of code, whose texts mean nothing else.
fn document(text: &str) -> Value {
    // A text node is never empty.
    let text = if text.is_empty() { " " } else { text };
    let block = json!({"type": "codeBlock", "content": [{"type": "text", "text": text}]});
    json!({"type": "doc", "version": 1, "content": [block]})
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script> & {noformat} <!channel> {noformat:title=x}";

    #[test]
    fn what_means_something_to_a_product_is_taken_from_outside_text() {
        let body = |markup: Markup| markup.body(HOSTILE, "", 10_000);
        assert_eq!(body(Markup::Html).as_str().unwrap().matches('<').count(), 2, "the two tags of pre");
        assert_eq!(body(Markup::Wiki).as_str().unwrap().matches("{noformat").count(), 2);
        assert!(!body(Markup::Slack).as_str().unwrap().contains(['<', '>']));
        assert_eq!(body(Markup::Adf)["content"][0]["content"][0]["text"], HOSTILE);
        assert!(!Markup::Markdown.line("[x](http://e.example)").contains("[x]("));
    }

    #[test]
    fn a_text_that_is_too_long_keeps_whole_lines_and_says_that_it_was_cut() {
        let text: String = (0..1000).map(|n| format!("line {n} Grüße\n")).collect();
        for markup in [Markup::Markdown, Markup::Text, Markup::Html, Markup::Wiki, Markup::Slack] {
            let body = markup.body(&text, &text, 2000);
            let body = body.as_str().unwrap();
            assert!(body.len() <= 2000 && body.len() > 1900, "{markup:?}: {}", body.len());
            assert!(body.contains("Cut here"), "{markup:?}");
            assert!(body.lines().filter(|line| line.starts_with("line")).all(|line| line.ends_with("Grüße")));
            let short = markup.body("a\nb", "a\nb", 2000);
            assert!(!short.as_str().unwrap().contains("Cut here"));
        }
        let document = Markup::Adf.body(&text, "", 2000);
        let written = document["content"][0]["content"][0]["text"].as_str().unwrap();
        assert!(written.len() < 2000 && written.contains("Cut here"));
    }
}
