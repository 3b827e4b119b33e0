//! Kerberos for the accounts of Windows endpoints: what a section with an account says of it. `[winrm]` has these keys,
//! and any other section that names such an account can take them over.

use serde::{Deserialize, Serialize};

use crate::text::one_line;

/// Most KDCs that are named.
const KDCS: usize = 8;

/// The port of a KDC where none is given.
const PORT: u16 = 88;

/// Whom an account is, and who vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kerberos {
    /// The account's name in its realm: `svc-peerhound`.
    pub principal: String,
    /// The realm, in upper case as Active Directory has it: `CORP.EXAMPLE.COM`.
    pub realm: String,
    /// The KDCs (domain controllers) of the realm, in the order in which they are asked.
    pub kdcs: Vec<Kdc>,
}

/// A KDC: a domain controller, in Active Directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kdc {
    /// Its name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Kerberos {
    /// What the keys `kdc` and `realm` of a section mean for its account. None where no KDC is named.
    ///
    /// # Errors
    /// What is wrong with them: one line, without the section's name.
    pub fn from_keys(user: &str, kdc: &[String], realm: Option<&str>) -> Result<Option<Self>, String> {
        if kdc.is_empty() {
            return match realm {
                Some(_) => Err("realm has no effect without kdc".to_owned()),
                None => Ok(None),
            };
        }
        if kdc.len() > KDCS {
            return Err(format!("kdc: at most {KDCS}"));
        }
        let kdcs = kdc.iter().map(|text| {
            Kdc::parse(text)
                .ok_or_else(|| format!("kdc: `{}` is no host, and no host:port", one_line(text, 80)))
        });
        let (principal, own) = match (user.split_once('\\'), user.split_once('@')) {
            (Some((_, name)), _) => (name, None),
            (None, Some((name, realm))) => (name, Some(realm)),
            (None, None) => (user, None),
        };
        let realm = realm.or(own).ok_or(
            "realm is needed for kdc, unless user is name@realm: the domain's name in DNS, as in CORP.EXAMPLE.COM",
        )?;
        if !is_host(realm) {
            return Err(format!("realm: `{}` is no name of a realm", one_line(realm, 80)));
        }
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '@' | '\\');
        if principal.is_empty() || !principal.chars().all(is_plain) {
            return Err("user: Kerberos wants its name in ASCII, without a slash".to_owned());
        }
        let (principal, realm) = (principal.to_owned(), realm.to_ascii_uppercase());
        Ok(Some(Self { principal, realm, kdcs: kdcs.collect::<Result<_, _>>()? }))
    }
}

impl Kdc {
    /// `host`, `host:port`, `address` or `[address]:port`.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<std::net::IpAddr>() {
            return Some(Self { host: address.to_string(), port: PORT });
        }
        if let Ok(address) = text.parse::<std::net::SocketAddr>() {
            let (host, port) = (address.ip().to_string(), address.port());
            return (port != 0).then_some(Self { host, port });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)?),
            None => (text, PORT),
        };
        is_host(host).then(|| Self { host: host.to_owned(), port })
    }
}

fn is_host(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty()
        && name.len() <= 253
        && name.chars().all(fits)
        && !name.starts_with('.')
        && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(user: &str, kdc: &[&str], realm: Option<&str>) -> Result<Option<Kerberos>, String> {
        let kdc: Vec<String> = kdc.iter().map(|&kdc| kdc.to_owned()).collect();
        Kerberos::from_keys(user, &kdc, realm)
    }

    #[test]
    fn the_realm_is_given_or_the_accounts_own() {
        let whole = |user, realm| {
            let kerberos = keys(user, &["dc1"], realm).unwrap().unwrap();
            format!("{}@{}", kerberos.principal, kerberos.realm)
        };
        assert_eq!(whole("svc@corp.example.com", None), "svc@CORP.EXAMPLE.COM");
        assert_eq!(whole("svc@example.com", Some("corp.example.com")), "svc@CORP.EXAMPLE.COM");
        assert_eq!(whole(r"CORP\svc", Some("CORP.EXAMPLE.COM")), "svc@CORP.EXAMPLE.COM");
        assert_eq!(keys("svc", &[], None), Ok(None));
    }

    #[test]
    fn a_kdc_is_a_host_with_or_without_a_port() {
        let kdcs = ["dc1.corp.example.com", "dc2:8888", "10.0.0.1", "10.0.0.2:89", "fd00::1", "[fd00::2]:90"];
        let kerberos = keys("svc@corp", &kdcs, None).unwrap().unwrap();
        let shown: Vec<String> =
            kerberos.kdcs.iter().map(|kdc| format!("{} {}", kdc.host, kdc.port)).collect();
        assert_eq!(
            shown,
            ["dc1.corp.example.com 88", "dc2 8888", "10.0.0.1 88", "10.0.0.2 89", "fd00::1 88", "fd00::2 90"]
        );
    }

    #[test]
    fn what_cannot_work_is_named() {
        for (user, kdc, realm, says) in [
            ("svc@corp", "", None, "no host"),
            ("svc@corp", "dc1:0", None, "no host"),
            ("svc@corp", "tcp://dc1", None, "no host"),
            ("svc@corp", "a\u{1b}b", None, "no host"),
            (r"CORP\svc", "dc1", None, "realm is needed"),
            ("svc", "dc1", None, "realm is needed"),
            ("svc", "dc1", Some("a/b"), "no name of a realm"),
            ("sövc", "dc1", Some("corp"), "ASCII"),
            ("host/x", "dc1", Some("corp"), "slash"),
        ] {
            let error = keys(user, &[kdc], realm).unwrap_err();
            assert!(error.contains(says) && !error.contains('\u{1b}'), "{user} {kdc} {realm:?}: {error}");
        }
        assert!(keys("svc", &[], Some("corp")).unwrap_err().contains("no effect"));
        assert!(keys("svc@corp", &["a"; 9], None).unwrap_err().contains("at most"));
    }
}
