//! `ipconfig /all`: the addresses that the machine itself holds.
//!
//! Every label is in the language of the endpoint. What tells an address of its own from that of a gateway or a server
//! is its form: since Windows Vista its state stands behind it in parentheses, and before that a mask follows it.

use std::net::{IpAddr, Ipv4Addr};

/// Most addresses that are kept.
const CAP: usize = 4096;

/// What the answer says of the machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// Its name: the first value that there is.
    pub(super) host: Option<String>,
    /// Its addresses.
    pub(super) addresses: Vec<IpAddr>,
}

/// Reads line by line.
#[derive(Debug, Default)]
pub(super) struct Reading {
    own: Own,
    values: u64,
    /// An IPv4 address that is the machine's if a mask follows.
    open: Option<Ipv4Addr>,
}

impl Reading {
    pub(super) fn line(&mut self, line: &str) {
        let Some((label, value)) = line.split_once(": ") else {
            if !line.trim().is_empty() {
                self.open = None;
            }
            return;
        };
        let value = value.trim();
        // A heading ends in its colon: what has a value is indented.
        if !line.starts_with(' ') || label.trim().is_empty() {
            return;
        }
        self.values += 1;
        if self.values == 1 {
            self.own.host = super::some(value).map(super::named);
            return;
        }
        let end = value.find('(').unwrap_or(value.len());
        let ip = value[..end].split('%').next().and_then(|ip| ip.trim().parse::<IpAddr>().ok());
        let before = self.open.take();
        match ip {
            Some(ip) if end < value.len() => self.hold(ip),
            Some(IpAddr::V4(mask)) if is_mask(mask) => {
                if let Some(ip) = before {
                    self.hold(ip.into());
                }
            }
            Some(IpAddr::V4(ip)) => self.open = Some(ip),
            _ => {}
        }
    }

    fn hold(&mut self, ip: IpAddr) {
        let ip = ip.to_canonical();
        if !ip.is_unspecified() && self.own.addresses.len() < CAP {
            self.own.addresses.push(ip);
        }
    }

    pub(super) fn finish(mut self) -> Own {
        self.own.addresses.sort();
        self.own.addresses.dedup();
        self.own
    }
}

fn is_mask(ip: Ipv4Addr) -> bool {
    let bits = u32::from(ip);
    bits != 0 && bits.leading_ones() + bits.trailing_zeros() == 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Own {
        let mut reading = Reading::default();
        text.lines().for_each(|line| reading.line(line));
        reading.finish()
    }

    #[test]
    fn what_the_machine_holds_is_told_by_its_form() {
        let german = "\nWindows-IP-Konfiguration\n\n   Hostname  . . . . . . . . . . . . : PC-07\n   Primäres DNS-Suffix . . . . . . . : corp.example\n\nEthernet-Adapter Ethernet:\n\n   Verbindungslokale IPv6-Adresse  . : fe80::1%12(Bevorzugt) \n   IPv4-Adresse  . . . . . . . . . . : 10.20.3.7(Bevorzugt) \n   Subnetzmaske  . . . . . . . . . . : 255.255.255.0\n   Standardgateway . . . . . . . . . : 10.20.3.1\n   DHCP-Server . . . . . . . . . . . : 10.20.0.2\n   DNS-Server  . . . . . . . . . . . : 10.20.0.3\n                                       10.20.0.4\n";
        let own = read(german);
        assert_eq!(own.host.as_deref(), Some("PC-07"));
        assert_eq!(own.addresses, ["10.20.3.7", "fe80::1"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn before_vista_a_mask_follows() {
        let xp = "   Host Name . . . . : XP\n   IP Address. . . . : 192.168.1.2\n   Subnet Mask . . . : 255.255.255.0\n   Default Gateway . : 192.168.1.1\n   DNS Servers . . . : 192.168.1.3\n";
        assert_eq!(read(xp).addresses, ["192.168.1.2".parse::<IpAddr>().unwrap()]);
        assert!(is_mask(Ipv4Addr::new(255, 255, 255, 255)) && !is_mask(Ipv4Addr::new(10, 0, 0, 1)));
        assert!(!is_mask(Ipv4Addr::UNSPECIFIED) && is_mask(Ipv4Addr::new(128, 0, 0, 0)));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            read(&text);
            read(&format!("   a : {text}\n   b : {text}"));
        }
    }
}
