//! The site's own words and layouts of mails: a folder that is read here and judged by `investigation::act::mail`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use investigation::act::mail::{MAX_FILE_BYTES, MAX_FILES};
use investigation::act::{TextFault, TextFile, Texts};

/// The folder of a site's texts cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the texts in {}", path.display())]
pub struct TextsError {
    path: PathBuf,
    source: io::Error,
}

/// Reads a site's folder, if there is one: the files in it that are not hidden, without links. A file that cannot be used
/// is named and left out.
///
/// # Errors
/// When the folder itself cannot be read: what a site says must not be replaced unseen.
pub fn read(folder: Option<&Path>) -> Result<(Arc<Texts>, Vec<TextFault>), TextsError> {
    let Some(folder) = folder else { return Ok((Arc::new(Texts::shipped().clone()), Vec::new())) };
    let fail = |source| TextsError { path: folder.to_owned(), source };
    let mut faults = Vec::new();
    let mut files: Vec<(String, String)> = Vec::new();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().map_err(fail)?.is_file() && !name.starts_with('.') {
            names.push((name, entry.path()));
        }
        if names.len() > MAX_FILES {
            break;
        }
    }
    // The order of a folder is not one.
    names.sort();
    for (name, path) in names {
        match text(&path) {
            Ok(text) => files.push((name, text)),
            Err(error) => faults.push(TextFault { file: name, line: None, why: error.to_string() }),
        }
    }
    let files: Vec<TextFile<'_>> = files.iter().map(|(name, text)| TextFile { name, text }).collect();
    let (texts, found) = Texts::with_site(&files);
    faults.extend(found);
    Ok((Arc::new(texts), faults))
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
    fn a_folder_is_read_and_each_fault_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        put("de.toml", b"[user]\ngreeting = 'Moin,'\n");
        put("fr.toml", b"[user]\ngreeting = '\xe4'\n");
        put("user.txt", b"{{ nothing }}");
        put(".swp", b"x");
        fs::create_dir(dir.path().join("old")).unwrap();
        let (texts, faults) = read(Some(dir.path())).unwrap();
        let named: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(named.len(), 2, "{named:?}");
        assert!(
            named[0].contains("fr.toml: it is not UTF-8") && named[1].starts_with("user.txt line 1: "),
            "{named:?}"
        );
        let policy = investigation::policy::Policy::parse("version = 1\n[scope]\nnetworks = []\n").unwrap();
        let brief =
            investigation::act::mail::sample::brief(investigation::assess::Verdict::Inconclusive, &policy);
        assert!(texts.mail_user(&brief, "de").message.text.starts_with("Moin,\n"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = read(Some(&dir.path().join("mail"))).unwrap_err();
        assert!(error.to_string().contains("mail"), "{error}");
        assert!(read(None).unwrap().1.is_empty());
    }
}
