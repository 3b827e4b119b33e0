//! Which addresses may be contacted. A security boundary: whoever contacts a machine carries privileged
//! credentials, and an attacker can write alerts.

pub(crate) mod networks;
mod refusal;
mod suspect;

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use refusal::Refusal;
pub use suspect::{Suspect, suspect};

/// The networks that are ours, and the parts of them that are left alone. The default has none: nothing is
/// contacted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Only addresses inside one of these are ever contacted. Read strictly: an address or `address/prefix` with no
    /// host bits set, never `/0`, IPv4 never spelled as IPv6.
    #[serde(with = "networks")]
    pub networks: Vec<IpNet>,
    /// Inside `networks`, but not to be investigated: scanners, VPN concentrators, terminal servers, jump hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt: Vec<Exemption>,
    /// Lets loopback addresses that `networks` lists be contacted. Only for tests on loopback: an alert that names
    /// 127.0.0.1 means the sensor's own machine and not this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub permit_loopback: bool,
}

/// A range that is left alone, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// The range, read as strictly as the scope's networks.
    #[serde(with = "networks::one")]
    pub network: IpNet,
    /// Why, as the report quotes it.
    pub reason: String,
}

/// Whether one address may be contacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    InScope,
    /// It is ours, and the policy leaves it alone.
    Exempt {
        /// The exempt range that holds it; the narrowest when several do.
        network: IpNet,
        /// The policy's reason.
        reason: String,
    },
    /// It must not be contacted.
    Refused(Refusal),
}

impl Scope {
    /// Says whether `ip` may be contacted. IPv4-mapped IPv6 counts as the IPv4 address that it carries. What is
    /// never a machine of ours is refused before the lists are read, so that no list, however wide, admits it.
    pub fn check(&self, ip: IpAddr) -> Standing {
        let ip = fold(ip);
        if let Some(refusal) = refusal::always(ip, self) {
            return Standing::Refused(refusal);
        }
        if !self.lists(ip) {
            return Standing::Refused(refusal::outside(ip));
        }
        let narrowest =
            self.exempt.iter().filter(|e| e.network.contains(&ip)).max_by_key(|e| e.network.prefix_len());
        match narrowest {
            Some(exemption) => {
                Standing::Exempt { network: exemption.network, reason: exemption.reason.clone() }
            }
            None => Standing::InScope,
        }
    }

    fn lists(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// The one spelling of an address: `::ffff:a.b.c.d` becomes `a.b.c.d`. Nothing else is folded: 6to4 and NAT64
/// addresses are other ways through the network and stay what they are.
pub fn fold(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
    }
}

/// Reads an address strictly and folds it. Octal (`010.0.0.1`), short (`10.1`), hexadecimal and zoned
/// (`fe80::1%eth0`) spellings are no addresses: programs disagree on which machine they mean.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(fold)
}

/// The IPv4 address inside an IPv6 address of a transition mechanism, with the mechanism's prefix and name.
fn transition(ip: Ipv6Addr) -> Option<(IpNet, &'static str, Option<IpAddr>)> {
    let s = ip.segments();
    let v4 = |high: u16, low: u16| Some(IpAddr::from((u32::from(high) << 16 | u32::from(low)).to_be_bytes()));
    let (prefix, len, name, inner) = match s {
        [0x2002, high, low, ..] => ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4", v4(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64", v4(high, low))
        }
        [0x64, 0xff9b, 1, ..] => ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64", v4(s[6], s[7])),
        [0x2001, 0, ..] => ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo", v4(!s[6], !s[7])),
        [0, 0, 0, 0, 0xffff, 0, high, low] => {
            ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-translated", v4(high, low))
        }
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => ([0; 8], 96, "IPv4-compatible", v4(high, low)),
        _ => return None,
    };
    Some((IpNet::new(Ipv6Addr::from(prefix).into(), len).ok()?, name, inner))
}

#[cfg(test)]
mod tests;
