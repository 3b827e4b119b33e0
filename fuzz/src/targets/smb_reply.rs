//! What a Windows endpoint answers over SMB: the bodies of its messages, the tokens of its logon, and what its services
//! say through their pipes.

use collector::fuzzing::read_smb;

use super::{assert_one_line, unquoted, way};

/// Longest that is looked at twice.
const LOOKED_AT: usize = 4 << 10;

/// The first byte picks the reader.
pub fn smb_reply(input: &[u8]) -> u64 {
    let Some((reader, bytes)) = input.split_first() else { return 0 };
    let read = read_smb(*reader, bytes);
    match &read {
        // Whatever is made of it is paid for by what was sent: no number in it makes more.
        Ok(made) => assert!(made.len() <= 4096 + 64 * bytes.len(), "{} bytes of {}", made.len(), bytes.len()),
        Err(why) => {
            assert_one_line(why);
            assert!(why.len() < 200, "{} bytes of a reason", why.len());
        }
    }
    if bytes.len() <= LOOKED_AT {
        assert_eq!(read, read_smb(*reader, bytes), "read twice");
    }
    let (word, said) = match &read {
        Ok(made) => ("made", made),
        Err(why) => ("refused", why),
    };
    way(&format!("{reader} {word} {}", unquoted(said)))
}

/// A header of an answer, and a body behind it.
fn answer(body: &[u8]) -> Vec<u8> {
    let mut message = b"\xfeSMB\x40\0\x01\0\0\0\0\0\x05\0\x01\0\x01\0\0\0\0\0\0\0".to_vec();
    message.resize(64, 0);
    message.extend(body);
    message
}

fn number(value: u32) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text as services write it.
fn text(text: &str) -> Vec<u8> {
    let characters = utf16(&format!("{text}\0"));
    let count = number((characters.len() / 2) as u32);
    let mut whole = [count.clone(), number(0), count, characters].concat();
    whole.resize(whole.len().next_multiple_of(4), 0);
    whole
}

/// One entry of a folder's list.
fn entry(next: u32, name: &str) -> Vec<u8> {
    let name = utf16(name);
    let mut entry = [number(next), vec![0x11; 52], number(0x20), number(name.len() as u32), name].concat();
    entry.resize(entry.len().max(next as usize), 0);
    entry
}

/// A list of a service: level, level, pointer, count, pointer, count, rows.
fn list(level: u32, count: u32, rows: &[Vec<u8>]) -> Vec<u8> {
    [
        number(level),
        number(level),
        number(0x2_0000),
        number(count),
        number(0x2_0004),
        number(count),
        rows.concat(),
        number(count),
        number(0),
        number(0),
    ]
    .concat()
}

/// Whole and sound answers for every reader, and hostile ones.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let negotiated = {
        let mut body = vec![65, 0, 1, 0, 0x11, 3, 2, 0];
        body.extend([7; 16]);
        body.extend([number(0x44), number(1 << 20), number(1 << 20), number(1 << 20)].concat());
        body.extend([0x80, 0, 0x40, 0x9e, 0x23, 0x5f, 0xda, 1].repeat(2));
        body.extend([0x80, 0, 0, 0]);
        body.extend(number(128));
        body.extend([1, 0, 38, 0, 0, 0, 0, 0, 1, 0, 32, 0, 1, 0]);
        body.extend([9; 32]);
        body.extend([0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 1, 0, 2, 0]);
        body
    };
    let two = [entry(88, "a.torrent"), entry(0, "b")].concat();
    let listing =
        |entries: &[u8]| [vec![9, 0, 72, 0], number(entries.len() as u32), entries.to_vec()].concat();
    let fragment = |flags: u8, body: &[u8]| {
        let head = [5, 0, 2, flags, 0x10, 0, 0, 0, 24 + body.len() as u8, 0, 0, 0, 1, 0, 0, 0];
        [&head[..], &[0; 8], body].concat()
    };
    let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    let descriptor = [&[1, 0, 0, 0x80, 20, 0, 0, 0][..], &[0; 12], &sid].concat();
    let spnego = b"\xa1\x18\x30\x16\xa0\x03\x0a\x01\x01\xa2\x0f\x04\x0dNTLMSSP\0\x02\0\0\0\0".to_vec();
    let name = [vec![8, 0, 0, 2], number(1), text("Run"), number(0)].concat();
    let value = [
        vec![4, 0, 0, 2],
        number(1),
        text("a"),
        number(1),
        number(4),
        number(1),
        number(64),
        number(0),
        number(4),
        number(7),
    ];
    let pointers = number(0x2_0008);
    let workstation = [
        number(100),
        number(1),
        number(500),
        pointers.clone(),
        pointers.clone(),
        number(10),
        number(0),
        text("PC"),
        text("CORP"),
    ];
    let logon = [vec![pointers.clone(); 4], ["alice", "CORP", "", "DC"].map(text).to_vec()].concat();
    let share = vec![pointers.clone(), number(0x8000_0000), pointers.clone(), text("C$"), text("")];
    let pick = |reader: u8, bytes: Vec<u8>| [vec![reader], bytes].concat();
    vec![
        pick(0, answer(&[])),
        pick(1, answer(&negotiated)),
        pick(2, answer(&[&[9, 0, 0, 0, 72, 0, 26, 0][..], &spnego].concat())),
        pick(3, answer(&[0x59; 88])),
        pick(4, answer(b"\x11\0\x50\0\x04\0\0\0\0\0\0\0\0\0\0\0data")),
        pick(5, answer(&listing(&two))),
        pick(6, answer(&[&[0; 32][..], &number(112), &number(4), &[0; 8], b"data"].concat())),
        pick(7, descriptor),
        pick(8, spnego),
        pick(9, [fragment(1, b"one"), fragment(2, b"two")].concat()),
        pick(10, name),
        pick(11, value.concat()),
        pick(12, workstation.concat()),
        pick(13, list(1, 1, &logon)),
        pick(14, list(1, 1, &share)),
        // Little that announces much.
        pick(13, list(1, u32::MAX, &logon)),
        pick(14, list(1, 0x1000_0000, &share)),
        pick(11, [vec![4, 0, 0, 2], number(1), number(u32::MAX), number(0), number(u32::MAX)].concat()),
        pick(5, answer(&listing(&entry(64, "").repeat(2000)))),
        pick(9, fragment(0, b"").repeat(2000)),
        pick(8, [0xa1, 0x82, 0xff, 0xff].repeat(500)),
    ]
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"\xfeSMB",
    b"\xfdSMB",
    b"\xffSMB",
    b"NTLMSSP\0",
    b"\x11\x03",
    b"\x10\x02",
    b"\x05\0\x02\x03\x10\0\0\0",
    b"\x05\0\x03\x03\x10\0\0\0",
    b"\0\0\x02\0",
    b"\xff\xff\xff\xff",
    b"\xa1\x82",
    b"\x30\x80",
    b"\x04\x00",
    b"a\0.\0t\0o\0r\0r\0e\0n\0t\0",
    b"\0\xd8",
];
