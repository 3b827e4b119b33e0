//! A Windows endpoint: below the account's own `%LOCALAPPDATA%`. Over WinRM, PowerShell writes what comes as lines of
//! base64, since WinRM knows no files.

use std::fmt::Write as _;

use data_encoding::BASE64;

use super::GONE;
use crate::program::NAME;

/// Bytes on one line. PowerShell reads line by line; longer ones cost it memory, shorter ones time.
const LINE: usize = 48 << 10;

/// The folder as `cmd.exe` spells it.
pub(super) fn folder(folder: &str) -> String {
    format!(r"%LOCALAPPDATA%\{folder}")
}

/// Folder and file as SFTP spells them: it starts in the account's profile.
pub(super) fn over_sftp(folder: &str) -> (String, String) {
    let folder = format!("AppData/Local/{folder}");
    let file = format!("{folder}/{NAME}.exe");
    (folder, file)
}

/// What PowerShell reads.
pub(super) fn lines(program: &[u8]) -> String {
    let mut text = String::with_capacity(program.len() / 3 * 4 + program.len() / LINE * 8 + 64);
    for piece in program.chunks(LINE) {
        BASE64.encode_append(piece, &mut text);
        text.push_str("\r\n");
    }
    text
}

/// Makes the folder for this account alone (a remote shell works without its profile, and what lies below the default one
/// can be read by others), and writes the program. Neither may be there already.
pub(super) fn receive(folder: &str) -> String {
    powershell(&format!(
        "$d = Join-Path $env:LOCALAPPDATA '{folder}'; \
         if (Test-Path -LiteralPath $d) {{ throw 'it is there already' }}; \
         $null = New-Item -ItemType Directory -Path $d; \
         $me = '*' + [Security.Principal.WindowsIdentity]::GetCurrent().User.Value + ':(OI)(CI)F'; \
         $null = icacls.exe $d /inheritance:r /grant:r $me; \
         if ($LASTEXITCODE -ne 0) {{ throw 'its folder cannot be closed to others' }}; \
         $f = [IO.File]::Open((Join-Path $d '{NAME}.exe'), 'CreateNew', 'Write', 'None'); \
         try {{ foreach ($l in $input) {{ $b = [Convert]::FromBase64String($l); $f.Write($b, 0, $b.Length) }} }} \
         finally {{ $f.Dispose() }}"
    ))
}

/// Prints its SHA-256.
pub(super) fn hash(folder: &str) -> String {
    powershell(&format!(
        "$d = Join-Path $env:LOCALAPPDATA '{folder}'; \
         (Get-FileHash -Algorithm SHA256 -LiteralPath (Join-Path $d '{NAME}.exe')).Hash"
    ))
}

/// Inside double quotes for `cmd.exe`, so without any of its own and without a percent sign.
fn powershell(script: &str) -> String {
    let mut line = String::from("powershell.exe -NoLogo -NoProfile -NonInteractive -Command \"");
    // Writing to a string does not fail.
    let _ =
        write!(line, "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; {script}\"");
    line
}

/// What PowerShell is told, without the quotes around it, for what reads it in tests.
#[cfg(test)]
pub(crate) fn scripts() -> [(&'static str, String); 2] {
    let inside =
        |line: String| line.split_once('"').map(|(_, script)| script.trim_end_matches('"').to_owned());
    [("receive", inside(receive("x")).unwrap()), ("hash", inside(hash("x")).unwrap())]
}

/// The SHA-256 in what was printed, in lower case.
pub(super) fn hash_in(answer: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(answer);
    let is_hash = |line: &&str| line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit());
    text.lines().map(str::trim).find(is_hash).map(str::to_ascii_lowercase)
}

/// Removes folder and file; then says whether they are gone, which `rmdir` itself does not.
pub(super) fn remove(folder: &str) -> [String; 2] {
    let path = self::folder(folder);
    [format!("rmdir /s /q \"{path}\""), format!("if not exist \"{path}\" echo {GONE}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_powershell_gets_fits_into_a_command_line_of_cmd() {
        for line in [receive("peerhound-0123456789abcdef0123456789abcdef"), hash("peerhound-01")] {
            assert!(line.len() < 8000 && line.is_ascii(), "{line}");
            assert_eq!(line.matches('"').count(), 2, "{line}");
            assert!(!line.contains('%') && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn a_program_goes_as_lines_of_base64() {
        let program: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let text = lines(&program);
        let back: Vec<u8> = text.lines().flat_map(|line| BASE64.decode(line.as_bytes()).unwrap()).collect();
        assert_eq!(back, program);
    }

    #[test]
    fn a_hash_is_found_among_what_else_is_printed() {
        let hash = "ab".repeat(32);
        assert_eq!(hash_in(format!("\r\nWARNING: x\r\n{}\r\n", hash.to_uppercase()).as_bytes()), Some(hash));
        assert_eq!(hash_in(b"no hash\xff"), None);
    }
}
