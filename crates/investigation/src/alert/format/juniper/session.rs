//! The sentences that Junos writes about sessions where it is not told to write structured data.

use std::borrow::Cow;

use crate::alert::lookup::Pairs;
use crate::alert::pairs;

/// What a sentence says, under the names that structured data has for it.
pub(super) fn read<'a>(tag: &str, text: &'a str) -> Pairs<'a> {
    let mut said: Vec<(&'static str, &'a str)> = Vec::new();
    let words: Vec<&str> = text.split_whitespace().collect();
    let flows: Vec<usize> =
        words.iter().enumerate().filter(|(_, word)| flow(word).is_some()).map(|(at, _)| at).collect();
    let flow_at = |index: usize| flows.get(index).and_then(|&at| flow(words[at]));
    if let Some([source, source_port, destination, destination_port]) = flow_at(0) {
        said.extend([
            ("source-address", source),
            ("source-port", source_port),
            ("destination-address", destination),
            ("destination-port", destination_port),
        ]);
    }
    let is_session = tag.contains("SESSION_");
    if let Some([source, source_port, destination, destination_port]) = flow_at(1).filter(|_| is_session) {
        said.extend([
            ("nat-source-address", source),
            ("nat-source-port", source_port),
            ("nat-destination-address", destination),
            ("nat-destination-port", destination_port),
        ]);
    }
    if is_session && let Some(&last) = flows.get(1).or(flows.first()) {
        read_policy(&words[last + 1..], &mut said);
    }
    if let Some(reason) = text.strip_prefix("session closed ").and_then(|rest| rest.split_once(": ")) {
        said.push(("reason", reason.0));
    }
    if tag.starts_with("RT_SCREEN_") {
        read_screen(text, &mut said);
    }
    let mut all: Vec<(Cow<'a, str>, Cow<'a, str>)> =
        said.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    // `name=P2P:…,`, `REASON="…"`, and `username alice` behind them.
    for (key, value) in pairs::spaced(text).0 {
        let value = match value {
            Cow::Borrowed(value) => Cow::Borrowed(value.trim_end_matches([',', '>'])),
            value => value,
        };
        all.push((key.to_ascii_lowercase().into(), value));
    }
    if let Some(at) = words.iter().rposition(|word| word.eq_ignore_ascii_case("username")) {
        all.extend(words.get(at + 1).map(|&name| ("username".into(), name.into())));
    }
    Pairs(all)
}

/// `10.20.1.17/51413->192.0.2.7/6881`, also with ports in parentheses and in angle brackets.
fn flow(word: &str) -> Option<[&str; 4]> {
    let (source, destination) = word.trim_matches(['<', '>', ',', ':']).split_once("->")?;
    let split = |end: &'_ str| -> Option<(usize, usize, usize)> {
        let at = end.rfind(['/', '('])?;
        let behind = end[at + 1..].trim_end_matches(')').len();
        Some((at, at + 1, at + 1 + behind))
    };
    let (s, d) = (split(source)?, split(destination)?);
    Some([&source[..s.0], &source[s.1..s.2], &destination[..d.0], &destination[d.1..d.2]])
}

/// Behind the flows: rules of translation, then protocol, policy, zones and session, then who it was.
fn read_policy<'a>(words: &[&'a str], said: &mut Vec<(&'static str, &'a str)>) {
    let protocol = |word: &'a str| {
        let (number, icmp) = word.split_once('(').unwrap_or((word, ""));
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let fits =
            (1..=3).contains(&number.len()) && is_number(number) && is_number(icmp.trim_end_matches(')'));
        fits.then_some(number)
    };
    let Some((at, number)) = words.iter().enumerate().find_map(|(at, word)| Some((at, protocol(word)?)))
    else {
        return;
    };
    said.push(("protocol-id", number));
    said.extend(words.get(at + 1).map(|policy| ("policy-name", *policy)));
    // `alice(roles)`; counts of packets and bytes look alike.
    let user = words.get(at + 2..).unwrap_or_default().iter().find_map(|word| {
        let (name, roles) = word.split_once('(')?;
        let is_count = name.bytes().all(|b| b.is_ascii_digit());
        (roles.ends_with(')') && !is_count).then_some(name)
    });
    said.extend(user.map(|name| ("username", name)));
}

/// `SYN flood! source: 192.0.2.7:4000, destination: 10.20.1.17:80, zone name: …`.
fn read_screen<'a>(text: &'a str, said: &mut Vec<(&'static str, &'a str)>) {
    if let Some((attack, _)) = text.split_once(" source: ") {
        said.push(("attack-name", attack));
    }
    for (before, address, port) in [
        ("source: ", "source-address", "source-port"),
        ("destination: ", "destination-address", "destination-port"),
    ] {
        let end = text.split_once(before).and_then(|(_, behind)| behind.split([',', ' ']).next());
        let Some(end) = end else { continue };
        match end.rsplit_once(':') {
            Some((host, number)) if !end.starts_with("::") && host.parse::<std::net::IpAddr>().is_ok() => {
                said.extend([(address, host), (port, number)]);
            }
            _ => said.push((address, end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(tag: &str, text: &str, keys: &[&str]) -> Vec<Option<String>> {
        let pairs = read(tag, text);
        keys.iter().map(|key| pairs.get(key).map(str::to_owned)).collect()
    }

    fn some(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    const KEYS: [&str; 8] = [
        "source-address",
        "source-port",
        "destination-address",
        "destination-port",
        "nat-source-address",
        "protocol-id",
        "policy-name",
        "username",
    ];

    #[test]
    fn sessions_of_old_and_new_releases_are_read() {
        for text in [
            "session created 10.20.1.17/51413->192.0.2.7/6881 0x0 None 198.51.100.1/2000->192.0.2.7/6881 0x0 source rule \
             nat N/A N/A 17 P2P trust untrust 77 alice(x) ge-0/0/0.0 UNKNOWN",
            "session created 10.20.1.17/51413->192.0.2.7/6881 None 198.51.100.1/2000->192.0.2.7/6881 nat None 17 P2P \
             trust untrust 77 alice(x) ge-0/0/0.0",
            "session closed TCP FIN: 10.20.1.17/51413->192.0.2.7/6881 0x0 None 198.51.100.1/2000->192.0.2.7/6881 0x0 N/A \
             N/A N/A N/A 17 P2P trust untrust 77 3(90) 2(80) 1 UNKNOWN UNKNOWN alice(x) ge-0/0/0.0",
        ] {
            let want =
                some(&["10.20.1.17", "51413", "192.0.2.7", "6881", "198.51.100.1", "17", "P2P", "alice"]);
            assert_eq!(get("RT_FLOW_SESSION_X", text, &KEYS), want, "{text}");
        }
        let denied = "session denied 10.20.1.17/51413->192.0.2.7/6881 0x0 None 17(0) P2P trust untrust UNKNOWN UNKNOWN alice(x)";
        assert_eq!(get("RT_FLOW_SESSION_DENY", denied, &KEYS[5..]), some(&["17", "P2P", "alice"]));
    }

    #[test]
    fn screens_idp_and_filters_are_read() {
        let keys = ["source-address", "source-port", "destination-address", "attack-name"];
        let text = "UDP flood! source: 10.20.1.17:51413, destination: 192.0.2.7:6881, zone name: trust";
        assert_eq!(
            get("RT_SCREEN_UDP", text, &keys),
            some(&["10.20.1.17", "51413", "192.0.2.7", "UDP flood!"])
        );
        let text = "IDP: at 1772600767, SIG Attack log <10.20.1.17/51413->192.0.2.7/6881> for TCP protocol by rule 3. \
                    attack: repeat=0, action=NONE, threat-severity=HIGH, name=P2P:BITTORRENT:X, NAT <0.0.0.0:0->0.0.0.0:0>";
        let keys = ["source-address", "destination-port", "name", "threat-severity"];
        assert_eq!(
            get("IDP_ATTACK_LOG_EVENT", text, &keys),
            some(&["10.20.1.17", "6881", "P2P:BITTORRENT:X", "HIGH"])
        );
        let text = "WebFilter: ACTION=\"URL Blocked\" 10.20.1.17(51413)->192.0.2.7(80) CATEGORY=\"P2P\" REASON=\"BY\" \
                    URL=t.example OBJ=/announce username alice roles N/A";
        let keys = ["source-address", "destination-port", "reason", "username", "obj"];
        assert_eq!(
            get("WEBFILTER_URL_BLOCKED", text, &keys),
            some(&["10.20.1.17", "80", "BY", "alice", "/announce"])
        );
    }

    #[test]
    fn broken_sentences_end() {
        for text in ["->", "a/->b/", "(->(", "é/é->é(é 17", "session closed : ", "a(1->b)", "username"] {
            read("RT_FLOW_SESSION_CLOSE", text);
            read("RT_SCREEN_IP", text);
        }
    }
}
