//! The encoding of remote calls (NDR, C706 chapter 14), as far as registry, workstation and server services need it.

use super::bytes::{Malformed, Reader, text, utf16};

/// The handle of something that is open at a service.
pub(super) type Handle = [u8; 20];

/// Longest string that is read, in characters.
const STRING: u32 = 64 << 10;

/// Arguments of a call. Pointers to the same thing are never sent.
#[derive(Default)]
pub(super) struct Arguments(Vec<u8>, u32);

impl Arguments {
    fn align(&mut self, size: usize) {
        self.0.resize(self.0.len().next_multiple_of(size), 0);
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.align(2);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.align(4);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn handle(mut self, handle: &Handle) -> Self {
        self.align(4);
        self.0.extend(handle);
        self
    }

    /// A pointer to what follows.
    pub(super) fn pointer(mut self) -> Self {
        self.1 += 4;
        let id = 0x2_0000 + self.1;
        self.u32(id)
    }

    /// A pointer to nothing.
    pub(super) fn null(self) -> Self {
        self.u32(0)
    }

    /// A text with its zero, as a conformant and varying array.
    pub(super) fn string(self, text: &str) -> Self {
        let mut characters = utf16(text);
        characters.extend([0, 0]);
        let count = u32::try_from(characters.len() / 2).unwrap_or(u32::MAX);
        let mut next = self.u32(count).u32(0).u32(count);
        next.0.extend(characters);
        next
    }

    /// Room for an array of `count` elements that holds none yet.
    pub(super) fn room(self, count: u32) -> Self {
        self.u32(count).u32(0).u32(0)
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// What came of a call.
#[derive(Clone, Copy)]
pub(super) struct Results<'a>(Reader<'a>);

impl<'a> Results<'a> {
    pub(super) fn new(stub: &'a [u8]) -> Self {
        Self(Reader::new(stub))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.0.align(2)?;
        self.0.u16()
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.0.align(4)?;
        self.0.u32()
    }

    pub(super) fn handle(&mut self) -> Result<Handle, Malformed> {
        self.0.align(4)?;
        self.0.array()
    }

    /// Whether a pointer leads to something.
    pub(super) fn pointer(&mut self) -> Result<bool, Malformed> {
        Ok(self.u32()? != 0)
    }

    /// The bytes of a conformant and varying array of elements of `size` bytes.
    pub(super) fn array(&mut self, size: u32) -> Result<&'a [u8], Malformed> {
        let (_, offset, count) = (self.u32()?, self.u32()?, self.u32()?);
        let length = count.checked_mul(size).ok_or(Malformed("an array is too long"))?;
        if offset != 0 {
            return Err(Malformed("an array does not begin at its beginning"));
        }
        self.0.take(length as usize)
    }

    /// A text without the zero at its end.
    pub(super) fn string(&mut self) -> Result<String, Malformed> {
        let bytes = self.array(2)?;
        if bytes.len() > STRING as usize * 2 {
            return Err(Malformed("a text is too long"));
        }
        let text = text(bytes);
        Ok(text.strip_suffix('\0').unwrap_or(&text).to_owned())
    }

    /// Bytes that are not read yet.
    pub(super) fn left(&self) -> usize {
        self.0.rest().len()
    }
}
