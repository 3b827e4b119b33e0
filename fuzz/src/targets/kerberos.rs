//! Kerberos: what a KDC and an endpoint send before, and after, they have proven anything.

/// Messages of Kerberos.
///
/// - Bytes read twice are the same.
/// - They are one message and not several: each has a tag of its own, and only the two kinds of a reply's sealed part,
///   which RFC 4120 lets a KDC exchange, are read for each other elsewhere.
pub fn kerberos(data: &[u8]) -> u64 {
    let way = collector::fuzzing::kerberos(data);
    assert_eq!(way, collector::fuzzing::kerberos(data), "the same bytes");
    assert!(way.count_ones() <= 1, "two messages at once: {way:b}");
    way
}

/// DER: the length in as few bytes as there can be.
fn tlv(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = u16::try_from(contents.len()).unwrap_or(u16::MAX).to_be_bytes();
    let head = match length {
        [0, short @ 0..=0x7f] => vec![tag, short],
        [0, longer] => vec![tag, 0x81, longer],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, contents].concat()
}

/// A field of a sequence: a number, a text, octets, or a time.
fn field(number: u8, tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, &[&tlv(tag, &[value])])
}

fn principal(number: u8, names: &[&str]) -> Vec<u8> {
    let names: Vec<u8> = names.iter().flat_map(|name| tlv(0x1b, &[name.as_bytes()])).collect();
    field(number, 0x30, &[field(0, 2, &[2]), field(1, 0x30, &names)].concat())
}

fn encrypted(number: u8) -> Vec<u8> {
    field(number, 0x30, &[field(0, 2, &[18]), field(2, 4, &[7; 64])].concat())
}

fn reply(tag: u8, kind: u8) -> Vec<u8> {
    let names = ["krbtgt", "CORP.EXAMPLE.COM"];
    let ticket = [field(0, 2, &[5]), field(1, 0x1b, b"CORP.EXAMPLE.COM"), principal(2, &names), encrypted(3)];
    let ticket = tlv(0xa5, &[&tlv(0x61, &[&tlv(0x30, &[&ticket.concat()])])]);
    let parts = [
        field(0, 2, &[5]),
        field(1, 2, &[kind]),
        field(3, 0x1b, b"CORP.EXAMPLE.COM"),
        principal(4, &["svc"]),
        ticket,
        encrypted(6),
    ];
    tlv(tag, &[&tlv(0x30, &[&parts.concat()])])
}

fn error(code: u8) -> Vec<u8> {
    let entry = tlv(0x30, &[&field(0, 2, &[18]), &field(1, 0x1b, b"CORP.EXAMPLE.COMsvc")]);
    let method = tlv(0x30, &[&field(1, 2, &[19]), &field(2, 4, &tlv(0x30, &[&entry]))]);
    let parts = [
        field(0, 2, &[5]),
        field(1, 2, &[30]),
        field(4, 0x18, b"20261130153400Z"),
        field(5, 2, &[0]),
        field(6, 2, &[code]),
        field(12, 4, &tlv(0x30, &[&method])),
    ];
    tlv(0x7e, &[&tlv(0x30, &[&parts.concat()])])
}

fn proof(tag: u8) -> Vec<u8> {
    let parts = [field(0, 2, &[5]), field(1, 2, &[15]), encrypted(2)];
    tlv(tag, &[&tlv(0x30, &[&parts.concat()])])
}

fn proof_part() -> Vec<u8> {
    let key = [field(0, 2, &[18]), field(1, 4, &[2; 32])].concat();
    let parts =
        [field(0, 0x18, b"20261130153400Z"), field(1, 2, &[7]), field(2, 0x30, &key), field(3, 2, &[0x7f])];
    tlv(0x7b, &[&tlv(0x30, &[&parts.concat()])])
}

/// In GSS-API.
fn token(kind: [u8; 2], message: &[u8]) -> Vec<u8> {
    let mechanism = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
    tlv(0x60, &[&mechanism, &kind, message])
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut sealed = vec![5, 4, 7, 0xff, 0, 0, 0, 28];
    sealed.resize(100, 0);
    vec![
        reply(0x6b, 11),
        reply(0x6d, 13),
        error(25),
        error(37),
        proof(0x6f),
        proof_part(),
        token([3, 0], &error(41)),
        token([2, 0], &proof(0x6f)),
        sealed,
        vec![0x6b, 0x84, 0xff, 0xff, 0xff, 0xff],
    ]
}

pub(super) const TOKENS: &[&[u8]] = &[
    b"CORP.EXAMPLE.COM",
    b"krbtgt",
    b"20261130153400Z",
    b"\x05\x04\x07\xff",
    b"\x82\xff\xff",
    b"\x84\xff\xff\xff\xff",
    b"\x80",
];
