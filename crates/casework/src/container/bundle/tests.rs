use std::cell::Cell;
use std::io::{Cursor, SeekFrom};
use std::rc::Rc;

use investigation::evidence::manifest::{PathFault, Tool};
use investigation::order::{REPORT_FORMAT, RelayResult, ReportFault};
use jiff::Timestamp;
use zip::write::SimpleFileOptions;

use super::super::{
    RELAY_REPORT_PATH, SealBundle, SealBundleError, SealRequest, measure, seal, verify_in, write_sealed,
};
use super::*;

const ORIGIN: Origin<'_> = Origin { case_id: "20260302-1", effect: 3, attempt: 1 };

fn now() -> Timestamp {
    "2026-03-02T09:15:42Z".parse().unwrap()
}

fn collection() -> Collection {
    Collection {
        case_id: ORIGIN.case_id.to_owned(),
        target: "10.0.0.5".parse().unwrap(),
        transport: "ssh".to_owned(),
        endpoint_key: None,
        collector_host: "relay-1".to_owned(),
        collector_version: "0.1.0".to_owned(),
        clock_skew_ms: Some(4),
        started_at: now(),
        finished_at: now(),
        outcomes: Vec::new(),
        program: None,
        commands: Vec::new(),
    }
}

fn listed(entries: &[(&str, Vec<u8>)]) -> RelayReport {
    RelayReport {
        format: REPORT_FORMAT.to_owned(),
        case_id: ORIGIN.case_id.to_owned(),
        target: "10.0.0.5".parse().unwrap(),
        effect: ORIGIN.effect,
        attempt: ORIGIN.attempt,
        relay: "site-1".to_owned(),
        relay_version: "0.1.0".to_owned(),
        started_at: now(),
        finished_at: now(),
        result: RelayResult::Staged,
        entries: entries
            .iter()
            .map(|(path, bytes)| Entry {
                path: (*path).to_owned(),
                size: bytes.len() as u64,
                sha256: HEXLOWER.encode(&Sha256::digest(bytes)),
                media_type: media_type(path).to_owned(),
            })
            .collect(),
    }
}

fn staged() -> Vec<(&'static str, Vec<u8>)> {
    let identity = r#"{"host_name":"pc7","domain":null,"os":"Debian 12","addresses":[],"users":[]}"#;
    vec![
        ("collection.json", serde_json::to_vec(&collection()).unwrap()),
        ("artifacts/identity.json", identity.as_bytes().to_vec()),
        ("artifacts/processes.json", b"[]".to_vec()),
        ("artifacts/raw/processes.stdout", "init ps cron ps init ps\n".repeat(4000).into_bytes()),
        ("artifacts/raw/empty.stdout", Vec::new()),
    ]
}

/// A zip with the report first, as a relay packs it.
fn pack(report: &RelayReport, entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let report = serde_json::to_vec(report).unwrap();
    zip_of(
        std::iter::once(("report.json", report.as_slice())).chain(entries.iter().map(|(n, b)| (*n, &b[..]))),
    )
}

fn zip_of<'e>(entries: impl Iterator<Item = (&'e str, &'e [u8])>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sound() -> Vec<u8> {
    pack(&listed(&staged()), &staged())
}

fn open(bytes: &[u8]) -> Result<Bundle<Cursor<&[u8]>>, BundleError> {
    Bundle::open(Cursor::new(bytes), bytes.len() as u64, &ORIGIN, Caps::default())
}

fn refusal(bytes: &[u8]) -> String {
    open(bytes).unwrap_err().to_string()
}

fn request<'r>(extra: &'r [(&'r str, &'r [u8])], tool: &'r Tool) -> SealBundle<'r> {
    SealBundle { extra, case_id: ORIGIN.case_id, tool, sealed_at: now(), supplement: None }
}

fn tool() -> Tool {
    Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() }
}

#[test]
fn what_a_relay_packed_is_read_and_proven() {
    let bytes = sound();
    let mut bundle = open(&bytes).unwrap();
    assert_eq!(bundle.report(), &listed(&staged()));
    assert_eq!(bundle.collection(), Some(&collection()));
    assert_eq!(bundle.identity().unwrap().unwrap().host_name, "pc7");
    let evidence = bundle.evidence(&[]).unwrap();
    assert_eq!(evidence.processes, Some(Vec::new()));
    assert_eq!(evidence.sockets, None, "an artifact that was not collected is not one that is empty");

    let mut stream = zip::ZipWriter::new_stream(Vec::new());
    let report = serde_json::to_vec(&listed(&staged())).unwrap();
    stream.start_file("report.json", SimpleFileOptions::default()).unwrap();
    stream.write_all(&report).unwrap();
    for (name, bytes) in staged() {
        stream.start_file(name, SimpleFileOptions::default()).unwrap();
        stream.write_all(&bytes).unwrap();
    }
    let streamed = stream.finish().unwrap().into_inner();
    assert!(open(&streamed).is_ok(), "sizes behind the content are fine, the directory has them");
}

#[test]
fn a_failure_has_a_report_and_nothing_else() {
    let result = RelayResult::Failed {
        code: "unreachable".to_owned(),
        reason: "10.0.0.5 cannot be reached".to_owned(),
        retryable: true,
    };
    let report = RelayReport { result: result.clone(), ..listed(&[]) };
    let bytes = pack(&report, &[]);
    let mut bundle = open(&bytes).unwrap();
    assert_eq!(bundle.report().result, result);
    assert_eq!(bundle.identity().unwrap(), None);
    let tool = tool();
    assert!(matches!(measure(&request(&[], &tool), &mut bundle), Err(SealBundleError::NoCollection)));
}

#[test]
fn a_bundle_is_sealed_to_the_very_bytes_that_a_folder_is() {
    let folder = tempfile::TempDir::new().unwrap();
    let staging = folder.path().join("staging");
    let report = serde_json::to_vec(&listed(&staged())).unwrap();
    for (name, bytes) in staged().into_iter().chain([(RELAY_REPORT_PATH, report)]) {
        let path = staging.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let (tool, destination) = (tool(), folder.path().join("case.zip"));
    let history = "x".repeat(70_000);
    let extra: [(&str, &[u8]); 2] = [("alert.json", b"{}"), ("case.json", history.as_bytes())];
    let from_folder = seal(&SealRequest {
        staging: &staging,
        extra: &extra,
        case_id: ORIGIN.case_id,
        tool: &tool,
        sealed_at: now(),
        supplement: None,
        collection: &collection(),
        destination: &destination,
    })
    .unwrap();

    let bytes = sound();
    let mut bundle = open(&bytes).unwrap();
    let measured = measure(&request(&extra, &tool), &mut bundle).unwrap();
    let sealed = write_sealed(&request(&extra, &tool), &mut bundle, &measured, Vec::new()).unwrap();
    assert_eq!(sealed, std::fs::read(&destination).unwrap());
    assert_eq!((measured.sha256, measured.size), (from_folder.sha256, from_folder.size));

    let report = verify_in(&mut Cursor::new(&sealed), sealed.len() as u64).unwrap();
    assert_eq!(report.problems, []);
}

#[test]
fn sealed_names_may_not_clash() {
    let bytes = sound();
    let mut bundle = open(&bytes).unwrap();
    let tool = tool();
    let extra: [(&str, &[u8]); 1] = [("artifacts/Identity.json", b"{}")];
    let error = measure(&request(&extra, &tool), &mut bundle).unwrap_err();
    assert!(matches!(error, SealBundleError::Manifest(_)), "{error}");
}

#[test]
fn only_the_report_of_this_very_order_is_taken() {
    let bytes = sound();
    for origin in [
        Origin { case_id: "20260302-2", ..ORIGIN },
        Origin { effect: 2, ..ORIGIN },
        Origin { attempt: 2, ..ORIGIN },
    ] {
        let opened = Bundle::open(Cursor::new(&bytes), bytes.len() as u64, &origin, Caps::default());
        assert!(matches!(opened, Err(BundleError::Fault(ReportFault::OtherOrder { .. }))));
    }
    let mut entries = staged();
    let other = Collection { target: "10.0.0.6".parse().unwrap(), ..collection() };
    entries[0].1 = serde_json::to_vec(&other).unwrap();
    assert!(matches!(open(&pack(&listed(&entries), &entries)), Err(BundleError::OtherCollection)));
}

#[test]
fn the_report_must_be_there_and_first() {
    let report = serde_json::to_vec(&listed(&staged())).unwrap();
    let mut entries = staged();
    let late = |at: usize| {
        let mut all: Vec<(&str, &[u8])> = entries.iter().map(|(n, b)| (*n, &b[..])).collect();
        all.insert(at, ("report.json", &report));
        zip_of(all.into_iter())
    };
    assert!(open(&late(0)).is_ok());
    assert_eq!(refusal(&late(1)), "not a relay's bundle: report.json is not its first entry");
    let without = zip_of(entries.iter().map(|(n, b)| (*n, &b[..])));
    assert_eq!(refusal(&without), "not a relay's bundle: report.json is not its first entry");

    let unreadable = zip_of([("report.json", &b"{\"format\":\"peerhound-report/1\"}"[..])].into_iter());
    assert_eq!(refusal(&unreadable), "the report cannot be read");
    entries.clear();
    assert_eq!(refusal(b""), "not a relay's bundle: it is no whole zip");
}

#[test]
fn exactly_what_is_listed_must_be_there() {
    let others = "the bundle does not hold exactly the entries that its report lists";
    let mut missing = staged();
    missing.remove(2);
    assert_eq!(refusal(&pack(&listed(&staged()), &missing)), others);
    assert_eq!(refusal(&pack(&listed(&missing), &staged())), others, "unlisted");
    let mut swapped = staged();
    swapped.swap(1, 2);
    assert_eq!(refusal(&pack(&listed(&staged()), &swapped)), others);
    let mut renamed = staged();
    renamed[2].0 = "artifacts/processus.json";
    assert_eq!(refusal(&pack(&listed(&staged()), &renamed)), others);

    // Names of one length, so that the directory can be changed in place.
    let mut twice = staged();
    twice[4].0 = "artifacts/raw/processez.stdout";
    let mut report = listed(&twice);
    twice[3].0.clone_into(&mut report.entries[4].path);
    let mut bytes = pack(&report, &twice);
    replace(&mut bytes, b"processez", b"processes");
    assert!(refusal(&bytes).contains("occurs twice"), "{}", refusal(&bytes));
}

#[test]
fn names_lead_nowhere_else() {
    for (path, why) in [
        ("../../etc/cron.d/x", PathFault::Traversal.to_string()),
        ("/etc/passwd", PathFault::EmptyPart.to_string()),
        ("artifacts\\x", PathFault::BadCharacter.to_string()),
        ("artifacts/a\u{1b}[2Jb", PathFault::BadCharacter.to_string()),
        ("artifacts/../x", PathFault::Traversal.to_string()),
        ("alert.json", "is nothing that a collector stages".to_owned()),
        ("artifactsx/a", "is nothing that a collector stages".to_owned()),
    ] {
        let mut entries = staged();
        entries.push((path, b"x".to_vec()));
        let refusal = refusal(&pack(&listed(&entries), &entries));
        assert!(refusal.contains(&why) && !refusal.contains('\u{1b}'), "{path}: {refusal}");
    }
}

#[test]
fn other_bytes_of_the_same_size_are_seen() {
    let mut entries = staged();
    entries[3].1[5] ^= 1;
    let error = refusal(&pack(&listed(&staged()), &entries));
    assert_eq!(error, "artifacts/raw/processes.stdout: has other bytes than the report says");
    let bytes = pack(&listed(&staged()), &entries);
    let peeked = Bundle::peek(Cursor::new(&bytes), bytes.len() as u64, &ORIGIN, Caps::default());
    assert!(peeked.unwrap().prove().is_err(), "what was not proven when it was opened is when it is sealed");
}

/// Changes what the directory and the local header claim to be the size of the content of an entry.
fn claim(bytes: &mut [u8], name: &str, size: u32) {
    let directory = find(bytes, b"PK\x01\x02");
    for (magic, from, size_at, name_at) in [(b"PK\x03\x04", 0, 22, 30), (b"PK\x01\x02", directory, 24, 46)] {
        let at = (from..bytes.len())
            .find(|&at| bytes[at..].starts_with(magic) && bytes[at + name_at..].starts_with(name.as_bytes()))
            .unwrap();
        bytes[at + size_at..at + size_at + 4].copy_from_slice(&size.to_le_bytes());
    }
}

#[test]
fn a_bomb_is_unpacked_to_the_byte_after_its_claimed_size() {
    let mut entries = staged();
    let path = entries[3].0;
    let honest = listed(&entries);
    entries[3].1 = vec![0; 64 << 20];
    let mut bytes = pack(&honest, &entries);
    assert_eq!(refusal(&bytes), format!("{path}: has another size in the directory"));
    let claimed = u32::try_from(honest.entries[3].size).unwrap();
    claim(&mut bytes, path, claimed);
    assert_eq!(refusal(&bytes), format!("{path}: is longer than the report says"));

    // It says so itself: then the caps hold it.
    let honest = pack(&listed(&entries), &entries);
    assert!(open(&honest).is_ok());
    let with = |caps| Bundle::open(Cursor::new(&honest), honest.len() as u64, &ORIGIN, caps).unwrap_err();
    let too_large = |error| matches!(error, BundleError::TooLarge { .. });
    assert!(too_large(with(Caps { entry_bytes: 63 << 20, ..Caps::default() })));
    assert!(too_large(with(Caps { total_bytes: 64 << 20, ..Caps::default() })));
    assert!(too_large(with(Caps { bundle_bytes: 1000, ..Caps::default() })));
    assert!(matches!(with(Caps { entries: 4, ..Caps::default() }), BundleError::TooMany(4)));

    let mut report = listed(&staged());
    report.entries[3].size = 1 << 30;
    let mut bytes = pack(&report, &staged());
    claim(&mut bytes, path, 1 << 30);
    assert_eq!(refusal(&bytes), format!("{path}: claims more than its packed form can hold"));
}

#[test]
fn an_artifact_that_would_not_fit_into_memory_is_an_error_and_not_empty() {
    let mut entries = staged();
    let wide = format!("[{}]", " ".repeat(1 << 20));
    entries[2].1 = wide.into_bytes();
    let bytes = pack(&listed(&entries), &entries);
    let evidence = |caps| {
        let bundle = Bundle::open(Cursor::new(&bytes), bytes.len() as u64, &ORIGIN, caps);
        bundle.unwrap().evidence(&[]).map(|evidence| evidence.processes)
    };
    assert_eq!(evidence(Caps::default()).unwrap(), Some(Vec::new()));
    let error = evidence(Caps { parsed_bytes: 1 << 20, ..Caps::default() }).unwrap_err();
    assert_eq!(error.to_string(), "artifacts/processes.json has more than 1048576 bytes");
    let error = evidence(Caps { parsed_total_bytes: 1 << 20, ..Caps::default() }).unwrap_err();
    assert_eq!(error.to_string(), "the parsed artifacts together has more than 1048576 bytes");

    // Little to unpack, and a hundred times as much in memory.
    let mut many = staged();
    many[2].1 = format!("[{}\"\"]", "\"\",".repeat(2_000_000)).into_bytes();
    let bytes = pack(&listed(&many), &many);
    let error = open(&bytes).unwrap().evidence(&[]).unwrap_err();
    assert_eq!(error.to_string(), "the parsed artifacts together hold more than 2000000 values");

    entries[2].1 = "[".repeat(200_000).into_bytes();
    let bytes = pack(&listed(&entries), &entries);
    let error = open(&bytes).unwrap().evidence(&[]).unwrap_err();
    assert!(matches!(error, BundleError::Unreadable { .. }), "{error}");
}

#[test]
fn a_bundle_that_was_cut_or_padded_is_refused() {
    let bytes = sound();
    for cut in [1, 21, 22, 30, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(open(&bytes[..bytes.len() - cut]).is_err(), "{cut} bytes less");
    }
    let mut behind = bytes.clone();
    behind.extend(b"hidden");
    assert!(open(&behind).is_err());
    let mut before = b"hidden".to_vec();
    before.extend(&bytes);
    assert!(open(&before).is_err());

    let directory = find(&bytes, b"PK\x01\x02");
    let mut between = bytes.clone();
    between.splice(directory..directory, *b"hidden");
    let start_at = between.len() - 6;
    between[start_at..start_at + 4].copy_from_slice(&u32::try_from(directory + 6).unwrap().to_le_bytes());
    assert_eq!(refusal(&between), "artifacts/raw/empty.stdout: does not end where the next one begins");
}

#[test]
fn no_flipped_byte_changes_what_is_taken() {
    let bytes = sound();
    let (tool, expected) = (tool(), listed(&staged()));
    let mut taken = 0;
    for at in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut flipped = bytes.clone();
            flipped[at] ^= mask;
            let Ok(mut bundle) = open(&flipped) else { continue };
            taken += 1;
            assert_eq!(bundle.report(), &expected, "byte {at} xor {mask:#x}");
            let measured = measure(&request(&[], &tool), &mut bundle).unwrap();
            let sealed = write_sealed(&request(&[], &tool), &mut bundle, &measured, Vec::new()).unwrap();
            let report = verify_in(&mut Cursor::new(&sealed), sealed.len() as u64).unwrap();
            assert_eq!(report.problems, [], "byte {at} xor {mask:#x}");
        }
    }
    assert!(taken > 0, "times and systems may be anything");
}

/// A bundle that becomes another one while it is read.
struct Replaced {
    first: Cursor<Vec<u8>>,
    then: Cursor<Vec<u8>>,
    now: Rc<Cell<bool>>,
}

impl Replaced {
    fn current(&mut self) -> &mut Cursor<Vec<u8>> {
        if self.now.get() { &mut self.then } else { &mut self.first }
    }
}

impl Read for Replaced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.current().read(buffer)
    }
}

impl Seek for Replaced {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.current().seek(to)
    }
}

#[test]
fn a_bundle_that_changes_between_the_passes_is_not_sealed() {
    let mut entries = staged();
    entries[2].1 = b"{}".to_vec();
    let now = Rc::new(Cell::new(false));
    let first = sound();
    let then = pack(&listed(&staged()), &entries);
    assert_eq!(first.len(), then.len(), "or it would be seen by its size alone");
    let length = first.len() as u64;
    let source = Replaced { first: Cursor::new(first), then: Cursor::new(then), now: Rc::clone(&now) };
    let mut bundle = Bundle::open(source, length, &ORIGIN, Caps::default()).unwrap();
    let tool = tool();
    let measured = measure(&request(&[], &tool), &mut bundle).unwrap();
    now.set(true);
    let error = write_sealed(&request(&[], &tool), &mut bundle, &measured, io::sink()).unwrap_err();
    assert!(matches!(error, SealBundleError::Changed) && error.is_retryable());
    assert!(bundle.prove().is_err());
}

fn find(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).position(|window| window == needle).unwrap()
}

fn replace(haystack: &mut [u8], needle: &[u8], replacement: &[u8]) {
    assert_eq!(needle.len(), replacement.len());
    for at in 0..haystack.len().saturating_sub(needle.len() - 1) {
        if haystack[at..].starts_with(needle) {
            haystack[at..at + needle.len()].copy_from_slice(replacement);
        }
    }
}
