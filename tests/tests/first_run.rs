//! What somebody does first: the demo, and a policy of their own.

use acceptance::{Network, Peerhound, PolicyText, write};

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

#[test]
fn the_address_of_a_user_can_be_asked_for_before_any_mail() {
    let network = Network::new().expect("a network");
    let list = "user,domain,mail,language\nalice,CORP,alice.adams@corp.example,de\nbob,CORP,bob@elsewhere.example,\n\
                twin,CORP,one@corp.example,\ntwin,CORP,two@corp.example,\n";
    write(&network, "users.csv", list.as_bytes()).expect("a list");
    let users = "[users]\ndirectory = \"users.csv\"\n";
    let policy = PolicyText::new(&network).text().replace("[users]\n", users);
    let peerhound = Peerhound::new(&network, &policy).expect("peerhound");
    let (output, known) =
        peerhound.json(&["policy", "address", "CORP\\Alice", "bob@corp.example"]).expect("peerhound");
    assert_eq!(output.code, Some(0), "{}", output.told());
    let said = |user: usize| (known[user]["mail"].as_str(), known[user]["language"].as_str());
    assert_eq!(said(0), (Some("alice.adams@corp.example"), Some("de")), "{known:#?}");
    assert_eq!(
        said(1),
        (Some("bob@corp.example"), Some("en")),
        "the list's domain is none of ours: {known:#?}"
    );
    let people = peerhound.run(&["policy", "address", "CORP\\bob"]).expect("peerhound");
    assert!(
        people.stdout.contains("csv      bob@elsewhere.example: not used, its domain is not among")
            && people.stdout.contains("ldap     not set up")
            && people.stdout.contains("pattern  bob@corp.example: used"),
        "{}",
        people.told()
    );
    let twice = peerhound.run(&["policy", "address", "CORP\\twin"]).expect("peerhound");
    assert_eq!(twice.code, Some(1), "a doubt is no success: {}", twice.told());
    assert!(twice.stderr.contains("listed twice"), "{}", twice.told());

    // Nobody has an address where no source is set up; what is no user is said, and a file that is gone.
    let bare = policy.replace("mail = \"{user}@corp.example\"\n", "mail_domains = [\"corp.example\"]\n");
    let bare = Peerhound::new(&network, &bare).expect("peerhound");
    let nobody = bare.run(&["policy", "address", "CORP\\carol"]).expect("peerhound");
    assert_eq!(nobody.code, Some(1), "{}", nobody.told());
    assert!(nobody.stdout.contains("no address: mail_user is skipped"), "{}", nobody.told());
    let none = bare.run(&["policy", "address", ""]).expect("peerhound");
    assert_eq!(none.code, Some(2), "{}", none.told());
    std::fs::remove_file(network.workspace().folder().join("users.csv")).expect("no list");
    let gone = bare.run(&["policy", "address", "CORP\\alice"]).expect("peerhound");
    assert_eq!(gone.code, Some(1), "{}", gone.told());
    assert!(gone.stderr.contains("csv: ") && gone.stderr.contains("No such file"), "{}", gone.told());
}
