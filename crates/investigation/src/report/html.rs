//! Writes HTML. The one place where the report escapes: element and attribute names are the program's own, and no value
//! reaches the page but through [`Html::text`], [`Html::outside`] or an attribute.

use std::fmt::Write as _;

use crate::text::one_line;

/// Longest outside text that stands in the page as it is, in characters.
pub(super) const SHOWN: usize = 160;
/// Longest text that can be unfolded. What is longer still is cut, and says so.
const UNFOLDED: usize = 2_000;

/// Names and values of an element's attributes.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A page that is being written.
pub(super) struct Html {
    out: String,
}

impl Html {
    pub(super) fn new() -> Self {
        Self { out: "<!doctype html>\n".to_owned() }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// An element with what `inside` writes.
    pub(super) fn tag(&mut self, name: &'static str, attributes: Attributes, inside: impl FnOnce(&mut Self)) {
        self.void(name, attributes);
        inside(self);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        if breaks_line(name) {
            self.out.push('\n');
        }
    }

    /// An element that has no content and no end.
    pub(super) fn void(&mut self, name: &'static str, attributes: Attributes) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            let _ = write!(self.out, " {attribute}=\"");
            self.escaped(value);
            self.out.push('"');
        }
        self.out.push('>');
    }

    /// An element around text of our own.
    pub(super) fn say(&mut self, name: &'static str, attributes: Attributes, text: &str) {
        self.tag(name, attributes, |page| page.text(text));
    }

    /// Text of our own.
    pub(super) fn text(&mut self, text: &str) {
        self.escaped(text);
    }

    /// Text that came from outside: kept apart from its surroundings, so that a name written from right to left moves
    /// nothing else. Where it is long, its beginning, and the rest to unfold.
    pub(super) fn outside(&mut self, text: &str) {
        let Some((cut, _)) = text.char_indices().nth(SHOWN) else {
            return self.say("bdi", &[], text);
        };
        let length = text.chars().count();
        self.tag("details", &[("class", "long")], |page| {
            page.tag("summary", &[], |page| {
                page.say("bdi", &[], &text[..cut]);
                page.say("span", &[("class", "muted")], &format!("… ({length} characters)"));
            });
            let end = text.char_indices().nth(UNFOLDED).map_or(text.len(), |(at, _)| at);
            page.say("bdi", &[], &text[..end]);
            if end < text.len() {
                page.say("span", &[("class", "muted")], &format!("… cut after {UNFOLDED} characters"));
            }
        });
    }

    /// Outside text in one line of at most `max_chars` characters, where there is no room to unfold it.
    pub(super) fn brief(&mut self, text: &str, max_chars: usize) {
        self.say("bdi", &[], &one_line(text, max_chars));
    }

    /// The page's style sheet. Nothing of it may come from outside.
    pub(super) fn style(&mut self, css: &'static str) {
        self.out.push_str("<style>");
        self.out.push_str(css);
        self.out.push_str("</style>\n");
    }

    /// What could end a tag, a value or a line, or hide or turn round its neighbours, is written so that it shows.
    fn escaped(&mut self, text: &str) {
        for c in one_line(text, usize::MAX).chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                c => self.out.push(c),
            }
        }
    }
}

/// Elements after which the source goes on in a new line, for those who read it as text.
fn breaks_line(name: &str) -> bool {
    matches!(
        name,
        "p" | "tr" | "li" | "h1" | "h2" | "h3" | "section" | "table" | "div" | "title" | "dd" | "svg" | "g"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(write: impl FnOnce(&mut Html)) -> String {
        let mut page = Html { out: String::new() };
        write(&mut page);
        page.finish()
    }

    #[test]
    fn nothing_ends_a_tag_or_a_value() {
        assert_eq!(
            page(|page| page.say("td", &[("title", "\" onclick='x()' <b>")], "</td><script>&amp;")),
            "<td title=\"&quot; onclick=&#39;x()&#39; &lt;b&gt;\">&lt;/td&gt;&lt;script&gt;&amp;amp;</td>"
        );
    }

    #[test]
    fn what_hides_or_turns_text_round_is_seen() {
        let shown = page(|page| page.outside("a\u{202e}gpj.exe\u{200b}\0\n"));
        assert_eq!(shown, "<bdi>a\\u{202e}gpj.exe\\u{200b}\\u{0}\\n</bdi>");
    }

    #[test]
    fn long_text_is_folded_and_longer_text_is_cut() {
        let fits = page(|page| page.outside(&"é".repeat(SHOWN)));
        assert_eq!(fits, format!("<bdi>{}</bdi>", "é".repeat(SHOWN)));
        let long = page(|page| page.outside(&"é".repeat(10_000)));
        assert!(long.starts_with("<details class=\"long\"><summary><bdi>éé"), "{long}");
        assert!(long.contains("… (10000 characters)") && long.contains("… cut after 2000 characters"));
        assert_eq!(long.matches('é').count(), SHOWN + UNFOLDED);
        let whole = page(|page| page.outside(&"é".repeat(SHOWN + 1)));
        assert!(!whole.contains("cut") && whole.contains(&"é".repeat(SHOWN + 1)));
    }

    proptest! {
        #[test]
        fn no_text_makes_markup(text in any::<String>()) {
            let shown = page(|page| page.text(&text));
            prop_assert!(!shown.contains(['<', '>', '"', '\'']) && !shown.contains(char::is_control), "{}", shown);
            let with = page(|page| page.say("td", &[("title", &text)], &text));
            let without = page(|page| page.say("td", &[("title", "x")], "x"));
            for sign in ['<', '>', '"'] {
                prop_assert_eq!(with.matches(sign).count(), without.matches(sign).count(), "{}", with);
            }
        }
    }
}
