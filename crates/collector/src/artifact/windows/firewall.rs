//! `Windows.Network.Firewall`: whether ports were opened, or programs let through, for a client.
//!
//! Rules are read from the registry, where they have one spelling in every language ([MS-GPFAS] 2.2.2.19): the firewall's
//! own list, the older lists of programs and ports of each profile, and those of group policy.

use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, FirewallRule, FirewallState};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::cut_text;
use super::super::tally::Tally;
use super::answers::Answers;
use super::registry::{Value, read_values};
use super::{image_path, named, rows};

/// Longest row.
const ROW_CAP: usize = 256 << 10;
/// Longest text of a rule that is kept, in bytes.
const TEXT_CAP: usize = 4096;
/// Most ports of one rule that are kept.
const PORT_CAP: usize = 64;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (reading, mut tally) = rows::read(input, ROW_CAP, Reading::default(), |reading, mut row, tally| {
        if row.kind() == "value" {
            reading.value(&Value::from_row(&mut row), limits, tally);
        }
    })?;
    Ok((Parsed::Firewall(reading.finish(&mut tally)), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (reading, mut tally) = answers.read(Reading::default(), |reading, tally| {
        read_values(answers, &["policy", "group_policy"], facts.code_page, tally, |value, tally| {
            reading.value(&value, limits, tally);
        })?;
        Ok(())
    })?;
    Ok((Parsed::Firewall(reading.finish(&mut tally)), tally))
}

#[derive(Default)]
struct Reading {
    rules: Vec<FirewallRule>,
    /// Profiles that are on, and that are off.
    on: u64,
    off: u64,
}

impl Reading {
    fn value(&mut self, value: &Value, limits: &Limits, tally: &mut Tally) {
        let key = value.key.to_ascii_lowercase();
        let profile = || {
            let parts = value.key.split('\\');
            parts.rev().find(|part| part.to_ascii_lowercase().ends_with("profile")).unwrap_or_default()
        };
        let rule = if key.ends_with("profile") && value.name.eq_ignore_ascii_case("EnableFirewall") {
            match value.number() {
                Some(0) => self.off += 1,
                Some(_) => self.on += 1,
                None => {}
            }
            None
        } else if key.ends_with(r"\authorizedapplications\list") {
            authorized(&value.name, &value.data, profile())
        } else if key.ends_with(r"\globallyopenports\list") {
            open_port(&value.data, profile())
        } else if value.data.starts_with('v') && value.data.contains('|') {
            rule(&value.data)
        } else {
            None
        };
        if let Some(rule) = rule {
            keep(rule, &mut self.rules, limits, tally);
        }
    }

    fn finish(self, tally: &mut Tally) -> FirewallState {
        let Self { rules, on, off } = self;
        if rules.is_empty() && on + off == 0 {
            if !tally.is_failed() {
                tally.failed("the endpoint did not show its firewall's settings");
            }
            return FirewallState::default();
        }
        let active = match (on, off) {
            (0, 0) => None,
            (0, _) => Some(false),
            _ => Some(true),
        };
        FirewallState { engines: vec!["windows".into()], active, rules }
    }
}

/// Keeps a rule within the caps.
pub(crate) fn keep(
    mut rule: FirewallRule,
    rules: &mut Vec<FirewallRule>,
    limits: &Limits,
    tally: &mut Tally,
) {
    if rules.len() as u64 >= limits.rows {
        tally.count(ArtifactStatus::Truncated, "firewall rules beyond the cap on rows were left out");
        return;
    }
    cut_text(&mut rule.text, TEXT_CAP);
    rule.chain = rule.chain.map(named);
    rule.action = rule.action.map(named);
    rules.push(rule);
}

/// `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|LPort=6881|App=C:\…|Name=…|`.
pub(crate) fn rule(text: &str) -> Option<FirewallRule> {
    let mut fields = text.split('|');
    let version = fields.next()?.strip_prefix('v')?;
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut rule = FirewallRule {
        engine: "windows".into(),
        chain: None,
        action: None,
        program: None,
        ports: Vec::new(),
        text: text.to_owned(),
    };
    let (mut direction, mut profiles, mut is_active) = ("in", Vec::new(), true);
    // Destination ports: ours for what comes in, the peer's for what goes out.
    let mut peers = Vec::new();
    for field in fields.take(256) {
        let Some((key, value)) = field.split_once('=') else { continue };
        match key.to_ascii_lowercase().as_str() {
            "action" => rule.action = Some(action(value)),
            "active" => is_active = value.eq_ignore_ascii_case("true"),
            "dir" => direction = if value.eq_ignore_ascii_case("out") { "out" } else { "in" },
            "profile" if profiles.len() < 4 => profiles.push(value),
            // `LPort2_10` and `LPort2_20` are ranges.
            "lport" | "lport2_10" | "lport2_20" | "lport2_24" => add_ports(&mut rule.ports, value),
            "rport" | "rport2_10" | "rport2_20" | "rport2_24" => add_ports(&mut peers, value),
            "app" => rule.program = image_path(value),
            _ => {}
        }
    }
    if direction == "out" {
        rule.ports = peers;
    }
    // What is switched off lets nothing through.
    rule.action = rule.action.filter(|_| is_active);
    let whose = if profiles.is_empty() { "any profile".to_owned() } else { profiles.join(", ") };
    rule.chain = Some(format!("{direction}, {whose}{}", if is_active { "" } else { ", not active" }));
    Some(rule)
}

/// The words that other engines have for it.
fn action(word: &str) -> String {
    match word.to_ascii_lowercase().as_str() {
        "allow" | "bypass" => "accept".into(),
        "block" => "drop".into(),
        other => other.to_owned(),
    }
}

/// Of a range, both ends.
fn add_ports(ports: &mut Vec<u16>, text: &str) {
    for part in text.split([',', '-']).filter_map(|part| part.trim().parse().ok()) {
        if ports.len() < PORT_CAP {
            ports.push(part);
        }
    }
}

/// `C:\…\a.exe` with `C:\…\a.exe:*:Enabled:Name`.
pub(crate) fn authorized(name: &str, data: &str, profile: &str) -> Option<FirewallRule> {
    let enabled = data.strip_prefix(name)?.split(':').nth(2)?;
    Some(FirewallRule { program: image_path(name), ..listed(data, profile, enabled) })
}

/// `6881:TCP:*:Enabled:Name`.
pub(crate) fn open_port(data: &str, profile: &str) -> Option<FirewallRule> {
    let mut parts = data.split(':');
    let port = parts.next()?;
    let enabled = parts.nth(2)?;
    let mut ports = Vec::new();
    add_ports(&mut ports, port);
    (!ports.is_empty()).then(|| FirewallRule { ports, ..listed(data, profile, enabled) })
}

fn listed(data: &str, profile: &str, enabled: &str) -> FirewallRule {
    let is_active = enabled.eq_ignore_ascii_case("enabled");
    FirewallRule {
        engine: "windows".into(),
        chain: Some(format!("in, {profile}{}", if is_active { "" } else { ", not active" })),
        action: is_active.then(|| "accept".into()),
        program: None,
        ports: Vec::new(),
        text: data.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_switched_off_does_nothing_and_words_are_no_ports() {
        let off = rule("v2.30|Action=Allow|Active=FALSE|Dir=In|LPort=RPC|").unwrap();
        assert_eq!((off.action, off.ports.len()), (None, 0));
        assert_eq!(off.chain.as_deref(), Some("in, any profile, not active"));
        let out = rule("v2.10|Action=Block|Active=TRUE|Dir=Out|LPort=1|RPort=6969|").unwrap();
        assert_eq!((out.action.as_deref(), out.ports), (Some("drop"), vec![6969]));
        let program = r"C:\x.exe";
        let off = authorized(program, r"C:\x.exe:LocalSubNet:Disabled:x", "PublicProfile").unwrap();
        assert_eq!((off.action, off.program.as_deref()), (None, Some(program)));
    }

    #[test]
    fn what_is_no_rule_is_none_and_ports_are_capped() {
        for text in ["", "|", "=", "|||Action|=|", "LPort=99999|LPort=-1", "very|"] {
            assert_eq!(rule(text), None, "{text}");
        }
        assert_eq!(open_port("LPort", "x"), None);
        let many = format!("v2.30|LPort={}", "1,".repeat(1000));
        assert_eq!(rule(&many).unwrap().ports.len(), PORT_CAP);
    }
}
