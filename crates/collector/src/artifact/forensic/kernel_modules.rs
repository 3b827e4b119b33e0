//! `Linux.System.KernelModules`: what was loaded into the kernel (ATT&CK T1547.006, T1014). The kernel lists modules twice,
//! and what hides in one list often stays in the other.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use investigation::evidence::KernelModule;
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::{Records, text};
use super::super::tally::Tally;
use super::{NAME_CAP, Rows, cut, note_whole, some};

/// Longest line: a module may be used by many others.
const VALUE_CAP: usize = 64 << 10;
/// Users of one module that are kept.
const USERS: usize = 256;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    super::script_of::kernel_modules()
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::KernelModules(Vec::new()), tally));
    };
    let mut shown: Option<Vec<KernelModule>> = None;
    let mut loaded: Option<BTreeMap<String, String>> = None;
    let most = usize::try_from(limits.rows).unwrap_or(usize::MAX);
    while let Some(record) = records.next()? {
        match record.key {
            b"modules" => {
                let list = shown.get_or_insert_default();
                while let Some(line) = records.line()? {
                    if let Some(row) = module(&String::from_utf8_lossy(line))
                        && list.len() <= most
                    {
                        list.push(row);
                    }
                }
            }
            b"no_modules" => tally.partial("/proc/modules is not there, or closed to this account"),
            b"tainted" => {
                let mask = text(record.value).trim().parse().unwrap_or(0);
                if let Some(words) = taints(mask) {
                    tally.note(words);
                }
            }
            b"loaded" => {
                let list = loaded.get_or_insert_default();
                while let Some(line) = records.line()? {
                    let line = String::from_utf8_lossy(line).into_owned();
                    let (name, taint) = line.split_once(' ').unwrap_or((&line, ""));
                    if list.len() <= most {
                        list.insert(cut(name.to_owned(), NAME_CAP), cut(taint.trim().to_owned(), 32));
                    }
                }
            }
            _ => {}
        }
    }
    note_whole(&records, &mut tally);
    match (shown, loaded) {
        (None, None) => tally.failed("the endpoint showed none of its modules"),
        (shown, loaded) => join(shown, loaded, &mut rows, &mut tally),
    }
    Ok((Parsed::KernelModules(rows.rows), tally))
}

/// Both lists as one. Where one of them is not there at all, nothing is said to hide in it.
fn join(
    shown: Option<Vec<KernelModule>>,
    loaded: Option<BTreeMap<String, String>>,
    rows: &mut Rows<'_, KernelModule>,
    tally: &mut Tally,
) {
    let both = shown.is_some() && loaded.is_some();
    if loaded.is_none() {
        tally.partial("/sys/module is not there: a module that hides in one list only would not show");
    }
    let mut loaded = loaded.unwrap_or_default();
    for mut row in shown.unwrap_or_default() {
        match loaded.remove(&row.name) {
            Some(taint) => row.taint = row.taint.or(some(taint)),
            None if both => row.only_in = Some("/proc/modules".to_owned()),
            None => {}
        }
        rows.push(row, tally);
    }
    for (name, taint) in loaded {
        let only_in = both.then(|| "/sys/module".to_owned());
        rows.push(KernelModule { name, taint: some(taint), only_in, ..KernelModule::default() }, tally);
    }
}

/// A row of `/proc/modules`: `nf_tables 294912 241 nft_ct,nft_nat, Live 0xffffffffc0a00000 (OE)`.
fn module(line: &str) -> Option<KernelModule> {
    let mut words = line.split_ascii_whitespace();
    let (name, size, _) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let users = words.next().unwrap_or("-");
    let users = users.split(',').filter(|user| !user.is_empty() && *user != "-");
    let state = words.next().unwrap_or_default();
    let taint = words.find_map(|word| word.strip_prefix('(')?.strip_suffix(')'));
    Some(KernelModule {
        name: cut(name.to_owned(), NAME_CAP),
        size,
        used_by: users.take(USERS).map(|user| cut(user.to_owned(), NAME_CAP)).collect(),
        state: cut(state.to_owned(), 32),
        taint: taint.map(|taint| cut(taint.to_owned(), 32)),
        ..KernelModule::default()
    })
}

/// What the kernel's mask says of what is in it (Linux, `Documentation/admin-guide/tainted-kernels.rst`).
fn taints(mask: u64) -> Option<String> {
    let known = [
        (0, "a proprietary module was loaded"),
        (1, "a module was loaded by force"),
        (3, "a module was unloaded by force"),
        (12, "a module from outside the kernel's tree was loaded"),
        (13, "an unsigned module was loaded"),
        (15, "the kernel was patched while it ran"),
    ];
    let words: Vec<&str> =
        known.into_iter().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, words)| words).collect();
    (!words.is_empty()).then(|| format!("the kernel says of itself (tainted = {mask}): {}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use investigation::evidence::ArtifactStatus;
    use proptest::prelude::*;

    use super::super::testing::{keeps_to_its_word, read, read_bare, run};
    use super::*;

    const BODY: &[u8] = b"modules\0\0nf_tables 294912 241 nft_ct,nft_nat, Live 0x0000000000000000\0\
        wl 6459392 0 - Live 0x0000000000000000 (POE)\0\0tainted\x0012289\n\0loaded\0\0nf_tables \0wl POE\0diamorphine OE\0\0";

    fn rows(parsed: Parsed) -> Vec<KernelModule> {
        let Parsed::KernelModules(rows) = parsed else { panic!("modules") };
        rows
    }

    #[test]
    fn a_module_that_hides_in_one_list_shows_by_the_other() {
        let (parsed, status, reasons) = read(parse, BODY, &Limits::default());
        let rows = rows(parsed);
        assert_eq!((rows.len(), status), (3, ArtifactStatus::Ok), "{rows:#?}");
        assert_eq!((rows[0].size, rows[0].used_by.len(), rows[0].state.as_str()), (294_912, 2, "Live"));
        assert_eq!((rows[1].taint.as_deref(), &rows[1].only_in), (Some("POE"), &None));
        assert_eq!((rows[2].name.as_str(), rows[2].only_in.as_deref()), ("diamorphine", Some("/sys/module")));
        assert!(reasons[0].contains("unsigned") && reasons[0].contains("12289"), "{reasons:?}");
        let (parsed, status, _) = read(parse, BODY, &Limits { rows: 1, ..Limits::default() });
        assert_eq!((parsed.items(), status), (1, ArtifactStatus::Truncated));
    }

    #[test]
    fn what_is_missing_is_said_and_makes_nobody_suspicious() {
        let (parsed, status, _) = read(parse, b"modules\0\0a 1 0 - Live 0x0\0\0", &Limits::default());
        assert_eq!((status, rows(parsed)[0].only_in.clone()), (ArtifactStatus::Partial, None));
        assert_eq!(read(parse, b"tainted\x000\0", &Limits::default()).1, ArtifactStatus::Failed);
    }

    #[test]
    fn this_machine_answers() {
        let (_, status, reasons) = read_bare(parse, &run(script()), &Limits::default());
        assert!(status != ArtifactStatus::Truncated, "{reasons:?}");
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, line in "[ -~]{0,100}", mask: u64) {
            keeps_to_its_word(parse, &bytes);
            module(&line);
            taints(mask);
        }
    }
}
