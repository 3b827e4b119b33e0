//! Why an address is never contacted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Scope, transition};

/// Why an address must not be contacted. Each shows as one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Refusal {
    /// A cloud's metadata or host service: it hands out credentials to whoever asks.
    #[error(
        "{ip} is a cloud metadata address and is never contacted: find the machine that the sensor meant"
    )]
    Metadata {
        /// The address.
        ip: IpAddr,
    },
    /// The machine itself.
    #[error(
        "{ip} is a loopback address, which means the sensor's own machine: find that machine's real address"
    )]
    Loopback {
        /// The address.
        ip: IpAddr,
    },
    /// Valid on one link only.
    #[error("{ip} is a link-local address, valid on one link only: find the machine's routed address")]
    LinkLocal {
        /// The address.
        ip: IpAddr,
    },
    /// A group and not a machine.
    #[error("{ip} is a multicast group and not a machine: look at the other end of the flow")]
    Multicast {
        /// The address.
        ip: IpAddr,
    },
    /// No address at all.
    #[error("{ip} names no machine: the sensor did not know the address, look at its other fields")]
    Unspecified {
        /// The address.
        ip: IpAddr,
    },
    /// Every machine of a network.
    #[error("{ip} is a broadcast address and not a machine: look at the other end of the flow")]
    Broadcast {
        /// The address.
        ip: IpAddr,
    },
    /// The first address of a listed network.
    #[error("{ip} is the network {network} itself and not a machine: name one machine in it")]
    NetworkAddress {
        /// The address.
        ip: IpAddr,
        /// The listed network.
        network: IpNet,
    },
    /// IPv6 that tunnels or translates to IPv4.
    #[error(
        "{ip} is a {mechanism} address: find the machine's own address, or list the {mechanism} range in `networks`"
    )]
    Transition {
        /// The address.
        ip: IpAddr,
        /// Name of the mechanism.
        mechanism: String,
    },
    /// From a range that exists for examples.
    #[error(
        "{ip} is from a range kept for documentation: the alert is an example, or list the range in `networks`"
    )]
    Documentation {
        /// The address.
        ip: IpAddr,
    },
    /// On the Internet.
    #[error(
        "{ip} is a public address outside the policy's `networks`: if it is yours, list its network there"
    )]
    Public {
        /// The address.
        ip: IpAddr,
    },
    /// Private, but not ours.
    #[error("{ip} is outside the policy's `networks`: if it is yours, list its network there")]
    NotInNetworks {
        /// The address.
        ip: IpAddr,
    },
}

impl Refusal {
    /// Stable short name, for counting and filtering.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Metadata { .. } => "metadata",
            Self::Loopback { .. } => "loopback",
            Self::LinkLocal { .. } => "link_local",
            Self::Multicast { .. } => "multicast",
            Self::Unspecified { .. } => "unspecified",
            Self::Broadcast { .. } => "broadcast",
            Self::NetworkAddress { .. } => "network_address",
            Self::Transition { .. } => "transition",
            Self::Documentation { .. } => "documentation",
            Self::Public { .. } => "public",
            Self::NotInNetworks { .. } => "not_in_networks",
        }
    }
}

/// The classes that no list admits. `ip` is folded.
pub(super) fn always(ip: IpAddr, scope: &Scope) -> Option<Refusal> {
    if let Some(refusal) = by_class(ip, scope) {
        return Some(refusal);
    }
    if let IpAddr::V6(v6) = ip
        && let Some((prefix, mechanism, inner)) = transition(v6)
    {
        // A wide IPv6 network does not mean to open a second way into IPv4: the range must be listed as such.
        let listed = scope.networks.iter().any(|network| prefix.contains(network) && network.contains(&ip));
        if !listed || inner.is_some_and(|inner| by_class(inner, scope).is_some()) {
            return Some(Refusal::Transition { ip, mechanism: mechanism.to_owned() });
        }
    }
    scope.networks.iter().find_map(|network| at_the_edge(ip, network))
}

fn by_class(ip: IpAddr, scope: &Scope) -> Option<Refusal> {
    if is_metadata(ip) {
        Some(Refusal::Metadata { ip })
    } else if ip.is_loopback() && !(scope.permit_loopback && scope.lists(ip)) {
        Some(Refusal::Loopback { ip })
    } else if is_link_local(ip) {
        Some(Refusal::LinkLocal { ip })
    } else if ip.is_multicast() {
        Some(Refusal::Multicast { ip })
    } else if is_unspecified(ip) {
        Some(Refusal::Unspecified { ip })
    } else if ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some(Refusal::Broadcast { ip })
    } else {
        None
    }
}

/// Network and broadcast address of a listed network; the first address of an IPv6 network is its routers' anycast.
/// Networks of one or two addresses have neither (RFC 3021, RFC 6164).
fn at_the_edge(ip: IpAddr, network: &IpNet) -> Option<Refusal> {
    if network.max_prefix_len() - network.prefix_len() < 2 {
        return None;
    }
    if ip == network.network() {
        return Some(Refusal::NetworkAddress { ip, network: network.trunc() });
    }
    (ip.is_ipv4() && ip == network.broadcast()).then_some(Refusal::Broadcast { ip })
}

/// Where an address that no network lists belongs.
pub(super) fn outside(ip: IpAddr) -> Refusal {
    if is_documentation(ip) {
        Refusal::Documentation { ip }
    } else if is_private(ip) {
        Refusal::NotInNetworks { ip }
    } else {
        Refusal::Public { ip }
    }
}

/// Metadata services that live outside the link-local range too: Alibaba Cloud, Azure's WireServer, Oracle Cloud,
/// AWS over IPv6 (the whole range of its link services), Google Cloud and Scaleway over IPv6.
fn is_metadata(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => matches!(
            v4.octets(),
            [169, 254, 169, 254]
                | [169, 254, 170, 2 | 23]
                | [169, 254, 42, 42]
                | [169, 254, 0, 23]
                | [100, 100, 100, 200]
                | [168, 63, 129, 16]
                | [192, 0, 0, 192]
        ),
        IpAddr::V6(v6) => {
            matches!(
                v6.segments(),
                [0xfd00, 0xec2, ..]
                    | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
                    | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42]
            )
        }
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// All of 0.0.0.0/8: "this network", which several systems route to themselves.
fn is_unspecified(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6 == Ipv6Addr::UNSPECIFIED,
    }
}

fn is_documentation(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_documentation(),
        IpAddr::V6(v6) => matches!(v6.segments(), [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..]),
    }
}

/// Private, shared (RFC 6598), benchmarking and reserved ranges, and unique local IPv6.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_private()
                || matches!(v4.octets(), [100, 64..=127, ..] | [198, 18 | 19, ..] | [240..=255, ..])
        }
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}
