//! A machine on which a real client downloads from a real swarm: what an analyst would find, Peerhound finds.

use acceptance::{ALICE, Alert, Lab, PEER, Swarm, artifact, eve, require_or_skip};
use serde_json::Value;

/// The lab with a download in progress on its endpoint, or `None` where that cannot be had.
fn downloading() -> Option<(Swarm, Lab)> {
    let mut lab = Lab::start().expect("a lab")?;
    if !require_or_skip(Swarm::TOOLS) {
        return None;
    }
    let swarm = Swarm::start(&lab.network, &mut lab.endpoint, PEER).expect("a swarm");
    Some((swarm, lab))
}

fn alert(lab: &Lab, swarm: &Swarm, flow: u64) -> Alert {
    Alert {
        source: lab.endpoint.address().into(),
        source_port: swarm.local_port,
        destination: swarm.peer_address.into(),
        destination_port: swarm.peer_port,
        flow,
    }
}

#[test]
fn a_download_in_progress_is_a_policy_violation_with_one_mail_each_and_one_ticket() {
    let Some((swarm, lab)) = downloading() else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let first = lab.file("first.json", eve(&alert(&lab, &swarm, 1))).expect("an alert");
    let (output, outcomes) = peerhound.json(&["investigate", &first]).expect("peerhound");
    assert!(swarm.connected(&lab.endpoint).expect("ss"), "the download went on while it was looked at");
    assert_eq!(output.code, Some(0), "{}", output.told());
    assert_eq!(outcomes.len(), 1, "{}", output.told());
    let outcome = &outcomes[0];
    assert_eq!(outcome["outcome"], "investigated", "{outcome:#}");
    assert_eq!(outcome["verdict"], "policy_violation", "{outcome:#}");
    if lab.network.isolated() {
        assert_eq!(outcome["host.name"], "laptop");
        assert_eq!(outcome["users"], serde_json::json!(["laptop\\alice"]));
    }

    let explanation = finding(outcome, "p2p.client_connected_to_peer");
    let peer = format!("{}:{}", swarm.peer_address, swarm.peer_port);
    for named in [&format!("PID {}", swarm.client_pid), &swarm.client_image, &peer] {
        assert!(explanation.contains(named.as_str()), "{named} is not named in: {explanation}");
    }

    let container = outcome["evidence"]["location"].as_str().expect("a container");
    the_evidence_says_what_the_machine_has(container, &lab, &swarm);
    the_deliveries_arrived_once(&lab, outcome);

    let case_id = outcome["case_id"].as_str().expect("a case");
    let connections = lab.endpoint.connections();
    let second = lab.file("second.json", eve(&alert(&lab, &swarm, 2))).expect("an alert");
    let (output, outcomes) = peerhound.json(&["investigate", &second]).expect("peerhound");
    assert_eq!(output.code, Some(0), "{}", output.told());
    let suppressed = &outcomes[0];
    assert_eq!(suppressed["outcome"], "suppressed", "{suppressed:#}");
    assert_eq!(suppressed["case_id"], case_id, "{suppressed:#}");
    assert_eq!(lab.endpoint.connections(), connections, "a suppressed alert contacts nobody");
    the_deliveries_arrived_once(&lab, outcome);

    let alert_id = suppressed["alert_id"].as_str().expect("an id");
    let explained = peerhound.run(&["explain", alert_id]).expect("peerhound");
    assert_eq!(explained.code, Some(0), "{}", explained.told());
    let key = format!("ip#{}", lab.endpoint.address());
    let until = suppressed["until"].as_str().expect("an expiry");
    for named in [key.as_str(), case_id, &until[..10]] {
        assert!(explained.stdout.contains(named), "{named} is not named: {}", explained.told());
    }
    let shown = peerhound.run(&["case", "show", case_id]).expect("peerhound");
    assert!(shown.stdout.contains(alert_id), "the case lists what it suppressed: {}", shown.told());
}

#[test]
fn the_same_person_at_another_address_is_not_looked_at_twice() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let (output, outcomes) =
        peerhound.json(&["investigate", &lab.endpoint.address().to_string()]).expect("peerhound");
    assert_eq!(outcomes[0]["outcome"], "investigated", "{}", output.told());
    let moved = lab.network.address(21);
    lab.endpoint.also_at(moved).expect("a further address");
    let (output, outcomes) = peerhound.json(&["investigate", &moved.to_string()]).expect("peerhound");
    assert_eq!(output.code, Some(0), "{}", output.told());
    assert_eq!(outcomes[0]["outcome"], "suppressed", "{}", output.told());
    assert_eq!(outcomes[0]["claim"], "user#laptop\\alice", "{}", output.told());
    let (_, claims) = peerhound.json(&["cooldown", "list"]).expect("peerhound");
    let kind = |key: &str| claims.iter().find(|claim| claim["key"] == key).map(|claim| claim["kind"].clone());
    assert_eq!(kind("user#laptop\\alice"), Some("cooldown".into()), "{claims:#?}");
    // Only for as long as a lease: whoever gets the address next is not silenced for three days.
    assert_eq!(kind(&format!("ip#{moved}")), Some("lease".into()), "{claims:#?}");
}

#[test]
fn one_flipped_byte_is_found_and_named() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let (output, outcomes) =
        peerhound.json(&["investigate", &lab.endpoint.address().to_string()]).expect("peerhound");
    let container =
        outcomes[0]["evidence"]["location"].as_str().unwrap_or_else(|| panic!("{}", output.told()));
    let whole = peerhound.run(&["verify", container]).expect("peerhound");
    assert_eq!(whole.code, Some(0), "{}", whole.told());

    let path = peerhound.path_of(container);
    let original = std::fs::read(&path).expect("the container");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(original.clone())).expect("a zip");
    let places: Vec<(String, u64, u64)> = (0..archive.len())
        .map(|index| {
            let entry = archive.by_index_raw(index).expect("an entry");
            (
                entry.name().expect("a name").into_owned(),
                entry.data_start().unwrap_or_default(),
                entry.compressed_size(),
            )
        })
        .filter(|(_, _, size)| *size > 0)
        .collect();
    assert!(places.len() > 6, "{places:?}");
    for (name, start, size) in &places {
        let mut changed = original.clone();
        let at = usize::try_from(start + size / 2).expect("an offset");
        changed[at] ^= 1;
        let copy = lab.file("changed.zip", changed).expect("a copy");
        let verified = peerhound.run(&["verify", &copy]).expect("peerhound");
        // A manifest that is no JSON any more leaves nothing to hold the rest against.
        let unreadable = name == "manifest.json" && verified.code == Some(2);
        assert!(verified.code == Some(1) || unreadable, "{name} at {at}: {}", verified.told());
        if name != "manifest.json" {
            assert!(verified.told().contains(name.as_str()), "{name} is not named: {}", verified.told());
        }
    }
    let cut = lab.file("cut.zip", &original[..original.len() / 2]).expect("a copy");
    let verified = peerhound.run(&["verify", &cut]).expect("peerhound");
    assert!(matches!(verified.code, Some(1 | 2)), "{}", verified.told());
    assert!(verified.told().contains("incomplete"), "{}", verified.told());
    assert_eq!(
        peerhound.run(&["verify", container]).expect("peerhound").code,
        Some(0),
        "the original is untouched"
    );
}

#[test]
fn a_clean_machine_is_a_false_positive_and_nobody_is_bothered() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let file = lab.file("alert.json", eve(&Alert::about(lab.endpoint.address(), 1))).expect("an alert");
    let (output, outcomes) = peerhound.json(&["investigate", &file]).expect("peerhound");
    assert_eq!(output.code, Some(0), "{}", output.told());
    assert_eq!(outcomes[0]["verdict"], "false_positive", "{:#}", outcomes[0]);
    assert_eq!(outcomes[0].get("findings"), None, "{:#}", outcomes[0]);
    assert_eq!(lab.mail.mails().expect("mails").len(), 0);
    assert_eq!(lab.tickets.tickets().expect("tickets").len(), 0);
}

fn finding<'a>(outcome: &'a Value, rule: &str) -> &'a str {
    let findings = outcome["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["rule"] == rule);
    found
        .and_then(|finding| finding["explanation"].as_str())
        .unwrap_or_else(|| panic!("no {rule} in {outcome:#}"))
}

fn the_evidence_says_what_the_machine_has(container: &str, lab: &Lab, swarm: &Swarm) {
    let host = lab.endpoint.host();
    // On a loopback address everything belongs to whoever runs the tests.
    let owner = if host.isolated() { ALICE } else { lab.endpoint.user() };
    let torrents = artifact(container, "torrents").expect("the inventory");
    let torrents = torrents.as_array().expect("rows");
    let of_alice = host.inside("/home/alice/Downloads/holiday-film.torrent");
    let row = torrents
        .iter()
        .find(|row| row["path"] == of_alice.as_str())
        .unwrap_or_else(|| panic!("{torrents:#?}"));
    assert_eq!(row["infohash_v1"], swarm.infohash.as_str(), "{row:#}");
    assert_eq!(row["name"], swarm.payload);
    assert_eq!(row["owner"], owner);
    let size = std::fs::metadata(&swarm.torrent).expect("the torrent").len();
    assert_eq!(row["size"], size, "{row:#}");
    let copy = format!("/home/alice/.config/transmission-daemon/torrents/{}.torrent", swarm.infohash);
    let copy = host.inside(&copy);
    let copy = torrents.iter().find(|row| row["path"] == copy.as_str());
    assert_eq!(copy.expect("the client's own copy")["infohash_v1"], swarm.infohash.as_str());
    let part =
        torrents.iter().find(|row| row["path"].as_str().is_some_and(|path| path.ends_with(".mkv.part")));
    assert_eq!(part.expect("the unfinished file")["kind"], "partial_download");
    let connections = artifact(container, "connections").expect("the sockets");
    let held = connections.as_array().expect("rows").iter().find(|row| {
        row["local_port"] == swarm.local_port
            && row["remote_ip"] == swarm.peer_address.to_string()
            && row["state"] == "established"
    });
    assert_eq!(held.expect("the download's socket")["pid"], swarm.client_pid);
    let processes = artifact(container, "processes").expect("the processes");
    let client = processes
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["pid"] == swarm.client_pid)
        .expect("the client");
    assert_eq!(client["path"], swarm.client_image.as_str());
    assert_eq!(client["user"], owner);
    let sum = acceptance::run(&["sha256sum", &swarm.client_image]).expect("sha256sum").stdout;
    assert_eq!(client["sha256"].as_str(), sum.split_whitespace().next(), "{client:#}");
}

fn the_deliveries_arrived_once(lab: &Lab, outcome: &Value) {
    let case_id = outcome["case_id"].as_str().expect("a case");
    let mails = lab.mail.mails().expect("mails");
    let mut recipients: Vec<&str> = mails.iter().flat_map(|mail| &mail.to).map(String::as_str).collect();
    recipients.sort_unstable();
    recipients.retain(|recipient| lab.network.isolated() || *recipient == "soc@corp.example");
    let expected = ["alice@corp.example", "soc@corp.example"];
    assert_eq!(recipients, expected[usize::from(!lab.network.isolated())..], "one mail to each");
    assert!(mails.iter().all(|mail| mail.message.contains(case_id)), "{mails:#?}");
    let tickets = lab.tickets.tickets().expect("tickets");
    assert_eq!(tickets.len(), 1, "{tickets:#?}");
    assert!(tickets[0].body.contains(case_id), "{}", tickets[0].body);
    serde_json::from_str::<Value>(&tickets[0].body).expect("a ticket is JSON");
    // Where nobody is logged in, as on a machine that only runs tests, there is no user to tell.
    let delivered = |action: &Value| {
        action["status"] == "done" || (!lab.network.isolated() && action["kind"] == "mail_user")
    };
    assert!(outcome["actions"].as_array().expect("actions").iter().all(delivered), "{outcome:#}");
}
