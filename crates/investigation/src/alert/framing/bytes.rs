//! An input byte by byte or line by line, with the count of its lines.

use std::io::{self, BufRead, ErrorKind};

use super::MAX_RECORD_BYTES;

/// Bytes of a line's end that do not count.
const LINE_END: usize = 2;

#[derive(Debug)]
pub(super) struct Bytes<R> {
    inner: R,
    line: u64,
    indent: bool,
    /// Bytes that were taken for a byte order mark and are none.
    unread: Vec<u8>,
}

impl<R: BufRead> Bytes<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, line: 1, indent: true, unread: Vec::new() }
    }

    /// Line of the next byte, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Whether only white space stands before the next byte on its line.
    pub(super) fn at_indent(&self) -> bool {
        self.indent
    }

    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        if let Some(&byte) = self.unread.first() {
            return Ok(Some(byte));
        }
        loop {
            match self.inner.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<u8>> {
        let Some(byte) = self.peek()? else { return Ok(None) };
        if self.unread.is_empty() {
            self.inner.consume(1);
        } else {
            self.unread.remove(0);
        }
        match byte {
            b'\n' => {
                self.line += 1;
                self.indent = true;
            }
            b' ' | b'\t' | b'\r' => {}
            _ => self.indent = false,
        }
        Ok(Some(byte))
    }

    /// Consumes what lies ready of a JSON string up to the next byte that means something there, and hands it to
    /// `keep`. The text's opening quote has been read.
    pub(super) fn take_text(&mut self, keep: impl FnOnce(&[u8])) -> io::Result<()> {
        if self.peek()?.is_none() || !self.unread.is_empty() {
            return Ok(());
        }
        let buffer = self.inner.fill_buf()?;
        let end = buffer.iter().position(|&b| matches!(b, b'"' | b'\\' | b'\n')).unwrap_or(buffer.len());
        keep(&buffer[..end]);
        self.inner.consume(end);
        Ok(())
    }

    /// Skips a UTF-8 byte order mark. Bytes that only start like one stay.
    pub(super) fn skip_mark(&mut self) -> io::Result<()> {
        let mut seen = Vec::with_capacity(3);
        for expected in [0xef, 0xbb, 0xbf] {
            if self.peek()? != Some(expected) {
                self.unread = seen;
                return Ok(());
            }
            self.inner.consume(1);
            seen.push(expected);
        }
        Ok(())
    }

    /// Appends the rest of the line, with its line feed, to `line`. False when `line` would grow past the cap: the
    /// rest of the line is skipped then.
    pub(super) fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.append(&mut self.unread);
        self.indent = true;
        loop {
            let buffer = match self.inner.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let found = buffer.iter().position(|&b| b == b'\n');
            let take = found.map_or(buffer.len(), |at| at + 1);
            if line.len() + take > MAX_RECORD_BYTES + LINE_END {
                self.skip_line()?;
                return Ok(false);
            }
            let at_end = buffer.is_empty();
            line.extend_from_slice(&buffer[..take]);
            self.inner.consume(take);
            self.line += u64::from(found.is_some());
            if found.is_some() || at_end {
                return Ok(true);
            }
        }
    }

    /// Skips the rest of the line and its line feed.
    pub(super) fn skip_line(&mut self) -> io::Result<()> {
        self.unread.clear();
        loop {
            let buffer = match self.inner.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let found = buffer.iter().position(|&b| b == b'\n');
            let take = found.map_or(buffer.len(), |at| at + 1);
            let at_end = buffer.is_empty();
            self.inner.consume(take);
            self.line += u64::from(found.is_some());
            if found.is_some() || at_end {
                self.indent = true;
                return Ok(());
            }
        }
    }
}
