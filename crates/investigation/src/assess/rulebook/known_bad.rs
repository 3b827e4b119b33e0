//! Addresses and images that a site knows to be bad.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

/// Most entries.
const MAX_ENTRIES: usize = 100_000;
/// Most networks among them: each is held against every socket.
const MAX_NETWORKS: usize = 5_000;

/// One entry: exactly one of `address` and `sha256`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownBadEntry {
    /// An address, or a network.
    #[serde(default)]
    pub address: Option<String>,
    /// SHA-256 of an image, in hex.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Why it is bad; findings quote it.
    pub reason: String,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct KnownBad {
    hosts: HashMap<IpAddr, String>,
    networks: Vec<(IpNet, String)>,
    images: HashMap<String, String>,
}

impl KnownBad {
    /// Takes an entry in.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub(super) fn add(&mut self, entry: KnownBadEntry) -> Result<(), String> {
        if self.hosts.len() + self.networks.len() + self.images.len() >= MAX_ENTRIES {
            return Err(format!("more than {MAX_ENTRIES} known_bad entries: the rest is left out"));
        }
        let reason = entry.reason;
        match (entry.address, entry.sha256) {
            (Some(address), None) => {
                if let Ok(ip) = address.parse::<IpAddr>() {
                    self.hosts.insert(ip.to_canonical(), reason);
                } else if let Ok(network) = address.parse::<IpNet>() {
                    if self.networks.len() >= MAX_NETWORKS {
                        return Err(format!(
                            "more than {MAX_NETWORKS} known_bad networks: the rest is left out"
                        ));
                    }
                    self.networks.push((network.trunc(), reason));
                } else {
                    return Err(format!("known_bad address {address:?} is neither an address nor a network"));
                }
            }
            (None, Some(hash)) => {
                if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(format!("known_bad sha256 {hash:?} is not 64 hexadecimal digits"));
                }
                self.images.insert(hash.to_ascii_lowercase(), reason);
            }
            _ => return Err(format!("known_bad ({reason:?}) needs one of address and sha256")),
        }
        Ok(())
    }

    /// Why the address is bad.
    pub fn address(&self, ip: IpAddr) -> Option<&str> {
        let ip = ip.to_canonical();
        let network = || self.networks.iter().find(|(net, _)| net.contains(&ip)).map(|(_, reason)| reason);
        self.hosts.get(&ip).or_else(network).map(String::as_str)
    }

    /// Why the image is bad.
    pub fn image(&self, sha256: &str) -> Option<&str> {
        self.images.get(&sha256.to_ascii_lowercase()).map(String::as_str)
    }
}
