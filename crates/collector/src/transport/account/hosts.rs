//! Which hosts an endpoint may be.

/// Names and `*.suffix` patterns, from the configuration.
#[derive(Clone, Debug, Default)]
pub(in crate::transport) struct Hosts(Vec<String>);

impl Hosts {
    pub(in crate::transport) fn new(patterns: &[String]) -> Self {
        Self(patterns.iter().map(|pattern| pattern.to_ascii_lowercase()).collect())
    }

    /// Nothing in particular is expected.
    pub(in crate::transport) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name is one of those. A wildcard that a certificate is for is no name of a host.
    pub(in crate::transport) fn contains(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        !name.contains('*')
            && self.0.iter().any(|pattern| match pattern.strip_prefix('*') {
                Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
                None => name == *pattern,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_is_below_a_domain() {
        let hosts = Hosts::new(&["*.Corp.example.com".into(), "kiosk.example.org".into()]);
        for name in
            ["ws1.corp.example.com", "WS1.CORP.EXAMPLE.COM.", "a.b.corp.example.com", "kiosk.example.org"]
        {
            assert!(hosts.contains(name), "{name}");
        }
        for name in [
            "corp.example.com",
            "evilcorp.example.com",
            "x.kiosk.example.org",
            "*.corp.example.com",
            "",
            "ws1",
        ] {
            assert!(!hosts.contains(name), "{name}");
        }
        assert!(Hosts::default().is_empty() && !Hosts::default().contains("ws1"));
    }
}
