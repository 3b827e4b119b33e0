//! A database that cannot be used, and a disk that is full: said in one line, and nothing is lost.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use acceptance::{Alert, Lab, Network, Peerhound, PolicyText, eve, require_or_skip, run};
use serde_json::Value;

/// A Peerhound that has settled one alert, so that its database is there.
fn with_database(network: &Network) -> Peerhound<'_> {
    let peerhound = Peerhound::new(network, &PolicyText::new(network).text()).expect("peerhound");
    let output = peerhound.run(&["investigate", "192.168.77.5"]).expect("peerhound");
    assert_eq!(output.code, Some(2), "{}", output.told());
    peerhound
}

fn says_in_one_line(output: &acceptance::Output, said: &[&str]) {
    assert_eq!(output.code, Some(4), "{}", output.told());
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.told());
    for word in said {
        assert!(output.stderr.contains(word), "{word:?} is not said: {}", output.told());
    }
}

#[test]
fn a_database_that_another_program_keeps_locked() {
    if !require_or_skip(&["python3"]) {
        return;
    }
    let network = Network::new().expect("a network");
    let peerhound = with_database(&network);
    let database = network.workspace().folder().join("data/peerhound.db");
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/receivers/lock.py");
    let mut locker = std::process::Command::new("python3")
        .args([program, &database.to_string_lossy()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut said = String::new();
    BufReader::new(locker.stdout.take().expect("output")).read_line(&mut said).expect("a line");
    let output = peerhound.run(&["investigate", "192.168.77.6"]);
    drop(locker.stdin.take());
    locker.wait().expect("python3 ends");
    assert_eq!(said, "locked\n");
    says_in_one_line(&output.expect("peerhound"), &["peerhound.db", "locked"]);
    let output = peerhound.run(&["investigate", "192.168.77.6"]).expect("peerhound");
    assert_eq!(output.code, Some(2), "it works again once it is free: {}", output.told());
}

#[test]
fn a_database_of_a_newer_version_and_one_that_is_none() {
    if !require_or_skip(&["python3"]) {
        return;
    }
    let network = Network::new().expect("a network");
    let peerhound = with_database(&network);
    let database = network.workspace().folder().join("data/peerhound.db");
    let newer = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version=999'); c.commit()";
    run(&["python3", "-c", newer, &database.to_string_lossy()]).expect("python3");
    let before = std::fs::read(&database).expect("the database");
    for command in [&["investigate", "192.168.77.6"][..], &["case", "list"], &["sweep"]] {
        says_in_one_line(&peerhound.run(command).expect("peerhound"), &["999", "peerhound.db"]);
    }
    assert!(std::fs::read(&database).expect("the database") == before, "it is left as it was");

    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", database.display()));
    }
    std::fs::write(&database, "these are my shopping notes, and no database at all\n".repeat(100))
        .expect("a file");
    says_in_one_line(&peerhound.run(&["case", "list"]).expect("peerhound"), &["peerhound.db"]);
}

#[test]
fn a_full_disk_loses_no_alert() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let data = lab.network.workspace().subfolder("data").expect("a folder");
    let alerts: String = (1..=200).map(|flow| eve(&Alert::about([192, 168, 77, 5], flow))).collect();
    let refused = lab.file("refused.json", alerts).expect("alerts");
    let wanted = lab.file("wanted.json", eve(&Alert::about(lab.endpoint.address(), 1000))).expect("an alert");
    // The small disk lives in a mount namespace of this one script; what it prints tells the steps apart.
    let script = format!(
        "mount -t tmpfs -o size=1m tmpfs {data} && cd {folder} || exit 9
         P='{binary} --json --policy {policy}'
         head -c 1200000 /dev/zero > data/filler 2> /dev/null
         $P investigate {wanted}; echo \"full $?\"
         rm data/filler
         $P investigate {refused}; echo \"small $?\"
         $P investigate {wanted}; echo \"tight $?\"
         mount -o remount,size=64m {data}
         $P sweep; echo \"swept $?\"
         $P investigate {wanted}; echo \"roomy $?\"
         $P case list",
        data = data.display(),
        folder = lab.network.workspace().folder().display(),
        binary = Peerhound::binary().expect("peerhound").display(),
        policy = peerhound.policy().display(),
    );
    let output = lab.network.on_soc(&["unshare", "--mount", "bash", "-c", &script]).expect("a script");
    assert!(!output.stderr.contains("panicked"), "{}", output.told());
    let step = |word: &str| {
        let line = output.stdout.lines().find_map(|line| line.strip_prefix(&format!("{word} ")));
        line.unwrap_or_else(|| panic!("no {word}: {}", output.told())).to_owned()
    };
    assert_eq!(step("full"), "4", "{}", output.told());
    assert!(
        output.stderr.lines().next().is_some_and(|line| line.contains("space") || line.contains("full")),
        "{}",
        output.told()
    );
    let cases: Vec<Value> = output
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("roomy"))
        .skip(1)
        .map(|line| serde_json::from_str(line).expect("a case"))
        .collect();
    let investigated = cases.iter().filter(|case| case["verdict"] == "false_positive").count();
    assert_eq!(investigated, 1, "the alert was investigated in the end, and once: {}", output.told());
}
