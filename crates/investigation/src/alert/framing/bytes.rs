//! An input byte by byte or line by line, with the count of its lines. What was read too far can be given back.

use std::io::{self, BufRead, ErrorKind};

use super::MAX_RECORD_BYTES;

/// Bytes of a line's end that do not count.
const LINE_END: usize = 2;

#[derive(Debug)]
pub(super) struct Bytes<R> {
    inner: R,
    line: u64,
    indent: bool,
    indentation: usize,
    /// Bytes that were given back, the first `reread` of which have been read again.
    unread: Vec<u8>,
    reread: usize,
    /// What stands behind the bytes given back, where that is known already.
    behind: Option<Behind>,
}

#[derive(Debug)]
enum Behind {
    End,
    Failure(io::Error),
}

/// A place in the input, at the first byte of a line that is no white space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Counted from 1.
    pub(super) line: u64,
    /// Blanks and tabs before it.
    pub(super) indentation: usize,
}

impl<R: BufRead> Bytes<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, line: 1, indent: true, indentation: 0, unread: Vec::new(), reread: 0, behind: None }
    }

    /// Line of the next byte, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Whether only white space stands before the next byte on its line.
    pub(super) fn at_indent(&self) -> bool {
        self.indent
    }

    /// The line of the next byte, and how far it is indented.
    pub(super) fn place(&self) -> Place {
        Place { line: self.line, indentation: self.indentation }
    }

    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.ready()?.first().copied())
    }

    pub(super) fn next(&mut self) -> io::Result<Option<u8>> {
        let Some(byte) = self.peek()? else { return Ok(None) };
        self.consume(1);
        match byte {
            b'\n' => self.end_line(),
            b' ' | b'\t' => self.indentation += usize::from(self.indent),
            b'\r' => {}
            _ => self.indent = false,
        }
        Ok(Some(byte))
    }

    /// Consumes what lies ready of a JSON string up to the next byte that means something there, but no more than
    /// `most`, and hands it to `keep`. The text's opening quote has been read.
    pub(super) fn take_text(&mut self, most: usize, keep: impl FnOnce(&[u8])) -> io::Result<()> {
        let ready = self.ready()?;
        let ready = &ready[..ready.len().min(most)];
        let end = ready.iter().position(|&b| matches!(b, b'"' | b'\\' | b'\n')).unwrap_or(ready.len());
        keep(&ready[..end]);
        self.consume(end);
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
            self.consume(1);
            seen.push(expected);
        }
        Ok(())
    }

    /// Gives back `last`, which are the bytes read last and start at `place`.
    pub(super) fn give_back(&mut self, last: &[u8], place: Place) {
        if self.unread.is_empty() {
            self.unread = last.to_vec();
        } else {
            // Nothing came from the input itself while some of these were left: it is these that return.
            self.reread -= last.len();
        }
        (self.line, self.indentation, self.indent) = (place.line, place.indentation, true);
    }

    /// Has `failure` come again when all that was given back is read.
    pub(super) fn fail_later(&mut self, failure: io::Error) {
        self.behind = Some(Behind::Failure(failure));
    }

    /// Appends the rest of the line, with its line feed, to `line`. False when `line` would grow past the cap: the
    /// rest of the line is skipped then.
    pub(super) fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            let (ready, ends) = self.ready_of_line()?;
            if line.len() + ready.len() > MAX_RECORD_BYTES + LINE_END {
                self.skip_line()?;
                return Ok(false);
            }
            line.extend_from_slice(ready);
            let taken = ready.len();
            self.consume(taken);
            if ends || taken == 0 {
                self.end_line_if(ends);
                return Ok(true);
            }
        }
    }

    /// Skips the rest of the line and its line feed.
    pub(super) fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let (ready, ends) = self.ready_of_line()?;
            let taken = ready.len();
            self.consume(taken);
            if ends || taken == 0 {
                self.end_line_if(ends);
                return Ok(());
            }
        }
    }

    /// What lies ready of the current line, and whether its end is in it. Nothing at the end of the input.
    fn ready_of_line(&mut self) -> io::Result<(&[u8], bool)> {
        let ready = self.ready()?;
        let found = ready.iter().position(|&b| b == b'\n');
        Ok((&ready[..found.map_or(ready.len(), |at| at + 1)], found.is_some()))
    }

    fn end_line(&mut self) {
        self.end_line_if(true);
    }

    fn end_line_if(&mut self, ends: bool) {
        self.line += u64::from(ends);
        (self.indent, self.indentation) = (true, 0);
    }

    /// What lies ready, waiting for it where nothing does. Nothing at the end of the input.
    fn ready(&mut self) -> io::Result<&[u8]> {
        if !self.unread.is_empty() {
            return Ok(&self.unread[self.reread..]);
        }
        match self.behind.take() {
            Some(Behind::Failure(failure)) => return Err(failure),
            Some(Behind::End) => return Ok(self.at_end()),
            None => {}
        }
        loop {
            match self.inner.fill_buf() {
                Ok([]) => return Ok(self.at_end()),
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.inner.fill_buf()
    }

    /// Remembers the end: a terminal would be asked for more.
    fn at_end(&mut self) -> &[u8] {
        self.behind = Some(Behind::End);
        &[]
    }

    fn consume(&mut self, count: usize) {
        if self.unread.is_empty() {
            self.inner.consume(count);
            return;
        }
        self.reread += count;
        if self.reread == self.unread.len() {
            (self.unread, self.reread) = (Vec::new(), 0);
        }
    }
}
