//! `Linux.Files.RecentExecutables`: which programs came in the last 30 days into folders that users can write into (ATT&CK
//! T1105, T1036.005), with their hashes.

use std::collections::HashMap;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, RecentExecutable};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::{Records, text};
use super::super::tally::{Tally, counted};
use super::{PATH_CAP, Rows, cut, note_whole, owner, seconds};

/// Longest value: a path, with what stands before it.
const VALUE_CAP: usize = 8 << 10;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    super::script_of::recent_executables()
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, facts: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::RecentExecutables(Vec::new()), tally));
    };
    let mut places: HashMap<String, usize> = HashMap::new();
    while let Some(record) = records.next()? {
        match record.key {
            b"files" => {
                while let Some(line) = records.line()? {
                    let Some(row) = file(&String::from_utf8_lossy(line), facts) else {
                        tally.count(ArtifactStatus::Partial, "files could not be made out in the answer");
                        continue;
                    };
                    let (path, place) = (row.path.clone(), rows.rows.len());
                    rows.push(row, &mut tally);
                    if rows.rows.len() > place {
                        places.insert(path, place);
                    }
                }
            }
            b"hashes" => {
                while let Some(line) = records.line()? {
                    let found = hash(&String::from_utf8_lossy(line));
                    let Some((path, sha256)) = found else { continue };
                    if let Some(row) = places.get(&path).and_then(|place| rows.rows.get_mut(*place)) {
                        row.sha256 = Some(sha256);
                    }
                }
            }
            b"unreadable" if record.value != b"0" => {
                // What the endpoint calls a number is outside text until it is one.
                match text(record.value).parse::<u64>() {
                    Ok(count) => tally.partial(counted(count, "folders are closed to this account")),
                    Err(_) => tally.partial("folders are closed to this account"),
                }
            }
            b"no_hashes" => tally.partial("the endpoint has no `sha256sum -z`: files are not hashed"),
            b"no_find" => tally.failed("the endpoint has no `find` that prints what it finds"),
            _ => {}
        }
    }
    note_whole(&records, &mut tally);
    Ok((Parsed::RecentExecutables(rows.rows), tally))
}

/// `1000 755 18211 1764000000.1234567890 1764000001.0000000000 /tmp/x`
fn file(line: &str, facts: &Facts) -> Option<RecentExecutable> {
    let mut fields = line.splitn(6, ' ');
    let mut next = || fields.next();
    let (uid, mode, size, modified, changed) = (next()?, next()?, next()?, next()?, next()?);
    let path = next()?;
    let octal = (1..=4).contains(&mode.len()) && mode.bytes().all(|b| matches!(b, b'0'..=b'7'));
    (octal && path.starts_with('/')).then(|| RecentExecutable {
        path: cut(path.to_owned(), PATH_CAP),
        owner: owner(facts, uid),
        mode: mode.to_owned(),
        size: size.parse().unwrap_or(0),
        modified_at: seconds(modified),
        changed_at: seconds(changed),
        ..RecentExecutable::default()
    })
}

/// `e3b0…b855  /tmp/x`, as `sha256sum -z` prints it.
fn hash(line: &str) -> Option<(String, String)> {
    let (sha256, path) = line.split_at_checked(64)?;
    let path = path.strip_prefix("  ").or_else(|| path.strip_prefix(" *"))?;
    let hex = sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    hex.then(|| (cut(path.to_owned(), PATH_CAP), sha256.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::super::testing::{keeps_to_its_word, read, read_bare, run};
    use super::*;

    #[test]
    fn programs_have_their_owner_and_their_hash() {
        let sum = "ab".repeat(32);
        let body = format!(
            "files\0\x001000 755 18211 1764000000.1234567890 1764000001.5 /tmp/a b\nc\x000 4755 9 x y /dev/shm/.x\0\
             nonsense\0\0unreadable\x003\0hashes\0\0{sum}  /tmp/a b\nc\0{sum}  /elsewhere\0\0"
        );
        let (parsed, status, reasons) = read(parse, body.as_bytes(), &Limits::default());
        let Parsed::RecentExecutables(rows) = parsed else { panic!("programs") };
        assert_eq!((rows.len(), status, reasons.len()), (2, ArtifactStatus::Partial, 2), "{reasons:?}");
        assert_eq!((rows[0].path.as_str(), rows[0].owner.as_deref()), ("/tmp/a b\nc", Some("alice")));
        assert_eq!((rows[0].sha256.as_ref(), rows[0].mode.as_str()), (Some(&sum), "755"));
        assert_eq!((rows[1].mode.as_str(), &rows[1].sha256, rows[1].modified_at), ("4755", &None, None));
        assert_eq!(read(parse, b"no_find\0\0", &Limits::default()).1, ArtifactStatus::Failed);
        let (parsed, status, _) = read(parse, body.as_bytes(), &Limits { rows: 1, ..Limits::default() });
        assert_eq!((parsed.items(), status), (1, ArtifactStatus::Truncated));
    }

    /// The script finds a program that has just come, with the hash that another tool gives.
    #[test]
    fn this_machine_answers_with_what_has_just_come() {
        let dir = tempfile::Builder::new().prefix("peerhound-recent").tempdir_in("/tmp").unwrap();
        let program = dir.path().join("dropper of\nnight");
        std::fs::write(&program, "#!/bin/sh\nexit 0\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(dir.path().join("text"), "no program").unwrap();
        let limits = Limits { rows: u64::MAX, ..Limits::default() };
        // The same script over one folder: others may hold anything on this machine.
        let places = "/tmp /var/tmp /dev/shm /run/user /var/www /srv";
        assert!(script().contains(places) && script().contains("/etc/passwd"));
        let narrow =
            script().replace(places, &dir.path().display().to_string()).replace("/etc/passwd", "/dev/null");
        let (parsed, status, reasons) = read_bare(parse, &run(&narrow), &limits);
        assert!(matches!(status, ArtifactStatus::Ok | ArtifactStatus::Partial), "{reasons:?}");
        let Parsed::RecentExecutables(rows) = parsed else { panic!("programs") };
        let ours: Vec<_> =
            rows.iter().filter(|row| row.path.starts_with(dir.path().to_str().unwrap())).collect();
        assert_eq!(ours.len(), 1, "{ours:?}");
        let sum =
            sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix("#!/bin/sh\nexit 0\n"));
        assert_eq!(ours[0].sha256.as_deref(), Some(data_encoding::HEXLOWER.encode(&sum).as_str()));
        assert_eq!((ours[0].path.as_str(), ours[0].mode.as_str()), (program.to_str().unwrap(), "755"));
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, line: String) {
            keeps_to_its_word(parse, &bytes);
            file(&line, &Facts::default());
            hash(&line);
        }
    }
}
