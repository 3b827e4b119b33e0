//! The installer for Linux, into a folder that stands for the root.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use relay::config::RelayConfig;
use support::{Ran, program};

struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn install(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install/install.sh");
        Command::new("sh")
            .arg(script)
            .args(["--binary", env!("CARGO_BIN_EXE_peerhound-relay")])
            .args(arguments)
            .env("DESTDIR", self.0.path())
            .output()
            .unwrap()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.path(path)).unwrap().permissions().mode() & 0o777
    }
}

const PROGRAM: &str = "opt/peerhound/bin/peerhound-relay";
const CONFIG: &str = "etc/peerhound/relay.toml";

#[test]
fn what_is_installed_runs_and_its_configuration_reads() {
    let root = Root::new();
    let done =
        root.install(&["--name", "berlin-1", "--network", "10.20.0.0/16", "--network", "fd12:3456::/48"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!((root.mode(PROGRAM), root.mode("opt/peerhound/bin")), (0o755, 0o755));
    for (path, mode) in [
        ("etc/peerhound", 0o700),
        ("etc/peerhound/keys", 0o700),
        ("etc/peerhound/known_hosts", 0o600),
        (CONFIG, 0o600),
        ("var/lib/peerhound-relay", 0o700),
    ] {
        assert_eq!(root.mode(path), mode, "{path}");
    }
    let version = Command::new(root.path(PROGRAM)).arg("--version").output().unwrap();
    assert!(version.stdout.starts_with(b"peerhound-relay "), "{version:?}");

    let config = RelayConfig::parse(&fs::read_to_string(root.path(CONFIG)).unwrap()).unwrap();
    assert_eq!((config.name.as_str(), config.scope.networks.len()), ("berlin-1", 2));
    assert_eq!(config.staging_dir.as_deref(), Some("/var/lib/peerhound-relay"));
}

#[test]
fn a_new_configuration_without_networks_serves_nothing_and_says_so() {
    let root = Root::new();
    assert!(root.install(&[]).status.success());
    let ran = program().arg("-c").arg(root.path(CONFIG)).args(["config", "check"]).output().unwrap();
    let ran = Ran::from(ran);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("networks is empty"), "{ran:?}");
}

#[test]
fn installing_again_updates_the_program_and_keeps_the_configuration() {
    let root = Root::new();
    root.install(&["--name", "a"]);
    fs::write(root.path(PROGRAM), "old").unwrap();
    fs::write(root.path(CONFIG), "# mine\n").unwrap();
    fs::set_permissions(root.path(CONFIG), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(root.path("etc/peerhound/known_hosts"), "10.20.0.5 ssh-ed25519 AAAA\n").unwrap();
    let done = root.install(&["--name", "b"]);
    assert!(done.status.success(), "{done:?}");
    assert!(fs::metadata(root.path(PROGRAM)).unwrap().len() > 1000);
    assert_eq!(fs::read_to_string(root.path(CONFIG)).unwrap(), "# mine\n");
    assert_eq!(root.mode(CONFIG), 0o600, "it is closed again");
    assert!(fs::read_to_string(root.path("etc/peerhound/known_hosts")).unwrap().starts_with("10.20.0.5"));
    let names: Vec<_> = fs::read_dir(root.path("opt/peerhound/bin")).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn uninstalling_leaves_what_only_the_operator_has_until_it_is_purged() {
    let root = Root::new();
    root.install(&[]);
    fs::write(root.path("etc/peerhound/keys/id"), "key").unwrap();
    for _ in 0..2 {
        assert!(root.install(&["--uninstall"]).status.success());
        assert!(!root.path("opt/peerhound").exists());
        assert!(root.path(CONFIG).exists() && root.path("etc/peerhound/keys/id").exists());
    }
    assert!(root.install(&["--uninstall", "--purge"]).status.success());
    assert!(!root.path("etc/peerhound").exists() && !root.path("var/lib/peerhound-relay").exists());
    assert!(root.path("etc").exists() && root.path("opt").exists(), "what is not ours stays");
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_written() {
    for arguments in [
        &["--name", "A b"][..],
        &["--name", "x|y"],
        &["--network", "10.0.0.0/8\"]\n#"],
        &["--network", ""],
        &["--network"],
        &["--purge"],
        &["--binary", "/nonexistent/relay"],
        &["--frobnicate"],
    ] {
        let root = Root::new();
        let done = root.install(arguments);
        assert!(!done.status.success(), "{arguments:?}");
        assert_eq!(fs::read_dir(root.0.path()).unwrap().count(), 0, "{arguments:?}: {done:?}");
    }
}

#[test]
fn the_agent_is_let_run_more_commands_and_the_rest_of_its_settings_stays() {
    let root = Root::new();
    let folder = root.path("etc/amazon/ssm");
    let asked = || root.install(&["--agent-workers", "50"]);
    assert!(!asked().status.success(), "there is no agent");
    fs::create_dir_all(&folder).unwrap();
    let told = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told(root.install(&[])).contains("--agent-workers"));
    // As the agent's package ships it.
    let template = "{\n    \"Mds\": {\n        \"CommandWorkersLimit\" : 5,\n        \"StopTimeoutMillis\" : 20000\n    },\n    \"Os\": {\"Version\": \"5\"}\n}\n";
    fs::write(folder.join("amazon-ssm-agent.json.template"), template).unwrap();
    assert!(asked().status.success());
    let written = || fs::read_to_string(folder.join("amazon-ssm-agent.json")).unwrap();
    assert_eq!(written(), template.replace(": 5,", ": 50,"));
    assert!(!told(root.install(&[])).contains("--agent-workers"), "nothing is left to say");
    assert!(root.install(&["--agent-workers", "8"]).status.success());
    assert_eq!(written(), template.replace(": 5,", ": 8,"));
    assert!(!root.install(&["--agent-workers", "many"]).status.success());
}
