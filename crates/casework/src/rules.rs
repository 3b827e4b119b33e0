//! The site's own rules: a folder that is read here and judged by `investigation::assess::rulebook`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use investigation::assess::rulebook::{MAX_FILE_BYTES, MAX_FILES};
use investigation::assess::{RuleFault, RuleText, Rulebook};

/// Folders below the folder.
const MAX_DEPTH: usize = 8;

/// What cases are assessed by. The shipped rules are read when they are first needed.
#[derive(Clone, Debug, Default)]
pub enum Rules {
    /// Those that are compiled in.
    #[default]
    Shipped,
    /// Those with a site's own.
    Site(Arc<Rulebook>),
}

impl Rules {
    /// The rules.
    pub fn book(&self) -> &Rulebook {
        match self {
            Self::Shipped => Rulebook::shipped(),
            Self::Site(book) => book,
        }
    }

    /// Reads a site's folder, if there is one: `*.toml`, `*.yml` and `*.yaml` in it and in its folders, without those
    /// that are hidden and without links. A file that cannot be used is named and left out.
    ///
    /// # Errors
    /// When the folder itself, or one in it, cannot be read: rules that decide must not be gone unseen.
    pub fn read(folder: Option<&Path>) -> Result<(Self, Vec<RuleFault>), RulesError> {
        let Some(folder) = folder else { return Ok((Self::Shipped, Vec::new())) };
        let mut faults = Vec::new();
        let mut texts: Vec<(String, String)> = Vec::new();
        for path in files(folder)? {
            let file = shown(folder, &path);
            match text(&path) {
                Ok(text) => texts.push((file, text)),
                Err(error) => faults.push(RuleFault { file, why: error.to_string() }),
            }
        }
        let texts: Vec<RuleText<'_>> = texts.iter().map(|(file, text)| RuleText { file, text }).collect();
        let (book, found) = Rulebook::with_site(&texts);
        faults.extend(found);
        Ok((Self::Site(Arc::new(book)), faults))
    }
}

/// The folder of a site's rules cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the rules in {}", path.display())]
pub struct RulesError {
    path: PathBuf,
    source: io::Error,
}

/// Files with rules, one more than may be at most, so that the excess is seen.
fn files(folder: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((path, depth)) = folders.pop() {
        let fail = |source| RulesError { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let kind = entry.file_type().map_err(fail)?;
            let name = entry.file_name().to_string_lossy().to_lowercase();
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() && [".toml", ".yml", ".yaml"].iter().any(|end| name.ends_with(end)) {
                found.push(entry.path());
            }
            if found.len() > MAX_FILES {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// A path below the folder with `/`.
fn shown(folder: &Path, path: &Path) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// One byte more than may be, so that the excess is seen.
fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_with_its_folders_and_each_fault_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        put("site.toml", b"version = '3'\n");
        put("sigma/windows/bad.yml", b"title: [");
        put("latin.toml", b"version = '\xe4'");
        put("large.yml", &vec![b'#'; MAX_FILE_BYTES + 10]);
        put(".git/config.toml", b"nonsense");
        put("README.md", b"nonsense");
        let (rules, mut faults) = Rules::read(Some(dir.path())).unwrap();
        assert_eq!(rules.book().version(), Some("3"));
        faults.sort_by(|a, b| a.file.cmp(&b.file));
        let named: Vec<&str> = faults.iter().map(|fault| fault.file.as_str()).collect();
        assert_eq!(named, ["large.yml", "latin.toml", "sigma/windows/bad.yml"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_folder_without_rules() {
        let dir = tempfile::tempdir().unwrap();
        let error = Rules::read(Some(&dir.path().join("rules"))).unwrap_err();
        assert!(error.to_string().contains("rules"), "{error}");
        assert!(matches!(Rules::read(None), Ok((Rules::Shipped, faults)) if faults.is_empty()));
    }
}
