//! Machines that do not answer, answer with another key, or accept a connection and then say nothing.

use std::time::{Duration, Instant};

use acceptance::{Alert, ENDPOINT, Endpoint, Host, Lab, NOBODY, Peerhound, eve, wait_until};
use serde_json::Value;

#[test]
fn a_dead_address_can_be_tried_again_and_is_not_silenced() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let nobody = lab.network.address(NOBODY);
    let file = lab.file("alert.json", eve(&Alert::about(nobody, 1))).expect("an alert");
    let (output, outcomes) = peerhound.json(&["investigate", &file]).expect("peerhound");
    assert_eq!(output.code, Some(1), "{}", output.told());
    assert_eq!(outcomes[0]["outcome"], "failed", "{}", output.told());
    assert_eq!(outcomes[0]["retryable"], true, "{}", output.told());
    assert!(
        ["unreachable", "timed_out"].contains(&outcomes[0]["code"].as_str().unwrap_or_default()),
        "{}",
        output.told()
    );
    let (listed, claims) = peerhound.json(&["cooldown", "list"]).expect("peerhound");
    assert_eq!(claims, Vec::<Value>::new(), "no claim is left: {}", listed.told());
    let help = peerhound.run(&["--help"]).expect("peerhound").stdout;
    assert!(help.contains("\n  1  ") && help.contains("not reached"), "the exit code is documented: {help}");

    // The machine is switched on, and the very same alert is given again.
    let late = Endpoint::start(&lab.network, "late", NOBODY).expect("an endpoint");
    let (output, outcomes) = peerhound.json(&["investigate", &file]).expect("peerhound");
    if late.host().isolated() {
        assert_eq!(outcomes[0]["outcome"], "investigated", "{}", output.told());
        assert_eq!(outcomes[0]["host.name"], "late");
    }
}

#[test]
fn a_changed_host_key_ends_it_before_anything_is_said() {
    let Some(mut lab) = Lab::start().expect("a lab") else { return };
    lab.endpoint.rotate_host_key().expect("another host key");
    let before =
        (lab.endpoint.connections(), std::fs::read(lab.endpoint.known_hosts()).expect("known_hosts"));
    let peerhound = lab.peerhound().expect("peerhound");
    let file = lab.file("alert.json", eve(&Alert::about(lab.endpoint.address(), 1))).expect("an alert");
    let (output, outcomes) = peerhound.json(&["investigate", &file]).expect("peerhound");
    assert_eq!(output.code, Some(1), "{}", output.told());
    assert_eq!(outcomes[0]["code"], "host_key_changed", "{}", output.told());
    assert_eq!(outcomes[0]["retryable"], false, "a key does not mend itself: {}", output.told());
    let reason = outcomes[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("SHA256:") && reason.contains("known_hosts"), "{reason}");
    assert_eq!(lab.endpoint.logins(), 0, "it never logged in");
    assert_eq!(lab.endpoint.connections(), before.0 + 1, "one connection, and no second after the refusal");
    assert_eq!(
        std::fs::read(lab.endpoint.known_hosts()).expect("known_hosts"),
        before.1,
        "the pinned key stays"
    );
    let (_, claims) = peerhound.json(&["cooldown", "list"]).expect("peerhound");
    assert_eq!(claims, Vec::<Value>::new(), "what failed is not silenced");
}

#[test]
fn an_unknown_host_key_is_not_trusted_on_first_use() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    std::fs::write(lab.endpoint.known_hosts(), "").expect("known_hosts");
    let peerhound = lab.peerhound().expect("peerhound");
    let (output, outcomes) =
        peerhound.json(&["investigate", &lab.endpoint.address().to_string()]).expect("peerhound");
    assert_eq!(output.code, Some(1), "{}", output.told());
    assert_eq!(outcomes[0]["code"], "host_key_unknown", "{}", output.told());
    assert_eq!(lab.endpoint.logins(), 0);
    assert_eq!(
        std::fs::read(lab.endpoint.known_hosts()).expect("known_hosts"),
        b"",
        "nothing was written there"
    );
}

#[test]
fn a_key_that_nobody_authorised_is_refused_once() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    std::fs::write(lab.endpoint.host().outside("/root/.ssh/authorized_keys"), "").expect("authorized_keys");
    let peerhound = lab.peerhound().expect("peerhound");
    let (output, outcomes) =
        peerhound.json(&["investigate", &lab.endpoint.address().to_string()]).expect("peerhound");
    assert_eq!(output.code, Some(1), "{}", output.told());
    assert_eq!(outcomes[0]["code"], "authentication_failed", "{}", output.told());
    assert_eq!(lab.endpoint.connections(), 1, "a second try would only lock the account");
}

#[test]
fn a_hung_host_is_given_up() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let hung = mute(&lab, 41);
    let peerhound = lab.peerhound().expect("peerhound");
    let started = Instant::now();
    let (output, outcomes) =
        peerhound.json(&["investigate", &hung.address().to_string()]).expect("peerhound");
    assert_eq!(output.code, Some(1), "{}", output.told());
    assert_eq!(outcomes[0]["code"], "timed_out", "{}", output.told());
    assert_eq!(outcomes[0]["retryable"], true, "{}", output.told());
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn hung_hosts_delay_no_other() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let hung: Vec<Host> = (41..45).map(|number| mute(&lab, number)).collect();
    let mut inputs: Vec<String> = hung.iter().map(|host| host.address().to_string()).collect();
    inputs.push(lab.network.address(ENDPOINT).to_string());
    // Longer than any investigation takes: whatever waits for a hung host waits too long.
    let patient = lab.policy().text().replace("connect_timeout = \"5s\"", "connect_timeout = \"5m\"");
    let patient = format!("{patient}[collection]\nidentify_timeout = \"5m\"\n");
    let peerhound = Peerhound::new(&lab.network, &patient).expect("peerhound");
    let mut argv = vec!["--json", "investigate", "--jobs", "5"];
    argv.extend(inputs.iter().map(String::as_str));
    let mut child = peerhound.spawn(&argv, "hung.log").expect("peerhound");
    let log = lab.network.workspace().folder().join("hung.log");
    let outcome = wait_until("the healthy machine's outcome", Duration::from_mins(2), || {
        let said = std::fs::read_to_string(&log)?;
        Ok(said.lines().find_map(|line| serde_json::from_str::<Value>(line).ok()))
    });
    child.kill().expect("kill");
    child.wait().expect("peerhound ends");
    let outcome = outcome.unwrap_or_else(|error| panic!("{error}: {:?}", std::fs::read_to_string(&log)));
    assert_eq!(outcome["host.ip"], lab.endpoint.address().to_string(), "{outcome:#}");
    assert_eq!(outcome["outcome"], "investigated", "{outcome:#}");
}

/// A host that accepts connections on port 22 and never says a word.
fn mute(lab: &Lab, number: u8) -> Host {
    let mut host = Host::start(&lab.network, &format!("mute{number}"), number).expect("a host");
    std::fs::write(host.outside("/srv/mute.py"), include_str!("../receivers/mute.py")).expect("the program");
    host.service(&["python3", "/srv/mute.py", "0.0.0.0", "22"], None, "mute.log").expect("a listener");
    wait_until("the mute host listens", Duration::from_secs(10), || {
        Ok(host.log("mute.log").contains("up").then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {}", host.log("mute.log")));
    host
}
