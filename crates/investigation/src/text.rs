//! Outside text made safe to show: on a terminal, in a log, in a Markdown table, in a mail header.

use std::fmt::Write as _;

/// Escapes what could move a cursor, end a line or hide text: C0 and C1 controls, the Unicode line separators and
/// the bidirectional overrides. Longer text is cut at `max_chars` characters and marked with `…`.
pub fn one_line(text: &str, max_chars: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_chars.saturating_mul(4)));
    for (count, c) in text.chars().enumerate() {
        if count == max_chars {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Makes outside text safe inside Markdown, also in a table's cell: it shows as it is and makes no heading, list, link,
/// mention, image, code, HTML or second cell. Controls are escaped as by [`one_line`]; nothing is cut.
pub fn markdown(text: &str) -> String {
    let line = one_line(text, usize::MAX);
    let mut out = String::with_capacity(line.len() + 16);
    let mut before = ['\0'; 3];
    for (at, c) in line.char_indices() {
        let rest = &line[at + c.len_utf8()..];
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // A table takes the backslash off `\\|` before it reads the cell, where two pipes may mean something.
            '|' => out.push_str("&#124;"),
            '>' if out.is_empty() => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '$' | '@' | '^' => out.extend(['\\', c]),
            // Bare addresses become links in many dialects: `http:`, `mailto:`, `www.`.
            ':' if before[2].is_ascii_alphabetic() && !rest.starts_with(' ') => out.push_str("\\:"),
            '.' if before.iter().all(|b| matches!(b, 'w' | 'W')) => out.push_str("\\."),
            // Lists and rules at the start of a line.
            '-' | '+' | '=' if out.is_empty() => out.extend(['\\', c]),
            '.' | ')' if is_number(&out) && (rest.is_empty() || rest.starts_with(' ')) => {
                out.extend(['\\', c])
            }
            // Four of them at the start would make code.
            ' ' if out.is_empty() => {}
            c => out.push(c),
        }
        before = [before[1], before[2], c];
    }
    out
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Characters that show nothing, or change how their neighbours show: soft hyphen, fillers, marks and overrides of
/// direction, joiners, separators of lines, tags.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(one_line("a\x1b[2Jb\nc\u{202e}d", 80), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(one_line("in\u{ad}vo\u{61c}ice\u{e0041}", 80), "in\\u{ad}vo\\u{61c}ice\\u{e0041}");
    }

    #[test]
    fn markdown_shows_text_and_makes_nothing_of_it() {
        assert_eq!(markdown("a|b `c` <img src=x> &amp;"), "a&#124;b \\`c\\` &lt;img src=x> &amp;amp;");
        assert_eq!(markdown("[x](http://e.example)"), "\\[x\\](http\\://e.example)");
        assert_eq!(markdown("WWW.e.example ![i](u)"), "WWW\\.e.example \\!\\[i\\](u)");
        assert_eq!(markdown("# h\n- i"), "\\# h\\\\n- i");
        assert_eq!(markdown("- i"), "\\- i");
        assert_eq!(markdown("1. i"), "1\\. i");
        assert_eq!(markdown("> q"), "&gt; q");
        assert_eq!(markdown("at 10.20.0.5:6881: yes"), "at 10.20.0.5:6881: yes");
        assert_eq!(markdown("soc@example.com"), "soc\\@example.com");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
    }

    /// The HTML that an independent renderer makes of Markdown, with every common dialect's extras on.
    fn rendered(source: &str) -> String {
        let mut options = comrak::Options::default();
        let extension = &mut options.extension;
        (extension.table, extension.autolink, extension.strikethrough, extension.tasklist) =
            (true, true, true, true);
        (extension.footnotes, extension.superscript, extension.math_dollars) = (true, true, true);
        (extension.spoiler, extension.underline, extension.description_lists) = (true, true, true);
        options.render.r#unsafe = true;
        comrak::markdown_to_html(source, &options)
    }

    fn decoded(html: &str) -> String {
        html.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#124;", "|")
            .replace("&amp;", "&")
    }

    fn squeezed(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn hostile() -> impl Strategy<Value = String> {
        let bits = [
            "http://e.example/x",
            "https:",
            "//",
            "www.e.example",
            "mailto:a@e.example",
            "a@e.example",
            "[",
            "](",
            ")",
            "!",
            "`",
            "``",
            "|",
            "||",
            "*",
            "_",
            "__",
            "~~",
            "<b>",
            "<",
            ">",
            "&",
            "&lt;",
            "&#60;",
            "\\",
            "#",
            "# ",
            "- ",
            "+ ",
            "1. ",
            "1)",
            "===",
            "---",
            ": ",
            "$x$",
            "$$",
            "^",
            "[^1]",
            "[ ] ",
            "\n",
            "\r",
            "\t",
            " ",
            "  ",
            "word",
            "é",
            "\u{202e}",
            "\0",
        ];
        proptest::collection::vec(proptest::sample::select(bits.to_vec()), 0..12)
            .prop_map(|bits| bits.concat())
    }

    proptest! {
        #[test]
        fn an_independent_renderer_shows_the_text_and_nothing_else(text in prop_oneof![hostile(), any::<String>()]) {
            let shown = squeezed(&one_line(&text, usize::MAX));
            let html = rendered(&format!("Before {} after\n", markdown(&text)));
            let inner = html.trim().strip_prefix("<p>Before ").and_then(|html| html.strip_suffix(" after</p>"));
            prop_assert_eq!(inner.map(|inner| squeezed(&decoded(inner))), Some(shown.clone()), "{}", html);

            let html = rendered(&format!("{}\n", markdown(&text)));
            prop_assert!(shown.is_empty() || html.matches('<').count() == 2, "{}", html);

            let html = rendered(&format!("| h | i |\n| --- | --- |\n| {} | k |\n", markdown(&text)));
            prop_assert!(html.contains("<td>k</td>") && html.matches("<td>").count() == 2, "{}", html);
            prop_assert_eq!(html.matches('<').count(), 18, "{}", html);
        }
    }
}
