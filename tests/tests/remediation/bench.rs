//! An endpoint in a network, and orders that the collector carries out on it from the `soc` host.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use acceptance::{ENDPOINT, Endpoint, Network, Output, require_or_skip, run, skip_or_fail, wait_until};
use collector::program::Programs;
use collector::{Collector, Config, SshConfig};
use investigation::evidence::{ArtifactKind, Collection};
use investigation::order::{Limits, Order, Task};
use investigation::policy::Transport;
use investigation::remediation::{
    MEASURES_PATH, Measure, MeasureOrder, MeasureOutcome, MeasureStatus, Undo, UndoOrder,
};
use investigation::scope::Scope;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The case that everything is done for, unless a test says otherwise.
pub(crate) const CASE: &str = "ph-20261130-bench";
/// Names the file with what [`carry_out_one_order`] is to do.
const VARIABLE: &str = "PEERHOUND_TEST_CONTACT";

/// A machine that can be changed.
pub(crate) struct Bench {
    pub(crate) endpoint: Endpoint,
    pub(crate) network: Network,
    user: String,
}

/// What one contact is about, for the process that makes it.
#[derive(Serialize, Deserialize)]
struct Contact {
    order: Order,
    into: PathBuf,
    network: String,
    user: String,
    port: u16,
    identity: PathBuf,
    known_hosts: PathBuf,
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Carried {
    pub(crate) collection: Option<Collection>,
    /// Code and message of the error.
    pub(crate) error: Option<(String, String)>,
    pub(crate) into: PathBuf,
}

impl Bench {
    /// Starts one. `None`, said in one line, where that is not possible.
    pub(crate) fn start(more: &[&str]) -> Option<Self> {
        if !require_or_skip(&["sshd", "ssh-keygen"]) || !require_or_skip(more) {
            return None;
        }
        let network = Network::new().expect("a network");
        if !network.isolated() {
            skip_or_fail("needs machines of their own, and network namespaces are not permitted here");
            return None;
        }
        let endpoint = Endpoint::start(&network, "laptop", ENDPOINT).expect("an endpoint");
        let user = endpoint.user().to_owned();
        Some(Self { endpoint, network, user })
    }

    /// Goes on with another account of the endpoint, whose key is the same.
    pub(crate) fn log_in_as(&mut self, user: &str) {
        for folder in ["/root", "/root/.ssh"] {
            self.sh(&format!("chmod 755 {folder}"));
        }
        user.clone_into(&mut self.user);
    }

    /// Carries out measures for the case, and gives what became of each.
    pub(crate) fn remediate(&self, measures: Vec<(u32, Measure)>) -> Vec<MeasureOutcome> {
        self.carry_out(self.measures(measures)).measures()
    }

    /// Carries out one measure.
    pub(crate) fn measure(&self, n: u32, measure: Measure) -> MeasureOutcome {
        self.remediate(vec![(n, measure)]).remove(0)
    }

    /// Takes one back.
    pub(crate) fn undo(&self, n: u32, undo: Undo) -> MeasureOutcome {
        let task = Task::Undo { host_name: "laptop".into(), measures: vec![UndoOrder { n, undo }] };
        self.carry_out(task).measures().remove(0)
    }

    pub(crate) fn measures(&self, measures: Vec<(u32, Measure)>) -> Task {
        let measures = measures.into_iter().map(|(n, measure)| MeasureOrder { n, measure }).collect();
        // The name is the same in any case of its letters.
        Task::Remediate { host_name: "LAPTOP".into(), measures }
    }

    /// Collects one kind of artifact.
    pub(crate) fn collect<T: DeserializeOwned>(&self, kind: ArtifactKind) -> T {
        let task = Task::Collect { artifacts: vec![kind], limits: Limits::default() };
        let carried = self.carry_out(task);
        assert!(carried.error.is_none(), "{carried:?}");
        read(&carried.into.join(kind.parsed_entry()))
    }

    /// Carries out an order to its end.
    pub(crate) fn carry_out(&self, task: Task) -> Carried {
        let (mut child, into) = self.begin(task);
        let said = wait_until("the order is carried out", Duration::from_secs(180), || Ok(child.try_wait()?));
        let status = said.expect("it ends");
        let said = std::fs::read_to_string(into.join("said")).unwrap_or_default();
        assert!(status.success(), "{said}");
        read(&into.join("carried.json"))
    }

    /// Begins to carry out an order, in a process of its own in the network of the `soc` host.
    pub(crate) fn begin(&self, task: Task) -> (Child, PathBuf) {
        static CONTACTS: AtomicU32 = AtomicU32::new(0);
        let number = CONTACTS.fetch_add(1, Ordering::Relaxed);
        let into = self.network.workspace().folder().join(format!("contact-{number}"));
        std::fs::create_dir(&into).expect("a folder");
        let contact = Contact {
            order: Order { case_id: CASE.into(), target: IpAddr::V4(self.endpoint.address()), task },
            into: into.clone(),
            network: self.network.company(),
            user: self.user.clone(),
            port: self.endpoint.port(),
            identity: self.endpoint.identity().to_owned(),
            known_hosts: self.endpoint.known_hosts().to_owned(),
        };
        let file = into.join("contact.json");
        std::fs::write(&file, serde_json::to_vec(&contact).expect("JSON")).expect("a file");
        let program = std::env::current_exe().expect("this program");
        let argv = [
            &*program.to_string_lossy(),
            "--exact",
            "bench::carry_out_one_order",
            "--ignored",
            "--nocapture",
        ];
        let said = std::fs::File::create(into.join("said")).expect("a file");
        let child = self
            .network
            .soc_command(&argv)
            .env(VARIABLE, &file)
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("a file"))
            .stderr(said)
            .spawn()
            .expect("a process");
        (child, into)
    }

    /// Runs a line of shell on the endpoint as root, which must succeed.
    pub(crate) fn sh(&self, line: &str) -> String {
        self.endpoint.host().run(&["sh", "-c", line]).expect("a line of shell")
    }

    /// As [`Self::sh`], whatever comes of it.
    pub(crate) fn try_sh(&self, line: &str) -> Output {
        self.endpoint.host().try_run(&["sh", "-c", line]).expect("a line of shell")
    }

    /// Whether a process with this number is there, and no zombie.
    pub(crate) fn is_running(&self, pid: u32) -> bool {
        self.try_sh(&format!("grep -q '^State:[[:space:]]*[^ZX]' /proc/{pid}/status")).code == Some(0)
    }

    /// The number of the only process with this image, once it is there.
    pub(crate) fn pid_of(&self, image: &str) -> u32 {
        let line = format!(
            "for p in /proc/[0-9]*; do [ \"$(readlink $p/exe)\" = '{image}' ] && echo ${{p#/proc/}}; done; true"
        );
        let found = wait_until(&format!("{image} runs"), Duration::from_secs(60), || {
            Ok(self.sh(&line).split_whitespace().next().and_then(|pid| pid.parse().ok()))
        });
        found.expect("a process")
    }
}

impl Carried {
    /// What became of the measures.
    pub(crate) fn measures(&self) -> Vec<MeasureOutcome> {
        assert!(self.error.is_none(), "{self:?}");
        let outcomes: Vec<MeasureOutcome> = read(&self.into.join(MEASURES_PATH));
        for outcome in &outcomes {
            assert!(!outcome.detail.contains('\n') && outcome.detail.len() < 2000, "{outcome:?}");
            let in_force = [MeasureStatus::Done, MeasureStatus::Already].contains(&outcome.status);
            assert!(outcome.undo.is_none() || in_force, "{outcome:?}");
        }
        let commands = &self.collection.as_ref().expect("a record").commands;
        let changes =
            |record: &&investigation::evidence::CommandRecord| record.artifact.contains(".Remediation.");
        let named =
            commands.iter().filter(changes).filter(|record| record.command.contains("SHA-256")).count();
        assert!(named > 0 || outcomes.iter().all(|o| o.status == MeasureStatus::Refused), "{commands:#?}");
        outcomes
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Asserts how something ended.
#[track_caller]
pub(crate) fn ended(outcome: &MeasureOutcome, status: MeasureStatus, says: &str) {
    assert!(outcome.status == status && outcome.detail.contains(says), "{status:?}, {says:?}: {outcome:#?}");
}

/// No test of its own: the process that makes a contact from the `soc` host, whose network one thread alone cannot enter.
#[tokio::test]
#[ignore = "is started by the tests"]
async fn carry_out_one_order() {
    #[expect(clippy::disallowed_methods, reason = "only the test that starts it sets this")]
    let Some(file) = std::env::var_os(VARIABLE) else { return };
    let Contact { order, into, network, user, port, identity, known_hosts } = read(Path::new(&file));
    let config = Config {
        scope: Scope { networks: vec![network.parse().expect("a network")], ..Scope::default() },
        ssh: SshConfig {
            user,
            port,
            identity_files: vec![identity],
            agent_socket: None,
            known_hosts,
            accept_new_host_keys: false,
            connect_timeout: Duration::from_secs(60),
            privilege: None,
        },
        winrm: None,
        smb: None,
        transports: vec![Transport::Ssh],
        programs: Programs::default(),
        collector_version: "test".into(),
    };
    let collector = Collector::new(config).expect("a collector");
    let (collection, error) = match collector.execute(&order, &into, &|_| {}).await {
        Ok(collection) => (Some(collection), None),
        Err(error) => (None, Some((error.code().to_owned(), error.to_string()))),
    };
    let carried = Carried { collection, error, into: into.clone() };
    std::fs::write(into.join("carried.json"), serde_json::to_vec(&carried).expect("JSON")).expect("a file");
}

/// Ends a contact as a killed worker does.
pub(crate) fn kill(mut contact: Child) {
    // `ip netns exec` has become the program itself.
    contact.kill().expect("a process of ours");
    contact.wait().expect("it ends");
}

/// The SHA-256 of a file by another program.
pub(crate) fn sha256sum(path: &Path) -> String {
    let said = run(&["sha256sum", "-z", &path.to_string_lossy()]).expect("sha256sum").stdout;
    said.split_whitespace().next().expect("a hash").trim_start_matches('\\').to_owned()
}
