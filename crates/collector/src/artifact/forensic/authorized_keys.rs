//! `Linux.Persistence.AuthorizedKeys`: whose keys let somebody in without a password (ATT&CK T1098.004). The keys themselves
//! are public; their fingerprints are what sshd logs and `ssh-keygen -l` prints.

use std::io::{self, BufRead};

use data_encoding::{BASE64, BASE64_NOPAD};
use investigation::evidence::{ArtifactStatus, AuthorizedKey};
use investigation::order::Limits;
use investigation::text::one_line;
use sha2::{Digest, Sha256};

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::{Records, some_text, text};
use super::super::tally::Tally;
use super::{NAME_CAP, PATH_CAP, Rows, cut, note_whole, seconds, some};

/// Longest value: the script cuts files at 256 KiB.
const VALUE_CAP: usize = 256 << 10;
/// Where sshd looks unless it is told otherwise.
const USUAL: [&str; 7] = [
    ".ssh/authorized_keys",
    ".ssh/authorized_keys2",
    "%h/.ssh/authorized_keys",
    "%h/.ssh/authorized_keys2",
    "/etc/ssh/authorized_keys",
    "__PROGRAMDATA__/ssh/administrators_authorized_keys",
    "none",
];

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    super::script_of::authorized_keys()
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::AuthorizedKeys(Vec::new()), tally));
    };
    let mut file = AuthorizedKey::default();
    while let Some(record) = records.next()? {
        match record.key {
            b"settings" => elsewhere(&text(record.value), &mut tally),
            b"user" => {
                let user = some_text(record.value).map(|user| cut(user, NAME_CAP));
                file = AuthorizedKey { user, ..AuthorizedKey::default() };
            }
            b"path" => file.path = cut(text(record.value), PATH_CAP),
            b"written" => file.modified_at = seconds(&text(record.value)),
            b"closed" => {
                tally.count(ArtifactStatus::Partial, "files and folders of keys are closed to this account");
            }
            b"keys" => {
                if record.cut || record.value.len() >= VALUE_CAP {
                    tally.truncated(format!(
                        "{} is longer than 256 KiB and was cut",
                        one_line(&file.path, 200)
                    ));
                }
                for (line, content) in (1_u32..).zip(text(record.value).lines()) {
                    if content.trim().is_empty() || content.trim_start().starts_with('#') {
                        continue;
                    }
                    match key(content.trim()) {
                        Some(found) => {
                            let AuthorizedKey { user, path, modified_at, .. } = file.clone();
                            rows.push(AuthorizedKey { user, path, modified_at, line, ..found }, &mut tally);
                        }
                        None => tally.count(ArtifactStatus::Partial, "lines of such files hold no key"),
                    }
                }
            }
            _ => {}
        }
    }
    note_whole(&records, &mut tally);
    Ok((Parsed::AuthorizedKeys(rows.rows), tally))
}

/// sshd may look for keys where the script does not.
pub(crate) fn elsewhere(settings: &str, tally: &mut Tally) {
    for line in settings.lines().take(32) {
        let mut words = line.split_ascii_whitespace().map(|word| word.trim_matches('"'));
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        let others: Vec<&str> = words.filter(|word| !USUAL.contains(word)).take(8).collect();
        let others = others.join(" ");
        match name.as_str() {
            "authorizedkeysfile" if !others.is_empty() => {
                tally.partial(format!("sshd also looks for keys in {}", one_line(&others, 200)));
            }
            "authorizedkeyscommand" if !others.is_empty() => {
                tally.partial(format!("sshd also asks a program for keys: {}", one_line(&others, 200)));
            }
            _ => {}
        }
    }
}

/// A line of authorized_keys (sshd(8)): options, type, key, comment.
pub(crate) fn key(line: &str) -> Option<AuthorizedKey> {
    let (options, rest) = match is_type(line.split_ascii_whitespace().next()?) {
        true => (None, line),
        false => {
            let end = options_end(line)?;
            (some(line[..end].to_owned()), line[end..].trim_start())
        }
    };
    let mut words = rest.splitn(3, |c: char| c.is_ascii_whitespace());
    let key_type = words.next().filter(|word| is_type(word))?;
    let blob = BASE64.decode(words.next()?.as_bytes()).ok()?;
    // The key begins with its own type.
    let length = usize::try_from(u32::from_be_bytes(blob.get(..4)?.try_into().ok()?)).ok()?;
    if blob.get(4..4_usize.checked_add(length)?)? != key_type.as_bytes() {
        return None;
    }
    Some(AuthorizedKey {
        key_type: cut(key_type.to_owned(), NAME_CAP),
        fingerprint: format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(&blob))),
        comment: words.next().map(|comment| cut(comment.trim().to_owned(), NAME_CAP)).and_then(some),
        options: options.map(|options| cut(options, 2048)),
        ..AuthorizedKey::default()
    })
}

fn is_type(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| word.starts_with(start))
}

/// Where the options end: at a blank outside quotes, in which `\"` is no end.
fn options_end(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c.is_ascii_whitespace() && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::super::testing::{keeps_to_its_word, read, read_bare, run};
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS";

    fn rows(parsed: Parsed) -> Vec<AuthorizedKey> {
        let Parsed::AuthorizedKeys(rows) = parsed else { panic!("keys") };
        rows
    }

    #[test]
    fn keys_have_the_fingerprints_that_sshd_logs() {
        let body = format!(
            "settings\0AuthorizedKeysFile .ssh/authorized_keys\n\0user\0alice\0path\0/home/alice/.ssh/authorized_keys\0\
             written\x001764000000\0keys\0# mine\n\nssh-ed25519 {KEY} alice@ws\n\
             command=\"/bin/x \\\"a b\\\"\",no-pty ssh-ed25519 {KEY}\nssh-ed25519 !!! bad\n\0"
        );
        let (parsed, status, reasons) = read(parse, body.as_bytes(), &Limits::default());
        let rows = rows(parsed);
        assert_eq!((rows.len(), status), (2, ArtifactStatus::Partial), "{reasons:?}");
        assert_eq!(reasons, ["1 line of such files holds no key"]);
        assert_eq!(
            (rows[0].line, rows[0].comment.as_deref(), &rows[0].options),
            (3, Some("alice@ws"), &None)
        );
        assert_eq!((rows[1].line, rows[1].comment.as_deref()), (4, None));
        assert_eq!(rows[1].options.as_deref(), Some("command=\"/bin/x \\\"a b\\\"\",no-pty"));
        assert_eq!((rows[1].user.as_deref(), &rows[1].fingerprint), (Some("alice"), &rows[0].fingerprint));

        // The other side of the proof: OpenSSH's own word.
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pub");
        std::fs::write(&file, format!("ssh-ed25519 {KEY}\n")).unwrap();
        if let Ok(said) = Command::new("ssh-keygen").arg("-lf").arg(&file).output() {
            let said = String::from_utf8_lossy(&said.stdout).into_owned();
            assert!(said.contains(&rows[0].fingerprint), "{said} and {}", rows[0].fingerprint);
        }
    }

    #[test]
    fn where_sshd_looks_besides_is_said() {
        let of =
            |settings: &str| read(parse, format!("settings\0{settings}\0").as_bytes(), &Limits::default());
        assert_eq!(of("AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2").1, ArtifactStatus::Ok);
        let (_, status, reasons) = of("authorizedkeysfile /var/keys/%u\nAuthorizedKeysCommand /bin/x");
        assert_eq!((status, reasons.len()), (ArtifactStatus::Partial, 2), "{reasons:?}");
        assert!(reasons[0].contains("/var/keys/%u"), "{reasons:?}");
    }

    #[test]
    fn this_machine_answers() {
        let (_, status, reasons) = read_bare(parse, &run(script()), &Limits::default());
        assert!(matches!(status, ArtifactStatus::Ok | ArtifactStatus::Partial), "{reasons:?}");
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, line: String, ascii in "[ -~]{0,120}") {
            keeps_to_its_word(parse, &bytes);
            for line in [&line, &ascii] {
                key(line.trim());
                elsewhere(line, &mut Tally::default());
            }
        }
    }
}
