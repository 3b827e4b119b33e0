//! What a path says of a program: folders that anybody may write to, folders of the system, the recycle bin.
//!
//! Paths are compared in lower case with `/`, on every system alike; see [`clean`].

use super::indicators::clean;

/// The kind of folder that a file lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A recycle bin: what lies there was thrown away, and nothing starts it by accident.
    RecycleBin,
    /// A folder for temporary files.
    Temp,
    /// Right in a folder that programs keep folders of their own in: the root of a profile, of `AppData`, of
    /// `ProgramData`, or a folder that all users share.
    Loose,
    /// A folder that only an administrator can write to.
    System,
    /// Anything else.
    Other,
}

/// The place of a file. `path` may be a command line's first word.
pub(super) fn place(path: &str) -> Place {
    let path = expanded(&clean(path));
    let (folder, _) = path.rsplit_once('/').unwrap_or(("", &path));
    let folder = format!("{folder}/");
    if folder.contains("/$recycle.bin/")
        || folder.contains("/recycler/")
        || folder.contains("/.local/share/trash/")
        || folder.contains("/.trash-")
        || folder.contains("/.trash/")
    {
        Place::RecycleBin
    } else if TEMP.iter().any(|temp| folder.contains(temp)) || UNIX_TEMP.iter().any(|t| folder.starts_with(t))
    {
        Place::Temp
    } else if is_loose(&folder) {
        Place::Loose
    } else if is_system(&folder) {
        Place::System
    } else {
        Place::Other
    }
}

const TEMP: [&str; 5] =
    ["/appdata/local/temp/", "/windows/temp/", "/local settings/temp/", ":/temp/", "/appdata/locallow/temp/"];
const UNIX_TEMP: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];

/// Folders below a profile, or below a drive, in which programs have folders and no files of their own.
fn is_loose(folder: &str) -> bool {
    let ends = [
        "/appdata/roaming/",
        "/appdata/local/",
        "/appdata/locallow/",
        ":/programdata/",
        ":/users/public/",
        ":/perflogs/",
        "/users/public/documents/",
        "/users/public/downloads/",
        "/users/public/music/",
        "/users/public/pictures/",
        "/users/public/videos/",
        "/users/public/libraries/",
    ];
    let in_profile_root = folder
        .split_once(":/users/")
        .is_some_and(|(_, rest)| rest.matches('/').count() == 1 && !rest.starts_with("public/"));
    in_profile_root || ends.iter().any(|end| folder.ends_with(end))
}

fn is_system(folder: &str) -> bool {
    let windows = [":/windows/", ":/program files/", ":/program files (x86)/"];
    let unix = ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/nix/store/", "/app/"];
    windows.iter().any(|part| folder.contains(part)) || unix.iter().any(|start| folder.starts_with(start))
}

/// Common variables written out, in a path that was cleaned already.
pub(super) fn expanded(path: &str) -> String {
    let variables = [
        ("%systemroot%", "c:/windows"),
        ("%windir%", "c:/windows"),
        ("%systemdrive%", "c:"),
        ("%programfiles(x86)%", "c:/program files (x86)"),
        ("%programfiles%", "c:/program files"),
        ("%programdata%", "c:/programdata"),
        ("%allusersprofile%", "c:/programdata"),
        ("%public%", "c:/users/public"),
        ("%localappdata%", "c:/users/x/appdata/local"),
        ("%appdata%", "c:/users/x/appdata/roaming"),
        ("%temp%", "c:/users/x/appdata/local/temp"),
        ("%tmp%", "c:/users/x/appdata/local/temp"),
        ("%userprofile%", "c:/users/x"),
    ];
    for (variable, value) in variables {
        if let Some(rest) = path.strip_prefix(variable) {
            return format!("{value}{rest}");
        }
    }
    path.strip_prefix("/systemroot/").map_or_else(|| path.to_owned(), |rest| format!("c:/windows/{rest}"))
}

/// The program that a command line starts: its first word, or all up to an ending that programs have, where a path with
/// spaces stands without quotes. Cleaned and with variables written out.
pub(super) fn program_of(command: &str) -> String {
    let command = command.trim();
    if let Some(rest) = command.strip_prefix('"') {
        return expanded(&clean(rest.split('"').next().unwrap_or(rest)));
    }
    let lower: String = command.chars().take(2048).collect::<String>().to_lowercase();
    let ending = [".exe", ".com", ".bat", ".cmd", ".ps1", ".vbs", ".js", ".scr", ".dll"]
        .iter()
        .filter_map(|ending| {
            let at = lower.find(ending)? + ending.len();
            lower[at..].chars().next().is_none_or(|c| c.is_whitespace() || c == ',').then_some(at)
        })
        .min();
    let end = ending.unwrap_or_else(|| lower.find(char::is_whitespace).unwrap_or(lower.len()));
    expanded(&clean(lower.get(..end).unwrap_or(&lower)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart_on_every_system() {
        for (path, expected) in [
            (r"C:\$Recycle.Bin\S-1-5-21\a.exe", Place::RecycleBin),
            ("/home/a/.local/share/Trash/files/x", Place::RecycleBin),
            (r"C:\Users\a\AppData\Local\Temp\7z\a.exe", Place::Temp),
            (r"%TEMP%\a.exe", Place::Temp),
            ("/dev/shm/.x", Place::Temp),
            (r"C:\Users\a\AppData\Roaming\a.exe", Place::Loose),
            (r"C:\ProgramData\a.exe", Place::Loose),
            (r"C:\Users\a\a.exe", Place::Loose),
            (r"C:\Users\Public\a.exe", Place::Loose),
            (r"C:\Users\a\AppData\Local\Discord\app\Discord.exe", Place::Other),
            (r"C:\Users\a\AppData\Roaming\Spotify\Spotify.exe", Place::Other),
            (r"C:\ProgramData\Vendor\a.exe", Place::Other),
            (r"C:\Windows\System32\svchost.exe", Place::System),
            (r"%SystemRoot%\system32\svchost.exe", Place::System),
            ("/usr/bin/ssh", Place::System),
            (r"D:\Games\a.exe", Place::Other),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }

    #[test]
    fn the_program_of_a_command_line() {
        for (line, program) in [
            (r#""C:\Program Files\A B\a.exe" -x"#, "c:/program files/a b/a.exe"),
            (r"C:\Program Files\A B\a.exe -x", "c:/program files/a b/a.exe"),
            (r"%windir%\system32\a.exe,", "c:/windows/system32/a.exe"),
            ("/usr/bin/env sh", "/usr/bin/env"),
            ("", ""),
            ("İİİ.exe x", "i̇i̇i̇.exe"),
        ] {
            assert_eq!(program_of(line), program, "{line}");
        }
    }
}
