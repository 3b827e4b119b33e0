//! Which end of an alert's flow is the machine to look at.

use std::net::IpAddr;

use super::{Scope, Standing, fold};
use crate::alert::Alert;

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
pub fn suspect(alert: &Alert, scope: &Scope) -> Suspect {
    let source = alert.source_ip.map(fold).map(|ip| (ip, scope.check(ip)));
    let destination = alert.destination_ip.map(fold).map(|ip| (ip, scope.check(ip)));
    let from_source = |ip| Suspect::One {
        ip,
        port: alert.source_port,
        peer_ip: alert.destination_ip,
        peer_port: alert.destination_port,
    };
    let from_destination = |ip| Suspect::One {
        ip,
        port: alert.destination_port,
        peer_ip: alert.source_ip,
        peer_port: alert.source_port,
    };
    match (source, destination) {
        (None, None) => Suspect::Review {
            reason:
                "no source address and no destination address: name the machine and investigate its address"
                    .to_owned(),
        },
        (Some((ip, Standing::Refused(_))), Some((other, standing))) if ours(&standing) && ip != other => {
            from_destination(other)
        }
        (Some((_, Standing::Refused(refusal))), _) => Suspect::Refused { reason: refusal.to_string() },
        (None, Some((_, Standing::Refused(refusal)))) => {
            Suspect::Refused { reason: format!("no source address, and the destination {refusal}") }
        }
        (Some((ip, _)), Some((other, standing))) if ours(&standing) && ip != other => Suspect::Review {
            reason: format!(
                "both {ip} and {other} are in scope: decide which one is meant and investigate its address"
            ),
        },
        (Some((ip, _)), _) => from_source(ip),
        (None, Some((ip, _))) => from_destination(ip),
    }
}

fn ours(standing: &Standing) -> bool {
    !matches!(standing, Standing::Refused(_))
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

    #[test]
    fn an_alert_without_addresses_goes_to_review() {
        let Suspect::Review { reason } = judge(None, None) else { panic!("not a review") };
        assert!(reason.starts_with("no source address"), "{reason}");
    }
}
