//! One rule of Windows' firewall, as the registry spells it ([MS-FASP], [MS-GPFAS] 2.2.2.19).

use investigation::evidence::FirewallRule;

use crate::artifact::record::cut_text;

/// Longest rule that is kept, in bytes.
const RULE_CAP: usize = 2048;
/// Longest path of a program that is kept, in bytes.
const PATH_CAP: usize = 4096;
/// Most ports that one rule names.
const PORT_CAP: usize = 64;

/// `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=6881|App=C:\…|Name=…|`.
pub(super) fn rule(text: &str) -> FirewallRule {
    let fields = || text.split('|').filter_map(|field| field.split_once('='));
    let all = |name: &'static str| {
        fields().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let first = |name| all(name).next();
    let profiles: Vec<&str> = all("Profile").take(4).collect();
    let profiles = if profiles.is_empty() { "every profile".to_owned() } else { profiles.join(", ") };
    let chain = first("Dir").map(|way| format!("{} {profiles}", way.to_ascii_lowercase()));
    // What is switched off lets nothing through.
    let active = first("Active").is_none_or(|active| active.eq_ignore_ascii_case("TRUE"));
    // Destination ports: ours for what comes in, the peer's for what goes out.
    let outgoing = first("Dir").is_some_and(|way| way.eq_ignore_ascii_case("Out"));
    let ours = if outgoing { ["RPort", "RPort2_10"] } else { ["LPort", "LPort2_10"] };
    let ports = ours.into_iter().flat_map(all).flat_map(ports).take(PORT_CAP).collect();
    FirewallRule {
        chain: chain.map(|chain| short(chain, 128)),
        action: first("Action").filter(|_| active).map(action),
        program: first("App").map(|path| short(path.to_owned(), PATH_CAP)),
        ports,
        ..bare(text)
    }
}

/// `C:\path\program.exe:*:Enabled:Name`: a path, which has a colon itself, the peers, the switch and a name.
pub(super) fn authorized(text: &str) -> FirewallRule {
    let drive = text.find(":\\").map_or(0, |at| at + 1);
    let (path, rest) = match text[drive..].split_once(':') {
        Some((path, rest)) => (&text[..drive + path.len()], rest),
        None => (text, ""),
    };
    FirewallRule {
        action: old_action(rest.split(':').nth(1)),
        program: Some(short(path.to_owned(), PATH_CAP)),
        ..bare(text)
    }
}

/// `6881:TCP:*:Enabled:Name`.
pub(super) fn opened(text: &str) -> FirewallRule {
    let mut fields = text.split(':');
    let port = fields.next().unwrap_or_default();
    FirewallRule { action: old_action(fields.nth(2)), ports: ports(port).collect(), ..bare(text) }
}

fn bare(text: &str) -> FirewallRule {
    FirewallRule {
        engine: "windows".into(),
        chain: None,
        action: None,
        program: None,
        ports: Vec::new(),
        text: short(text.to_owned(), RULE_CAP),
    }
}

fn action(word: &str) -> String {
    match word.to_ascii_lowercase().as_str() {
        "allow" | "bypass" => "accept".into(),
        "block" => "drop".into(),
        other => short(other.to_owned(), 32),
    }
}

fn old_action(switch: Option<&str>) -> Option<String> {
    switch?.eq_ignore_ascii_case("Enabled").then(|| "accept".into())
}

/// Numbers and the ends of ranges; words such as `RPC` name no number.
fn ports(text: &str) -> impl Iterator<Item = u16> {
    text.split([',', '-']).filter_map(|word| word.trim().parse().ok())
}

fn short(mut text: String, cap: usize) -> String {
    cut_text(&mut text, cap);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_off() {
        let text = r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|Profile=Public|LPort=6881|LPort2_10=51413-51420|App=C:\Program Files\qBittorrent\qbittorrent.exe|Name=qBittorrent|Desc=a=b|EdgeTraversal=App|";
        let rule = rule(text);
        assert_eq!(rule.engine, "windows");
        assert_eq!(rule.chain.as_deref(), Some("in Private, Public"));
        assert_eq!(rule.action.as_deref(), Some("accept"));
        assert_eq!(rule.program.as_deref(), Some(r"C:\Program Files\qBittorrent\qbittorrent.exe"));
        assert_eq!(rule.ports, [6881, 51413, 51420]);
        assert_eq!(rule.text, text);
    }

    #[test]
    fn what_is_switched_off_does_nothing_and_words_are_no_ports() {
        let off = rule("v2.30|Action=Allow|Active=FALSE|Dir=In|LPort=RPC|");
        assert_eq!((off.action, off.ports.len()), (None, 0));
        assert_eq!(off.chain.as_deref(), Some("in every profile"));
        let out = rule("v2.10|Action=Block|Active=TRUE|Dir=Out|LPort=1|RPort=6969|");
        assert_eq!((out.action.as_deref(), out.ports), (Some("drop"), vec![6969]));
    }

    #[test]
    fn anything_at_all_is_a_rule_and_is_kept() {
        for text in ["", "|", "=", "v2.30", "|||Action|=|", "LPort=99999|LPort=-1"] {
            assert_eq!(rule(text).text, text);
            assert_eq!(authorized(text).text, text);
            assert_eq!(opened(text).text, text);
        }
        let many = format!("LPort={}", "1,".repeat(1000));
        assert_eq!(rule(&many).ports.len(), PORT_CAP);
        assert!(rule(&"x".repeat(10_000)).text.len() < 2100);
    }

    #[test]
    fn the_old_lists_are_read_off() {
        let enabled = authorized(r"C:\uTorrent\utorrent.exe:*:Enabled:uTorrent: yes");
        assert_eq!(enabled.program.as_deref(), Some(r"C:\uTorrent\utorrent.exe"));
        assert_eq!(enabled.action.as_deref(), Some("accept"));
        let disabled = authorized(r"%windir%\system32\x.exe:LocalSubNet:Disabled:x");
        assert_eq!(disabled.program.as_deref(), Some(r"%windir%\system32\x.exe"));
        assert_eq!(disabled.action, None);
        let port = opened("6881:TCP:*:Enabled:torrent");
        assert_eq!((port.ports, port.action.as_deref()), (vec![6881], Some("accept")));
    }
}
