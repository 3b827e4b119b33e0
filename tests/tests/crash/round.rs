//! One round: fresh data and fresh alerts, some kills, a last run to the end, and the checks.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use acceptance::{Alert, Peerhound, eve, run, wait_until};
use serde_json::Value;

use super::Site;
use super::arrivals::arrivals;
use super::kills::Kill;

const SIGKILL: i32 = 9;

/// Where findings go, in the round's folder.
const FINDINGS: &str = "findings.ndjson";

/// What the program of the site's own notes, in the round's folder.
const NOTES: &str = "notes.ndjson";

/// Where mails and tickets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To servers that take whatever comes.
    Servers,
    /// As above, and the ticket system takes two tickets with the same key for one.
    Folding,
    /// Into the outbox folder.
    Outbox,
}

/// What a round, or all of them, came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Times that the program was killed.
    pub(super) kills: usize,
    cases: usize,
    /// Deliveries that the case says are done.
    done: usize,
    /// Deliveries that the case leaves to a person, with those of them that had arrived.
    uncertain: usize,
    arrived: usize,
    /// Message-IDs and keys that the servers must have seen, each once.
    pub(super) seen: BTreeSet<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.cases += other.cases;
        self.done += other.done;
        self.uncertain += other.uncertain;
        self.arrived += other.arrived;
        self.seen.extend(other.seen.iter().cloned());
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} cases; deliveries: {} once, {} uncertain (of which {} had arrived)",
            self.kills, self.cases, self.done, self.uncertain, self.arrived
        )
    }
}

/// A round that has begun.
pub(super) struct Round<'a> {
    site: &'a Site,
    peerhound: Peerhound<'a>,
    way: Way,
    folder: PathBuf,
    spool: String,
    /// `flow_id` of the first alert; the others follow.
    flow: u64,
    jobs: &'static str,
}

impl<'a> Round<'a> {
    /// Drops four files: an alert about each of two machines, a repeat of the first, and one about a machine that is
    /// not the company's. One of them has a line that is no alert.
    pub(super) fn start(site: &'a Site, number: usize, way: Way) -> Self {
        let lab = &site.lab;
        let folder = lab.network.workspace().subfolder(&format!("round-{number}")).expect("a folder");
        let spool = folder.join("spool");
        fs::create_dir(&spool).expect("a folder");
        // A finding goes into a file, where it can be told whether it is there: as certain as what lies in the outbox.
        // So does a program that may run twice; a request goes to the ticket server, under a key as tickets have.
        let both = match way {
            Way::Outbox => "[\"mail_soc\", \"ticket\", \"finding\", \"action:note\"]",
            Way::Servers | Way::Folding => "[\"mail_soc\", \"ticket\", \"action:soar\"]",
        };
        let actions = format!("false_positive = {both}\ninconclusive = {both}\npolicy_violation = {both}");
        let text = lab.policy().actions(&actions).text();
        let text = text.replace("data_dir = \"data\"", &format!("data_dir = \"round-{number}/data\""));
        let text = match way {
            Way::Servers => text,
            Way::Folding => {
                text.replace("[ticket.webhook]\n", "[ticket.webhook]\nhonours_idempotency_key = true\n")
            }
            Way::Outbox => {
                let (before, _) = text.split_once("[mail]").expect("mail and tickets come last");
                let file = folder.join(FINDINGS);
                let program = note(&folder);
                format!(
                    "{before}[mail]\nsoc = [\"soc@corp.example\"]\n[findings]\nfile = \"{}\"\n[[action]]\nname = \"note\"\n\
                     kind = \"program\"\npath = \"{}\"\nidempotent = true\nper_hour = 200\n",
                    file.display(),
                    program.display()
                )
            }
        };
        let text = match way {
            Way::Outbox => text,
            Way::Servers | Way::Folding => format!(
                "{text}[[action]]\nname = \"soar\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{}/soar\"\n\
                 timeout = \"5s\"\nidempotent = {}\nper_hour = 200\n",
                lab.tickets.port(),
                way == Way::Folding
            ),
        };
        let peerhound = Peerhound::with_failpoints(&lab.network, &text).expect("peerhound");
        let flow = 7_000_000_000 + number as u64 * 10;
        let round = Self {
            site,
            peerhound,
            way,
            folder,
            spool: spool.to_string_lossy().into_owned(),
            flow,
            jobs: if number.is_multiple_of(3) { "1" } else { "4" },
        };
        let (laptop, desk) = (lab.endpoint.address(), site.desk.address());
        round.drop_file("1.json", &eve(&Alert::about(laptop, flow)));
        round.drop_file("2.json", &(eve(&Alert::about(desk, flow + 1)) + "{ not an alert\n"));
        round.drop_file("3.json", &eve(&Alert::about(laptop, flow + 2)));
        round.drop_file("4.json", &eve(&Alert::about([198, 51, 100, 7], flow + 3)));
        round
    }

    /// A file that looks old enough to be taken at once.
    fn drop_file(&self, name: &str, text: &str) {
        let spool = Path::new(&self.spool);
        let new = spool.join(format!("{name}.tmp"));
        fs::write(&new, text).expect("an alert");
        let file = File::options().write(true).open(&new).expect("the alert");
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("a time");
        fs::rename(new, spool.join(name)).expect("an alert");
    }

    /// Runs until the kill, or to the end where the kill finds nothing to hit. Returns whether it was killed.
    pub(super) fn run(&self, kill: &Kill) -> bool {
        let arguments = ["--json", "watch", "--once", "--jobs", self.jobs, &self.spool];
        let child = match kill {
            Kill::At(..) => self.peerhound.spawn_to_die(&arguments, "watch.log", &kill.to_string()),
            Kill::After(_) => self.peerhound.spawn(&arguments, "watch.log"),
        };
        let mut child = child.expect("peerhound");
        if let Kill::After(moment) = kill {
            std::thread::sleep(*moment);
            // It may be gone already; how it ended tells.
            let _ = child.kill();
        }
        let ended = wait_until("the end", Duration::from_secs(90), || Ok(child.try_wait()?));
        if ended.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let status = ended.unwrap_or_else(|error| panic!("{kill}: {error:#}"));
        let killed = status.signal() == Some(SIGKILL);
        assert!(killed || matches!(status.code(), Some(0..=2)), "{kill}: {status}\n{}", self.log());
        killed
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.peerhound.path_of("watch.log")).unwrap_or_default();
        log.lines().rev().take(20).collect::<Vec<_>>().join("\n")
    }

    /// Lets it run to the end and checks everything from outside.
    pub(super) fn finish(&self, killed: &[Kill]) -> Tally {
        let story: Vec<String> = killed.iter().map(ToString::to_string).collect();
        let story = format!("{:?}, jobs {}, killed at {}", self.way, self.jobs, story.join(", "));
        let ended = self.peerhound.run(&["watch", "--once", "--jobs", self.jobs, &self.spool]);
        let ended = ended.expect("peerhound");
        assert!(matches!(ended.code, Some(0..=2)), "{story}: {}", ended.told());
        let cases = self.cases(&story);
        self.check_alerts(&cases, &story);
        self.check_files(&cases, &story);
        let mut tally = Tally { kills: killed.len(), cases: cases.len(), ..Tally::default() };
        for case in &cases {
            self.check_deliveries(case, &mut tally, &story);
        }
        // A kill can leave open what was on its way at that moment, one delivery of each case.
        assert!(tally.uncertain <= killed.len() * cases.len(), "{story}: {tally}");
        println!("{story}: {tally}");
        fs::remove_dir_all(&self.folder).expect("the round's folder");
        tally
    }

    fn cases(&self, story: &str) -> Vec<Value> {
        let (_, listed) = self.peerhound.json(&["case", "list"]).expect("peerhound");
        assert_eq!(listed.len(), 2, "{story}: one case for each machine: {listed:#?}");
        let show = |case: &Value| {
            let (_, mut shown) = self.peerhound.json(&["case", "show", text(case, "id")]).expect("peerhound");
            shown.pop().expect("a case")
        };
        let cases: Vec<Value> = listed.iter().map(show).collect();
        for case in &cases {
            assert_eq!(case["outcome"]["outcome"], "investigated", "{story}: {case:#}");
        }
        cases
    }

    /// Each alert once, with one outcome: two opened the cases, one was suppressed, two are for a person.
    fn check_alerts(&self, cases: &[Value], story: &str) {
        let explained: Vec<Value> = (0..4)
            .map(|offset| {
                let flow = (self.flow + offset).to_string();
                let (output, rows) = self.peerhound.json(&["explain", &flow]).expect("peerhound");
                assert_eq!(rows.len(), 1, "{story}: alert {flow}: {}", output.told());
                rows.into_iter().next().expect("a row")
            })
            .collect();
        let mut words: Vec<&str> = [0, 2].map(|n| text(&explained[n], "disposition")).to_vec();
        words.sort_unstable();
        assert_eq!(words, ["opened", "suppressed"], "{story}: {explained:#?}");
        assert_eq!(explained[0]["case_id"], explained[2]["case_id"], "{story}: {explained:#?}");
        assert_eq!(explained[1]["disposition"], "opened", "{story}: {explained:#?}");
        let mut opened: Vec<&str> = cases.iter().map(|case| text(&case["alert"], "id")).collect();
        let mut openers: Vec<&str> = explained
            .iter()
            .filter(|row| row["disposition"] == "opened")
            .map(|row| text(row, "id"))
            .collect();
        opened.sort_unstable();
        openers.sort_unstable();
        assert_eq!(opened, openers, "{story}");
        let repeats: Vec<u64> =
            cases.iter().map(|case| case["suppressed_count"].as_u64().expect("a count")).collect();
        assert_eq!(repeats.iter().sum::<u64>(), 1, "{story}: a repeat is counted once: {cases:#?}");
        let (_, review) = self.peerhound.json(&["review"]).expect("peerhound");
        assert_eq!(review.len(), 2, "{story}: {review:#?}");
    }

    /// Two whole containers, every alert file moved once, and nothing else anywhere.
    fn check_files(&self, cases: &[Value], story: &str) {
        let mut containers: Vec<String> =
            cases.iter().map(|case| text(&case["evidence"], "location").to_owned()).collect();
        containers.sort();
        let data = self.folder.join("data");
        let found: Vec<String> = below(&data.join("evidence"));
        let expected: Vec<String> = containers
            .iter()
            .map(|path| Path::new(path).file_name().expect("a name").to_string_lossy().into_owned())
            .collect();
        assert_eq!(found, expected, "{story}");
        let mut verify = vec!["verify"];
        verify.extend(containers.iter().map(String::as_str));
        let (output, verified) = self.peerhound.json(&verify).expect("peerhound");
        assert_eq!(output.code, Some(0), "{story}: {}", output.told());
        assert!(verified.len() == 2 && verified.iter().all(|one| one["intact"] == true), "{verified:#?}");
        for case in cases {
            let location = text(&case["evidence"], "location");
            let size = fs::metadata(location).expect("the container").len();
            assert_eq!(case["evidence"]["size"], size, "{story}: {case:#}");
            let sum = run(&["sha256sum", location]).expect("sha256sum").stdout;
            assert!(sum.starts_with(text(&case["evidence"], "sha256")), "{story}: {sum} {case:#}");
        }
        assert_eq!(below(&data.join("staging")), Vec::<String>::new(), "{story}: left in the staging area");
        let spool = ["done/1.json", "done/3.json", "done/4.json", "review/2.json"];
        assert_eq!(below(Path::new(&self.spool)), spool, "{story}");
        let outbox = below(&data.join("outbox"));
        let files = if self.way == Way::Outbox { 2 * cases.len() } else { 0 };
        assert_eq!(outbox.len(), files, "{story}: {outbox:?}");
    }

    /// What the servers, or the outbox, saw of a case's actions.
    fn check_deliveries(&self, case: &Value, tally: &mut Tally, story: &str) {
        let actions = case["actions"].as_array().expect("actions");
        let expected = if self.way == Way::Outbox { 4 } else { 3 };
        assert_eq!(actions.len(), expected, "{story}: {case:#}");
        for action in actions {
            let key = format!("{}.effect-{}", text(case, "id"), action["effect"]);
            let (kind, id) = (text(action, "kind"), text(case, "id"));
            let mail = !matches!(kind, "ticket" | "action:soar" | "action:note");
            let count = match kind {
                "finding" => self.findings(id, story),
                "action:note" => self.notes(&key),
                _ => self.seen(&key, mail),
            };
            let folds = (!mail && self.way == Way::Folding) || kind == "action:note";
            match text(action, "status") {
                "done" if folds => assert!(count > 0, "{story}: {key} never arrived"),
                "done" => assert_eq!(count, 1, "{story}: {key}"),
                "uncertain" => {
                    assert!(self.way != Way::Outbox && !folds, "{story}: {key} may be repeated: {case:#}");
                    assert!(count <= 1, "{story}: {key} arrived {count} times");
                    tally.uncertain += 1;
                    tally.arrived += count;
                }
                other => panic!("{story}: {key} is {other}: {case:#}"),
            }
            tally.done += usize::from(text(action, "status") == "done");
            if self.way != Way::Outbox && count > 0 {
                tally.seen.insert(key);
            }
        }
    }

    /// Lines of the file of findings that are about a case. Every line is whole, but for what a kill has torn.
    fn findings(&self, case_id: &str, story: &str) -> usize {
        let text = fs::read_to_string(self.folder.join(FINDINGS)).expect("findings");
        let whole: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(!whole.is_empty(), "{story}: {text}");
        whole.iter().filter(|finding| finding["metadata"]["uid"] == case_id).count()
    }

    /// How often the program was given this delivery.
    fn notes(&self, key: &str) -> usize {
        let text = fs::read_to_string(self.folder.join(NOTES)).unwrap_or_default();
        text.lines().filter(|line| line.contains(&format!("\"{key}\""))).count()
    }

    fn seen(&self, key: &str, mail: bool) -> usize {
        let ending = if mail { "eml" } else { "md" };
        match self.way {
            Way::Outbox => {
                usize::from(self.folder.join("data/outbox").join(format!("{key}.{ending}")).is_file())
            }
            _ => arrivals(self.site, mail).get(key).copied().unwrap_or_default(),
        }
    }
}

/// A program that notes what it is given.
fn note(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("note");
    let script = format!("#!/bin/sh\n{{ cat; echo; }} >>'{}'\n", folder.join(NOTES).display());
    fs::write(&program, script).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    program
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value:#}"))
}

/// Every file below a folder, and every empty folder but `done` and `review`, by its path there, sorted.
fn below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
                if !["done", "review"].contains(&name.as_str()) {
                    found.push(name + "/");
                }
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}
