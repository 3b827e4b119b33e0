//! `peerhound approvals`, `approve`, `reject` and `undo` on this machine: a real process under a client's name is found,
//! its end is proposed, and nobody but the person whom the policy names can order it.

#![cfg(target_os = "linux")]

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A process of this test's own, under the name of a client. Ended with the test.
struct Client(Child);

impl Client {
    fn start(folder: &TempDir, name: &str) -> Self {
        let image = folder.path().join(name);
        std::fs::copy("/bin/sleep", &image).expect("a program");
        Self(Command::new(image).arg("600").spawn().expect("it runs"))
    }

    fn pid(&self) -> u64 {
        u64::from(self.0.id())
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().expect("its state").is_none()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Site {
    folder: TempDir,
    here: IpAddr,
}

impl Site {
    fn new(here: IpAddr) -> Self {
        Self { folder: TempDir::new().expect("a folder"), here }
    }

    fn policy(&self, section: &str) {
        let text = format!(
            "version = 1\n[scope]\nnetworks = ['{}/32']\n[collection]\n\
             artifacts = ['identity', 'processes', 'connections']\n[actions]\npolicy_violation = ['ticket']\n\
             [remediation]\npolicy_violation = ['stop_process']\n{section}\n",
            self.here
        );
        std::fs::write(self.path("peerhound.toml"), text).expect("a policy");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        // What the environment says of the user counts for nothing.
        Command::new(env!("CARGO_BIN_EXE_peerhound"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("USER", "somebody-else")
            .env("LOGNAME", "somebody-else")
            .env("SUDO_USER", "somebody-else")
            .stdin(Stdio::null())
            .output()
            .expect("peerhound runs")
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[arguments, &["--json"]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Runs it, and wants this end and these words.
    fn ends(&self, arguments: &[&str], code: i32, says: &str) {
        let output = self.run(arguments);
        let told =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?} does not say {says:?}: {told}");
    }

    fn stage(&self, case: &str, n: u64) -> String {
        let shown = self.json(&["case", "show", case]);
        let measures = shown[0]["remediation"]["measures"].as_array().expect("measures").clone();
        let measure = measures.iter().find(|measure| measure["n"] == n).expect("the measure");
        measure["stage"].as_str().expect("a stage").to_owned()
    }
}

/// An address of this machine that is not its loopback, where it has one.
fn own_address() -> Option<IpAddr> {
    let mut addresses = if_addrs::get_if_addrs().ok()?.into_iter().map(|interface| interface.ip());
    addresses.find(|ip| matches!(ip, IpAddr::V4(ip) if !ip.is_loopback() && !ip.is_link_local()))
}

/// The account that the system says we are.
fn account() -> String {
    let login = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    let login = Some(login.trim().to_owned()).filter(|uid| !uid.is_empty() && uid != "4294967295");
    let output = Command::new("/usr/bin/id").arg("-un").args(login).output().expect("id");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn what_is_proposed_is_done_by_the_word_of_those_whom_the_policy_names_and_by_nobody_elses() {
    let here = own_address().expect("an address of this machine besides its loopback");
    let site = Site::new(here);
    site.policy("approvers = ['nobody-here']");
    let (mut first, mut second) =
        (Client::start(&site.folder, "qbittorrent-nox"), Client::start(&site.folder, "transmission-daemon"));

    let outcome = site.json(&["investigate", &here.to_string()]).remove(0);
    assert_eq!(outcome["verdict"], "policy_violation", "{outcome:#}");
    let case = outcome["case_id"].as_str().expect("a case").to_owned();

    let waiting = site.json(&["approvals"]).remove(0);
    assert_eq!(waiting["case_id"], case.as_str());
    assert_eq!(waiting["evidence_sha256"], outcome["evidence"]["sha256"]);
    let measures = waiting["measures"].as_array().expect("measures").clone();
    // Other clients may run on this machine: they are left to whoever runs them.
    let number = |pid: u64| {
        let measure = measures.iter().find(|measure| measure["measure"]["pid"] == pid).expect("a measure");
        measure["n"].as_u64().expect("a number")
    };
    let (one, two) = (number(first.pid()), number(second.pid()));
    let (n1, n2) = (one.to_string(), two.to_string());
    assert!(site.json(&["case", "list", "--open"]).is_empty(), "nobody investigates it any more");

    // Nobody is asked where nobody can answer; and who it is says the system alone.
    site.ends(&["approve", &case, &n1], 2, "say --yes");
    site.ends(&["approve", &case, &n1, "--yes"], 2, "is not among the policy's");
    site.policy("approvers = ['somebody-else']");
    site.ends(&["approve", &case, &n1, "--yes"], 2, "is not among the policy's");
    let me = account();
    site.policy(&format!("approvers = ['{me}']"));
    site.ends(&["approve", &case, &n1, "--yes", "--evidence", "00"], 2, "it was given on evidence 00");
    site.ends(&["approve", &case, "99", "--yes"], 2, "has no measure 99");
    site.ends(&["approve", "ph-nothing", "--yes"], 2, "no case ph-nothing");
    site.policy(&format!("approvers = ['{me}']\ndry_run = true"));
    site.ends(&["approve", &case, &n1, "--yes"], 2, "dry_run");
    assert_eq!(
        (site.stage(&case, one), site.stage(&case, two)),
        ("proposed".to_owned(), "proposed".to_owned())
    );

    // Two persons: the first one's word orders nothing, and does not count twice.
    site.policy(&format!("approvers = ['{me}', 'nobody-here']\napprovals = 2"));
    site.ends(&["approve", &case, &n2, "--yes"], 0, "another person has to approve");
    site.ends(&["approve", &case, &n2, "--yes"], 2, "another person has to");
    assert_eq!(site.stage(&case, two), "proposed");
    site.ends(&["reject", &case, &n2], 0, "rejected by");
    site.ends(&["approve", &case, &n2, "--yes"], 2, "rejected, and not proposed");
    assert!(first.runs() && second.runs(), "nothing was ordered yet");

    // One person, and it is carried out.
    site.policy(&format!("approvers = ['{me}']"));
    let output = site.run(&["approve", &case, &n1, "--yes"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!((site.stage(&case, one).as_str(), output.status.code()), ("done", Some(0)), "{told}");
    assert!(!first.runs(), "it is said to be stopped, and runs");
    site.ends(&["undo", &case, &n1, "--yes"], 2, "cannot be taken back");
    assert!(second.runs(), "what was rejected is left alone");
    site.ends(&["approve", &case, &n1, "--yes"], 2, "and not proposed");
    let shown = site.run(&["case", "show", &case]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for says in [
        format!("{me} approved {n1} at the command line"),
        format!("{me} rejected measures {n2} at the command line"),
        format!("measures {n1} are ordered"),
    ] {
        assert!(shown.contains(&says), "the history does not say {says:?}: {shown}");
    }
}

#[test]
fn the_policy_says_what_is_wrong_with_its_section() {
    let site = Site::new(IpAddr::from([10, 0, 0, 1]));
    site.policy("");
    site.ends(&["policy", "check"], 3, "[remediation] approvers names 0");
    site.policy("approvers = ['anna']\nexpires = '1m'");
    site.ends(&["policy", "check"], 3, "[remediation] expires = 1m");
    site.policy("approvers = ['anna']");
    site.ends(&["policy", "check"], 0, "sound");
    site.ends(&["approvals"], 0, "nothing waits for an approval");
}
