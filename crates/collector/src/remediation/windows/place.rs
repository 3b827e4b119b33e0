//! Paths of files that are moved on Windows.

use investigation::remediation::WindowsAutostart;

/// Most characters of a path, in UTF-16: Windows PowerShell opens no longer ones.
const MOST: usize = 259 - ".peerhound".len();

/// Why a file is not moved by this path, if it is not. Only the plain spelling is taken: a letter, a colon, names between
/// backslashes; all others can mean another file than they look like.
pub(crate) fn fault(path: &str) -> Option<String> {
    let mut names = path.split('\\');
    let drive = names.next().unwrap_or_default().as_bytes();
    let below: Vec<&str> = names.collect();
    if drive.len() != 2 || !drive[0].is_ascii_alphabetic() || drive[1] != b':' || below.is_empty() {
        return Some("it is named by no path of a drive".into());
    }
    if path.contains('\u{fffd}') || path.ends_with('…') {
        return Some("its name was not taken down as it is: move it away by hand".into());
    }
    let odd = |name: &&str| {
        // A colon names a stream. Windows leaves out dots and blanks at the end of a name.
        name.is_empty()
            || name.ends_with(['.', ' '])
            || name.contains(['/', ':', '*', '?', '"', '<', '>', '|'])
            || name.chars().any(char::is_control)
    };
    if below.iter().any(odd) {
        return Some("its path has a part that no file is called".into());
    }
    let length = path.encode_utf16().count();
    (length > MOST)
        .then(|| format!("its path has {length} characters, more than {MOST}: move it away by hand"))
}

/// The path of an entry of a startup folder.
pub(crate) fn of_startup(entry: WindowsAutostart<'_>, name: &str) -> Option<String> {
    match entry {
        WindowsAutostart::StartupFile { folder } => Some(format!(r"{folder}\{name}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_are_moved() {
        for path in [r"C:\Users\a b\Downloads\x [1] $(id) 'y'.torrent", r"d:\µ.torrent", r"C:\a\..x\.hidden"]
        {
            assert_eq!(fault(path), None, "{path}");
        }
        for path in [
            "",
            "C:",
            r"C:\",
            r"C:x.torrent",
            r"\\server\share\x.torrent",
            r"\\?\C:\x.torrent",
            r"C:\a\..\x.torrent",
            r"C:\a\.\x.torrent",
            r"C:\a \x.torrent",
            r"C:\a\x.torrent.",
            r"C:\a\x.torrent:s",
            r"C:\a/x.torrent",
            r"C:\a\*.torrent",
            "C:\\a\\\u{fffd}.torrent",
            "C:\\a\nb\\x.torrent",
            "/home/a/x.torrent",
        ] {
            assert!(fault(path).is_some(), "{path}");
        }
        assert!(fault(&format!(r"C:\{}.torrent", "x".repeat(240))).unwrap().contains("251 characters"));
    }
}
