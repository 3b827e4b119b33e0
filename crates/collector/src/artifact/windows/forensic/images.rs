//! What scripts say of files that are run: each file once, after the list that names it.

use std::collections::HashMap;

use investigation::evidence::ArtifactStatus;
use investigation::order::Limits;

use super::super::super::tally::Tally;
use super::super::rows::Row;
use super::{PATH_CAP, name, sha256};
use crate::artifact::forensic::cut;

/// The program file of a command line as the registry has it. `root` is Windows' own folder.
pub(crate) fn file_of(line: &str, root: &str) -> Option<String> {
    let line = line.trim();
    let quoted = line.strip_prefix('"').and_then(|rest| rest.split('"').next());
    let lower = line.to_ascii_lowercase();
    let ended = [".exe", ".com", ".sys", ".dll", ".bat", ".cmd"].iter().filter_map(|ending| {
        let ends = |at: &usize| matches!(lower.as_bytes().get(at + 4), None | Some(b' ' | b'\t'));
        lower.match_indices(ending).map(|(at, _)| at).find(ends).map(|at| at + 4)
    });
    let file = quoted.unwrap_or_else(|| ended.min().map_or(line, |end| &line[..end]));
    let file = file.strip_prefix(r"\??\").or_else(|| file.strip_prefix(r"\\?\")).unwrap_or(file);
    let prefixed = |prefix: &str| {
        let start = file.get(..prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then(|| format!("{root}\\{}", &file[prefix.len()..]))
    };
    let found = [r"\SystemRoot\", r"%SystemRoot%\", r"%windir%\"].iter().find_map(|prefix| prefixed(prefix));
    let system = file.get(..9).filter(|start| start.eq_ignore_ascii_case(r"System32\"));
    let found = found.or_else(|| system.map(|_| format!("{root}\\{file}")));
    Some(cut(found.unwrap_or_else(|| file.to_owned()), PATH_CAP)).filter(|file| !file.is_empty())
}

/// What is known of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pub(super) sha256: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) signer: Option<String>,
}

/// Files by their paths in lower case.
pub(super) struct Images<'a> {
    limits: &'a Limits,
    files: HashMap<String, Image>,
}

impl<'a> Images<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, files: HashMap::new() }
    }

    /// Takes in a row of one.
    pub(super) fn take(&mut self, row: &Row, tally: &mut Tally) {
        if self.files.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "files beyond the cap on rows are not described");
            return;
        }
        if row.flag("unread") {
            tally.count(ArtifactStatus::Partial, "files are not there, or closed to this account");
        } else if row.flag("large") {
            tally.count(ArtifactStatus::Truncated, "files are above the size that is hashed");
        } else if row.text("sha256").is_empty() {
            tally.count(ArtifactStatus::Partial, "files could not be hashed");
        }
        let image = Image {
            sha256: sha256(row.text("sha256")),
            signature: name(row, "signature"),
            signer: name(row, "signer"),
        };
        self.files.insert(cut(row.text("path").to_lowercase(), PATH_CAP), image);
    }

    /// What is known of a file, where one is named.
    pub(super) fn of(&self, path: Option<&str>) -> Image {
        path.and_then(|path| self.files.get(&path.to_lowercase())).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_told_from_what_stands_around_it() {
        let root = r"D:\Windows";
        for (line, file) in [
            (r#""C:\a b\x.exe" -k y.dll"#, r"C:\a b\x.exe"),
            (r"C:\a b\x.exe -k", r"C:\a b\x.exe"),
            (r"\SystemRoot\System32\drivers\a.sys", r"D:\Windows\System32\drivers\a.sys"),
            (r"system32\drivers\a.sys", r"D:\Windows\system32\drivers\a.sys"),
            (r"%systemroot%\System32\svchost.exe -k netsvcs", r"D:\Windows\System32\svchost.exe"),
            (r"\??\C:\x.sys", r"C:\x.sys"),
            (r"C:\x.executive\y", r"C:\x.executive\y"),
            ("é.exe", "é.exe"),
        ] {
            assert_eq!(file_of(line, root).as_deref(), Some(file), "{line}");
        }
        assert_eq!(file_of(" ", root), None);
    }
}
