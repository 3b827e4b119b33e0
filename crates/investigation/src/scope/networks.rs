//! Networks as a policy file spells them, read strictly: a slip here widens what may be contacted.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

use super::fold;
use crate::text::one_line;

pub(crate) fn serialize<S: Serializer>(networks: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(networks)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| parse(text).map_err(D::Error::custom)).collect()
}

/// The same for a single network.
pub(super) mod one {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        network: &IpNet,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(network)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<IpNet, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Reads `address/prefix`, or an address alone for a network of one.
fn parse(text: &str) -> Result<IpNet, String> {
    let shown = one_line(text, 80);
    let unreadable =
        || format!("`{shown}` is not a network: write it as 10.0.0.0/8, fd12:3456::/32 or one address");
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| unreadable())?;
    if fold(address) != address {
        return Err(format!("`{shown}` is IPv4 spelled as IPv6: write the IPv4 network"));
    }
    let network = match prefix {
        None => IpNet::from(address),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            let prefix = digits.parse().map_err(|_| unreadable())?;
            IpNet::new(address, prefix).map_err(|_| unreadable())?
        }
        Some(_) => return Err(unreadable()),
    };
    if network.prefix_len() == 0 {
        return Err(format!("`{shown}` is every address there is: list the networks that are yours"));
    }
    if network != network.trunc() {
        return Err(format!(
            "`{shown}` has host bits set: did you mean {} or {}?",
            network.trunc(),
            IpNet::from(address)
        ));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_single_addresses_are_read() {
        assert_eq!(parse("10.0.0.0/8").map(|n| n.to_string()), Ok("10.0.0.0/8".to_owned()));
        assert_eq!(parse("10.0.0.5").map(|n| n.to_string()), Ok("10.0.0.5/32".to_owned()));
        assert_eq!(parse("fd12:3456::/32").map(|n| n.to_string()), Ok("fd12:3456::/32".to_owned()));
    }

    #[test]
    fn slips_that_would_widen_the_scope_are_refused() {
        for (text, said) in [
            ("10.1.2.3/8", "did you mean 10.0.0.0/8 or 10.1.2.3/32?"),
            ("0.0.0.0/0", "every address there is"),
            ("::/0", "every address there is"),
            ("::ffff:10.0.0.0/104", "write the IPv4 network"),
            ("010.0.0.0/8", "is not a network"),
            ("10/8", "is not a network"),
            ("10.0.0.0/33", "is not a network"),
            ("10.0.0.0/+8", "is not a network"),
            ("10.0.0.0/", "is not a network"),
            ("fe80::1%eth0", "is not a network"),
            ("a\nb", "`a\\nb` is not a network"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
