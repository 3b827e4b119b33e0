//! Bundles: what a relay uploads for an order. What opens holds what its report lists, and can be sealed.

mod packing;
mod seeds;

use std::error::Error as _;
use std::io::{Cursor, Read as _};

use casework::container::bundle::{Caps, Origin};
use casework::container::{
    Bundle, BundleError, SealBundle, SealBundleError, measure, verify_in, write_sealed,
};
use data_encoding::HEXLOWER;
use investigation::order::RelayReport;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use self::packing::{SOUND, packed};
pub(super) use self::seeds::{TOKENS, seeds};
use super::container::edit;
use super::manifest::{sealed_at, tool};
use super::relay_report::sound;
use super::{assert_one_line, unquoted, way};

const CASE: &str = "case-1";
const ORIGIN: Origin<'static> = Origin { case_id: CASE, effect: 2, attempt: 1 };

/// Small ones, so that they are reached.
const CAPS: Caps = Caps {
    bundle_bytes: 512 << 10,
    entries: 64,
    entry_bytes: 1 << 20,
    total_bytes: 2 << 20,
    parsed_bytes: 256 << 10,
    parsed_total_bytes: 512 << 10,
    parsed_values: 20_000,
};

/// Bundles. An input that begins as a zip is opened as it is. In any other, the first byte says which: one that is
/// packed out of the fields behind it (see [`packed`]), or a sound one with a list of edits.
///
/// - What opens is of this order, within the caps, and holds exactly what its report lists, as another reader of zips
///   sees it. With edits it still says what it said before.
/// - What opens is sealed, and the container is proven, or it holds no collection.
/// - No bundle that lies in memory may be read later; what is wrong is safe to print.
/// - Where it is only looked at, the same report is seen.
pub fn bundle(data: &[u8]) -> u64 {
    let (bytes, before) = match data.split_first() {
        Some((b'P', _)) if data.starts_with(b"PK") => (data.to_vec(), None),
        Some((which, fields)) if which & 0x80 != 0 => match packed(*which, fields) {
            Some(bytes) => (bytes, None),
            None => return way("not packed"),
        },
        first => {
            let (which, edits) = first.unwrap_or((&0, &[]));
            let sound = &SOUND[usize::from(*which) % SOUND.len()];
            (edit(sound.bytes.clone(), edits), Some(sound))
        }
    };
    let length = bytes.len() as u64;
    let peeked =
        Bundle::peek(Cursor::new(&bytes), length, &ORIGIN, CAPS).map(|bundle| bundle.report().clone());
    match Bundle::open(Cursor::new(&bytes), length, &ORIGIN, CAPS) {
        Ok(mut bundle) => {
            assert_eq!(peeked.as_ref().ok(), Some(bundle.report()), "looked at, it says something else");
            if let Some(sound) = before {
                assert_eq!(*bundle.report(), sound.report, "edits are taken");
            }
            sound(bundle.report());
            holds_what_it_lists(&bytes, bundle.report());
            let read = read(&mut bundle);
            let sealed = sealed(&mut bundle);
            let listed = "|".repeat(bundle.report().entries.len().min(8));
            way(&format!("{listed} {read} {sealed}"))
        }
        Err(error) => {
            assert!(before.is_none_or(|sound| sound.bytes != bytes), "a sound bundle is refused: {error}");
            if let Err(seen) = peeked {
                assert_eq!(seen.to_string(), error.to_string());
            }
            way(&refused(&error))
        }
    }
}

/// The kind of error, and of what is wrong with an entry or cannot be read; no path.
fn refused(error: &BundleError) -> String {
    assert!(!error.is_retryable(), "nothing changes: {error:?}");
    assert_one_line(&error.to_string());
    let what = match error {
        BundleError::NotABundle(what) | BundleError::Entry { what, .. } => (*what).to_owned(),
        BundleError::Fault(fault) => unquoted(&format!("{fault:?}")),
        error => error.source().map(|source| unquoted(&source.to_string())).unwrap_or_default(),
    };
    format!("{} {what}", unquoted(&format!("{error:?}")).chars().take(12).collect::<String>())
}

/// The entries as the `zip` crate reads them: the report and what it lists, in this order, byte for byte.
fn holds_what_it_lists(bytes: &[u8], report: &RelayReport) {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).expect("what opens is a zip");
    assert_eq!(zip.len(), report.entries.len() + 1);
    assert!(report.entries.len() <= CAPS.entries);
    let mut total = 0;
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).expect("an entry");
        let name = file.name().expect("its name").into_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("its content");
        let Some(entry) = index.checked_sub(1).map(|index| &report.entries[index]) else {
            assert_eq!(name, "report.json");
            assert_eq!(RelayReport::parse(&content).expect("the report"), *report);
            continue;
        };
        assert_eq!((&name, content.len() as u64), (&entry.path, entry.size));
        assert_eq!(HEXLOWER.encode(&Sha256::digest(&content)), entry.sha256, "{name:?}");
        assert!(entry.size <= CAPS.entry_bytes);
        total += entry.size;
    }
    assert!(total <= CAPS.total_bytes);
}

/// The parsed artifacts of a proven bundle: read, or refused for what they are.
fn read(bundle: &mut Bundle<Cursor<&Vec<u8>>>) -> String {
    let identity = bundle.identity().map(|identity| identity.is_some());
    let evidence = bundle.evidence(&[]);
    let of = |error: &BundleError| {
        let expected = matches!(
            error,
            BundleError::TooLarge { .. } | BundleError::TooManyValues(_) | BundleError::Unreadable { .. }
        );
        assert!(expected, "{error:?}");
        refused(error)
    };
    match (identity, evidence) {
        (Err(error), Ok(_)) => panic!("an identity that cannot be read is evidence: {error}"),
        (_, Err(error)) => of(&error),
        (Ok(is_known), Ok(evidence)) => {
            assert_eq!(is_known, evidence.identity.is_some());
            let processes = evidence.processes.map(|rows| rows.is_empty());
            let others =
                (evidence.sockets.is_some(), evidence.torrents.is_some(), evidence.firewall.is_some());
            format!("{is_known} {processes:?} {others:?}")
        }
    }
}

/// Seals a proven bundle, and proves the container.
fn sealed(bundle: &mut Bundle<Cursor<&Vec<u8>>>) -> &'static str {
    let tool = tool();
    let request = SealBundle {
        extra: &[("alert.json", b"{}")],
        case_id: CASE,
        tool: &tool,
        sealed_at: sealed_at(),
        supplement: None,
    };
    let measured = match measure(&request, bundle) {
        Ok(measured) => measured,
        Err(SealBundleError::NoCollection) => {
            assert!(bundle.collection().is_none());
            return "no collection";
        }
        Err(error) => panic!("a proven bundle is not sealed: {error:?}"),
    };
    let container = write_sealed(&request, bundle, &measured, Vec::new()).expect("sealed as measured");
    assert_eq!(container.len() as u64, measured.size);
    assert_eq!(HEXLOWER.encode(&Sha256::digest(&container)), measured.sha256);
    let report = verify_in(&mut Cursor::new(&container), measured.size).expect("a container");
    assert!(report.is_intact(), "{:?}", report.problems);
    "sealed"
}

#[cfg(test)]
mod tests {
    use super::seeds::fields;
    use super::*;

    fn opens(data: &[u8]) -> bool {
        let bytes = packed(data[0], &data[1..]).expect("a zip");
        Bundle::open(Cursor::new(&bytes), bytes.len() as u64, &ORIGIN, CAPS).is_ok()
    }

    #[test]
    fn what_is_packed_opens_where_nobody_lies() {
        for packing in 0..3 {
            assert!(opens(&fields(packing, &[("@artifacts/a", b"a")])));
            for lie in [1, 2, 4, 8, 16] {
                let name = format!("{}artifacts/a", char::from(b'@' | lie));
                assert!(!opens(&fields(packing, &[(&name, b"a")])), "{lie}");
            }
        }
        assert!(opens(&seeds::seeds().into_iter().find(|seed| seed.len() > 1 << 20).expect("a large one")));
    }
}
