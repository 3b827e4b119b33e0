//! `Linux.Network.Firewall`: whether ports were opened for a client.

mod rules;

use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, FirewallRule, FirewallState};
use investigation::order::Limits;
use investigation::text::one_line;

use super::facts::Facts;
use super::record::{Records, text};
use super::tally::Tally;
use super::{Parsed, script};

/// Longest value; the script cuts each engine's answer at 8 MiB.
const VALUE_CAP: usize = (8 << 20) + 1;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    script!("sh/firewall.sh")
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, facts: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut state = FirewallState::default();
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::Firewall(state), tally));
    };
    let (mut engine, mut answer) = (String::new(), String::new());
    let (mut answered, mut refused, mut idle) = (0, 0, 0);
    while let Some(record) = records.next()? {
        match record.key {
            b"engine" => engine = text(record.value),
            b"rules" => answer = text(record.value),
            b"idle" => {
                idle += 1;
                add_engine(&mut state, &text(record.value));
            }
            b"exit" if record.value == b"0" => {
                answered += 1;
                add_engine(&mut state, &engine);
                // An answer is told of once, however often its end is.
                keep(rules::of(&engine, &std::mem::take(&mut answer)), &mut state, limits, &mut tally);
            }
            b"exit" => {
                refused += 1;
                let answer = std::mem::take(&mut answer);
                let said = answer.lines().next().unwrap_or_default();
                tally.partial(format!("{} did not answer: {}", one_line(&engine, 20), one_line(said, 200)));
            }
            _ => {}
        }
    }
    if !records.is_whole() {
        tally.truncated("the answer stopped before its end");
    }
    state.active = match (state.rules.is_empty(), answered + idle, refused) {
        (false, ..) => Some(true),
        (true, 0, _) | (true, _, 1..) => None,
        (true, ..) => Some(false),
    };
    if answered + idle == 0 {
        let why = match (refused, facts.privileged()) {
            (0, _) => "no firewall tool (nft, iptables-save, ufw) is installed",
            (_, false) => "this account may not list the firewall",
            (_, true) => "no firewall tool answered",
        };
        tally.failed(why);
    }
    Ok((Parsed::Firewall(state), tally))
}

fn add_engine(state: &mut FirewallState, engine: &str) {
    // IPv6 has a tool of its own and is the same engine.
    let engine = if engine == "ip6tables" { "iptables" } else { engine };
    let ours = matches!(engine, "nftables" | "iptables" | "ufw");
    if ours && !state.engines.iter().any(|known| known == engine) {
        state.engines.push(engine.to_owned());
    }
}

fn keep(
    rules: impl Iterator<Item = FirewallRule>,
    state: &mut FirewallState,
    limits: &Limits,
    tally: &mut Tally,
) {
    for rule in rules {
        if state.rules.len() as u64 >= limits.rows {
            tally.count(ArtifactStatus::Truncated, "firewall rules beyond the cap on rows were left out");
        } else {
            state.rules.push(rule);
        }
    }
}

#[cfg(test)]
mod tests;
