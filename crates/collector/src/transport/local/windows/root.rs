//! Where Windows itself lies, and its own programs.

use std::io;

use super::registry::{Hive, Registry, Value, find};

const VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// Where it is put unless somebody says otherwise.
const USUAL: &str = r"C:\Windows";

/// Windows' own folder, as the registry says: the environment is the caller's.
pub(super) fn folder(registry: &dyn Registry) -> String {
    let found = registry.values(Hive::Machine, VERSION).map(|listing| listing.items).unwrap_or_default();
    let root = find(&found, "SystemRoot").and_then(Value::text).filter(|root| is_absolute(root));
    root.unwrap_or_else(|| USUAL.to_owned())
}

/// The full path of the program that a line of the catalogue names, and its arguments.
pub(crate) fn program(registry: &dyn Registry, line: &str) -> io::Result<(String, Vec<String>)> {
    let mut words = line.split(' ').map(str::to_owned);
    let name =
        words.next().filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()));
    let name = name.ok_or_else(|| io::Error::other("a line without a program of Windows' own"))?;
    Ok((format!("{}\\System32\\{name}.exe", folder(registry)), words.collect()))
}

/// Text of the registry with the folders that stand for themselves in it: `%SystemRoot%`, `%SystemDrive%`.
pub(super) fn expanded(registry: &dyn Registry, text: &str) -> String {
    let Some((name, rest)) = text.strip_prefix('%').and_then(|text| text.split_once('%')) else {
        return text.to_owned();
    };
    let root = folder(registry);
    match name.to_ascii_lowercase().as_str() {
        "systemroot" | "windir" => root + rest,
        "systemdrive" => root[..2].to_owned() + rest,
        _ => text.to_owned(),
    }
}

/// `C:\…`.
pub(super) fn is_absolute(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::super::registry::testing::Made;
    use super::*;

    #[test]
    fn programs_are_windows_own_and_no_others() {
        let mut made = Made::default();
        let run = |made: &Made, line| program(made, line).ok().map(|(path, words)| (path, words.join("|")));
        assert_eq!(run(&made, "arp -a"), Some((r"C:\Windows\System32\arp.exe".into(), "-a".into())));
        made.text(&format!(r"HKLM\{VERSION}"), "SystemRoot", r"D:\WINNT");
        let netsh = run(&made, "netsh interface ipv6 show neighbors");
        assert_eq!(
            netsh,
            Some((r"D:\WINNT\System32\netsh.exe".into(), "interface|ipv6|show|neighbors".into()))
        );
        for line in ["", r"..\evil", r"C:\evil.exe", " arp", "a.b"] {
            assert_eq!(run(&made, line), None, "{line}");
        }
        assert_eq!(expanded(&made, r"%SystemDrive%\Users\a"), r"D:\Users\a");
        assert_eq!(expanded(&made, r"%systemroot%\x"), r"D:\WINNT\x");
        assert_eq!(expanded(&made, r"%other%\x"), r"%other%\x");
    }

    #[test]
    fn a_root_that_is_no_path_is_not_followed() {
        let mut made = Made::default();
        made.text(&format!(r"HKLM\{VERSION}"), "SystemRoot", r"\\evil\share");
        assert_eq!(folder(&made), USUAL);
    }
}
