//! One contact of the collector with an endpoint, made by a process of its own.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use collector::program::Programs;
use collector::{Collector, Config, Privilege, SshConfig};
use investigation::evidence::{Collection, CommandRecord};
use investigation::order::Order;
use investigation::policy::Transport;
use investigation::remediation::{MEASURES_PATH, MeasureOutcome, MeasureStatus};
use investigation::scope::Scope;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Names the file with what [`carry_out_one_order`] is to do.
pub(crate) const VARIABLE: &str = "PEERHOUND_TEST_CONTACT";

/// What makes it carry out one order.
pub(crate) const ONE_ORDER: [&str; 4] =
    ["--exact", "contact::carry_out_one_order", "--ignored", "--nocapture"];

/// What one contact is about, for the process that makes it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(crate) order: Order,
    pub(crate) into: PathBuf,
    pub(crate) networks: Vec<String>,
    pub(crate) user: String,
    pub(crate) sudo: bool,
    pub(crate) port: u16,
    pub(crate) identity: PathBuf,
    pub(crate) known_hosts: PathBuf,
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Carried {
    pub(crate) collection: Option<Collection>,
    /// Code and message of the error.
    pub(crate) error: Option<(String, String)>,
    pub(crate) into: PathBuf,
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
        let changes = |record: &&CommandRecord| record.artifact.contains(".Remediation.");
        let named =
            commands.iter().filter(changes).filter(|record| record.command.contains("SHA-256")).count();
        assert!(named > 0 || outcomes.iter().all(|o| o.status == MeasureStatus::Refused), "{commands:#?}");
        outcomes
    }
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> T {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The name of a folder for one more contact.
pub(crate) fn next_contact() -> String {
    static CONTACTS: AtomicU32 = AtomicU32::new(0);
    format!("contact-{}", CONTACTS.fetch_add(1, Ordering::Relaxed))
}

/// No test of its own: the process that makes a contact from the `soc` host, whose network one thread alone cannot enter.
#[tokio::test]
#[ignore = "is started by the tests"]
async fn carry_out_one_order() {
    #[expect(clippy::disallowed_methods, reason = "only the test that starts it sets this")]
    let Some(file) = std::env::var_os(VARIABLE) else { return };
    let Contact { order, into, networks, user, sudo, port, identity, known_hosts } = read(Path::new(&file));
    let networks = networks.iter().map(|network| network.parse().expect("a network")).collect();
    let config = Config {
        scope: Scope { networks, ..Scope::default() },
        ssh: SshConfig {
            user,
            port,
            identity_files: vec![identity],
            agent_socket: None,
            known_hosts,
            accept_new_host_keys: false,
            connect_timeout: Duration::from_secs(60),
            privilege: sudo.then_some(Privilege::Sudo),
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
