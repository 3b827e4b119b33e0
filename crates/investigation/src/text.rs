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
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' | '@' | '^' => out.extend(['\\', c]),
            // Bare addresses become links in many dialects: `http:`, `mailto:`, `www.`.
            ':' => out.push_str("\\:"),
            '.' if before.iter().all(|b| matches!(b, 'w' | 'W')) => out.push_str("\\."),
            // Lists and rules at the start of a line.
            '-' | '+' | '=' if out.trim_start().is_empty() => out.extend(['\\', c]),
            '.' | ')' if !out.is_empty() && out.bytes().all(|b| b.is_ascii_digit()) && !rest.starts_with(|n: char| n.is_ascii_digit()) => {
                out.extend(['\\', c]);
            }
            c => out.push(c),
        }
        before = [before[1], before[2], c];
    }
    out
}

/// Characters that show nothing and change how their neighbours show.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(one_line("a\x1b[2Jb\nc\u{202e}d", 80), "a\\u{1b}[2Jb\\nc\\u{202e}d");
    }

    #[test]
    fn markdown_shows_text_and_makes_nothing_of_it() {
        assert_eq!(markdown("a|b `c` <img src=x> &amp;"), "a\\|b \\`c\\` &lt;img src=x&gt; &amp;amp;");
        assert_eq!(markdown("[x](http://e.example)"), "\\[x\\](http\\://e.example)");
        assert_eq!(markdown("WWW.e.example ![i](u)"), "WWW\\.e.example \\!\\[i\\](u)");
        assert_eq!(markdown("# h\n- i"), "\\# h\\\\n- i");
        assert_eq!(markdown("- i"), "\\- i");
        assert_eq!(markdown("1. i"), "1\\. i");
        assert_eq!(markdown("10.20.0.5"), "10.20.0.5");
        assert_eq!(markdown("soc@example.com"), "soc\\@example.com");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
    }
}
