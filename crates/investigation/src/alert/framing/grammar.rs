//! Whether what was seen of a JSON value can still become one, so that a line of anything else is noticed where it
//! begins. What is inside strings does not count.

#[derive(Debug, Default)]
pub(super) struct Grammar {
    expects: Expects,
    token: Option<Token>,
    broken: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Expects {
    #[default]
    Value,
    /// A value, or the array's end.
    FirstElement,
    /// A key, or the object's end.
    FirstKey,
    Key,
    Colon,
    /// A comma or the end of what the value is in.
    Next,
}

impl Grammar {
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(super) fn expects_key(&self) -> bool {
        matches!(self.expects, Expects::FirstKey | Expects::Key)
    }

    /// One more byte outside of strings; of a string its opening quote. `in_array` tells what the innermost bracket
    /// before it opened.
    pub(super) fn feed(&mut self, byte: u8, in_array: bool) {
        use Expects::{Colon, FirstElement, FirstKey, Key, Next, Value};
        let of_token =
            !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"');
        if of_token {
            return self.feed_token(byte);
        }
        self.broken |= self.token.take().is_some_and(|token| !token.is_whole());
        let next = match (byte, self.expects) {
            (b' ' | b'\t' | b'\r' | b'\n', expects) => Some(expects),
            (b'{', Value | FirstElement) => Some(FirstKey),
            (b'[', Value | FirstElement) => Some(FirstElement),
            (b'}', FirstKey | Next) | (b']', FirstElement | Next) => Some(Next),
            (b',', Next) => Some(if in_array { Value } else { Key }),
            (b':', Colon) => Some(Value),
            (b'"', Value | FirstElement) => Some(Next),
            (b'"', FirstKey | Key) => Some(Colon),
            _ => None,
        };
        self.broken |= next.is_none();
        self.expects = next.unwrap_or(self.expects);
    }

    fn feed_token(&mut self, byte: u8) {
        let token = match self.token {
            Some(token) => token.followed_by(byte),
            None if matches!(self.expects, Expects::Value | Expects::FirstElement) => {
                Token::starting_with(byte)
            }
            None => None,
        };
        self.broken |= token.is_none();
        self.token = token;
        self.expects = Expects::Next;
    }
}

/// A number or a literal, as far as it was read.
#[derive(Clone, Copy, Debug)]
enum Token {
    /// What is to come of a literal.
    Literal(&'static [u8]),
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Token {
    fn starting_with(byte: u8) -> Option<Self> {
        match byte {
            b't' => Some(Self::Literal(b"rue")),
            b'f' => Some(Self::Literal(b"alse")),
            b'n' => Some(Self::Literal(b"ull")),
            b'-' => Some(Self::Minus),
            _ => Self::Minus.followed_by(byte),
        }
    }

    fn followed_by(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Literal([expected, rest @ ..]), byte) if *expected == byte => Some(Self::Literal(rest)),
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus | Self::Integer, b'0'..=b'9') => Some(Self::Integer),
            (Self::Zero | Self::Integer, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Some(Self::E),
            (Self::E, b'+' | b'-') => Some(Self::Sign),
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Some(Self::Exponent),
            _ => None,
        }
    }

    fn is_whole(self) -> bool {
        matches!(self, Self::Literal([]) | Self::Zero | Self::Integer | Self::Fraction | Self::Exponent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan::{Fed, Scan};

    /// Whether a scan of `text` finds one unbroken value in it.
    fn is_value(text: &str) -> bool {
        let mut scan = Scan::default();
        let mut ends = text.bytes().map(|byte| scan.feed(byte)).skip_while(|fed| matches!(fed, Fed::Inside));
        matches!((ends.next(), ends.next()), (Some(Fed::Last), None)) && !scan.is_broken()
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_parser(body in "([0-9.eE+-]{1,6}|true|nul|[\\[\\]{}:, ]{1,2}|\"a\"){0,8}") {
            for text in [format!("[{body}]"), format!("{{{body}}}"), format!("{{\"a\":{body}}}")] {
                let parsed = serde_json::from_str::<serde_json::Value>(&text);
                let parses = match &parsed {
                    // Well-formed, and too large for a float.
                    Err(error) => error.to_string().starts_with("number out of range"),
                    Ok(_) => true,
                };
                prop_assert_eq!(is_value(&text), parses, "{} {:?}", text, parsed);
            }
        }
    }
}
