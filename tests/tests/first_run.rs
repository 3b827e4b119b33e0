//! What somebody does first: the demo, and a policy of their own.

use acceptance::{Network, Peerhound, PolicyText};

#[test]
fn the_demo_investigates_this_machine_and_then_shows_the_suppression() {
    let network = Network::new().expect("a network");
    let peerhound = Peerhound::new(&network, &PolicyText::new(&network).text()).expect("peerhound");
    let (output, outcomes) = peerhound.json(&["demo", "--dir", "demo"]).expect("peerhound");
    assert_eq!(output.code, Some(0), "{}", output.told());
    assert_eq!(outcomes.len(), 2, "{}", output.told());
    assert_eq!(
        (&outcomes[0]["outcome"], &outcomes[1]["outcome"]),
        (&"investigated".into(), &"suppressed".into())
    );
    assert_eq!(outcomes[0]["case_id"], outcomes[1]["case_id"], "{}", output.told());
    if network.isolated() {
        assert_eq!(outcomes[0]["host.ip"], network.soc().to_string(), "{}", output.told());
    }
    let demo = network.workspace().folder().join("demo");
    let container = outcomes[0]["evidence"]["location"].as_str().expect("a container");
    let verified = peerhound.run(&["verify", container]).expect("peerhound");
    assert_eq!(verified.code, Some(0), "{}", verified.told());

    let text = peerhound.run(&["demo", "--dir", "again"]).expect("peerhound");
    assert_eq!(text.code, Some(0), "{}", text.told());
    let places: Vec<&str> = text
        .stdout
        .lines()
        .filter_map(|line| line.trim().split_once("  "))
        .map(|(_, place)| place.trim())
        .collect();
    for named in [
        "again/peerhound.toml",
        "again/peerhound-data/evidence",
        "again/peerhound-data/outbox",
        "again/peerhound-data/peerhound.db",
    ] {
        assert!(places.iter().any(|place| place.ends_with(named)), "{named} is not named: {}", text.told());
        assert!(network.workspace().folder().join(named).exists(), "{named} is named and not there");
    }
    assert!(!text.stdout.contains('\u{1b}'), "a pipe gets plain lines: {}", text.told());
    assert!(demo.join("alert-1.json").exists());
}

#[test]
fn a_policy_of_ones_own_is_written_once_and_checks() {
    let network = Network::new().expect("a network");
    let peerhound = Peerhound::new(&network, "").expect("peerhound");
    std::fs::remove_file(peerhound.policy()).expect("no policy");
    let written =
        peerhound.run(&["init", "--scope", "10.20.0.0/16", "--scope", "fd12:3456::/48"]).expect("peerhound");
    assert_eq!(written.code, Some(0), "{}", written.told());
    let text = std::fs::read_to_string(peerhound.policy()).expect("a policy");
    assert!(text.contains("10.20.0.0/16") && text.contains("fd12:3456::/48"), "{text}");
    let checked = peerhound.run(&["policy", "check"]).expect("peerhound");
    assert_eq!(checked.code, Some(0), "{}", checked.told());
    let again = peerhound.run(&["init"]).expect("peerhound");
    assert_eq!(again.code, Some(3), "{}", again.told());
    assert_eq!(
        std::fs::read_to_string(peerhound.policy()).expect("a policy"),
        text,
        "nobody's work is overwritten"
    );
    std::fs::remove_file(peerhound.policy()).expect("no policy");
    let wild = peerhound.run(&["init", "--scope", "0.0.0.0/0"]).expect("peerhound");
    assert_ne!(wild.code, Some(0), "{}", wild.told());
    assert!(!peerhound.policy().exists(), "a policy that cannot be meant is not written");
}
