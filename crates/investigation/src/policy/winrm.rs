//! `[winrm]`: how Windows machines are reached, in the policy and in a relay's configuration.

use serde::{Deserialize, Serialize};

use super::kerberos::Kerberos;
use super::smb::Smb;
use super::span::Span;
use super::windows;

/// `[winrm]`. In use once an account is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Winrm {
    /// Account on the endpoints: `DOMAIN\name`, `name@domain`, or a local one. Absent: WinRM is not used.
    pub user: Option<String>,
    /// File that holds the password; relative to the file that this section is in.
    pub password_file: Option<String>,
    /// Certificate and private key in PEM, instead of a password; relative likewise.
    pub client_certificate: Option<String>,
    /// TLS. Without it, every message is sealed by Kerberos or NTLM.
    pub https: bool,
    /// Port, where it is not the usual one (5986, without TLS 5985).
    pub port: Option<u16>,
    /// Certificates in PEM that the endpoints' are verified against; relative likewise. Absent: the system's.
    pub ca_file: Option<String>,
    /// Names of endpoints, or `*.suffix` for all below a domain.
    pub expected_hosts: Vec<String>,
    /// KDCs (domain controllers) by which a password is proven, `host` or `host:port`, in the order in which they are
    /// asked. Empty: Kerberos is not spoken.
    pub kdc: Vec<String>,
    /// Their realm, where it is not the one of `user`.
    pub realm: Option<String>,
    /// Whether a password may be proven by NTLM: where there is no `kdc`, none answers, or an endpoint has no name.
    pub ntlm: bool,
    /// Time for each of connection, TLS handshake, authentication and an answer.
    pub connect_timeout: Span,
}

impl Default for Winrm {
    fn default() -> Self {
        Self {
            user: None,
            password_file: None,
            client_certificate: None,
            https: true,
            port: None,
            ca_file: None,
            expected_hosts: Vec::new(),
            kdc: Vec::new(),
            realm: None,
            ntlm: true,
            connect_timeout: Span::seconds(10),
        }
    }
}

impl Winrm {
    /// The port that is contacted.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 5986 } else { 5985 })
    }

    /// What Kerberos needs to know. None where it is not spoken, or its keys are at fault.
    pub fn kerberos(&self) -> Option<Kerberos> {
        Kerberos::from_keys(self.user.as_deref()?, &self.kdc, self.realm.as_deref()).ok()?
    }

    /// Everything that is wrong, a line each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |text: &str| faults.push(format!("[winrm] {text}"));
        let Some(user) = &self.user else {
            if *self != Self::default() {
                fault(windows::WITHOUT_USER);
            }
            return faults;
        };
        let shared = windows::faults(user, self.port, self.connect_timeout, &self.expected_hosts);
        shared.iter().for_each(|text| fault(text));
        match (&self.password_file, &self.client_certificate) {
            (None, None) => fault("user needs a password_file, or a client_certificate"),
            (Some(_), Some(_)) => fault("password_file and client_certificate exclude each other"),
            (Some(_), None) if !self.ntlm && self.kdc.is_empty() => fault(
                "ntlm = false leaves nothing to prove a password by; name a kdc, or use a client_certificate",
            ),
            (None, Some(_)) if !self.kdc.is_empty() => fault("kdc has no effect beside a client_certificate"),
            (None, Some(_)) if !self.https => fault("client_certificate needs https = true"),
            _ => {}
        }
        if let Err(text) = Kerberos::from_keys(user, &self.kdc, self.realm.as_deref()) {
            fault(&text);
        }
        if !self.kdc.is_empty() && self.expected_hosts.is_empty() {
            fault("kdc needs expected_hosts: tickets are only asked for hosts that it lists");
        }
        if self.ca_file.is_some() && !self.https {
            fault("ca_file has no effect without https = true");
        }
        faults
    }

    /// What is doubtful, a line each.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.user.is_some() && self.https && self.expected_hosts.is_empty() {
            doubts.push(
                "[winrm] expected_hosts is empty: only certificates that name the endpoint's address itself are \
                 accepted, and few do; list your domain, as in \"*.corp.example.com\""
                    .to_owned(),
            );
        }
        if self.user.is_some() && !self.https && self.ntlm {
            doubts.push(
                "[winrm] https is off: what answers at an address gets an NTLM response to attack offline; give the \
                 account a long random password, use https, or name a kdc and set ntlm = false"
                    .to_owned(),
            );
        }
        doubts
    }
}

/// A way to reach an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// `[winrm]`.
    Winrm,
    /// `[ssh]`.
    Ssh,
    /// `[smb]`, which tells less than the others.
    Smb,
}

impl Transport {
    /// Every one, in the order in which they are tried unless another is given.
    pub const ALL: [Self; 3] = [Self::Winrm, Self::Ssh, Self::Smb];

    /// Its name in files and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Winrm => "winrm",
            Self::Ssh => "ssh",
            Self::Smb => "smb",
        }
    }

    /// What is wrong with an order, if anything. `winrm` and `smb` are the sections beside it.
    pub fn fault_in(order: &[Self], winrm: &Winrm, smb: &Smb) -> Option<&'static str> {
        let twice = |transport: &Self| order.iter().filter(|other| *other == transport).count() > 1;
        if order.is_empty() {
            return Some("transports is empty: no machine could be reached; remove the key for all");
        }
        if order.iter().any(twice) {
            return Some("transports: each way once");
        }
        let is_set_up = |transport: &Self| match transport {
            Self::Winrm => winrm.user.is_some(),
            Self::Ssh => true,
            Self::Smb => smb.user.is_some(),
        };
        (!order.iter().any(is_set_up)).then_some(
            "transports names only ways whose section has no user ([winrm], [smb]): no machine could be reached",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        toml::from_str::<Winrm>(text).unwrap().faults().join("\n")
    }

    #[test]
    fn a_section_that_says_nothing_is_off_and_sound() {
        assert_eq!(faults(""), "");
        assert!(faults("https = false").contains("user is not set"));
        assert!(toml::from_str::<Winrm>("passwort_file = 'x'").is_err());
    }

    #[test]
    fn an_account_needs_one_way_to_prove_itself() {
        for user in [r"CORP\svc", "svc@corp.example.com", "svc"] {
            assert_eq!(faults(&format!("user = '{user}'\npassword_file = 'p'\nhttps = false")), "");
        }
        assert_eq!(faults("user = 'svc'\nclient_certificate = 'c'\nntlm = false"), "");
        for (text, why) in [
            ("user = 'svc'", "needs a password_file"),
            ("user = 'svc'\npassword_file = 'p'\nclient_certificate = 'c'", "exclude each other"),
            ("user = 'svc'\npassword_file = 'p'\nntlm = false", "nothing to prove"),
            ("user = 'svc'\npassword_file = 'p'\nrealm = 'corp'", "no effect"),
            ("user = 'svc'\npassword_file = 'p'\nkdc = ['dc1']\nexpected_hosts = ['*.x']", "realm is needed"),
            ("user = 'svc@x'\npassword_file = 'p'\nkdc = ['dc1']", "needs expected_hosts"),
            (
                "user = 'svc@x'\nclient_certificate = 'c'\nkdc = ['dc1']\nexpected_hosts = ['*.x']",
                "no effect beside",
            ),
            ("user = 'svc'\nclient_certificate = 'c'\nhttps = false", "needs https"),
            ("user = 'svc'\npassword_file = 'p'\nca_file = 'c'\nhttps = false", "no effect"),
            ("user = 'svc'\npassword_file = 'p'\nport = 0", "65535"),
            ("user = 'svc'\npassword_file = 'p'\nconnect_timeout = '0s'", "lets nothing through"),
            ("user = 'svc'\npassword_file = 'p'\nexpected_hosts = ['*']", "no host name"),
            ("user = 'svc'\npassword_file = 'p'\nexpected_hosts = ['https://x']", "no host name"),
            (r"user = 'A\B@C'", "DOMAIN"),
            (r"user = 'CORP\'", "DOMAIN"),
        ] {
            assert!(faults(text).contains(why), "{text}: {}", faults(text));
        }
    }

    #[test]
    fn with_a_kdc_a_password_needs_no_ntlm() {
        let text = "user = 'svc@corp.example.com'\npassword_file = 'p'\nkdc = ['dc1']\nntlm = false\nhttps = false\n\
                    expected_hosts = ['*.corp.example.com']";
        assert_eq!(faults(text), "");
        let winrm: Winrm = toml::from_str(text).unwrap();
        assert_eq!(winrm.kerberos().unwrap().realm, "CORP.EXAMPLE.COM");
        assert!(winrm.doubts().is_empty(), "nothing is left to be attacked offline: {:?}", winrm.doubts());
        assert_eq!(Winrm { ntlm: true, ..winrm }.doubts().len(), 1);
    }

    #[test]
    fn the_port_follows_from_tls_unless_it_is_given() {
        let port = |text: &str| toml::from_str::<Winrm>(text).unwrap().port();
        assert_eq!((port(""), port("https = false"), port("port = 80")), (5986, 5985, 80));
    }

    #[test]
    fn an_order_of_transports_reaches_something() {
        use Transport::{Smb as Shares, Ssh, Winrm as Remote};
        let (off, on) = (Winrm::default(), Winrm { user: Some("svc".into()), ..Winrm::default() });
        let (closed, open) = (Smb::default(), Smb { user: Some("svc".into()), ..Smb::default() });
        for order in [&Transport::ALL[..], &[Ssh], &[Ssh, Remote]] {
            assert_eq!(Transport::fault_in(order, &off, &closed), None, "{order:?}");
        }
        assert_eq!(Transport::fault_in(&[Remote], &on, &closed), None);
        assert_eq!(Transport::fault_in(&[Remote, Shares], &off, &open), None);
        for order in [&[][..], &[Remote], &[Shares], &[Remote, Shares], &[Ssh, Ssh]] {
            assert!(Transport::fault_in(order, &off, &closed).is_some(), "{order:?}");
        }
    }
}
