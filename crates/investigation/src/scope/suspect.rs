//! Which end of an alert's flow is the machine to look at.

use std::net::IpAddr;

use super::{Scope, Standing, fold};
use crate::alert::Alert;
use crate::text::one_line;

/// The end of the flow that the investigation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspect {
    /// One machine of ours. It may still be exempt: the case asks that separately, so as to say so.
    One {
        /// The machine's address.
        ip: IpAddr,
        /// Its port in the flow.
        port: Option<u16>,
        /// The other end.
        peer_ip: Option<IpAddr>,
        /// The other end's port.
        peer_port: Option<u16>,
    },
    /// No end is ours. Nothing is contacted.
    Refused {
        /// One line: why, and what to do.
        reason: String,
    },
    /// A person must say which machine is meant. Nothing is claimed and nothing is contacted.
    Review {
        /// One line: why, and what to do.
        reason: String,
    },
}

/// Finds the machine that `alert` is about: the end of the flow that `scope` lists, whichever side the sensor called
/// the source (signatures fire on either direction). An end of a class that is never contacted is no candidate.
///
/// What a source was translated to is a gateway and no machine; what a destination was translated to is the machine
/// behind it. Whom a proxy says it speaks for is hearsay: it never decides, but where it names a machine of ours, a
/// person does. So it is where an end has only a name.
pub fn suspect(alert: &Alert, scope: &Scope) -> Suspect {
    let end = |ip: Option<IpAddr>, port| ip.map(|ip| End::new(fold(ip), port, scope));
    let source = end(alert.source_ip, alert.source_port);
    let destination = end(alert.destination_ip, alert.destination_port);
    let behind = end(alert.destination_nat_ip, alert.destination_nat_port).filter(End::is_ours);
    if let Some(name) = alert.source_address.as_ref().filter(|_| source.is_none()) {
        return named("the source", name);
    }
    let mut candidates: Vec<&End> = Vec::new();
    for end in [&source, &destination, &behind].into_iter().flatten().filter(|end| end.is_ours()) {
        if !candidates.iter().any(|known| known.ip == end.ip) {
            candidates.push(end);
        }
    }
    // Without our own end, the proxy's word is all there is, and it is not enough.
    let spoken_for = alert.forwarded_ip.map(|ip| End::new(fold(ip), None, scope)).filter(End::is_ours);
    if let Some(client) = spoken_for.filter(|client| candidates.iter().all(|end| end.ip != client.ip)) {
        let proxy = candidates.first().copied().or(source.as_ref()).or(destination.as_ref());
        return Suspect::Review {
            reason: format!(
                "{} says that it speaks for {} (X-Forwarded-For), which whoever sends a request can write: decide \
                 which one is meant and investigate its address",
                proxy.map_or("a proxy".to_owned(), |proxy| proxy.ip.to_string()),
                client.ip
            ),
        };
    }
    match candidates[..] {
        [one] => {
            let is_source = source.as_ref().is_some_and(|source| source.ip == one.ip);
            let (peer_ip, peer_port) = match is_source {
                true => (alert.destination_ip, alert.destination_port),
                false => (alert.source_ip, alert.source_port),
            };
            Suspect::One {
                ip: one.ip,
                port: one.port,
                peer_ip: peer_ip.map(fold),
                peer_port: some(peer_port),
            }
        }
        [one, other, ..] => Suspect::Review {
            reason: format!(
                "both {} and {} are in scope: decide which one is meant and investigate its address",
                one.ip, other.ip
            ),
        },
        [] => match (&source, &destination, &alert.destination_address) {
            (_, None, Some(name)) => named("the destination", name),
            (Some(End { standing: Standing::Refused(refusal), .. }), ..) => {
                Suspect::Refused { reason: refusal.to_string() }
            }
            (None, Some(End { standing: Standing::Refused(refusal), .. }), _) => {
                Suspect::Refused { reason: format!("no source address, and the destination {refusal}") }
            }
            _ => without_addresses(alert),
        },
    }
}

/// One end of the flow.
struct End {
    ip: IpAddr,
    port: Option<u16>,
    standing: Standing,
}

impl End {
    fn new(ip: IpAddr, port: Option<u16>, scope: &Scope) -> Self {
        Self { ip, port: some(port), standing: scope.check(ip) }
    }

    fn is_ours(&self) -> bool {
        !matches!(self.standing, Standing::Refused(_))
    }
}

/// Sensors write port 0 where they know none.
fn some(port: Option<u16>) -> Option<u16> {
    port.filter(|port| *port != 0)
}

fn named(end: &str, name: &str) -> Suspect {
    let name = one_line(name, 80);
    Suspect::Review {
        reason: format!("{end} is `{name}`, which is no IP address: find its address and investigate that"),
    }
}

fn without_addresses(alert: &Alert) -> Suspect {
    let reason = match alert.suspect_host() {
        Some(name) => format!(
            "no source address and no destination address, only the host `{}`: find its address and investigate that",
            one_line(name, 80)
        ),
        None => "no source address and no destination address: name the machine and investigate its address"
            .to_owned(),
    };
    Suspect::Review { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(source: Option<&str>, destination: Option<&str>) -> Alert {
        serde_json::from_value(serde_json::json!({
            "id": "a", "format": "test", "event.original": "",
            "source.ip": source, "source.port": source.map(|_| 51413),
            "destination.ip": destination, "destination.port": destination.map(|_| 6881),
        }))
        .expect("an alert")
    }

    fn judge(source: Option<&str>, destination: Option<&str>) -> Suspect {
        let scope: Scope = toml::from_str(
            r#"
            networks = ["10.0.0.0/8", "fd12:3456::/32"]
            exempt = [{ network = "10.9.0.0/16", reason = "scanners" }]
            "#,
        )
        .expect("a scope");
        suspect(&alert(source, destination), &scope)
    }

    fn one(ip: &str, port: u16, peer: Option<(&str, u16)>) -> Suspect {
        Suspect::One {
            ip: ip.parse().expect("an address"),
            port: Some(port),
            peer_ip: peer.map(|(ip, _)| ip.parse().expect("an address")),
            peer_port: peer.map(|(_, port)| port),
        }
    }

    #[test]
    fn our_end_of_the_flow_is_the_suspect_on_either_side() {
        assert_eq!(
            judge(Some("10.0.0.5"), Some("203.0.113.7")),
            one("10.0.0.5", 51413, Some(("203.0.113.7", 6881)))
        );
        assert_eq!(
            judge(Some("203.0.113.7"), Some("10.0.0.5")),
            one("10.0.0.5", 6881, Some(("203.0.113.7", 51413)))
        );
        assert_eq!(judge(None, Some("fd12:3456::5")), one("fd12:3456::5", 6881, None));
        assert_eq!(judge(Some("10.0.0.5"), None), one("10.0.0.5", 51413, None));
    }

    #[test]
    fn an_exempt_end_is_still_the_suspect() {
        assert_eq!(
            judge(Some("10.9.0.5"), Some("203.0.113.7")),
            one("10.9.0.5", 51413, Some(("203.0.113.7", 6881)))
        );
    }

    #[test]
    fn two_machines_of_ours_go_to_review() {
        let Suspect::Review { reason } = judge(Some("10.0.0.5"), Some("10.9.0.6")) else {
            panic!("not a review")
        };
        assert!(reason.contains("10.0.0.5") && reason.contains("10.9.0.6"), "{reason}");
    }

    #[test]
    fn one_machine_on_both_sides_is_one_machine() {
        assert_eq!(
            judge(Some("10.0.0.5"), Some("10.0.0.5")),
            one("10.0.0.5", 51413, Some(("10.0.0.5", 6881)))
        );
    }

    #[test]
    fn a_broadcast_end_is_no_second_candidate() {
        let expected = one("10.0.0.5", 51413, Some(("10.255.255.255", 6881)));
        assert_eq!(judge(Some("10.0.0.5"), Some("10.255.255.255")), expected);
    }

    #[test]
    fn a_flow_with_no_end_of_ours_is_refused_for_the_source_s_reason() {
        let Suspect::Refused { reason } = judge(Some("169.254.169.254"), Some("203.0.113.7")) else {
            panic!()
        };
        assert!(reason.contains("metadata"), "{reason}");
        let Suspect::Refused { reason } = judge(None, Some("203.0.113.7")) else { panic!() };
        assert!(reason.starts_with("no source address, and the destination 203.0.113.7"), "{reason}");
    }

    fn judge_json(value: serde_json::Value) -> Suspect {
        let mut whole = serde_json::json!({ "id": "a", "format": "test", "event.original": "" });
        for (key, value) in value.as_object().expect("fields") {
            whole[key] = value.clone();
        }
        let scope: Scope = toml::from_str("networks = ['10.0.0.0/8']").expect("a scope");
        suspect(&serde_json::from_value(whole).expect("an alert"), &scope)
    }

    fn is_review(suspect: &Suspect, of: &[&str]) -> bool {
        matches!(suspect, Suspect::Review { reason } if of.iter().all(|word| reason.contains(word)))
    }

    #[test]
    fn a_translated_source_is_the_gateway_and_a_translated_destination_the_machine() {
        let out = serde_json::json!({
            "source.ip": "10.0.0.5", "source.nat.ip": "10.0.0.1", "destination.ip": "203.0.113.7",
        });
        assert!(matches!(judge_json(out), Suspect::One { ip, .. } if ip.to_string() == "10.0.0.5"));
        let into = serde_json::json!({
            "source.ip": "203.0.113.7", "destination.ip": "198.51.100.1", "destination.port": 443,
            "destination.nat.ip": "10.0.0.9", "destination.nat.port": 6881,
        });
        assert_eq!(
            judge_json(into),
            Suspect::One {
                ip: "10.0.0.9".parse().expect("an address"),
                port: Some(6881),
                peer_ip: Some("203.0.113.7".parse().expect("an address")),
                peer_port: None,
            }
        );
        let both = serde_json::json!({
            "source.ip": "203.0.113.7", "destination.ip": "10.0.0.8", "destination.nat.ip": "10.0.0.9",
        });
        assert!(is_review(&judge_json(both), &["10.0.0.8", "10.0.0.9"]));
    }

    #[test]
    fn whom_a_proxy_speaks_for_never_decides() {
        for source in ["10.0.0.3", "203.0.113.7"] {
            let alert = serde_json::json!({ "source.ip": source, "network.forwarded_ip": "10.0.0.5" });
            assert!(is_review(&judge_json(alert), &[source, "10.0.0.5"]), "{source}");
        }
        let outside = serde_json::json!({ "source.ip": "10.0.0.3", "network.forwarded_ip": "203.0.113.7" });
        assert!(matches!(judge_json(outside), Suspect::One { ip, .. } if ip.to_string() == "10.0.0.3"));
    }

    #[test]
    fn an_end_that_has_only_a_name_is_for_a_person() {
        let source = serde_json::json!({ "source.address": "ws-0317", "destination.ip": "10.0.0.9" });
        assert!(is_review(&judge_json(source), &["the source is `ws-0317`"]));
        let destination = serde_json::json!({ "source.ip": "203.0.113.7", "destination.address": "ws-0317" });
        assert!(is_review(&judge_json(destination), &["the destination is `ws-0317`"]));
        let host = serde_json::json!({ "host.name": "ws-0317" });
        assert!(is_review(&judge_json(host), &["only the host `ws-0317`"]));
    }

    #[test]
    fn port_0_is_no_port() {
        let alert = serde_json::json!({ "source.ip": "10.0.0.5", "source.port": 0 });
        assert!(matches!(judge_json(alert), Suspect::One { port: None, .. }));
    }

    #[test]
    fn an_alert_without_addresses_goes_to_review() {
        let Suspect::Review { reason } = judge(None, None) else { panic!("not a review") };
        assert!(reason.starts_with("no source address"), "{reason}");
    }
}
