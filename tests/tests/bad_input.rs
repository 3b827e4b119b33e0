//! What is given to Peerhound by mistake or on purpose: each gets one clear line, and spoils nothing beside it.

use std::fmt::Write as _;

use acceptance::{Alert, Endpoint, Lab, Network, Output, Peerhound, PolicyText, eve, require_or_skip, write};
use serde_json::Value;

/// A network without hosts: nothing here may be contacted, and anybody who was would not answer.
fn network() -> Network {
    Network::new().expect("a network")
}

fn peerhound(network: &Network) -> Peerhound<'_> {
    Peerhound::new(network, &PolicyText::new(network).text()).expect("peerhound")
}

/// Whatever was given: no panic, no control characters, no line that fills a screen.
fn is_civil(output: &Output) {
    assert!(!output.stderr.contains("panicked"), "{}", output.told());
    for line in output.stdout.lines().chain(output.stderr.lines()) {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(line.chars().count() <= 600, "{line}");
    }
}

/// Gives one input, and expects one outcome whose reason says all of `said`.
fn one_line(peerhound: &Peerhound<'_>, input: &str, outcome: &str, said: &[&str]) -> Value {
    let (output, outcomes) = peerhound.json(&["investigate", input]).expect("peerhound");
    assert_eq!(output.code, Some(2), "{input}: {}", output.told());
    assert_eq!(outcomes.len(), 1, "{input}: {}", output.told());
    let found = &outcomes[0];
    assert_eq!(found["outcome"], outcome, "{input}: {found:#}");
    let reason = found["reason"].as_str().unwrap_or_default();
    for word in said {
        assert!(reason.contains(word), "{input}: {word:?} is not said: {reason}");
    }
    let plain = peerhound.run(&["investigate", input]).expect("peerhound");
    assert_eq!(plain.code, Some(2), "{}", plain.told());
    is_civil(&plain);
    assert!(plain.told().contains(reason), "people are told the same: {}", plain.told());
    found.clone()
}

#[test]
fn files_that_are_no_alerts() {
    let network = network();
    let peerhound = peerhound(&network);
    let file = |name: &str, content: &[u8]| write(&network, name, content).expect("a file");
    let folder = network.workspace().folder().to_string_lossy().into_owned();
    one_line(&peerhound, "/nowhere/alert.json", "unreadable", &["no such file"]);
    one_line(&peerhound, &folder, "unreadable", &["folder"]);
    // A file whose reading fails: no page is mapped at the start of a process's memory.
    one_line(&peerhound, "/proc/self/mem", "unreadable", &["read"]);
    one_line(&peerhound, &file("empty", b""), "unreadable", &["empty"]);
    one_line(&peerhound, &file("blank", b" \n\n\t\n"), "unreadable", &["empty"]);
    let program = std::fs::read("/bin/sh").expect("a program");
    one_line(&peerhound, &file("program", &program), "unreadable", &["text"]);
    one_line(&peerhound, &file("utf16", b"\xff\xfe{\0}\0"), "unreadable", &["UTF-16"]);
    one_line(&peerhound, &file("object.json", br#"{"colour": "blue"}"#), "unreadable", &["unknown format"]);
    one_line(&peerhound, &file("list.json", b"[]"), "unreadable", &["empty"]);
    one_line(&peerhound, &file("text", b"hello there\n"), "unreadable", &["unknown format"]);
    one_line(
        &peerhound,
        &file("cut.json", br#"{"event_type":"alert","src_ip":"10.213"#),
        "unreadable",
        &["breaks off"],
    );
    one_line(
        &peerhound,
        &file(
            "shape.json",
            br#"{"event_type":"alert","timestamp":"x","src_ip":["10.213.7.9"],"alert":{"signature_id":1}}"#,
        ),
        "unreadable",
        &["src_ip"],
    );
    one_line(
        &peerhound,
        &file(
            "sourceless.json",
            br#"{"event_type":"alert","dest_ip":"203.0.113.9","alert":{"signature_id":1}}"#,
        ),
        "refused",
        &["no source address"],
    );
    one_line(
        &peerhound,
        &file("addressless.json", br#"{"event_type":"alert","flow_id":7,"alert":{"signature_id":1}}"#),
        "review",
        &["source"],
    );
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let (output, outcomes) =
        peerhound.json(&["investigate", &file("deep.json", deep.as_bytes())]).expect("peerhound");
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert!(outcomes.iter().all(|outcome| outcome["outcome"] == "unreadable"), "{}", output.stderr);
}

#[test]
fn a_line_of_a_hundred_megabytes_costs_itself_and_no_memory() {
    let network = network();
    let peerhound = peerhound(&network);
    let outside = eve(&Alert::about([192, 168, 77, 5], 1));
    let mut content = outside.clone().into_bytes();
    content.resize(content.len() + (100 << 20), b'a');
    content.push(b'\n');
    content.extend_from_slice(eve(&Alert::about([192, 168, 77, 6], 2)).as_bytes());
    let file = write(&network, "long.json", content).expect("a file");
    let (output, outcomes, peak_kib) = peerhound.json_with_peak(&["investigate", &file]).expect("peerhound");
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    let mut words: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["outcome"].as_str()).collect();
    words.sort_unstable();
    assert_eq!(words, ["refused", "refused", "unreadable"], "{}", output.stderr);
    let unreadable =
        outcomes.iter().find(|outcome| outcome["outcome"] == "unreadable").expect("the long line");
    assert!(unreadable["origin"].as_str().is_some_and(|origin| origin.ends_with("line 2")), "{unreadable:#}");
    // Half of it is the tests' own build of the program.
    assert!(peak_kib < 96 << 10, "{peak_kib} KiB at the peak");
}

#[test]
fn addresses_that_are_never_contacted() {
    let network = network();
    let peerhound = peerhound(&network);
    let refused: &[(&str, &str)] = &[
        ("192.168.77.5", "networks"),
        ("8.8.8.8", "networks"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.169.254", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("169.254.10.1", "link-local"),
        ("fe80::1", "link-local"),
        ("224.0.0.251", "multicast"),
        ("ff02::fb", "multicast"),
        ("0.0.0.0", "names no machine"),
        ("255.255.255.255", "broadcast"),
        ("fd12:3456::5", "networks"),
        ("64:ff9b::a9fe:a9fe", "64:ff9b::a9fe:a9fe"),
    ];
    for (address, said) in refused {
        if network.isolated() || !address.contains("127.") {
            one_line(&peerhound, address, "refused", &[said]);
        }
    }
    // The same as the source of an alert: the sensor's word is no permission.
    for (number, (address, said)) in (0..).zip(refused) {
        let alert = Alert {
            destination: [203, 0, 113, 9].into(),
            ..Alert::about(address.parse::<std::net::IpAddr>().expect("an address"), number)
        };
        let file = write(&network, &format!("alert{number}.json"), eve(&alert)).expect("a file");
        let (output, outcomes) = peerhound.json(&["investigate", &file]).expect("peerhound");
        if network.isolated() || !address.contains("127.") {
            assert_eq!(output.code, Some(2), "{address}: {}", output.told());
            let found = outcomes[0]["outcome"].as_str().unwrap_or_default();
            assert!(["refused", "review"].contains(&found), "{address} ({said}): {}", output.told());
        }
    }
    for spelled in
        ["10.213.7.020", "10.213.519", "0x0ad50714", "10.213.7.20:22", "10.213.7.0/24", "10.213.7.20%eth0"]
    {
        one_line(&peerhound, spelled, "unreadable", &["no such file"]);
    }
    let (_, cases) = peerhound.json(&["case", "list"]).expect("peerhound");
    assert_eq!(cases, Vec::<Value>::new(), "no case was opened");
    let (_, review) = peerhound.json(&["review", "--limit", "500"]).expect("peerhound");
    assert!(review.len() >= refused.len(), "each is listed for a person: {}", review.len());
}

#[test]
fn a_machine_outside_the_scope_hears_nothing_from_us() {
    if !require_or_skip(&["sshd", "ssh-keygen"]) {
        return;
    }
    let network = network();
    let endpoint = Endpoint::start(&network, "foreign", 20).expect("an endpoint");
    let exempt = Endpoint::start(&network, "scanner", 21).expect("an endpoint");
    let [foreign, scanner] = [&endpoint, &exempt].map(|endpoint| endpoint.address().to_string());
    let scope = format!("exempt = [{{ network = \"{scanner}/32\", reason = \"vulnerability scanner\" }}]");
    let policy = PolicyText::new(&network).scope(&scope).ssh(&endpoint).text();
    let narrowed = policy.replace(&network.company(), &format!("{scanner}/32"));
    let peerhound = Peerhound::new(&network, &narrowed).expect("peerhound");
    let why = if network.isolated() { "networks" } else { "loopback" };
    one_line(&peerhound, &foreign, "refused", &[why]);
    let (output, outcomes) = peerhound.json(&["investigate", &scanner]).expect("peerhound");
    assert_eq!(
        (output.code, &outcomes[0]["outcome"]),
        (Some(0), &Value::from("exempt")),
        "{}",
        output.told()
    );
    assert!(output.stdout.contains("vulnerability scanner"), "{}", output.told());
    assert_eq!((endpoint.connections(), exempt.connections()), (0, 0), "nobody was contacted");
}

#[test]
fn a_mapped_address_is_the_machine_that_it_maps() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let address = lab.endpoint.address().to_string();
    let file = lab.file("mapped.txt", format!("::ffff:{address}\n")).expect("a file");
    let (output, outcomes) = peerhound.json(&["investigate", &file]).expect("peerhound");
    assert_eq!(outcomes[0]["outcome"], "investigated", "{}", output.told());
    assert_eq!(outcomes[0]["host.ip"], address.as_str());
    let (output, outcomes) = peerhound.json(&["investigate", &address]).expect("peerhound");
    assert_eq!(outcomes[0]["outcome"], "suppressed", "both spellings are one machine: {}", output.told());
}

#[test]
fn good_alerts_among_bad_ones_are_worked() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let mut mixed = String::from("{\"colour\": \"blue\"}\n");
    mixed.push_str(&eve(&Alert::about(lab.endpoint.address(), 1)));
    mixed.push_str("{\"event_type\": \"alert\", \"src_ip\": \"10.21\n");
    mixed.push_str(&eve(&Alert::about([192, 168, 77, 5], 2)));
    writeln!(
        mixed,
        "CEF:0|Example|Sensor|1|2000334|P2P|5|src={} dst=203.0.113.9 externalId=77",
        lab.endpoint.address()
    )
    .expect("a line");
    let file = lab.file("mixed", &mixed).expect("a file");
    let (output, outcomes) = peerhound.json(&["investigate", "/nowhere", &file]).expect("peerhound");
    assert_eq!(output.code, Some(2), "{}", output.told());
    let count = |word: &str| outcomes.iter().filter(|outcome| outcome["outcome"] == word).count();
    assert_eq!(count("investigated"), 1, "{}", output.told());
    assert_eq!(count("suppressed"), 1, "the second alert about the same machine: {}", output.told());
    assert_eq!(count("refused"), 1, "{}", output.told());
    assert!(count("unreadable") >= 3, "{}", output.told());
}

#[test]
fn policies_that_cannot_be_meant() {
    let network = network();
    let good = PolicyText::new(&network);
    let cases: &[(String, &[&str])] = &[
        (good.clone().section("[cooldowm]\nwindow = \"3d\"").text(), &["cooldowm", "line"]),
        (good.clone().actions("attemps = 3").text(), &["attemps", "line"]),
        (good.text().replace("version = 1", "version = 9"), &["version = 9"]),
        ("not toml at all".to_owned(), &["line 1"]),
        (String::new(), &["version"]),
        (good.text().replace(&network.company(), "0.0.0.0/0"), &["0.0.0.0/0"]),
        (good.text().replace(&network.company(), "10.213.7.5/24"), &["host bits"]),
        (good.clone().section("[cooldown]\nlease = \"1s\"").text(), &["lease"]),
    ];
    for (policy, said) in cases {
        let peerhound = Peerhound::new(&network, policy).expect("peerhound");
        for command in [&["policy", "check"][..], &["investigate", "10.213.7.20"], &["case", "list"]] {
            let output = peerhound.run(command).expect("peerhound");
            assert_eq!(output.code, Some(3), "{command:?}: {}", output.told());
            is_civil(&output);
            for word in *said {
                assert!(output.told().contains(word), "{word:?} is not said: {}", output.told());
            }
        }
    }
    let missing = Peerhound::new(&network, "").expect("peerhound");
    std::fs::remove_file(missing.policy()).expect("no policy");
    let output = missing.run(&["investigate", "10.213.7.20"]).expect("peerhound");
    assert_eq!(output.code, Some(3), "{}", output.told());
    assert!(output.stderr.contains("peerhound init"), "it says what to do: {}", output.told());
    assert!(!network.workspace().folder().join("data").exists(), "nothing was written under a wrong policy");
}
