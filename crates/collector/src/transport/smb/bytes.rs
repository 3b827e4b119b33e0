//! Little-endian fields out of what an endpoint sent, none of them past its end.

/// What an endpoint sent is not what it should be. One line that quotes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(super) &'static str);

const CUT: Malformed = Malformed("an answer is cut off");

/// Reads one field after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// From `at` on; past the end nothing is left.
    pub(super) fn from(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at: at.min(bytes.len()) }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or(CUT)?;
        let taken = self.bytes.get(self.at..end).ok_or(CUT)?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.first_chunk().copied().ok_or(CUT)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Skips to the next multiple of `size`, counted from the beginning.
    pub(super) fn align(&mut self, size: usize) -> Result<(), Malformed> {
        self.take(self.at.next_multiple_of(size) - self.at).map(drop)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }
}

/// What lies at `offset`, which an endpoint has named.
pub(super) fn part(bytes: &[u8], offset: usize, length: usize) -> Result<&[u8], Malformed> {
    bytes.get(offset..).and_then(|rest| rest.get(..length)).ok_or(CUT)
}

/// As text. Half a character at the end is dropped, and half a pair becomes a replacement character.
pub(super) fn text(utf16: &[u8]) -> String {
    let units = utf16.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// As the bytes that are sent.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut reader = Reader::new(&[1, 2, 0, 3, 0, 0, 0]);
        assert_eq!((reader.u8(), reader.u16(), reader.u32()), (Ok(1), Ok(2), Ok(3)));
        assert_eq!((reader.u8(), reader.take(usize::MAX)), (Err(CUT), Err(CUT)));
        assert!(Reader::from(&[1], 9).rest().is_empty() && Reader::from(&[1], 9).u8().is_err());
        assert_eq!(
            (part(&[1, 2], 1, 1), part(&[1, 2], 9, 0), part(&[1, 2], 1, usize::MAX)),
            (Ok(&[2][..]), Err(CUT), Err(CUT))
        );
        let mut aligned = Reader::from(&[0, 1, 2, 3, 4], 1);
        aligned.align(4).unwrap();
        assert_eq!(aligned.rest(), [4]);
        assert!(aligned.u8().is_ok() && aligned.align(4).is_err());
    }

    #[test]
    fn texts_go_there_and_back() {
        assert_eq!(text(&utf16("Ä€\u{1f600}")), "Ä€\u{1f600}");
        assert_eq!(text(&[0, 0xd8, 1]), "\u{fffd}");
    }
}
