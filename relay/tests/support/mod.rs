//! What the tests share: a store of objects behind HTTP that can be made to misbehave, and the real program.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part; a failure here is a failed test"
)]

#[path = "../../../crates/collector/tests/support/fleet.rs"]
pub(crate) mod fleet;
#[path = "../../../crates/collector/tests/support/sshd.rs"]
pub(crate) mod sshd;
pub(crate) mod store;
pub(crate) mod tls;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use casework::container::Bundle;
use casework::container::bundle::{Caps, Origin};
use data_encoding::HEXLOWER;
use investigation::evidence::ArtifactKind;
use investigation::order::{
    BATCH_FORMAT, Limits, Order, OrderBatch, OrderLink, RelayOrder, RelayReport, Task, Upload,
};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use store::Store;

/// What stands for the signature in every URL. Nothing that the program says may hold it.
pub(crate) const SECRET: &str = "5ec3e7f00d";

/// A relay with its configuration, and the store that it talks to.
pub(crate) struct Scene {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Scene {
    /// One that may contact `networks`; `more` are further lines of the configuration, `ssh` those of its section.
    pub(crate) fn set(networks: &str, more: &str, ssh: &str) -> Self {
        let scene = Self { dir: tempfile::tempdir().unwrap(), store: Store::start() };
        scene.configure(networks, more, ssh);
        scene
    }

    pub(crate) fn configure(&self, networks: &str, more: &str, ssh: &str) {
        let text = format!(
            "version = 1\nname = 'site-1'\nstaging_dir = 'staging'\nmin_free_bytes = 1\n\
             [scope]\npermit_loopback = true\nnetworks = [{networks}]\n[ssh]\n{ssh}\n[transfer]\n{more}\n"
        );
        fs::write(self.config(), text).unwrap();
        fs::set_permissions(self.config(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("relay.toml")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.dir.path().join("staging")
    }

    /// What lies in the staging folder.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        let items = fs::read_dir(self.staging());
        let paths = items.map(|items| items.map(|item| item.unwrap().path()).collect::<Vec<_>>());
        // The locks on machines are empty files, and stay.
        paths.unwrap_or_default().into_iter().filter(|path| !path.ends_with("contacts")).collect()
    }

    /// An order whose bundle goes to `/bundle/<case>/<effect>-1`.
    pub(crate) fn order(&self, case_id: &str, effect: u32, target: &str, task: Task) -> RelayOrder {
        RelayOrder {
            order: Order { case_id: case_id.to_owned(), target: target.parse().unwrap(), task },
            effect,
            attempt: 1,
            timeout_seconds: 60,
            upload: Upload {
                url: format!("{}/bundle/{case_id}/{effect}-1?X-Amz-Signature={SECRET}", self.store.url()),
                headers: BTreeMap::from([
                    ("content-type".to_owned(), "application/zip".to_owned()),
                    ("if-none-match".to_owned(), "*".to_owned()),
                ]),
            },
        }
    }

    /// Puts a batch into the store, and returns the parameter that names it.
    pub(crate) fn publish(&self, batch: &OrderBatch) -> String {
        let bytes = serde_json::to_vec(batch).unwrap();
        self.store.put("/orders/1.json", &bytes);
        self.link(&bytes)
    }

    pub(crate) fn link(&self, bytes: &[u8]) -> String {
        let url = format!("{}/orders/1.json?X-Amz-Signature={SECRET}", self.store.url());
        OrderLink { url, sha256: HEXLOWER.encode(&Sha256::digest(bytes)) }.encode().unwrap()
    }

    /// The program, ready to be started as Systems Manager starts it.
    pub(crate) fn command(&self, link: &str) -> Command {
        let mut command = program();
        command.arg("--config").arg(self.config()).args(["-vv", "run"]).env("SSM_Order", link);
        command
    }

    pub(crate) fn start(&self, link: &str) -> Child {
        self.command(link).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, link: &str) -> Ran {
        Ran::from(self.command(link).output().unwrap())
    }

    /// Publishes and runs.
    pub(crate) fn run_batch(&self, batch: &OrderBatch) -> Ran {
        self.run(&self.publish(batch))
    }

    /// The bundle of one order as it arrived: its report, and its other entries. It is read twice: as who takes it in
    /// reads it, and by a zip library.
    pub(crate) fn bundle(&self, case_id: &str, effect: u32) -> (RelayReport, BTreeMap<String, Vec<u8>>) {
        let bytes = self.store.get(&format!("/bundle/{case_id}/{effect}-1")).expect("the bundle is there");
        let origin = Origin { case_id, effect, attempt: 1 };
        let length = bytes.len() as u64;
        let taken_in = Bundle::open(Cursor::new(&bytes), length, &origin, Caps::default()).unwrap();
        assert_eq!(
            taken_in.collection().is_some(),
            taken_in.report().result == investigation::order::RelayResult::Staged
        );
        let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        let mut contents = Vec::new();
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            contents.push((entry.name().unwrap().into_owned(), content));
        }
        let (first, report) = contents.remove(0);
        assert_eq!(first, "report.json");
        let report = RelayReport::parse(&report).unwrap();
        assert_eq!(report.faults(case_id, effect, 1), []);
        let listed: Vec<_> =
            report.entries.iter().map(|e| (e.path.clone(), e.size, e.sha256.clone())).collect();
        let found: Vec<_> = contents
            .iter()
            .map(|(name, bytes)| (name.clone(), bytes.len() as u64, HEXLOWER.encode(&Sha256::digest(bytes))))
            .collect();
        assert_eq!(listed, found, "the report lists exactly what is there");
        (report, contents.into_iter().collect())
    }
}

/// The program with an environment of its own.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerhound-relay"));
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// A batch for the scene's relay that is valid for a minute.
pub(crate) fn batch(orders: Vec<RelayOrder>) -> OrderBatch {
    let now = Timestamp::now();
    OrderBatch {
        format: BATCH_FORMAT.to_owned(),
        relay: "site-1".to_owned(),
        issued_at: now,
        expires_at: now + SignedDuration::from_mins(1),
        orders,
    }
}

/// The task of collecting some kinds.
pub(crate) fn collect(artifacts: &[ArtifactKind]) -> Task {
    Task::Collect { artifacts: artifacts.to_vec(), limits: Limits::default() }
}

/// How the program ended. Whatever it was, it told no secret.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran =
            Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        for said in [&ran.stdout, &ran.stderr] {
            assert!(!said.contains(SECRET) && !said.contains("X-Amz-Signature"), "{ran:?}");
        }
        assert!(ran.stdout.lines().all(|line| line.len() < 200), "{ran:?}");
        ran
    }
}

/// A file that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) {
    fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Says why a test is skipped; fails instead where nothing may be.
#[allow(
    clippy::disallowed_methods,
    reason = "only the test environment itself is asked, never configuration"
)]
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "cannot be skipped here: {why}");
    eprintln!("skipped: {why}");
}
