//! Walks through an image in LiME's format while it comes: ranges of physical memory, each behind a header of 32 bytes. What
//! is not of that form, or goes back to where it was, ends the walk; so no image can be without end.
//!
//! Format: <https://github.com/504ensicsLabs/LiME/blob/master/doc/README.md#spec>.

use investigation::evidence::MemoryRange;

/// Bytes of a header: magic, version, first and last address, and eight of nothing.
const HEADER: usize = 32;
/// `LiME`, as a number of the byte order that all such images have.
const MAGIC: u32 = 0x4C69_4D45;
const VERSION: u32 = 1;
/// Most ranges that are listed.
const MAX_RANGES: usize = 4096;

/// How far the walk has come.
#[derive(Debug, Default)]
pub(crate) struct Lime {
    header: Vec<u8>,
    /// Bytes of the present range that are still to come.
    left: u64,
    /// Memory in it so far, neighbours as one.
    ranges: Vec<MemoryRange>,
    /// The last address that a header named.
    last: Option<u64>,
    /// Bytes of memory so far.
    bytes: u64,
    /// Ranges that are not listed.
    unlisted: u64,
}

/// What comes is no image of this form any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoImage {
    /// The end of a sentence.
    pub(crate) why: &'static str,
    /// How many of the bytes were looked at, up to the end of what is no header.
    pub(crate) seen: usize,
}

impl Lime {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// Where they are no image any more. Nothing may be taken afterwards.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<(), NoImage> {
        let all = bytes.len();
        while !bytes.is_empty() {
            if self.left > 0 {
                let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= count as u64;
                self.bytes += count as u64;
                bytes = &bytes[count..];
                continue;
            }
            let count = (HEADER - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if self.header.len() == HEADER {
                self.begin().map_err(|why| NoImage { why, seen: all - bytes.len() })?;
                self.header.clear();
            }
        }
        Ok(())
    }

    /// Reads the header that has come.
    fn begin(&mut self) -> Result<(), &'static str> {
        let (words, rest) = self.header.split_at(8);
        let word = |at: usize| words[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let address = |at: usize| rest[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (first, last) = (address(0), address(8));
        if (word(0), word(4)) != (MAGIC, VERSION) {
            return Err("it has no header of LiME where a range begins");
        }
        let length = last.checked_sub(first).and_then(|length| length.checked_add(1));
        let length = length.ok_or("a range ends before it begins")?;
        if self.last.is_some_and(|before| first <= before) {
            return Err("a range begins in what was there before");
        }
        let listed = self.ranges.len();
        match self.ranges.last_mut() {
            Some(range) if range.last.checked_add(1) == Some(first) => range.last = last,
            _ if listed < MAX_RANGES => self.ranges.push(MemoryRange { first, last }),
            _ => self.unlisted += 1,
        }
        self.last = Some(last);
        self.left = length;
        Ok(())
    }

    /// Whether it ends where a range does, and has one.
    pub(crate) fn is_whole(&self) -> bool {
        self.left == 0 && self.header.is_empty() && self.bytes > 0
    }

    /// Bytes of memory that have come.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.bytes
    }

    /// Ranges that are in it and not in the list.
    pub(crate) fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// What is in it, with the last range as far as it came.
    pub(crate) fn into_ranges(mut self) -> Vec<MemoryRange> {
        if self.left > 0 && self.unlisted == 0 {
            match self.ranges.last_mut() {
                Some(range) if range.last - range.first >= self.left => range.last -= self.left,
                _ => drop(self.ranges.pop()),
            }
        }
        self.ranges
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A range as AVML writes it.
    pub(crate) fn range(first: u64, content: &[u8]) -> Vec<u8> {
        let last = first + content.len() as u64 - 1;
        [
            &MAGIC.to_le_bytes()[..],
            &VERSION.to_le_bytes(),
            &first.to_le_bytes(),
            &last.to_le_bytes(),
            &[0; 8],
            content,
        ]
        .concat()
    }

    fn walk(bytes: &[u8]) -> (Lime, Result<(), &'static str>) {
        let mut lime = Lime::default();
        let taken = lime.take(bytes).map_err(|none| none.why);
        (lime, taken)
    }

    #[test]
    fn neighbours_are_one_range_and_gaps_are_seen() {
        let image = [range(0x1000, &[1; 4096]), range(0x2000, &[2; 4096]), range(0x10000, &[3; 10])].concat();
        let (lime, taken) = walk(&image);
        assert!(taken.is_ok() && lime.is_whole());
        assert_eq!(lime.memory_bytes(), 8202);
        let [first, second] = lime.into_ranges()[..] else { panic!("two ranges") };
        assert_eq!((first.first, first.last, second.first, second.last), (0x1000, 0x2fff, 0x10000, 0x10009));
    }

    #[test]
    fn a_cut_image_is_never_whole() {
        let image = [range(0x1000, &[1; 100]), range(0x2000, &[2; 100])].concat();
        for length in 0..image.len() {
            let (lime, taken) = walk(&image[..length]);
            assert!(taken.is_ok());
            assert_eq!(lime.is_whole(), length == 132, "{length}");
            let ranges = lime.into_ranges();
            let listed: u64 = ranges.iter().map(|range| range.last - range.first + 1).sum();
            assert_eq!(listed, length.saturating_sub(32).min(100) as u64 + length.saturating_sub(164) as u64);
        }
    }

    #[test]
    fn what_is_no_image_ends_the_walk() {
        let sound = range(0x1000, &[1; 8]);
        let mut backwards = sound.clone();
        backwards[16..24].copy_from_slice(&5_u64.to_le_bytes());
        let mut endless = sound.clone();
        endless[8..16].fill(0);
        endless[16..24].fill(0xff);
        let mut newer = sound.clone();
        newer[4] = 2;
        for (image, why) in [
            (b"AVML\x02\0\0\0 0123456789 0123456789 01234".to_vec(), "no header"),
            (newer, "no header"),
            (backwards, "before it begins"),
            (endless, "before it begins"),
            ([sound.clone(), sound.clone()].concat(), "was there before"),
        ] {
            let (_, taken) = walk(&image);
            assert!(taken.is_err_and(|said| said.contains(why)), "{why}: {taken:?}");
        }
    }

    proptest! {
        /// However it comes in pieces, the same is seen in it.
        #[test]
        fn pieces_make_no_difference(
            contents in prop::collection::vec((0_u64..3, prop::collection::vec(any::<u8>(), 1..200)), 0..6),
            noise: Vec<u8>,
            piece in 1_usize..97,
        ) {
            let mut at = 0;
            let mut image = Vec::new();
            for (gap, content) in contents {
                at += gap * 4096;
                image.extend(range(at, &content));
                at += content.len() as u64;
            }
            image.extend(noise);
            let (whole, said) = walk(&image);
            let mut pieces = Lime::default();
            let also_said = image.chunks(piece).try_for_each(|chunk| pieces.take(chunk));
            prop_assert_eq!(said, also_said.map_err(|none| none.why));
            prop_assert_eq!(whole.is_whole(), pieces.is_whole());
            prop_assert_eq!(whole.memory_bytes(), pieces.memory_bytes());
            prop_assert_eq!(whole.into_ranges(), pieces.into_ranges());
        }
    }
}
