//! Reading names out of image paths and command lines, on every operating system's terms.

/// What a program file is to the program that a user would name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// The program itself.
    None,
    /// Runs a script or a class: the command line says which.
    Interpreter,
    /// Runs a program file that the command line names (Wine, the dynamic loader).
    Loader,
}

/// Words of a command line that are looked at: the script stands early, the rest may be endless.
const MAX_WORDS: usize = 64;

/// Path in lower case with `/`, without the mark that Linux puts behind the path of a deleted image.
pub(in crate::assess) fn clean(path: &str) -> String {
    let path = path.trim().trim_matches('"').replace('\\', "/").to_lowercase();
    path.strip_suffix(" (deleted)").map_or(path.clone(), str::to_owned)
}

/// Last component of a cleaned path.
pub(in crate::assess) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A base name without the wrapping that NixOS gives it (`.qbittorrent-wrapped`).
pub(super) fn unwrapped(base: &str) -> &str {
    base.strip_prefix('.').and_then(|inner| inner.strip_suffix("-wrapped")).unwrap_or(base)
}

/// Shells are not interpreters here: `sh /etc/init.d/transmission-daemon` is not the client.
pub(super) fn host(base: &str) -> Host {
    let base = base.strip_suffix(".exe").unwrap_or(base);
    let stem = base.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match stem {
        "python" | "pythonw" | "py" | "pyw" | "pypy" | "java" | "javaw" | "node" | "nodejs" | "electron"
        | "mono" | "perl" | "ruby" => Host::Interpreter,
        "wine" | "wine-preloader" | "wine64-preloader" => Host::Loader,
        _ if base.starts_with("ld-linux") || base.starts_with("ld-musl") => Host::Loader,
        _ => Host::None,
    }
}

/// Splits a command line at white space, keeping what is quoted together.
pub(in crate::assess) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut open = false;
    for c in line.chars().take(8192) {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            // In the middle of a word it is a letter: `C:\Users\O'Neil`.
            (None, '\'') if !word.is_empty() => word.push(c),
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (None, c) if c.is_whitespace() || c == '\0' => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                    open = false;
                }
                if words.len() == MAX_WORDS {
                    return words;
                }
            }
            (_, c) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

/// What an interpreter runs: the base name of its script without `.py`, its module or its main class, in lower case.
pub(super) fn script(line: &str) -> Option<String> {
    let words = words(line);
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-m" | "-jar" => return words.next().map(|name| bare(name)),
            "-cp" | "-classpath" | "--class-path" | "--module-path" | "-p" | "-W" | "-X" | "-r" => {
                words.next();
            }
            // A program given on the command line has no name.
            "-c" | "-e" => return None,
            option if option.starts_with('-') => {}
            name => return Some(bare(name)),
        }
    }
    None
}

fn bare(name: &str) -> String {
    let name = clean(name);
    let name = base(&name);
    let name = name.strip_suffix(".py").or_else(|| name.strip_suffix(".pyw")).unwrap_or(name);
    name.strip_suffix("-script").unwrap_or(name).to_owned()
}

/// The part of a data folder that is the same for every user, in lower case with `/` around it.
pub(super) fn folder_tail(folder: &str) -> String {
    let folder = folder.replace("%LOCALAPPDATA%", "/AppData/Local").replace("%APPDATA%", "/AppData/Roaming");
    format!("{}/", folder.strip_prefix('~').unwrap_or(&folder).to_lowercase())
}

/// What an installed program is called, in lower case and without its version: the words before the first number or
/// parenthesis.
pub(super) fn program_name(name: &str) -> String {
    let is_name = |word: &&str| {
        let word = word.trim_start_matches(['v', 'V']);
        !word.starts_with(|c: char| c.is_ascii_digit() || c == '(' || c == '[')
    };
    let words: Vec<&str> = name.split_whitespace().take(MAX_WORDS).take_while(is_name).collect();
    // Two letters look the same: the micro sign of keyboards and the Greek letter.
    words.join(" ").to_lowercase().replace('\u{3bc}', "\u{b5}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_found_behind_options() {
        assert_eq!(script("/usr/bin/python3 /usr/bin/deluged -d").as_deref(), Some("deluged"));
        assert_eq!(script("python3 -W ignore -m deluge").as_deref(), Some("deluge"));
        assert_eq!(
            script("java -Xmx1g -cp a.jar:b.jar com.biglybt.ui.Main x").as_deref(),
            Some("com.biglybt.ui.main")
        );
        assert_eq!(script("java -jar '/opt/My Apps/BiglyBT.jar'").as_deref(), Some("biglybt.jar"));
        assert_eq!(script(r#""C:\Python\pythonw.exe" "C:\x\deluge-script.pyw""#).as_deref(), Some("deluge"));
        assert_eq!(
            script(r"C:\Windows\py.exe C:\Users\O'Neil\deluge-script.pyw -x").as_deref(),
            Some("deluge")
        );
        assert_eq!(script("python3 -c 'import deluged'"), None);
        assert_eq!(script("python3"), None);
        assert_eq!(script(""), None);
    }

    #[test]
    fn a_script_s_arguments_are_not_its_name() {
        assert_eq!(script("python3 exporter.py deluged").as_deref(), Some("exporter"));
    }

    #[test]
    fn programs_are_named_without_their_version() {
        for (name, expected) in [
            ("qBittorrent 4.6.3 (x64)", "qbittorrent"),
            ("Transmission v4.0.5", "transmission"),
            ("\u{3bc}Torrent Web", "\u{b5}torrent web"),
            ("Vuze", "vuze"),
            ("Popcorn Time", "popcorn time"),
            ("vlc", "vlc"),
            ("", ""),
            ("(x64)", ""),
        ] {
            assert_eq!(program_name(name), expected, "{name}");
        }
    }

    #[test]
    fn folders_are_cut_to_what_users_share() {
        assert_eq!(folder_tail("~/.config/deluge"), "/.config/deluge/");
        assert_eq!(folder_tail("%APPDATA%/uTorrent"), "/appdata/roaming/utorrent/");
        assert_eq!(folder_tail("/var/lib/deluged"), "/var/lib/deluged/");
    }
}
