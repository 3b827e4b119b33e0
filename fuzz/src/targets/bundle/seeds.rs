//! What bundles are made of.

use serde_json::json;

use super::super::relay_report::report_of;
use super::super::seeds as given;
use super::CASE;
use super::packing::{
    IDENTITY, LARGER, MISSING, OTHER_HASH, Packing, SOUND, TWICE, UNLISTED, collection_json, pack,
};

/// The fields of a bundle that is to be packed, after its collection.
pub(super) fn fields(packing: u8, files: &[(&str, &[u8])]) -> Vec<u8> {
    let collection = collection_json();
    let first = [("@collection.json", collection.as_slice())];
    let files = first.iter().chain(files);
    let fields = files.flat_map(|(name, content)| [name.as_bytes(), &[0], content, &[0]]);
    std::iter::once([0x80 | packing].as_slice()).chain(fields).collect::<Vec<_>>().concat()
}

pub(in crate::targets) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = SOUND.iter().map(|sound| sound.bytes.clone()).collect();
    for which in 0..4 {
        seeds.push(vec![which]);
        for what in 0..8 {
            seeds.push(vec![which, what, 0, 1, 7, 3, 5]);
            seeds.push(vec![which, what | 0x80, 0, 1, 7, 3, 5]);
        }
    }
    for packing in 0..3 {
        let identity = ("@artifacts/identity.json", IDENTITY.as_bytes());
        seeds.push(fields(
            packing,
            &[identity, ("@artifacts/processes.json", br#"[{"pid":1,"name":"init"}]"#)],
        ));
        for lie in [UNLISTED, MISSING, LARGER, OTHER_HASH, TWICE] {
            let name = format!("{}artifacts/a", char::from(b'@' | lie));
            seeds.push(fields(packing, &[identity, (&name, b"a")]));
        }
    }
    seeds.extend(hostile());
    seeds
}

/// Little input for much work or memory.
fn hostile() -> Vec<Vec<u8>> {
    let artifact = |kind: &str, json: &[u8]| fields(1, &[(&format!("@artifacts/{kind}.json"), json)]);
    let engines =
        [br#"{"rules":[],"engines":["#.to_vec(), given::many(b"\"\",", 250 << 10), b"\"\"]}".to_vec()];
    let rows = |row: &[u8]| {
        [b"[".to_vec(), given::many(&[row, b","].concat(), 250 << 10), row.to_vec(), b"]".to_vec()].concat()
    };
    let many: Vec<String> = (0..70).map(|n| format!("@artifacts/{n}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    let with_report = |report: &[u8]| pack(Packing::Deflated, report, &[]).expect("a zip");
    let entry = json!({"path": "", "size": 0, "sha256": "", "media_type": ""}).to_string();
    let mut listed = report_of(CASE, json!({"status": "staged"}), json!(["#"])).to_string();
    listed =
        listed.replace("\"#\"", &format!("{}{entry}", format!("{entry},").repeat((7 << 20) / entry.len())));
    vec![
        artifact("firewall", &engines.concat()),
        artifact("processes", &rows(br#"{"pid":1,"name":""}"#)),
        artifact("torrents", &rows(br#"{"path":"","kind":"resume","size":0}"#)),
        artifact("autostart", &given::many(b"[", 250 << 10)),
        artifact("identity", &given::many(b" ", (256 << 10) + 1)),
        fields(
            1,
            &[
                ("@artifacts/raw/zeros", &vec![b'0'; 1 << 20]),
                ("@artifacts/raw/more", &vec![b'0'; 900 << 10]),
            ],
        ),
        fields(1, &[("@artifacts/raw/zeros", &vec![b'0'; (1 << 20) + 1])]),
        fields(0, &many[..63]),
        fields(0, &many),
        fields(
            1,
            &[
                ("@artifacts/../../x", b""),
                ("@/etc/passwd", b""),
                ("@artifacts/A", b""),
                ("@artifacts/a", b""),
            ],
        ),
        with_report(listed.as_bytes()),
        with_report(&given::many(b" ", (8 << 20) + 1)),
        with_report(json!({"format": "\u{1b}".repeat(1 << 20)}).to_string().as_bytes()),
        b"PK\x05\x06".repeat(30_000),
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
        b"PK\x03\x04".to_vec(),
    ]
}

pub(in crate::targets) const TOKENS: &[&[u8]] = &[
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"PK\x07\x08",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff",
    b"\x08\x00",
    b"\x00\x08",
    b"\x01\x00\x10\x00",
    b"@collection.json\x00",
    b"@artifacts/",
    b"@report.json\x00",
    b"identity.json\x00",
    b"processes.json\x00",
    b"connections.json\x00",
    b"torrents.json\x00",
    b"autostart.json\x00",
    b"firewall.json\x00",
    b"[]\x00",
    b"{}\x00",
    b"../",
    b"\xc4\xb0",
    b"\"case_id\":\"case-1\"",
    b"\"target\":",
    b"\"outcomes\":[",
    b"\"commands\":[",
    b"\\u001b",
    b"null",
];
