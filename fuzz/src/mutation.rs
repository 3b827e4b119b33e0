//! New inputs out of known ones, without knowing the code that reads them.

use crate::random::Random;

/// Longest input that is made, in bytes, but for the rare one that is blown up.
const LENGTH: usize = 128 << 10;
/// Longest input at all.
const BLOWN_UP: usize = 1 << 20;
/// One input in so many is blown up.
const RARELY: usize = 4000;

/// What opens and closes a level in some format.
const BRACKETS: &[(&[u8], &[u8])] = &[
    (b"[", b"]"),
    (b"{\"a\":", b"}"),
    (b"[{\"a\":", b"}]"),
    (b"l", b"e"),
    (b"d1:a", b"e"),
    (b"\"", b"\""),
    (b"(", b")"),
    (b"a.", b""),
    (b"a/", b""),
    (b"[a.", b"]"),
    (b"{ a = ", b" }"),
    (b"\\", b""),
];

/// Numbers at which counting goes wrong.
const NUMBERS: &[&[u8]] = &[
    b"0",
    b"-0",
    b"00",
    b"1",
    b"-1",
    b"127",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"2147483647",
    b"2147483648",
    b"-2147483649",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551615",
    b"18446744073709551616",
    b"253402300800",
    b"-377705116801",
    b"1e309",
    b"0.1",
    b"99999999999999999999999999999999999999999999",
];

const BYTES: &[u8] = &[
    0, 1, 9, 10, 13, 27, 31, 32, 34, 39, 44, 46, 47, 48, 57, 58, 61, 92, 124, 127, 128, 0xc0, 0xe2, 0xed,
    0xf4, 0xff,
];

/// Makes one input from those in `corpus`, with `tokens` of the format.
pub fn mutate(random: &mut Random, corpus: &[Vec<u8>], tokens: &[&[u8]]) -> Vec<u8> {
    let mut input = random.pick(corpus).cloned().unwrap_or_default();
    for _ in 0..1 << random.below(5) {
        step(random, &mut input, corpus, tokens);
        input.truncate(LENGTH);
    }
    if random.one_in(RARELY) {
        let piece = piece(random, &input).to_vec();
        let at = random.below(input.len() + 1);
        let count = random.below(BLOWN_UP) / piece.len().max(1);
        splice(&mut input, at, 0, &piece.repeat(count));
        input.truncate(BLOWN_UP);
    }
    input
}

fn step(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>], tokens: &[&[u8]]) {
    let at = random.below(input.len());
    match random.below(16) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            let new = if random.one_in(2) { random.byte() } else { *random.pick(BYTES).unwrap_or(&0) };
            if let Some(byte) = input.get_mut(at) {
                *byte = new;
            }
        }
        2 => {
            let change = random.below(33) as u8;
            if let Some(byte) = input.get_mut(at) {
                *byte = byte.wrapping_add(change).wrapping_sub(16);
            }
        }
        3 => {
            let length = random.below(9);
            let new: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            splice(input, at, 0, &new);
        }
        4 => {
            let length = piece(random, input).len();
            splice(input, at, length, b"");
        }
        5 => {
            let copied = piece(random, input).to_vec();
            splice(input, at, 0, &copied);
        }
        6 => {
            let copied = piece(random, input).to_vec();
            splice(input, at, copied.len(), &copied);
        }
        7 | 8 => {
            let token = random.pick(tokens).copied().unwrap_or_default();
            let over = if random.one_in(2) { token.len() } else { 0 };
            splice(input, at, over, token);
        }
        9 => {
            let other = random.pick(corpus).map(Vec::as_slice).unwrap_or_default();
            let other = piece(random, other).to_vec();
            let over = if random.one_in(2) { other.len() } else { 0 };
            splice(input, at, over, &other);
        }
        10 => {
            // Two inputs joined: one's beginning, the other's end.
            let other = random.pick(corpus).map(Vec::as_slice).unwrap_or_default();
            let from = random.below(other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        11 => input.truncate(at),
        12 => {
            let (open, close) = *random.pick(BRACKETS).unwrap_or(&(b"[", b"]"));
            let deep = 1 << random.below(10);
            let end = (at + random.below(40)).min(input.len());
            splice(input, end, 0, &close.repeat(deep));
            splice(input, at, 0, &open.repeat(deep));
        }
        13 => {
            let copied = piece(random, input).to_vec();
            let times = 1 << random.below(8);
            splice(input, at, 0, &copied.repeat(times));
        }
        14 => number(random, input, at),
        _ => line(random, input, at),
    }
}

/// Replaces the next number in the input.
fn number(random: &mut Random, input: &mut Vec<u8>, at: usize) {
    let Some(start) = input[at..].iter().position(u8::is_ascii_digit).map(|n| at + n) else { return };
    let length = input[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let new = random.pick(NUMBERS).copied().unwrap_or_default();
    splice(input, start, length, new);
}

/// Doubles, drops or moves the line or NUL-ended field around a place.
fn line(random: &mut Random, input: &mut Vec<u8>, at: usize) {
    let end_byte = if random.one_in(2) { b'\n' } else { 0 };
    let start = input[..at].iter().rposition(|&b| b == end_byte).map_or(0, |n| n + 1);
    let length = input[start..].iter().position(|&b| b == end_byte).map_or(input.len() - start, |n| n + 1);
    let taken = input[start..start + length].to_vec();
    match random.below(3) {
        0 => splice(input, start, 0, &taken),
        1 => splice(input, start, length, b""),
        _ => {
            splice(input, start, length, b"");
            let to = random.below(input.len() + 1);
            splice(input, to, 0, &taken);
        }
    }
}

/// Some stretch of bytes, mostly short.
fn piece<'a>(random: &mut Random, of: &'a [u8]) -> &'a [u8] {
    let start = random.below(of.len());
    let longest = (of.len() - start).min(1 << random.below(14));
    &of[start..start + random.below(longest + 1)]
}

fn splice(input: &mut Vec<u8>, at: usize, over: usize, new: &[u8]) {
    let at = at.min(input.len());
    let end = (at + over).min(input.len());
    input.splice(at..end, new.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_inputs_and_another_gives_others() {
        let corpus = [b"{\"source.ip\": \"10.0.0.5\"}\n".to_vec(), b"d4:name3:abce".to_vec()];
        let some = |seed| {
            let mut random = Random::new(seed);
            (0..200).map(|_| mutate(&mut random, &corpus, &[b"null"])).collect::<Vec<_>>()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(some(1).iter().all(|input| input.len() <= BLOWN_UP));
    }

    #[test]
    fn nothing_to_begin_with_is_enough() {
        let mut random = Random::new(3);
        let made: Vec<_> = (0..2000).map(|_| mutate(&mut random, &[], &[])).collect();
        assert!(made.iter().any(|input| !input.is_empty()));
    }
}
