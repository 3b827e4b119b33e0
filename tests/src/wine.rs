//! Windows programs under Wine: a Windows of its own for one test, in the network of the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use crate::command::{Output, command, run, run_with};
use crate::network::Network;
use crate::requirements::{require_or_skip, skip_or_fail};
use crate::{settings, workspace};

/// Wine 8 lacks this library, in which Rust's standard library finds random numbers. Every Windows since 7 has it; what
/// is made here lies beside the programs of a test and nowhere else.
const RANDOM: &str = r"
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    return SystemFunction036(buffer, (ULONG)length);
}
";

/// One Windows.
#[derive(Debug)]
pub struct Wine<'a> {
    network: &'a Network,
    prefix: PathBuf,
    home: PathBuf,
}

impl<'a> Wine<'a> {
    /// Makes one with the Windows programs in `C:\peerhound`. `None`, with the reason said, where this machine lacks
    /// what that takes.
    ///
    /// # Errors
    /// When the programs do not build, or Wine does not start.
    pub fn start(network: &'a Network) -> Result<Option<Self>> {
        if !require_or_skip(&["wine", "wineboot", "wineserver", "x86_64-w64-mingw32-gcc"]) {
            return Ok(None);
        }
        if !Path::new("/usr/lib/rustlib/src/rust/library").is_dir() || !Path::new("/usr/bin/rustc").is_file()
        {
            skip_or_fail(
                "rustc-web and rust-web-src not installed (scripts/test-requirements installs them)",
            );
            return Ok(None);
        }
        let programs = programs()?;
        let wine = Self {
            network,
            prefix: network.workspace().subfolder("wine")?,
            home: network.workspace().subfolder("wine-home")?,
        };
        let made = wine.finish(&["wineboot", "--init"], Duration::from_mins(10))?;
        ensure!(made.code == Some(0), "Wine makes no Windows: {}", made.told());
        // The rest of this machine is no drive of the endpoint.
        std::fs::remove_file(wine.prefix.join("dosdevices/z:")).context("no drive Z")?;
        let folder = wine.outside(r"C:\peerhound");
        std::fs::create_dir_all(&folder)?;
        for entry in std::fs::read_dir(programs)? {
            let entry = entry?;
            std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
        if !wine.outside(r"C:\windows\system32\bcryptprimitives.dll").exists() {
            println!("this Wine lacks bcryptprimitives.dll: a stand-in lies beside the programs");
            let source = network.workspace().folder().join("random.c");
            std::fs::write(&source, RANDOM)?;
            let library = folder.join("bcryptprimitives.dll");
            let (source, library) = (source.to_string_lossy(), library.to_string_lossy());
            run(&["x86_64-w64-mingw32-gcc", "-shared", "-o", &library, &source, "-ladvapi32"])?;
        }
        Ok(Some(wine))
    }

    /// Where a path of drive C lies on this machine.
    #[must_use]
    pub fn outside(&self, path: &str) -> PathBuf {
        let inside = path.trim_start_matches("C:").replace('\\', "/");
        self.prefix.join("drive_c").join(inside.trim_start_matches('/'))
    }

    fn command(&self, argv: &[&str]) -> std::process::Command {
        let mut command = self.network.soc_command(argv);
        command
            .env("WINEPREFIX", &self.prefix)
            .env("WINEDEBUG", "-all")
            // Nobody is there to be asked whether these are to be installed.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            // Its user's folders are links into the home folder.
            .env("HOME", &self.home)
            .env_remove("DISPLAY")
            .current_dir(&self.prefix);
        command
    }

    fn finish(&self, argv: &[&str], limit: Duration) -> Result<Output> {
        run_with(&mut self.command(argv), "", limit)
    }

    /// Runs a Windows program to its end, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started or takes over five minutes.
    pub fn run(&self, argv: &[&str]) -> Result<Output> {
        let argv: Vec<&str> = std::iter::once("wine").chain(argv.iter().copied()).collect();
        self.finish(&argv, Duration::from_mins(5))
    }

    /// Starts a Windows program and leaves it running; it ends with this Windows.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, argv: &[&str]) -> Result<Child> {
        let argv: Vec<&str> = std::iter::once("wine").chain(argv.iter().copied()).collect();
        let log = std::fs::File::create(self.network.workspace().folder().join("wine.log"))?;
        let mut command = self.command(&argv);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().context("cannot start Wine")
    }

    /// Sets a text or, as `REG_DWORD` and so on, another value in the registry.
    ///
    /// # Errors
    /// When `reg` refuses.
    pub fn set(&self, key: &str, name: &str, kind: &str, value: &str) -> Result<()> {
        let done = self.run(&["reg", "add", key, "/v", name, "/t", kind, "/d", value, "/f"])?;
        ensure!(done.code == Some(0), "{key}: {}", done.told());
        Ok(())
    }
}

impl Drop for Wine<'_> {
    fn drop(&mut self) {
        let _ = self.finish(&["wineserver", "--kill"], Duration::from_mins(1));
    }
}

/// The folder with the Windows programs, built once per process.
fn programs() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let target = workspace::target()?;
    let out = target.join("windows/programs");
    let script = workspace::root().join("scripts/build-windows");
    let (script, folder) = (script.to_string_lossy(), out.to_string_lossy());
    let mut command = command(&[&script, "--out", &folder, "relay", "peerhound"]);
    command.env("CARGO_TARGET_DIR", &target).env("CARGO", settings::cargo());
    let output = run_with(command.current_dir(workspace::root()), "", Duration::from_hours(1))?;
    ensure!(output.code == Some(0), "the Windows programs do not build: {}", output.told());
    Ok(out)
}
