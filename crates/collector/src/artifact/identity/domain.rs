//! The domain that a Linux machine belongs to, from what lies on its disk: asking the network could hang.

/// What the configuration files say.
#[derive(Default)]
pub(super) struct DomainHints {
    sssd: Option<String>,
    krb5: Option<String>,
    resolv: Option<String>,
}

impl DomainHints {
    /// `domains = corp.example, other` of sssd.conf.
    pub(super) fn sssd(&mut self, text: &str) {
        self.sssd = text.lines().find_map(value).and_then(|v| v.split(',').find_map(domain));
    }

    /// `default_realm = CORP.EXAMPLE` of krb5.conf.
    pub(super) fn krb5(&mut self, text: &str) {
        self.krb5 = text.lines().find_map(value).and_then(domain);
    }

    /// `domain` or the first `search` of resolv.conf.
    pub(super) fn resolv(&mut self, text: &str) {
        let named = |line: &str, keyword| {
            let mut words = line.split_ascii_whitespace();
            (words.next() == Some(keyword)).then(|| words.next().and_then(domain)).flatten()
        };
        self.resolv = ["domain", "search"].iter().find_map(|k| text.lines().find_map(|line| named(line, *k)));
    }

    /// The likeliest: what the machine was joined to, its own full name, what its resolver adds.
    pub(super) fn settle(self, host_name: &str) -> Option<String> {
        let own = || host_name.split_once('.').and_then(|(_, rest)| domain(rest));
        self.sssd.or(self.krb5).or_else(own).or(self.resolv)
    }
}

fn value(line: &str) -> Option<&str> {
    line.split_once('=').map(|(_, value)| value)
}

/// Only what can be a domain's name; `localdomain` says that there is none.
fn domain(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let none = text.is_empty() || text.len() > 253 || matches!(text.as_str(), "localdomain" | "local");
    (plain && !none).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_was_joined_to_beats_what_its_resolver_adds() {
        let mut hints = DomainHints::default();
        hints.resolv("nameserver 10.0.0.1\nsearch dhcp.example other.example\n");
        hints.sssd("domains = CORP.example, second\n");
        assert_eq!(hints.settle("ws1").as_deref(), Some("corp.example"));
        let mut hints = DomainHints::default();
        hints.resolv("search dhcp.example\n");
        assert_eq!(hints.settle("ws1.site.example").as_deref(), Some("site.example"));
        let mut hints = DomainHints::default();
        hints.resolv("search dhcp.example\ndomain first.example");
        assert_eq!(hints.settle("ws1").as_deref(), Some("first.example"));
        assert_eq!(DomainHints::default().settle("ws1.localdomain"), None);
    }

    #[test]
    fn what_is_no_name_is_no_domain() {
        let mut hints = DomainHints::default();
        hints.krb5("default_realm = A\u{1b}[2J");
        hints.resolv("search .\n");
        assert_eq!(hints.settle("ws1"), None);
    }
}
