//! A Windows of Wine's, behind whatever takes a command line from `SSH_ORIGINAL_COMMAND`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::skip;

/// Wine 8 lacks this library, in which Rust's standard library finds random numbers. Every Windows since 7 has it.
const RANDOM: &str = r"
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    return SystemFunction036(buffer, (ULONG)length);
}
";

/// What runs command lines there. Wine has no PowerShell: for the two lines that send a program over WinRM, and for
/// nothing else, something stands in that does what they say. What they look like is for people to review.
const SHELL: &str = r#"#!/bin/sh
export WINEPREFIX=@prefix HOME=@home WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
unset DISPLAY
local=@prefix/drive_c/users/@user/AppData/Local
folder=$local/$(printf %s "$SSH_ORIGINAL_COMMAND" | grep -o 'peerhound-[0-9a-f]\{32\}' | head -n 1)
case $SSH_ORIGINAL_COMMAND in
*/sftp-server) exec "$SSH_ORIGINAL_COMMAND" -d @prefix/drive_c/users/@user ;;
powershell.exe*FromBase64String*) mkdir "$folder" && tr -d '\r' | base64 -d >"$folder/peerhound-collect.exe"; exit ;;
powershell.exe*Get-FileHash*) sha256sum "$folder/peerhound-collect.exe" | cut -c 1-64; exit ;;
esac
# Wine's desktop and server outlive the command that started them, and would hold its output open.
out=$(mktemp) err=$(mktemp)
wine cmd /d /c 'cmd /d /c %SSH_ORIGINAL_COMMAND%' >"$out" 2>"$err"
code=$?
case $SSH_ORIGINAL_COMMAND in
# Every Windows since Vista says the state of an address behind it, and Wine does not.
*ipconfig*) sed -E 's/^( +IPv[46] address[ .]+: [0-9a-fA-F.:]+(%[0-9]+)?)/\1(Preferred)/' "$out" ;;
*) cat "$out" ;;
esac
cat "$err" >&2
rm "$out" "$err"
exit $code
"#;

/// One Windows; it ends with its value.
pub(crate) struct Wine {
    folder: TempDir,
    user: String,
    /// A program that waits for its input: without one, Wine ends its services after each command line.
    waiting: Option<Child>,
}

impl Wine {
    /// Makes one. `None` where the test has to be skipped.
    pub(crate) fn start() -> Option<Self> {
        let there = |tool| Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
        for tool in ["wine", "wineboot", "wineserver", "x86_64-w64-mingw32-gcc", "base64"] {
            if !there(tool).is_ok_and(|found| found.status.success()) {
                skip(&format!("{tool} is not installed (scripts/test-requirements installs it)"));
                return None;
            }
        }
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let mut wine =
            Self { folder: tempfile::tempdir().unwrap(), user: user.trim().to_owned(), waiting: None };
        for part in ["prefix", "home"] {
            fs::create_dir(wine.path(part)).unwrap();
        }
        wine.run(&["wineboot", "--init"]);
        // The rest of this machine is no drive of the endpoint.
        fs::remove_file(wine.path("prefix/dosdevices/z:")).unwrap();
        wine.add_random();
        wine.waiting = Some(wine.command(&["wine", "cmd"]).stdin(Stdio::piped()).spawn().unwrap());
        let shell = SHELL
            .replace("@prefix", &wine.path("prefix").to_string_lossy())
            .replace("@home", &wine.path("home").to_string_lossy())
            .replace("@user", &wine.user);
        fs::write(wine.shell(), shell).unwrap();
        fs::set_permissions(wine.shell(), fs::Permissions::from_mode(0o755)).unwrap();
        Some(wine)
    }

    /// The program that runs command lines there.
    pub(crate) fn shell(&self) -> PathBuf {
        self.path("shell")
    }

    /// Where a path of drive C lies on this machine.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        let inside = path.trim_start_matches(r"C:\").replace('\\', "/");
        self.path("prefix/drive_c").join(inside)
    }

    /// The account's `%LOCALAPPDATA%`.
    pub(crate) fn local_app_data(&self) -> PathBuf {
        self.outside(&format!(r"C:\users\{}\AppData\Local", self.user))
    }

    /// Runs a program of Wine's to its end.
    pub(crate) fn run(&self, argv: &[&str]) {
        let status = self.command(argv).status().unwrap();
        assert!(status.success(), "{argv:?}: {status}");
    }

    fn command(&self, argv: &[&str]) -> Command {
        let mut command = Command::new(argv[0]);
        command
            .args(&argv[1..])
            .env("WINEPREFIX", self.path("prefix"))
            .env("HOME", self.path("home"))
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env_remove("DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn add_random(&self) {
        let library = self.outside(r"C:\windows\system32\bcryptprimitives.dll");
        if library.exists() {
            return;
        }
        eprintln!("this Wine lacks bcryptprimitives.dll: a stand-in lies in its system folder");
        let source = self.path("random.c");
        fs::write(&source, RANDOM).unwrap();
        let mut compiler = Command::new("x86_64-w64-mingw32-gcc");
        compiler.args(["-shared", "-o"]).args([&library, &source]).arg("-ladvapi32");
        assert!(compiler.status().unwrap().success());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        self.run(&["wineserver", "--kill"]);
        if let Some(mut waiting) = self.waiting.take() {
            let _ = waiting.wait();
        }
    }
}

/// Builds the Windows program, or finds it built. `None` where the test has to be skipped.
pub(crate) fn program() -> Option<PathBuf> {
    if !Path::new("/usr/lib/rustlib/src/rust/library").is_dir() || !Path::new("/usr/bin/rustc").is_file() {
        skip("rustc-web and rust-web-src are not installed (scripts/test-requirements installs them)");
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // `target/debug/peerhound-collect`: the target folder that cargo works in, wherever it is.
    let target = Path::new(env!("CARGO_BIN_EXE_peerhound-collect")).ancestors().nth(2).unwrap();
    let out = target.join("windows/programs");
    let built = Command::new(root.join("scripts/build-windows"))
        .args(["--out", &out.to_string_lossy(), "peerhound-collect"])
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO", env!("CARGO"))
        .current_dir(&root)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    // Without what only a debugger reads: it is sent four times.
    let program = out.join("peerhound-collect.exe");
    assert!(Command::new("x86_64-w64-mingw32-strip").arg(&program).status().unwrap().success());
    Some(program)
}
