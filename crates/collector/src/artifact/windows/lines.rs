//! Lines of text in whatever encoding a Windows command prints: UTF-16 and UTF-8 with their marks, UTF-8 without, or the
//! code page of the console.

use std::borrow::Cow;
use std::io::{self, BufRead};

use encoding_rs::Encoding;

/// Longest line that is kept, in bytes; the rest of a longer one is passed over.
const LINE_CAP: usize = 64 << 10;

/// Reads line by line. Memory: one line.
pub(super) struct Lines<'a> {
    input: &'a mut dyn BufRead,
    code_page: Option<u16>,
    wide: bool,
    line: Vec<u8>,
    units: Vec<u16>,
    cut: u64,
}

impl<'a> Lines<'a> {
    /// Looks at the first bytes for a mark. `code_page` is that of the endpoint's console, where it is known.
    pub(super) fn open(input: &'a mut dyn BufRead, code_page: Option<u16>) -> io::Result<Self> {
        let start = input.fill_buf()?;
        let (mark, wide) = match start {
            [0xff, 0xfe, ..] => (2, true),
            [0xef, 0xbb, 0xbf, ..] => (3, false),
            // Text that begins in ASCII, two bytes a character: some tools leave the mark out.
            [a, 0, b, 0, ..] if *a != 0 && *b != 0 => (0, true),
            _ => (0, false),
        };
        input.consume(mark);
        Ok(Self { input, code_page, wide, line: Vec::new(), units: Vec::new(), cut: 0 })
    }

    /// The next line without its end.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        let found = if self.wide { self.read_wide()? } else { self.read_narrow()? };
        if !found {
            return Ok(None);
        }
        let mut text = if self.wide {
            String::from_utf16_lossy(&self.units)
        } else {
            decode(&self.line, self.code_page).into_owned()
        };
        // `wmic` ends its lines with two of them.
        text.truncate(text.trim_end_matches('\r').len());
        Ok(Some(text))
    }

    /// How many lines were longer than is kept.
    pub(super) fn cut(&self) -> u64 {
        self.cut
    }

    /// No second byte of a character of any code page is a newline.
    fn read_narrow(&mut self) -> io::Result<bool> {
        self.line.clear();
        let (mut any, mut cut) = (false, false);
        loop {
            let available = fill(self.input)?;
            if available.is_empty() {
                self.cut += u64::from(cut);
                return Ok(any);
            }
            any = true;
            let end = available.iter().position(|&b| b == b'\n');
            let piece = &available[..end.unwrap_or(available.len())];
            let kept = piece.len().min(LINE_CAP - self.line.len());
            self.line.extend_from_slice(&piece[..kept]);
            cut |= kept < piece.len();
            let used = piece.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                self.cut += u64::from(cut);
                return Ok(true);
            }
        }
    }

    fn read_wide(&mut self) -> io::Result<bool> {
        self.units.clear();
        let (mut low, mut any, mut cut) = (None, false, false);
        loop {
            let available = fill(self.input)?;
            if available.is_empty() {
                self.cut += u64::from(cut);
                return Ok(any);
            }
            any = true;
            let mut used = 0;
            let mut ended = false;
            for &byte in available {
                used += 1;
                let Some(first) = low.take() else {
                    low = Some(byte);
                    continue;
                };
                match u16::from_le_bytes([first, byte]) {
                    0x0a => {
                        ended = true;
                        break;
                    }
                    _ if self.units.len() >= LINE_CAP / 2 => cut = true,
                    unit => self.units.push(unit),
                }
            }
            self.input.consume(used);
            if ended {
                self.cut += u64::from(cut);
                return Ok(true);
            }
        }
    }
}

fn fill(input: &mut dyn BufRead) -> io::Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Borrowed anew: the borrow of a loop's earlier turn would not end.
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    input.fill_buf()
}

/// Decodes one line. What is UTF-8 throughout is taken as that, but for code pages of two bytes a character, whose text
/// can look so by chance. Without a known code page, what is neither is decoded lossily.
pub(super) fn decode(line: &[u8], code_page: Option<u16>) -> Cow<'_, str> {
    if line.is_ascii() {
        return String::from_utf8_lossy(line);
    }
    let double = code_page.and_then(double_byte);
    if let Some((text, false)) = double.map(|encoding| encoding.decode_without_bom_handling(line)) {
        return text;
    }
    if let Ok(text) = std::str::from_utf8(line) {
        return Cow::Borrowed(text);
    }
    match code_page {
        Some(page) => single_byte(line, page).map_or_else(|| String::from_utf8_lossy(line), Cow::Owned),
        None => String::from_utf8_lossy(line),
    }
}

fn double_byte(code_page: u16) -> Option<&'static Encoding> {
    Some(match code_page {
        932 => encoding_rs::SHIFT_JIS,
        936 => encoding_rs::GBK,
        949 => encoding_rs::EUC_KR,
        950 => encoding_rs::BIG5,
        54936 => encoding_rs::GB18030,
        _ => return None,
    })
}

fn single_byte(line: &[u8], code_page: u16) -> Option<String> {
    if let Some(table) = oem_cp::code_table::DECODING_TABLE_CP_MAP.get(&code_page) {
        return Some(table.decode_string_lossy(line));
    }
    let encoding = double_byte(code_page).or_else(|| {
        Some(match code_page {
            1250 => encoding_rs::WINDOWS_1250,
            1251 => encoding_rs::WINDOWS_1251,
            1252 => encoding_rs::WINDOWS_1252,
            1253 => encoding_rs::WINDOWS_1253,
            1254 => encoding_rs::WINDOWS_1254,
            1255 => encoding_rs::WINDOWS_1255,
            1256 => encoding_rs::WINDOWS_1256,
            1257 => encoding_rs::WINDOWS_1257,
            1258 => encoding_rs::WINDOWS_1258,
            _ => return None,
        })
    })?;
    Some(encoding.decode_without_bom_handling(line).0.into_owned())
}

/// The number that `chcp` names, in whatever sentence.
pub(super) fn code_page(answer: &str) -> Option<u16> {
    answer
        .split(|c: char| !c.is_ascii_digit())
        .filter(|run| (3..=5).contains(&run.len()))
        .find_map(|run| run.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(mut input: &[u8], code_page: Option<u16>) -> Vec<String> {
        let mut lines = Lines::open(&mut input, code_page).unwrap();
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn marks_tell_the_encoding_and_ends_of_lines_vary() {
        let text = "Caption=Élan\r\r\nName=\u{10a}b\n\nlast";
        let expected = ["Caption=Élan", "Name=\u{10a}b", "", "last"];
        assert_eq!(lines(&[&[0xff, 0xfe][..], &wide(text)].concat(), None), expected);
        assert_eq!(lines(&wide(text), None), expected);
        assert_eq!(lines(&[&[0xef, 0xbb, 0xbf][..], text.as_bytes()].concat(), None), expected);
        assert_eq!(lines(text.as_bytes(), Some(850)), expected);
        assert!(lines(b"", None).is_empty());
    }

    #[test]
    fn code_pages_of_the_console() {
        assert_eq!(lines(b"ABH\x99REN", Some(850)), ["ABHÖREN"]);
        assert_eq!(lines(b"ABH\x99REN", Some(437)), ["ABHÖREN"]);
        assert_eq!(lines(b"\x88\xac\xef", Some(866)), ["Имя"]);
        assert_eq!(lines(&[0xd0, 0xad, 0xd2, 0xe9], Some(936)), ["协议"]);
        assert_eq!(lines(&[0xc1, 0xaa, 0xcd, 0xa8], Some(936)), ["联通"]);
        assert_eq!(lines(&[0x83, 0x65, 0x83, 0x58, 0x83, 0x67], Some(932)), ["テスト"]);
        // Some tools print UTF-8 whatever the console's page is.
        assert_eq!(lines("ABHÖREN".as_bytes(), Some(850)), ["ABHÖREN"]);
        assert_eq!(lines(b"ABH\x99REN", None), ["ABH\u{fffd}REN"]);
        assert_eq!(lines(b"ABH\x99REN", Some(9)), ["ABH\u{fffd}REN"]);
    }

    #[test]
    fn chcp_names_a_number_in_any_language() {
        assert_eq!(code_page("Aktive Codepage: 850."), Some(850));
        assert_eq!(code_page("Active code page: 65001"), Some(65001));
        assert_eq!(code_page("活动代码页: 936"), Some(936));
        assert_eq!(code_page("Page de codes active : 850"), Some(850));
        assert_eq!(code_page("no"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>, page in proptest::option::of(0u16..=2000)) {
            for line in lines(&bytes, page) {
                prop_assert!(line.len() <= LINE_CAP * 3 && !line.contains('\n'));
            }
        }

        #[test]
        fn utf_16_is_read_as_it_was_written(text in "[^\r\n\u{0}]{1,40}") {
            let marked = [&[0xff, 0xfe][..], &wide(&text)].concat();
            prop_assert_eq!(lines(&marked, None), [text]);
        }
    }
}
