//! The part of the script that follows from the table of what P2P clients leave behind: which names `find` shall
//! look for, and which files shall be sent. It over-collects a little (it looks at the last component of a path
//! only); the parser classifies every path again.

use std::collections::BTreeSet;

use super::CONTENT_BYTES;
use crate::torrent::client_data::{self, ClientArtifact, Content};

/// File systems whose files lie on the endpoint itself, as the native walk has them.
pub(super) const LOCAL: &str = "aufs bcachefs btrfs ecryptfs exfat ext2 ext3 ext4 f2fs fuse.encfs fuse.gocryptfs \
     fuseblk hfs hfsplus iso9660 jfs minix msdos nilfs2 ntfs ntfs3 overlay ramfs reiser4 reiserfs tmpfs udf ufs vfat \
     xfs zfs";

/// Sets `local`; `look`, run by a shell of its own on the paths that were found; and what names to look for, twice: as
/// `names` for a `grep` that knows `-z`, which is ten times as fast, and as positional parameters for `find`.
pub(super) fn preamble() -> String {
    // Inside single quotes: no single quote may occur.
    let look = format!(
        r#"for f do
	content=
	if [ -L "$f" ]; then kind=l; elif [ -d "$f" ]; then kind=d; elif [ -f "$f" ]; then
		kind=f
		case $f in {worth_reading}) content=1 ;; esac
	else kind=o; fi
	stat=$(stat -c "%s %Y %X %W %u" -- "$f")
	printf "hit\000%s\000stat\000%s\000path\000%s\000" "$kind" "$stat" "$f"
	[ -n "$content" ] && [ "${{stat%% *}}" -le {CONTENT_BYTES} ] && [ -r "$f" ] || continue
	printf "content\000"
	{{ dd if="$f" iflag=noatime,nonblock,nofollow bs=65536 count={blocks} 2>/dev/null || head -c {CONTENT_BYTES} -- "$f"; }} | base64
	printf "\000"
done"#,
        worth_reading = worth_reading().join(" | "),
        blocks = CONTENT_BYTES / 65536,
    );
    format!("local='{LOCAL}'\nlook='{look}'\nnames='{}'\nset -- {}\n", expression(), name_tests())
}

/// The names of files and folders as one extended regular expression over the whole path.
fn expression() -> String {
    let all = names(false).into_iter().chain(names(true));
    let alternatives: BTreeSet<String> = all.map(|name| regex(&name)).collect();
    alternatives.into_iter().collect::<Vec<_>>().join("|")
}

/// One name, anchored where it does not begin or end with a wildcard.
fn regex(name: &str) -> String {
    let one = |c: char| match c {
        // A newline in a name is taken by no bracket; such a name is found where the wildcard stands at an end.
        '*' => "[^/]*".to_owned(),
        c if c.is_ascii_alphanumeric() || "/_-~! ".contains(c) => c.to_string(),
        c => format!("\\{c}"),
    };
    let middle = name.trim_matches('*');
    let begin = if name.starts_with('*') { "" } else { "/" };
    let end = if name.ends_with('*') { "" } else { "$" };
    let middle: String = middle.chars().map(one).collect();
    let middle = [64, 40].iter().fold(middle, |middle, digits| {
        middle.replace(&"\\?".repeat(*digits), &format!("[0-9a-f]{{{digits}}}"))
    });
    format!("{begin}{middle}{end}")
}

/// The names as `find` tests: files first, folders second.
fn name_tests() -> String {
    let tests = |folder: bool| -> String {
        let names = names(folder);
        names.iter().map(|name| format!("-iname '{name}'")).collect::<Vec<_>>().join(" -o ")
    };
    format!("! -type d '(' {} ')' -o -type d '(' {} ')'", tests(false), tests(true))
}

/// Last components, without those that a broader one covers.
fn names(folder: bool) -> BTreeSet<String> {
    let rows = client_data::artifacts().filter(|row| row.is_folder() == folder);
    let all: BTreeSet<String> = rows.flat_map(last_component).collect();
    let covered = |name: &String| {
        all.iter()
            .any(|other| other != name && other.strip_prefix('*').is_some_and(|end| name.ends_with(end)))
    };
    all.iter().filter(|name| !covered(name)).cloned().collect()
}

fn last_component(row: &ClientArtifact) -> Vec<String> {
    let name = row.pattern.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    with_infohashes(name)
}

/// An infohash has 40 or 64 digits.
fn with_infohashes(pattern: &str) -> Vec<String> {
    if pattern.contains("{infohash}") {
        [40, 64].map(|digits| pattern.replace("{infohash}", &"?".repeat(digits))).into()
    } else {
        vec![pattern.to_owned()]
    }
}

/// Patterns of `case`, over the whole path, of the files whose content is read.
fn worth_reading() -> Vec<String> {
    let rows = client_data::artifacts().filter(|row| row.content != Content::Unread && !row.is_folder());
    let paths = rows.flat_map(|row| with_infohashes(row.pattern));
    let patterns: BTreeSet<String> = paths.map(|path| case_pattern(&format!("*/{path}"))).collect();
    patterns.into_iter().collect()
}

/// `case` knows no "ignore case", and takes what is special to the shell literally only behind a backslash.
fn case_pattern(pattern: &str) -> String {
    let one = |c: char| match c {
        c if c.is_ascii_alphabetic() => format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase()),
        '*' | '?' | '/' | '.' => c.to_string(),
        c if c.is_ascii_digit() => c.to_string(),
        c => format!("\\{c}"),
    };
    pattern.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_nothing_that_could_leave_its_quotes() {
        for row in client_data::artifacts() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "*/.!_-+~ {}".contains(c);
            assert!(row.pattern.chars().all(plain), "{}", row.pattern);
        }
        assert_eq!(preamble().matches('\'').count() % 2, 0);
    }

    #[test]
    fn names_that_a_broader_one_covers_are_left_out() {
        let names = names(false);
        assert!(names.contains("*.torrent") && names.contains("*.!qb") && names.contains("resume.dat*"));
        assert!(!names.iter().any(|name| name.ends_with("?.torrent")), "{names:?}");
        assert_eq!(case_pattern("*/a.!b c"), r"*/[aA].\![bB]\ [cC]");
        assert_eq!(
            ["*.!qb", "dht*.dat", "resume.dat*"].map(regex),
            [r"\.!qb$", r"/dht[^/]*\.dat$", r"/resume\.dat"]
        );
    }
}
