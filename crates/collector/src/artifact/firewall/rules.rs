//! Rules out of what nft, iptables-save and ufw print.

use investigation::evidence::FirewallRule;

use super::super::record::cut_text;

/// Longest rule that is kept, in bytes.
const RULE_CAP: usize = 2048;
/// Longest name of a table or chain, in bytes: it is repeated in each of its rules.
const NAME_CAP: usize = 128;
/// Most ports that one rule names.
const PORT_CAP: usize = 64;

/// The rules in one engine's answer.
pub(super) fn of<'a>(engine: &'a str, answer: &'a str) -> Box<dyn Iterator<Item = FirewallRule> + 'a> {
    match engine {
        "nftables" => Box::new(Nft { lines: answer.lines(), table: "", chain: None }),
        "ufw" => Box::new(answer.lines().filter_map(ufw)),
        _ => {
            let mut table = "";
            Box::new(answer.lines().filter_map(move |line| {
                if let Some(name) = line.strip_prefix('*') {
                    table = short(name);
                }
                iptables(engine, table, line)
            }))
        }
    }
}

/// `nft list ruleset`: tables hold chains, chains hold a line each rule.
struct Nft<'a> {
    lines: std::str::Lines<'a>,
    table: &'a str,
    chain: Option<&'a str>,
}

impl Iterator for Nft<'_> {
    type Item = FirewallRule;

    fn next(&mut self) -> Option<FirewallRule> {
        loop {
            let line = self.lines.next()?.trim();
            if let Some(name) = line.strip_prefix("table ").and_then(|l| l.strip_suffix(" {")) {
                self.table = short(name);
            } else if let Some(name) = line.strip_prefix("chain ").and_then(|l| l.strip_suffix(" {")) {
                self.chain = Some(short(name));
            } else if line == "}" {
                self.chain = None;
            } else if let Some(chain) = self.chain
                && !line.is_empty()
            {
                let policy = line.starts_with("type ");
                let drops = line.split_once("policy ").map(|(_, p)| p.trim_end_matches(';').trim());
                let action = if policy { drops } else { verdict(line) };
                // An accepting policy restricts nothing: it is no rule.
                if policy && action.is_none_or(|action| action == "accept") {
                    continue;
                }
                let chain = format!("{} {chain}", self.table);
                return Some(rule("nftables", Some(chain), action, nft_ports(line), line));
            }
        }
    }
}

/// The last word of a rule that is a verdict; what comes in quotes is a comment.
fn verdict(line: &str) -> Option<&str> {
    const VERDICTS: [&str; 9] =
        ["accept", "drop", "reject", "queue", "return", "masquerade", "redirect", "dnat", "snat"];
    let unquoted = line.split('"').step_by(2);
    unquoted.flat_map(str::split_ascii_whitespace).filter(|word| VERDICTS.contains(word)).last()
}

/// Behind each `dport`: a number, a range or a set.
fn nft_ports(line: &str) -> Vec<u16> {
    let Some((_, rest)) = line.split_once("dport ") else { return Vec::new() };
    match rest.trim_start_matches("!= ").strip_prefix('{') {
        Some(set) => ports(set.split('}').next().unwrap_or_default()),
        None => ports(rest.split(' ').next().unwrap_or_default()),
    }
}

/// `-A INPUT -p tcp -m tcp --dport 6881:6889 -j ACCEPT`, `:INPUT DROP [0:0]`.
fn iptables(engine: &str, table: &str, line: &str) -> Option<FirewallRule> {
    if let Some(chain) = line.strip_prefix(':') {
        let mut words = chain.split(' ');
        let (name, policy) = (words.next()?, words.next()?);
        // Chains of one's own have no policy.
        return matches!(policy, "DROP" | "REJECT")
            .then(|| rule("iptables", Some(format!("{table} {name}")), Some(policy), Vec::new(), line));
    }
    let rest = line.strip_prefix("-A ")?;
    let chain = rest.split(' ').next()?;
    let after = |option: &str| rest.split_once(option).and_then(|(_, value)| value.split(' ').next());
    let text = if engine == "ip6tables" { format!("ip6: {line}") } else { line.to_owned() };
    let found = after(" --dport ").or_else(|| after(" --dports ")).map(ports).unwrap_or_default();
    Some(rule("iptables", Some(format!("{table} {chain}")), after(" -j "), found, &text))
}

/// `6881/tcp                   ALLOW IN    Anywhere`.
fn ufw(line: &str) -> Option<FirewallRule> {
    let at = ["ALLOW", "DENY", "REJECT", "LIMIT"]
        .iter()
        .find(|action| line.split_ascii_whitespace().any(|word| word == **action))?;
    let to = line.split(&format!(" {at}")).next()?.trim();
    let found = ports(to.split('/').next().unwrap_or_default());
    Some(rule("ufw", None, Some(at), found, line))
}

fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_CAP)]
}

/// Numbers and the ends of ranges, parted by what parts them in any of the engines.
fn ports(text: &str) -> Vec<u16> {
    let words = text.split([',', ':', '-', ' ']).filter(|word| !word.is_empty());
    words.filter_map(|word| word.parse().ok()).take(PORT_CAP).collect()
}

fn rule(
    engine: &str,
    chain: Option<String>,
    action: Option<&str>,
    ports: Vec<u16>,
    text: &str,
) -> FirewallRule {
    let mut text = text.trim().to_owned();
    cut_text(&mut text, RULE_CAP);
    let chain = chain.map(|mut chain| {
        cut_text(&mut chain, 256);
        chain
    });
    let action = action.map(|action| short(action).to_ascii_lowercase());
    FirewallRule { engine: engine.to_owned(), chain, action, program: None, ports, text }
}
