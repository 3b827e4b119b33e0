//! The PowerShell scripts, each between what opens and what ends every answer; and what follows from the table of what
//! P2P clients leave behind.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::torrent::client_data::{self, ClientArtifact, Content};

/// Most bytes of one file that the script sends.
pub(super) const CONTENT_BYTES: u64 = 4 << 20;

macro_rules! powershell {
    ($($file:literal),+) => {
        concat!(include_str!("ps/prologue.ps1"), $(include_str!($file),)+ include_str!("ps/epilogue.ps1"))
    };
}

/// What is run for `Windows.System.Identity`.
pub(crate) fn identity() -> &'static str {
    powershell!("ps/identity.ps1")
}

/// What is run for `Windows.Network.Connections`.
pub(crate) fn connections() -> &'static str {
    powershell!("ps/connections.ps1")
}

/// What is run for `Windows.System.Processes`.
pub(crate) fn processes() -> &'static str {
    powershell!("ps/processes.ps1")
}

/// What is run for `Windows.Persistence.Autostart`.
pub(crate) fn autostart() -> &'static str {
    powershell!("ps/registry.ps1", "ps/hives.ps1", "ps/autostart.ps1")
}

/// What is run for `Windows.Network.Firewall`.
pub(crate) fn firewall() -> &'static str {
    powershell!("ps/registry.ps1", "ps/firewall.ps1")
}

/// What is run for `Windows.Network.Neighbors`.
pub(crate) fn neighbors() -> &'static str {
    powershell!("ps/neighbors.ps1")
}

/// What is run for `Windows.Network.DnsCache`.
pub(crate) fn dns_cache() -> &'static str {
    powershell!("ps/dns_cache.ps1")
}

/// What is run for `Windows.Execution.Prefetch`.
pub(crate) fn prefetch() -> &'static str {
    powershell!("ps/prefetch.ps1")
}

/// What is run for `Windows.System.Programs`.
pub(crate) fn programs() -> &'static str {
    powershell!("ps/registry.ps1", "ps/hives.ps1", "ps/programs.ps1")
}

/// What is run for `Windows.Files.Torrents`: put together once from the table.
pub(crate) fn torrents() -> &'static str {
    static SCRIPT: LazyLock<String> = LazyLock::new(|| {
        let names: BTreeSet<String> = names(None).iter().map(|name| regex(name)).collect();
        let worth_reading =
            client_data::artifacts().filter(|row| row.content != Content::Unread && !row.is_folder());
        let read: BTreeSet<String> = worth_reading.map(|row| regex(row.pattern)).collect();
        let join = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>().join("|");
        [
            include_str!("ps/prologue.ps1"),
            // `-match` ignores case, and `.` takes everything but a newline, which no name on Windows holds.
            &format!(
                "$names = '^({})$'\n$read = '\\\\({})$'\n$most = {CONTENT_BYTES}\n",
                join(names),
                join(read)
            ),
            include_str!("ps/torrents.ps1"),
            include_str!("ps/epilogue.ps1"),
        ]
        .concat()
    });
    &SCRIPT
}

/// A pattern of the table as a regular expression of .NET, without anchors.
fn regex(pattern: &str) -> String {
    let pattern = pattern.trim_end_matches('/');
    let (before, hole, after) = if let Some((before, after)) = pattern.split_once("{infohash}") {
        (before, "([0-9a-f]{40}|[0-9a-f]{64})", after)
    } else {
        (pattern, "", "")
    };
    [&literal(before), hole, &literal(after)].concat()
}

fn literal(text: &str) -> String {
    let one = |c: char| match c {
        '*' => r"[^\\]*".to_owned(),
        '/' => r"\\".to_owned(),
        c if c.is_ascii_alphanumeric() || "_-~! ".contains(c) => c.to_string(),
        c => format!("\\{c}"),
    };
    text.chars().map(one).collect()
}

/// A line that lists everything of such a name on every drive. `dir` walks a drive once for all names together. The
/// letters of a session that nobody opened at the screen are those of the machine's own drives.
pub(crate) fn dir_line(folders: bool) -> String {
    // A link to a folder (`l`) is left out where folders are listed, and files behind one are not walked to.
    let attributes = if folders { "/a:d-l" } else { "/a:-d" };
    let names: BTreeSet<String> =
        names(Some(folders)).iter().map(|name| format!(r"%d:\{}", wildcard(name))).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(" ");
    format!(r"for %d in (C D E F G H I J K L M N O P Q R S T U V W X Y Z) do @dir /s /b {attributes} {names}")
}

/// `dir` knows two wildcards. A blank would end the name.
fn wildcard(name: &str) -> String {
    name.replace("{infohash}", "*").replace(' ', "?")
}

/// The last components of the table's rows, of files, of folders or of both, without those that a broader one covers.
fn names(folders: Option<bool>) -> BTreeSet<&'static str> {
    let rows =
        client_data::artifacts().filter(|row| folders.is_none_or(|folders| row.is_folder() == folders));
    let all: BTreeSet<&str> = rows.map(last_component).collect();
    let covered = |name: &str| {
        all.iter()
            .any(|other| *other != name && other.strip_prefix('*').is_some_and(|end| name.ends_with(end)))
    };
    all.iter().copied().filter(|name| !covered(name)).collect()
}

fn last_component(row: &'static ClientArtifact) -> &'static str {
    row.pattern.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_becomes_expressions_and_wildcards() {
        assert_eq!(regex("utorrent*/resume.dat*"), r"utorrent[^\\]*\\resume\.dat[^\\]*");
        assert_eq!(regex("active/{infohash}.dat"), r"active\\([0-9a-f]{40}|[0-9a-f]{64})\.dat");
        assert_eq!(regex("*.!qb"), r"[^\\]*\.!qb");
        assert!(torrents().contains(r"$names = '^(") && torrents().contains(r"[^\\]*\.torrent"));
        // What no name ends before its quote.
        assert_eq!(torrents().lines().find(|l| l.starts_with("$names")).unwrap().matches('\'').count(), 2);
        let line = dir_line(false);
        assert!(line.contains(r" %d:\*.torrent ") && line.contains(r" %d:\resume.dat*"), "{line}");
        assert!(dir_line(true).contains(r" %d:\bt_backup "), "{}", dir_line(true));
    }
}
