//! Alerts that are posted to the worker, and lists that it fetches.

use std::process::Child;
use std::time::Duration;

use acceptance::{Alert, Lab, Output, Peerhound, eve, wait_until};
use serde_json::Value;

const KEY: &str = "0f3c5a7b9d1e2f4a6c8e0b2d4f6a8c0e";
const DOOR: &str = "127.0.0.1:18321";
const NOBODY: [u8; 3] = [96, 97, 98];

/// A worker that is ended with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write(peerhound: &Peerhound<'_>, name: &str, text: &str) {
    std::fs::write(peerhound.path_of(name), text).expect("a file");
}

fn post(lab: &Lab, headers: &[&str], body: &str) -> (Output, Value) {
    let file = lab.network.workspace().folder().join("body");
    std::fs::write(&file, body).expect("a body");
    let (data, url) = (format!("@{}", file.display()), format!("http://{DOOR}/"));
    let mut argv =
        vec!["curl", "--silent", "--max-time", "10", "--write-out", "\n%{http_code}", "--data-binary", &data];
    headers.iter().for_each(|header| argv.extend(["--header", header]));
    argv.push(&url);
    let output = lab.network.on_soc(&argv).expect("curl");
    let (body, status) = output.stdout.trim_end().rsplit_once('\n').unwrap_or(("null", &output.stdout));
    let mut answer: Value = serde_json::from_str(body.trim()).unwrap_or_default();
    answer["status"] = status.trim().parse::<u16>().unwrap_or(0).into();
    (output, answer)
}

/// A signature by another hand than ours.
fn signed(lab: &Lab, body: &str, seconds_ago: i64) -> [String; 2] {
    let script = "import hmac,sys,time\nat=str(int(time.time())-int(sys.argv[3]))\n\
                  print(at, hmac.new(sys.argv[1].encode(), (at+'.'+sys.argv[2]).encode(), 'sha256').hexdigest())";
    let output =
        lab.network.on_soc(&["python3", "-c", script, KEY, body, &seconds_ago.to_string()]).expect("python3");
    let (at, signature) = output.stdout.trim().split_once(' ').expect("a signature");
    [format!("X-Peerhound-Timestamp: {at}"), format!("X-Peerhound-Signature: sha256={signature}")]
}

#[test]
fn alerts_that_are_posted_with_a_key_are_worked_and_others_are_not() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let policy = lab.policy().section("[door]\nkeys_file = \"door-keys\"");
    let peerhound = Peerhound::new(&lab.network, &policy.text()).expect("peerhound");
    write(&peerhound, "door-keys", &format!("# the SIEM\n{KEY}\n"));
    let refused = peerhound.run(&["watch", "--listen", "0.0.0.0:18321"]).expect("peerhound");
    assert!(refused.code == Some(2) && refused.stderr.contains("TLS"), "{}", refused.told());
    let _worker =
        Worker(peerhound.spawn(&["--json", "watch", "--listen", DOOR], "door.log").expect("peerhound"));
    wait_until("the door is open", Duration::from_secs(20), || {
        Ok((post(&lab, &[], "x").1["status"] != 0).then_some(()))
    })
    .expect("the door");

    let alert = eve(&Alert::about(lab.endpoint.address(), 1));
    let bearer = format!("Authorization: Bearer {KEY}");
    for headers in [&[][..], &["Authorization: Bearer wrong"]] {
        assert_eq!(post(&lab, headers, &alert).1["status"], 401);
    }
    let [at, _] = signed(&lab, &alert, 0);
    let [_, signature] = signed(&lab, "another body", 0);
    assert_eq!(post(&lab, &[&at, &signature], &alert).1["status"], 401);
    let [at, signature] = signed(&lab, &alert, 3600);
    let (_, late) = post(&lab, &[&at, &signature], &alert);
    assert!(
        late["status"] == 401 && late["error"].as_str().is_some_and(|why| why.contains("clock")),
        "{late}"
    );
    assert_eq!(lab.endpoint.connections(), 0, "nobody was let in");

    // A connection that says nothing keeps nobody out.
    let silent = "import socket,time\ns=socket.create_connection(('127.0.0.1',18321))\ntime.sleep(5)";
    let mut silent = lab.network.soc_command(&["python3", "-c", silent]).spawn().expect("python3");
    let [at, signature] = signed(&lab, &alert, 0);
    let (output, answer) = post(&lab, &[&at, &signature], &alert);
    assert_eq!(answer["status"], 202, "{}", output.told());
    let id = answer["alert_ids"][0].as_str().expect("an id").to_owned();
    let _ = silent.kill();
    silent.wait().expect("it is gone");

    let (_, again) = post(&lab, &[&bearer], &format!("{alert}???\n"));
    assert_eq!((again["status"].as_u64(), again["alert_ids"][0].as_str()), (Some(202), Some(id.as_str())));
    assert_eq!(again["unreadable"].as_array().map(Vec::len), Some(1), "{again}");
    let shown = wait_until("the case is closed", Duration::from_mins(2), || {
        let (_, cases) = peerhound.json(&["case", "list"])?;
        Ok(cases.into_iter().find(|case| case["status"] == "investigated"))
    })
    .expect("a case");
    let (_, case) =
        peerhound.json(&["case", "show", shown["id"].as_str().expect("an id")]).expect("peerhound");
    assert_eq!(case[0]["alert"]["id"], id.as_str(), "{case:#?}");
    assert_eq!(case[0]["suppressed_count"], 0, "the same alert again is no other: {case:#?}");
    let (_, review) = peerhound.json(&["review"]).expect("peerhound");
    assert_eq!(review.iter().filter(|row| row["original"] == "???").count(), 1, "{review:#?}");
    let log = std::fs::read_to_string(peerhound.path_of("door.log")).expect("a log");
    assert!(!log.contains(KEY), "a key is in the log");
}

#[test]
fn whoever_leaves_a_list_before_his_turn_is_left_alone() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let policy = lab
        .policy()
        .section("[[list]]\nname = \"suspects\"\nurl = \"http://127.0.0.1:18322/list.txt\"\nevery = \"1s\"");
    let peerhound = Peerhound::new(&lab.network, &policy.text()).expect("peerhound");
    let folder = lab.network.workspace().subfolder("lists").expect("a folder");
    let list = |addresses: &[String]| {
        std::fs::write(folder.join("new"), addresses.join("\n") + "\n").expect("a list");
        std::fs::rename(folder.join("new"), folder.join("list.txt")).expect("a list");
    };
    // Machines that do not answer are tried first, one at a time, which takes a while.
    let nobody: Vec<String> = NOBODY.iter().map(|number| lab.network.address(*number).to_string()).collect();
    let endpoint = lab.endpoint.address().to_string();
    list(&[nobody.clone(), vec![endpoint.clone()]].concat());
    let directory = folder.to_string_lossy().into_owned();
    let server = ["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", &directory, "18322"];
    let mut command = lab.network.soc_command(&server);
    command.stderr(std::process::Stdio::null());
    let _server = Worker(command.spawn().expect("a server"));
    let _worker =
        Worker(peerhound.spawn(&["--json", "watch", "--jobs", "1"], "lists.log").expect("peerhound"));
    wait_until("the first is being worked", Duration::from_secs(30), || {
        let (_, open) = peerhound.json(&["case", "list", "--open"])?;
        Ok((!open.is_empty()).then_some(()))
    })
    .expect("a case");
    list(&nobody);
    let (_, gone) = wait_until("it is withdrawn", Duration::from_secs(30), || {
        let found = peerhound.json(&["explain", &alert_about(&peerhound, &endpoint)?])?;
        Ok(Some(found).filter(|(output, _)| output.stdout.contains("withdrawn")))
    })
    .expect("withdrawn");
    assert!(gone[0].to_string().contains("list suspects"), "{gone:#?}");
    wait_until("the others had their turn", Duration::from_mins(1), || {
        let (_, cases) = peerhound.json(&["case", "list"])?;
        Ok((cases.len() == NOBODY.len()).then_some(()))
    })
    .expect("their cases");
    assert_eq!(lab.endpoint.connections(), 0, "it was contacted all the same");
}

/// The id of the alert about an address, read from the list as the worker reads it.
fn alert_about(peerhound: &Peerhound<'_>, address: &str) -> anyhow::Result<String> {
    let database = peerhound.path_of("data/peerhound.db");
    let script = "import sqlite3,sys\nfor (i,) in sqlite3.connect(f'file:{sys.argv[1]}?mode=ro',uri=True)\
                  .execute('select id from alerts where alert like ?',('%\"'+sys.argv[2]+'\"%',)): print(i)";
    let output = std::process::Command::new("python3")
        .args(["-c", script, &database.to_string_lossy(), address])
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
