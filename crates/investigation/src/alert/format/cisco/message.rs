//! The sentences of ASA and Firepower, by how they are built. Numbers differ between releases; the wording hardly does.

use super::end::{self, End};

/// What a message says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Message<'a> {
    pub(super) source: Option<End<'a>>,
    pub(super) destination: Option<End<'a>>,
    pub(super) user: Option<&'a str>,
    /// The rule that fired, or why.
    pub(super) rule: Option<&'a str>,
    /// What is not said, and matters.
    pub(super) note: Option<&'static str>,
}

/// Reads `text`, which is the message without its number.
pub(super) fn read(text: &str) -> Message<'_> {
    let mut message = ends(text);
    message.user = user(text);
    message.rule = rule(text);
    message
}

fn ends(text: &str) -> Message<'_> {
    let both = |source, destination| Message { source, destination, ..Message::default() };
    let icmp = Some("0");
    if let (Some(foreign), Some(local)) = (end_after(text, "faddr "), end_after(text, "laddr ")) {
        // What follows the slash numbers an echo, and is no port.
        let (foreign, mut local) = (End { port: icmp, ..foreign }, End { port: icmp, ..local });
        local.mapped =
            end_after(text, "gaddr ").map(|global| global.host).filter(|&global| global != local.host);
        return directed(text, foreign, local);
    }
    if text.contains(" connection ")
        && (text.starts_with("Built ") || text.starts_with("Teardown "))
        && let Some((_, behind)) = text.split_once(" for ")
        && let (Some(first), Some(second)) = (end::read(behind), end_after(behind, " to "))
    {
        return directed(text, first, second);
    }
    if text.contains(" translation from ")
        && let (Some(mut real), Some(mapped)) = (end_after(text, " from "), end_after(text, " to "))
    {
        (real.mapped, real.mapped_port) = (Some(mapped.host), mapped.port);
        return both(Some(real), None);
    }
    if let Some((before, behind)) = text.split_once(" -> ")
        && let Some(source) = before.split_whitespace().rfind(|word| word.contains('/'))
    {
        return both(end::read(source), end::read(behind));
    }
    if let Some((source, behind)) = text.split_once(" Accessed ")
        && let Some((_, destination)) = behind.split_once("URL ")
    {
        let address = destination.split(':').next().unwrap_or_default();
        return both(end::read(source.rsplit('@').next().unwrap_or(source)), end::read(address));
    }
    if let (Some(source), Some(destination)) = (end_after(text, " src "), end_after(text, " dst ")) {
        return both(Some(source), Some(destination));
    }
    if let (Some(local), Some(remote)) = (end_after(text, "Local:"), end_after(text, "Remote:")) {
        return both(Some(local), Some(remote));
    }
    const SOURCES: [&str; 15] = [
        " IP <",
        ", IP = ",
        " from IP ",
        " from ",
        "between ",
        "with client ",
        " client ",
        "IP address: ",
        "Assigned IP=",
        "local-host ",
        "local pool address ",
        "configuration: ",
        "Host ",
        "packet: ",
        " IP ",
    ];
    const DESTINATIONS: [&str; 6] =
        [" to ", " and ", "==> ", "server = ", "with server ", "accessed by server "];
    // A name that somebody chose may hold any of these, too: whatever stands before it is the device's own.
    let first = |befores: &[&str]| {
        let found = befores.iter().filter_map(|before| located_after(text, before));
        found.min_by_key(|&(at, _)| at).map(|(_, end)| end)
    };
    let asked = text.rsplit_once(" : user IP = ").and_then(|(_, behind)| end::read(behind));
    let source = asked.or_else(|| first(&SOURCES));
    let destination = first(&DESTINATIONS).filter(|end| source.is_none_or(|source| source.host != end.host));
    both(source, destination)
}

/// Of a connection the end on the less trusted side is named first, whichever opened it.
fn directed<'a>(text: &str, first: End<'a>, second: End<'a>) -> Message<'a> {
    let outbound = text.contains(" outbound ");
    let said = outbound || text.contains(" inbound ");
    let (source, destination) = if outbound { (second, first) } else { (first, second) };
    let note = (!said).then_some("the message does not say which end opened the connection");
    Message { source: Some(source), destination: Some(destination), note, ..Message::default() }
}

/// The first end that stands behind `before`.
fn end_after<'a>(text: &'a str, before: &str) -> Option<End<'a>> {
    located_after(text, before).map(|(_, end)| end)
}

/// The same, and where.
fn located_after<'a>(text: &'a str, before: &str) -> Option<(usize, End<'a>)> {
    let places = text.match_indices(before).take(16);
    places.map(|(at, _)| at + before.len()).find_map(|at| Some((at, end::read(&text[at..])?)))
}

/// Who it was, where that is not said beside the end.
fn user(text: &str) -> Option<&str> {
    const BEFORE: [(&str, &[char]); 11] = [
        ("User <", &['>']),
        ("Username = ", &[',']),
        ("Username:", &[' ']),
        ("Uname: ", &[' ', ',']),
        ("user = ", &[' ', ':']),
        ("user= ", &[')', ',']),
        ("User=", &[',']),
        ("User '", &['\'']),
        ("for user '", &['\'']),
        ("for user \"", &['"']),
        ("client user \"", &['"']),
    ];
    BEFORE.iter().find_map(|(before, ends)| {
        let (_, behind) = text.split_once(before)?;
        let end = behind.find(|c| ends.contains(&c)).unwrap_or(behind.len());
        Some(behind[..end].trim()).filter(|name| !name.is_empty() && !name.bytes().all(|b| b == b'*'))
    })
}

fn rule(text: &str) -> Option<&str> {
    if let Some((_, behind)) = text.split_once("by access-group ") {
        return behind.trim_start_matches('"').split(['"', ' ']).next();
    }
    if let Some(behind) = text.strip_prefix("access-list ") {
        return behind.split(' ').next();
    }
    if let Some(behind) = text.strip_prefix("Deny TCP (") {
        return behind.split(')').next();
    }
    for before in ["Reason: ", "reason: ", "ERROR: "] {
        if let Some((_, reason)) = text.split_once(before) {
            return Some(reason);
        }
    }
    if let Some(at) = text.find("IP options: ") {
        return Some(&text[at..]);
    }
    // What follows the person is what happened.
    if let Some((_, behind)) = text.split_once(" IP <")
        && let Some((_, said)) = behind.split_once("> ")
    {
        let closing = said.strip_prefix("SVC closing connection: ");
        return Some(closing.map_or(said, |reason| reason.trim_end_matches('.')));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends_of(text: &str) -> (Option<&str>, Option<&str>) {
        let message = read(text);
        (message.source.map(|end| end.host), message.destination.map(|end| end.host))
    }

    #[test]
    fn who_opened_a_connection_is_told_by_its_direction() {
        let built = |direction| {
            format!(
                "Built {direction} TCP connection 7 for outside:192.0.2.7/6881 (192.0.2.7/6881) to \
                 inside:10.20.1.17/51413 (198.51.100.1/2000)"
            )
        };
        assert_eq!(ends_of(&built("outbound")), (Some("10.20.1.17"), Some("192.0.2.7")));
        assert_eq!(ends_of(&built("inbound")), (Some("192.0.2.7"), Some("10.20.1.17")));
        let outbound = built("outbound");
        let source = read(&outbound).source.expect("a source");
        assert_eq!((source.mapped, source.mapped_port), (Some("198.51.100.1"), Some("2000")));
        let teardown =
            "Teardown UDP connection 7 for outside:192.0.2.7/6881 to inside:10.20.1.17/51413 duration 0:01";
        assert_eq!(ends_of(teardown), (Some("192.0.2.7"), Some("10.20.1.17")));
        assert!(read(teardown).note.is_some());
        let echo =
            "Built outbound ICMP connection for faddr 192.0.2.7/0 gaddr 198.51.100.1/7 laddr 10.20.1.17/7";
        assert_eq!(ends_of(echo), (Some("10.20.1.17"), Some("192.0.2.7")));
    }

    #[test]
    fn a_translation_is_no_destination() {
        let text = "Built dynamic UDP translation from inside:10.20.1.17/51413 to outside:198.51.100.1/2000";
        let message = read(text);
        assert_eq!(message.destination, None);
        assert_eq!(message.source.and_then(|end| end.mapped), Some("198.51.100.1"));
    }

    #[test]
    fn other_sentences_name_their_ends() {
        for (text, source, destination) in [
            (
                "Deny udp src in:10.20.1.17/51413 dst out:192.0.2.7/6881 by access-group \"P2P\" [0x0, 0x0]",
                Some("10.20.1.17"),
                Some("192.0.2.7"),
            ),
            (
                "access-list P2P denied tcp in/10.20.1.17(51413) -> out/192.0.2.7(6881) hit-cnt 1",
                Some("10.20.1.17"),
                Some("192.0.2.7"),
            ),
            (
                "10.20.1.17 Accessed URL 192.0.2.7:http://t.example/announce",
                Some("10.20.1.17"),
                Some("192.0.2.7"),
            ),
            (
                "Login permitted from 10.20.1.17/51413 to in:10.20.0.1/ssh for user \"alice\"",
                Some("10.20.1.17"),
                Some("10.20.0.1"),
            ),
            (
                "AAA user authentication Rejected : reason = x : server = 10.20.0.5 : user = alice : user IP = 10.20.1.17",
                Some("10.20.1.17"),
                Some("10.20.0.5"),
            ),
            (
                "Shunned packet: 10.20.1.17 ==> 192.0.2.7 on interface in",
                Some("10.20.1.17"),
                Some("192.0.2.7"),
            ),
            (
                "Login denied from 192.0.2.7/51413 to in:10.20.0.1/ssh for user \"x from IP 10.20.1.17 to\"",
                Some("192.0.2.7"),
                Some("10.20.0.1"),
            ),
            ("User 'alice' executed the 'login' command.", None, None),
        ] {
            assert_eq!(ends_of(text), (source, destination), "{text}");
        }
    }

    #[test]
    fn users_and_rules_are_found() {
        for (text, name, said) in [
            (
                "Group <G> User <alice> IP <10.20.1.17> SVC closing connection: Transport closing.",
                Some("alice"),
                Some("Transport closing"),
            ),
            (
                "Group = G, Username = alice, IP = 10.20.1.17, Session disconnected. Reason: Idle Timeout",
                Some("alice"),
                Some("Idle Timeout"),
            ),
            (
                "AAA user : server =  10.20.0.5 : user = *****",
                None,
                Some("AAA user : server =  10.20.0.5 : user = *****"),
            ),
            ("access-list P2P denied tcp in/10.20.1.17(1) -> out/192.0.2.7(2) hit-cnt 1", None, Some("P2P")),
        ] {
            let message = read(text);
            assert_eq!((message.user, message.rule), (name, said), "{text}");
        }
    }
}
