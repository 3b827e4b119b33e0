//! The account's password: read from its file when it is used, and wiped after it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use sspi::Secret;

/// Longest file.
const MOST: u64 = 8 << 10;

/// A password. It is in no message and no record.
pub(in crate::transport) struct Password(Secret<String>);

impl Password {
    /// Reads a file: its text without the line ends behind it.
    pub(in crate::transport) fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        private(&file)?;
        let mut text = Secret::new(String::with_capacity(256));
        let count = file.take(MOST + 1).read_to_string(text.as_mut())?;
        let wrong = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        if count as u64 > MOST {
            return wrong("it is too long");
        }
        let length = text.as_ref().trim_end_matches(['\r', '\n']).len();
        text.as_mut().truncate(length);
        match text.as_ref() {
            text if text.is_empty() => wrong("it is empty"),
            text if text.contains(char::is_control) => wrong("it has more than one line"),
            _ => Ok(Self(text)),
        }
    }

    /// The password itself.
    pub(in crate::transport) fn expose(&self) -> &str {
        self.0.as_ref()
    }

    /// Tells whether a password is the one that was refused.
    pub(in crate::transport) fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A secret that other accounts can read is none.
#[cfg(unix)]
pub(in crate::transport) fn private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    if file.metadata()?.mode() & 0o077 != 0 {
        let why = "it is open to other accounts: chmod 600 it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(())
}

/// Elsewhere access lists decide, which are not read here.
#[cfg(not(unix))]
pub(in crate::transport) fn private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn read(text: &str, mode: u32) -> io::Result<Password> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Password::read(&path)
    }

    #[test]
    fn a_password_is_one_line_and_is_never_shown() {
        let password = read(" pass wörd \r\n", 0o600).unwrap();
        assert_eq!(password.expose(), " pass wörd ");
        assert!(!format!("{password:?}").contains("pass w"));
        assert_ne!(password.fingerprint(), read("other", 0o600).unwrap().fingerprint());
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused() {
        for (text, mode, why) in [
            ("", 0o600, "empty"),
            ("\n", 0o600, "empty"),
            ("a\nb", 0o600, "more than one line"),
            ("a", 0o640, "open to other accounts"),
            ("a", 0o604, "open to other accounts"),
        ] {
            let error = read(text, mode).unwrap_err().to_string();
            assert!(error.contains(why), "{text:?} {mode:o}: {error}");
        }
        assert!(read(&"a".repeat(9000), 0o600).unwrap_err().to_string().contains("too long"));
    }
}
