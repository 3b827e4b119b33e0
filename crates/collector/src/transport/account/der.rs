//! The little of DER that is read and written by hand: elements one after the other, and the fields of a sequence by
//! their tag.

/// Most fields of a sequence that are looked at.
const FIELDS: usize = 64;

/// The contents of the first element, if it has this tag, and what follows it.
pub(in crate::transport) fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, contents, rest) = next(der)?;
    (found == tag).then_some((contents, rest))
}

/// The first element: its tag, its contents, and what follows it.
fn next(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match head[1] {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((head[0], contents, rest))
}

/// What is in the field `[number]` of a sequence's contents, if it is one element with this tag.
pub(super) fn field(sequence: &[u8], number: u8, tag: u8) -> Option<&[u8]> {
    let wanted = 0xa0 | number;
    let found = items(sequence).find(|(tag, _)| *tag == wanted)?;
    element(found.1, tag).map(|(contents, _)| contents)
}

/// The elements one after the other, each with its tag; it ends where something is wrong.
pub(super) fn items(mut der: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let item = move || {
        let (tag, contents, rest) = next(der)?;
        der = rest;
        Some((tag, contents))
    };
    std::iter::from_fn(item).take(FIELDS)
}

/// The number in an INTEGER of 32 bits. Windows writes large ones as if they were negative, others with a zero before.
pub(super) fn number(integer: &[u8]) -> Option<u32> {
    match integer {
        [0, rest @ ..] if rest.len() == 4 => rest.try_into().ok().map(u32::from_be_bytes),
        [first, ..] if integer.len() <= 4 => {
            let fill = if first & 0x80 == 0 { 0 } else { u32::MAX };
            Some(integer.iter().fold(fill, |number, byte| number << 8 | u32::from(*byte)))
        }
        _ => None,
    }
}

/// An element, its length in as few bytes as DER wants.
pub(super) fn wrapped(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let used = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut element = vec![tag];
    match (used, u8::try_from(used.len())) {
        ([], _) => element.push(0),
        ([short @ 0..=0x7f], _) => element.push(*short),
        (_, Ok(count)) => {
            element.push(0x80 | count);
            element.extend_from_slice(used);
        }
        (_, Err(_)) => {}
    }
    element.extend_from_slice(contents);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_tag() {
        let sequence = [0xa0, 3, 2, 1, 5, 0xa6, 3, 2, 1, 37, 0xaa, 1, 2];
        assert_eq!(field(&sequence, 6, 2), Some(&[37][..]));
        assert_eq!(field(&sequence, 6, 4), None);
        assert_eq!(field(&sequence, 1, 2), None);
        assert_eq!(field(&sequence, 10, 2), None, "cut off");
        assert_eq!(items(&sequence).count(), 3);
        assert_eq!(items(&[0xa0, 9, 1]).count(), 0);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (length, head) in
            [(0, &[0][..]), (127, &[127]), (128, &[0x81, 128]), (255, &[0x81, 255]), (256, &[0x82, 1, 0])]
        {
            let contents = vec![7; length];
            let der = wrapped(0x30, &contents);
            assert_eq!(der[1..=head.len()], *head);
            assert_eq!(element(&der, 0x30), Some((&contents[..], &[][..])));
        }
    }

    #[test]
    fn numbers_are_read_as_each_writes_them() {
        for (bytes, expected) in [
            (&[5][..], Some(5)),
            (&[0, 0x80], Some(0x80)),
            (&[0, 0x9a, 0xbc, 0xde, 0xf0], Some(0x9abc_def0)),
            (&[0x9a, 0xbc, 0xde, 0xf0], Some(0x9abc_def0)),
            (&[0xff], Some(u32::MAX)),
            (&[0, 0, 0, 5], Some(5)),
            (&[], None),
            (&[1, 0, 0, 0, 0], None),
            (&[0, 0, 0, 0, 0, 1], None),
        ] {
            assert_eq!(number(bytes), expected, "{bytes:02x?}");
        }
    }
}
