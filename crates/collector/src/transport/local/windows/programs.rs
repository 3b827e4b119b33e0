//! What is installed, by what the registry keeps for uninstalling it.

use investigation::evidence::Program;
use investigation::order::Limits;

use super::accounts::Accounts;
use super::registry::{Hive, Registry, keys, values};
use crate::artifact::programs::List;
use crate::artifact::tally::Tally;
use crate::artifact::windows::programs::Entry;

/// Of 64-bit and of 32-bit programs.
const PLACES: [&str; 2] = [
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall",
    r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall",
];

/// Reads the machine's list and that of every loaded hive.
pub(crate) fn read(registry: &dyn Registry, limits: &Limits) -> (Vec<Program>, Tally) {
    let mut tally = Tally::default();
    let accounts = Accounts::read(registry, &mut tally);
    let mut list = List::new(limits);
    let users = accounts.hives.iter().map(|sid| (Hive::Users, format!("{sid}\\"), Some(accounts.name(sid))));
    for (hive, above, user) in std::iter::once((Hive::Machine, String::new(), None)).chain(users) {
        for place in PLACES {
            let place = format!("{above}{place}");
            for key in keys(registry, hive, &place, &mut tally) {
                let path = format!("{place}\\{key}");
                let mut entry = Entry::default();
                for value in values(registry, hive, &path, &mut tally) {
                    if let Some(text) = value.text() {
                        entry.set(&value.name, text);
                    }
                }
                if let Some(program) = entry.program(format!("{}\\{path}", hive.name()), user.clone()) {
                    list.push(program, &mut tally);
                }
            }
        }
    }
    accounts.count_absent(
        registry,
        "users are not logged on: what their part of the registry lists is not read",
        &mut tally,
    );
    (list.finish(), tally)
}

#[cfg(test)]
mod tests {
    use investigation::evidence::ArtifactStatus;

    use super::super::registry::testing::Made;
    use super::*;

    const ALICE: &str = "S-1-5-21-1-2-3-1001";

    #[test]
    fn both_views_and_every_loaded_hive_are_read() {
        let mut made = Made::default();
        let set = |made: &mut Made, key: &str, values: &[(&str, &str)]| {
            values.iter().for_each(|(name, text)| made.text(key, name, text));
        };
        let [whole, narrow] = PLACES.map(|place| format!(r"HKLM\{place}"));
        let program = r"C:\q\qbittorrent.exe";
        set(
            &mut made,
            &format!(r"{whole}\qBittorrent"),
            &[
                ("DisplayName", "qBittorrent"),
                ("DisplayVersion", "4.6.3"),
                ("DisplayIcon", program),
                ("InstallDate", "20260211"),
            ],
        );
        set(&mut made, &format!(r"{whole}\{{01}}"), &[("Publisher", "no name, no program")]);
        set(&mut made, &format!(r"{narrow}\Old"), &[("DisplayName", "Old")]);
        let own = format!(r"HKU\{ALICE}\{}", PLACES[0]);
        set(&mut made, &format!(r"{own}\uTorrent"), &[("displayname", "\u{b5}Torrent")]);
        made.text(&format!(r"HKU\{ALICE}\Volatile Environment"), "USERNAME", "alice");
        let (rows, tally) = read(&made, &Limits::default());
        assert_eq!((rows.len(), tally.settle().0), (3, ArtifactStatus::Ok), "{rows:#?}");
        assert_eq!((rows[0].image.as_deref(), rows[0].user.as_deref()), (Some(program), None));
        assert_eq!(rows[0].installed.unwrap().to_string(), "2026-02-11");
        assert!(rows[1].key.as_deref().unwrap().contains("WOW6432Node"), "{rows:#?}");
        assert_eq!((rows[2].name.as_str(), rows[2].user.as_deref()), ("\u{b5}Torrent", Some("alice")));
        let (rows, tally) = read(&made, &Limits { rows: 1, ..Limits::default() });
        assert_eq!((rows.len(), tally.settle().0), (1, ArtifactStatus::Truncated));
    }

    #[test]
    fn what_was_not_read_is_said() {
        let mut made = Made::default();
        made.closed.push(format!(r"HKLM\{}", PLACES[0]));
        made.text(&format!(r"HKLM\{}\{ALICE}", super::super::accounts::PROFILES), "x", "");
        let (_, reasons) = read(&made, &Limits::default()).1.settle();
        assert_eq!(reasons.len(), 2, "{reasons:?}");
    }
}
