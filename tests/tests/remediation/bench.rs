//! An endpoint in a network, and orders that the collector carries out on it from the `soc` host.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use acceptance::{ENDPOINT, Endpoint, Host, Network, Output, require_or_skip, run, skip_or_fail, wait_until};
use investigation::evidence::ArtifactKind;
use investigation::order::{Limits, Order, Task};
use investigation::remediation::{Measure, MeasureOrder, MeasureOutcome, MeasureStatus, Undo, UndoOrder};
use serde::de::DeserializeOwned;

use crate::contact::{Carried, Contact, ONE_ORDER, VARIABLE, next_contact, read};

/// The case that everything is done for, unless a test says otherwise.
pub(crate) const CASE: &str = "ph-20261130-bench";
/// Where this program lies on an endpoint that works on itself.
const OWN: &str = "/opt/one-order";
/// A machine that can be changed.
pub(crate) struct Bench {
    pub(crate) endpoint: Endpoint,
    pub(crate) network: Network,
    target: IpAddr,
    user: String,
    sudo: bool,
    /// Whether orders are carried out on the endpoint itself, as on an analyst's own machine.
    local: bool,
}

impl Bench {
    /// Starts one. `None`, said in one line, where that is not possible.
    pub(crate) fn start(more: &[&str]) -> Option<Self> {
        Self::start_by(Endpoint::start, more)
    }

    /// Starts one on which systemd is the first process.
    pub(crate) fn start_with_systemd(more: &[&str]) -> Option<Self> {
        if let Some(why) = Host::no_systemd() {
            skip_or_fail(&why);
            return None;
        }
        Self::start_by(Endpoint::start_with_systemd, more)
    }

    fn start_by(
        start: impl Fn(&Network, &str, u8) -> anyhow::Result<Endpoint>,
        more: &[&str],
    ) -> Option<Self> {
        if !require_or_skip(&["sshd", "ssh-keygen"]) || !require_or_skip(more) {
            return None;
        }
        let network = Network::new().expect("a network");
        if !network.isolated() {
            skip_or_fail("needs machines of their own, and network namespaces are not permitted here");
            return None;
        }
        let endpoint = start(&network, "laptop", ENDPOINT).expect("an endpoint");
        let (user, target) = (endpoint.user().to_owned(), endpoint.address().into());
        Some(Self { endpoint, network, target, user, sudo: false, local: false })
    }

    /// Goes on with another account of the endpoint, whose key is the same.
    pub(crate) fn log_in_as(&mut self, user: &str) {
        for folder in ["/root", "/root/.ssh"] {
            self.sh(&format!("chmod 755 {folder}"));
        }
        user.clone_into(&mut self.user);
    }

    /// Goes on with `sudo`, which the account may or may not use.
    pub(crate) fn use_sudo(&mut self) {
        self.sudo = true;
    }

    /// Goes on over IPv6.
    pub(crate) fn reach_over_ipv6(&mut self) {
        let address = self.network.address6(ENDPOINT);
        self.endpoint.also_over_ipv6(address).expect("an address");
        self.target = address.into();
        self.network.give_soc_ipv6().expect("an address");
    }

    /// Goes on from the endpoint itself.
    pub(crate) fn work_on_itself(&mut self) {
        let (program, there) =
            (std::env::current_exe().expect("this program"), self.endpoint.host().outside(OWN));
        if std::fs::hard_link(&program, &there).is_err() {
            std::fs::copy(&program, &there).expect("a copy of this program");
        }
        self.local = true;
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
        if self.local {
            return self.carry_out_here(task);
        }
        let (mut child, into) = self.begin(task);
        let said = wait_until("the order is carried out", Duration::from_secs(180), || Ok(child.try_wait()?));
        let status = said.expect("it ends");
        let said = std::fs::read_to_string(into.join("said")).unwrap_or_default();
        assert!(status.success(), "{said}");
        read(&into.join("carried.json"))
    }

    /// Begins to carry out an order, in a process of its own in the network of the `soc` host.
    pub(crate) fn begin(&self, task: Task) -> (Child, PathBuf) {
        let into = self.network.workspace().folder().join(next_contact());
        std::fs::create_dir(&into).expect("a folder");
        let file = into.join("contact.json");
        let contact = self.contact(task, &into);
        std::fs::write(&file, serde_json::to_vec(&contact).expect("JSON")).expect("a file");
        let program = std::env::current_exe().expect("this program");
        let program = program.to_string_lossy();
        let argv: Vec<&str> = [&*program].into_iter().chain(ONE_ORDER).collect();
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

    /// Carries out an order to its end on the endpoint itself, by the files that it sees.
    fn carry_out_here(&self, task: Task) -> Carried {
        let (host, name) = (self.endpoint.host(), format!("/var/tmp/{}", next_contact()));
        let outside = host.outside(&name);
        std::fs::create_dir(&outside).expect("a folder");
        let contact = serde_json::to_vec(&self.contact(task, Path::new(&name))).expect("JSON");
        std::fs::write(outside.join("contact.json"), contact).expect("a file");
        let variable = format!("{VARIABLE}={name}/contact.json");
        let argv: Vec<&str> = ["env", &variable, OWN].into_iter().chain(ONE_ORDER).collect();
        host.run(&argv).expect("the order is carried out");
        Carried { into: outside.clone(), ..read(&outside.join("carried.json")) }
    }

    fn contact(&self, task: Task, into: &Path) -> Contact {
        Contact {
            order: Order { case_id: CASE.into(), target: self.target, task },
            into: into.to_owned(),
            networks: vec![self.network.company(), self.network.company6()],
            user: self.user.clone(),
            sudo: self.sudo,
            port: self.endpoint.port(),
            identity: self.endpoint.identity().to_owned(),
            known_hosts: self.endpoint.known_hosts().to_owned(),
        }
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

/// Asserts how something ended.
#[track_caller]
pub(crate) fn ended(outcome: &MeasureOutcome, status: MeasureStatus, says: &str) {
    assert!(outcome.status == status && outcome.detail.contains(says), "{status:?}, {says:?}: {outcome:#?}");
}

/// The SHA-256 of a file by another program.
pub(crate) fn sha256sum(path: &Path) -> String {
    let said = run(&["sha256sum", "-z", &path.to_string_lossy()]).expect("sha256sum").stdout;
    said.split_whitespace().next().expect("a hash").trim_start_matches('\\').to_owned()
}
