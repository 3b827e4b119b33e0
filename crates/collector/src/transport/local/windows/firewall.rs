//! Windows' firewall, as its settings in the registry say.

use investigation::evidence::FirewallState;
use investigation::order::Limits;

use super::registry::{Hive, Registry, Value, find, values};
use crate::artifact::tally::Tally;
use crate::artifact::windows::firewall::{authorized, keep, open_port, rule};

/// The machine's own settings, and those of a group policy, which has the last word.
const POLICIES: [&str; 2] = [
    r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy",
    r"SOFTWARE\Policies\Microsoft\WindowsFirewall",
];
const PROFILES: [&str; 4] = ["DomainProfile", "StandardProfile", "PrivateProfile", "PublicProfile"];

/// Reads switches and rules.
pub(crate) fn read(registry: &dyn Registry, limits: &Limits) -> (FirewallState, Tally) {
    let mut tally = Tally::default();
    let mut state = FirewallState { engines: vec!["windows".into()], ..FirewallState::default() };
    let mut on: [Option<bool>; PROFILES.len()] = [None; PROFILES.len()];
    let mut seen = false;
    for policy in POLICIES {
        for (profile, on) in PROFILES.iter().zip(&mut on) {
            let path = format!("{policy}\\{profile}");
            let found = values(registry, Hive::Machine, &path, &mut tally);
            if let Some(switch) = find(&found, "EnableFirewall").and_then(Value::number) {
                *on = Some(switch != 0);
            }
            seen |= !found.is_empty();
            // Before Windows Vista these were all there was; programs still write them.
            for list in ["AuthorizedApplications", "GloballyOpenPorts"] {
                for value in values(registry, Hive::Machine, &format!("{path}\\{list}\\List"), &mut tally) {
                    let Some(text) = value.text() else { continue };
                    let found = match list {
                        "AuthorizedApplications" => authorized(&value.name, &text, profile),
                        _ => open_port(&text, profile),
                    };
                    if let Some(rule) = found {
                        keep(rule, &mut state.rules, limits, &mut tally);
                    }
                }
            }
        }
        for value in values(registry, Hive::Machine, &format!("{policy}\\FirewallRules"), &mut tally) {
            if let Some(rule) = value.text().and_then(|text| rule(&text)) {
                keep(rule, &mut state.rules, limits, &mut tally);
            }
        }
    }
    seen |= !state.rules.is_empty();
    let known = on.iter().flatten().count() > 0;
    state.active = known.then(|| on.contains(&Some(true)));
    if !seen {
        state.engines.clear();
        tally.failed("the registry holds no settings of Windows' firewall, or keeps them from this account");
    }
    (state, tally)
}

#[cfg(test)]
mod tests {
    use investigation::evidence::ArtifactStatus;

    use super::super::registry::testing::Made;
    use super::*;

    const POLICY: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy";

    #[test]
    fn old_and_new_rules_are_read() {
        let mut made = Made::default();
        made.number(&format!(r"{POLICY}\PublicProfile"), "EnableFirewall", 1);
        let list = format!(r"{POLICY}\StandardProfile\AuthorizedApplications\List");
        made.text(&list, r"C:\utorrent.exe", r"C:\utorrent.exe:*:Enabled:uTorrent");
        let list = format!(r"{POLICY}\StandardProfile\GloballyOpenPorts\List");
        made.text(&list, "6881:TCP", "6881:TCP:*:Enabled:torrent");
        let text =
            r"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=C:\qbittorrent.exe|Name=qBittorrent|";
        made.text(&format!(r"{POLICY}\FirewallRules"), "{1}", text);
        made.text(
            r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules",
            "x",
            "v2.30|Action=Block|",
        );

        let (state, tally) = read(&made, &Limits::default());
        assert_eq!(tally.settle(), (ArtifactStatus::Ok, vec![]));
        assert_eq!((state.engines, state.active), (vec!["windows".to_owned()], Some(true)));
        let programs: Vec<_> = state.rules.iter().map(|rule| rule.program.as_deref()).collect();
        assert_eq!(programs, [Some(r"C:\utorrent.exe"), None, Some(r"C:\qbittorrent.exe"), None]);
        assert_eq!(state.rules[0].chain.as_deref(), Some("in, StandardProfile"));
        assert_eq!(state.rules[1].ports, [6881]);
        assert_eq!(state.rules[3].action.as_deref(), Some("drop"));
    }

    #[test]
    fn a_group_policy_has_the_last_word() {
        let mut made = Made::default();
        made.number(&format!(r"{POLICY}\PublicProfile"), "EnableFirewall", 1);
        made.number(r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\PublicProfile", "EnableFirewall", 0);
        let (state, tally) = read(&made, &Limits::default());
        assert_eq!((state.active, tally.settle().0), (Some(false), ArtifactStatus::Ok));
    }

    #[test]
    fn nothing_there_is_no_open_firewall() {
        let (state, tally) = read(&Made::default(), &Limits::default());
        assert_eq!((state.engines.len(), state.active), (0, None));
        assert_eq!(tally.settle().0, ArtifactStatus::Failed);
    }

    #[test]
    fn rules_are_capped() {
        let mut made = Made::default();
        for n in 0..5 {
            made.text(&format!(r"{POLICY}\FirewallRules"), &n.to_string(), "v2.30|Action=Block|");
        }
        let (state, tally) = read(&made, &Limits { rows: 2, ..Limits::default() });
        assert_eq!((state.rules.len(), tally.settle().0), (2, ArtifactStatus::Truncated));
    }
}
