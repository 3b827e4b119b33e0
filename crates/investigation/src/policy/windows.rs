//! What `[winrm]` and `[smb]` have in common.

use super::span::Span;

/// A section that names no account and says something else.
pub(super) const WITHOUT_USER: &str =
    "user is not set, so nothing in this section has any effect; name an account or remove it";

/// What is wrong with the account, the port, the time-out or the names of endpoints.
pub(super) fn faults(user: &str, port: Option<u16>, timeout: Span, hosts: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_account(user) {
        faults.push("user: write DOMAIN\\name, name@domain, or the name of a local account".to_owned());
    }
    if port == Some(0) {
        faults.push("port: between 1 and 65535".to_owned());
    }
    if timeout.duration().is_zero() {
        faults.push("connect_timeout = 0s lets nothing through".to_owned());
    }
    if let Some(host) = hosts.iter().find(|host| !is_host(host)) {
        let shown = crate::text::one_line(host, 80);
        faults.push(format!("expected_hosts: `{shown}` is no host name and no *.domain"));
    }
    faults
}

/// `DOMAIN\name`, `name@domain` or `name`.
fn is_account(user: &str) -> bool {
    let parts = user.split(['\\', '@']).collect::<Vec<_>>();
    parts.len() <= 2 && parts.iter().all(|part| !part.trim().is_empty()) && !user.contains(char::is_control)
}

/// A host's name, or `*.suffix`.
fn is_host(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(fits) && !name.starts_with('.') && !name.ends_with('.')
}
