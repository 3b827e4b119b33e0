//! The one pass over the input: checks it, and lays down a node for each value.

use super::{BencodeError, Document, Limits, Node, ODDITIES, Oddity};

/// A list or dictionary that is not closed yet.
struct Open {
    node: usize,
    /// For a dictionary, whether a key or its value comes next; `None` for a list.
    awaits: Option<Awaits>,
    /// Node of the last key.
    last_key: Option<usize>,
    unsorted: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Awaits {
    Key,
    Value,
}

pub(super) fn scan<'a>(input: &'a [u8], limits: &Limits) -> Result<Document<'a>, BencodeError> {
    let cap = limits.bytes.min(u32::MAX as usize - 1);
    if input.len() > cap {
        return Err(BencodeError::TooLarge { size: input.len(), cap });
    }
    let mut document = Document { input, nodes: Vec::new(), notes: [None; ODDITIES.len()] };
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    loop {
        let awaits = open.last().and_then(|o| o.awaits);
        let byte = byte_at(input, at, expected(open.last()))?;
        if byte == b'e' && !open.is_empty() && awaits != Some(Awaits::Value) {
            at += 1;
            if let Some(closed) = open.pop() {
                close(&mut document, &closed, at);
            }
        } else {
            let index = document.nodes.len();
            if index >= limits.items {
                return Err(BencodeError::TooManyItems { offset: at, cap: limits.items });
            }
            if awaits == Some(Awaits::Key) && !byte.is_ascii_digit() {
                return Err(BencodeError::UnexpectedByte {
                    offset: at,
                    byte,
                    expected: expected(open.last()),
                });
            }
            let start = at;
            let mut body = at;
            match byte {
                b'0'..=b'9' => (body, at) = string(&mut document, at)?,
                b'i' => at = integer(&mut document, at)?,
                b'l' | b'd' => at += 1,
                _ => {
                    return Err(BencodeError::UnexpectedByte {
                        offset: at,
                        byte,
                        expected: expected(open.last()),
                    });
                }
            }
            document.nodes.push(node(start, at, index + 1, body));
            if let Some(parent) = open.last_mut() {
                arrived(&mut document, parent, index);
            }
            if matches!(byte, b'l' | b'd') {
                if open.len() >= limits.depth {
                    return Err(BencodeError::TooDeep { offset: start, cap: limits.depth });
                }
                let awaits = (byte == b'd').then_some(Awaits::Key);
                open.push(Open { node: index, awaits, last_key: None, unsorted: false });
            }
        }
        if open.is_empty() {
            break;
        }
    }
    if at < input.len() {
        document.note(Oddity::TrailingBytes, at, input.len() - at);
    }
    Ok(document)
}

/// What may come next, for the error message.
fn expected(open: Option<&Open>) -> &'static str {
    match open.map(|o| o.awaits) {
        None => "a value (a digit, i, l or d)",
        Some(None) => "a value or the list's end",
        Some(Some(Awaits::Key)) => "a key or the dictionary's end",
        Some(Some(Awaits::Value)) => "the value of a key",
    }
}

fn byte_at(input: &[u8], at: usize, expected: &'static str) -> Result<u8, BencodeError> {
    input.get(at).copied().ok_or(BencodeError::UnexpectedEnd { offset: input.len(), expected })
}

/// Offsets fit `u32` because the input's length was checked against it.
fn node(start: usize, end: usize, next: usize, body: usize) -> Node {
    Node { start: start as u32, end: end as u32, next: next as u32, body: body as u32 }
}

/// Reads `<digits>:<bytes>` at `at`; the offsets of its bytes and of what follows them.
fn string(document: &mut Document<'_>, at: usize) -> Result<(usize, usize), BencodeError> {
    let input = document.input;
    let mut colon = at;
    let mut claimed = 0_u64;
    loop {
        match byte_at(input, colon, "a digit or the colon of a string length")? {
            digit @ b'0'..=b'9' => {
                claimed = claimed.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
            }
            b':' => break,
            byte => {
                let expected = "a digit or the colon of a string length";
                return Err(BencodeError::UnexpectedByte { offset: colon, byte, expected });
            }
        }
        colon += 1;
    }
    if colon - at > 1 && input[at] == b'0' {
        document.note(Oddity::NonCanonicalLength, at, 1);
    }
    let body = colon + 1;
    let remaining = input.len() - body;
    match usize::try_from(claimed) {
        Ok(length) if length <= remaining => Ok((body, body + length)),
        _ => Err(BencodeError::StringTooLong { offset: at, claimed, remaining }),
    }
}

/// Reads `i<digits>e` at `at`; the offset of what follows. The number itself is read when it is asked for.
fn integer(document: &mut Document<'_>, at: usize) -> Result<usize, BencodeError> {
    let input = document.input;
    let negative = byte_at(input, at + 1, "the digits of an integer")? == b'-';
    let digits = at + 1 + usize::from(negative);
    let mut end = digits;
    loop {
        match byte_at(input, end, "the digits or the end of an integer")? {
            b'0'..=b'9' => end += 1,
            b'e' if end > digits => break,
            byte => {
                let expected = "the digits or the end of an integer";
                return Err(BencodeError::UnexpectedByte { offset: end, byte, expected });
            }
        }
    }
    if input[digits] == b'0' && (negative || end - digits > 1) {
        document.note(Oddity::NonCanonicalInteger, at, 1);
    }
    if super::value::number(&input[at + 1..end]).is_none() {
        document.note(Oddity::IntegerOutOfRange, at, 1);
    }
    Ok(end + 1)
}

/// Tells the enclosing list or dictionary of a new member.
fn arrived(document: &mut Document<'_>, parent: &mut Open, index: usize) {
    match parent.awaits {
        None => {}
        Some(Awaits::Value) => parent.awaits = Some(Awaits::Key),
        Some(Awaits::Key) => {
            parent.awaits = Some(Awaits::Value);
            if let Some(last) = parent.last_key {
                let offset = document.nodes[index].start as usize;
                match key(document, last).cmp(key(document, index)) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal if !parent.unsorted => {
                        document.note(Oddity::DuplicateKey, offset, 1)
                    }
                    std::cmp::Ordering::Equal => {}
                    std::cmp::Ordering::Greater => {
                        parent.unsorted = true;
                        document.note(Oddity::UnsortedKeys, offset, 1);
                    }
                }
            }
            parent.last_key = Some(index);
        }
    }
}

fn close(document: &mut Document<'_>, closed: &Open, end: usize) {
    document.nodes[closed.node].end = end as u32;
    document.nodes[closed.node].next = document.nodes.len() as u32;
    if closed.unsorted {
        note_duplicates(document, closed.node);
    }
}

/// In an unsorted dictionary equal keys need not be neighbours: sort to find them.
fn note_duplicates(document: &mut Document<'_>, dictionary: usize) {
    let end = document.nodes[dictionary].next as usize;
    let mut keys = Vec::new();
    let mut at = dictionary + 1;
    while at < end {
        keys.push(at);
        at = document.nodes[at + 1].next as usize;
    }
    keys.sort_by(|&a, &b| key(document, a).cmp(key(document, b)).then(a.cmp(&b)));
    let repeated: Vec<usize> = keys
        .windows(2)
        .filter(|pair| key(document, pair[0]) == key(document, pair[1]))
        .map(|pair| document.nodes[pair[1]].start as usize)
        .collect();
    if let Some(&first) = repeated.iter().min() {
        document.note(Oddity::DuplicateKey, first, repeated.len());
    }
}

fn key<'a>(document: &Document<'a>, index: usize) -> &'a [u8] {
    let node = document.nodes[index];
    &document.input[node.body as usize..node.end as usize]
}
