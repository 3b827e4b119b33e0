//! What is wrong or doubtful in a policy whose every single value reads.

use std::time::Duration;

use super::{Hours, Policy, Transport};
use crate::act::{ActionKind, Texts};
use crate::assess::Verdict;
use crate::order;

/// One remark, a line that says what, where and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// An error refuses the policy; a warning does not.
    pub is_error: bool,
    /// The line.
    pub text: String,
}

pub(super) fn error(text: impl Into<String>) -> Remark {
    Remark { is_error: true, text: text.into() }
}

pub(super) fn warning(text: impl Into<String>) -> Remark {
    Remark { is_error: false, text: text.into() }
}

impl Policy {
    /// Everything that is wrong or doubtful, errors first.
    pub fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        self.check_scope(&mut remarks);
        self.check_times(&mut remarks);
        self.check_transports(&mut remarks);
        self.check_users(&mut remarks);
        self.check_actions(&mut remarks);
        self.check_delivery(&mut remarks);
        self.check_remediation(&mut remarks);
        self.check_case_browser(&mut remarks);
        self.check_relays(&mut remarks);
        self.check_intake(&mut remarks);
        self.check_digest(&mut remarks);
        self.check_forensics(&mut remarks);
        self.check_memory(&mut remarks);
        self.check_custom_actions(&mut remarks);
        remarks.sort_by_key(|remark| !remark.is_error);
        remarks
    }

    fn check_scope(&self, remarks: &mut Vec<Remark>) {
        if self.scope.networks.is_empty() {
            remarks.push(warning(
                "[scope] networks is empty: every address is refused; list the networks that may be investigated",
            ));
        }
        for network in &self.scope.networks {
            let shortest = if network.addr().is_ipv4() { 8 } else { 16 };
            if network.prefix_len() < shortest {
                remarks.push(error(format!(
                    "[scope] networks: {network} is wider than /{shortest}; list your own networks, not the world"
                )));
            }
        }
        for exemption in &self.scope.exempt {
            if !self.scope.networks.iter().any(|network| network.contains(&exemption.network)) {
                remarks.push(warning(format!(
                    "[scope] exempt: {} lies outside every listed network and changes nothing",
                    exemption.network
                )));
            }
            if exemption.reason.trim().is_empty() {
                remarks.push(error(format!("[scope] exempt: {} needs a reason", exemption.network)));
            }
        }
        if self.scope.permit_loopback {
            remarks.push(warning("[scope] permit_loopback is on: meant for tests only"));
        }
    }

    fn check_times(&self, remarks: &mut Vec<Remark>) {
        let way = if self.relay.is_empty() {
            Duration::ZERO
        } else {
            (order::DELIVERY + order::UPLOAD).unsigned_abs()
        };
        let work = self.collection.identify_timeout.duration() + self.collection.collect_timeout.duration();
        if self.cooldown.lease.duration() < work + way {
            let on_the_way = match way.as_secs() / 60 {
                0 => String::new(),
                minutes => format!(" + {minutes}m on the way to a relay and back"),
            };
            remarks.push(error(format!(
                "[cooldown] lease = {}: shorter than the time that [collection] allows for one case ({} + {}{on_the_way}), \
                 so a second case could begin on the same machine; raise the lease or lower the time-outs",
                self.cooldown.lease, self.collection.identify_timeout, self.collection.collect_timeout
            )));
        }
        if self.cooldown.window < self.cooldown.lease {
            remarks.push(error(format!(
                "[cooldown] window = {} is shorter than lease = {}",
                self.cooldown.window, self.cooldown.lease
            )));
        }
        // An alert that a user's claim suppressed waits again if that case gives up. It must not be forgotten before.
        let longest = self.collection.retry_for.duration() + 2 * self.cooldown.lease.duration();
        if self.storage.keep_alerts.duration() < longest {
            remarks.push(error(format!(
                "[storage] keep_alerts = {}: shorter than a case may stay open ([collection] retry_for = {} and twice \
                 [cooldown] lease), so an alert could be forgotten that still has to be looked at; raise it",
                self.storage.keep_alerts, self.collection.retry_for
            )));
        }
        if self.collection.jobs == 0 || self.collection.jobs > 1024 {
            remarks.push(error("[collection] jobs: between 1 and 1024"));
        }
        if self.collection.retry.iter().any(|wait| *wait < crate::policy::Span::minutes(1)) {
            remarks.push(error(
                "[collection] retry: a wait below 1m would only load the network; use 1m or more",
            ));
        }
        if self.collection.artifacts.is_empty() {
            remarks.push(error(
                "[collection] artifacts is empty: nothing would be collected; remove the key for all",
            ));
        }
        if self.actions.attempts == 0 {
            remarks.push(error("[actions] attempts = 0: nothing would ever be delivered; use 1 or more"));
        }
    }

    fn check_transports(&self, remarks: &mut Vec<Remark>) {
        if let Some(fault) = Transport::fault_in(&self.collection.transports, &self.winrm, &self.smb) {
            remarks.push(error(format!("[collection] {fault}")));
        }
        let used = self.collection.transports.contains(&Transport::Winrm);
        if self.winrm.user.is_some() && !used {
            remarks.push(warning("[winrm] is set up, and [collection] transports does not name it"));
        }
        remarks.extend(self.winrm.faults().into_iter().map(error));
        remarks.extend(self.winrm.doubts().into_iter().map(warning));
        if self.smb.user.is_some() && !self.collection.transports.contains(&Transport::Smb) {
            remarks.push(warning("[smb] is set up, and [collection] transports does not name it"));
        }
        remarks.extend(self.smb.faults().into_iter().map(error));
        remarks.extend(self.smb.doubts().into_iter().map(warning));
        remarks.extend(self.program.faults().into_iter().map(error));
        remarks.extend(self.program.doubts().into_iter().map(warning));
    }

    fn check_users(&self, remarks: &mut Vec<Remark>) {
        for exemption in &self.users.exempt {
            if self.user_key(None, &exemption.name).is_none() {
                remarks.push(warning(format!(
                    "[users] exempt: {:?} stands for no person and makes no claim; the line changes nothing",
                    exemption.name
                )));
            }
            if exemption.reason.trim().is_empty() {
                remarks.push(error(format!("[users] exempt: {:?} needs a reason", exemption.name)));
            }
        }
        if let Some(upper) = self.users.domains.keys().find(|domain| **domain != domain.to_lowercase()) {
            remarks.push(error(format!("[users.domains] {upper:?}: write the DNS domain in lower case")));
        }
        remarks.extend(self.users.faults().into_iter().map(error));
    }

    fn check_actions(&self, remarks: &mut Vec<Remark>) {
        if let Some(fault) = self.actions.hours.as_ref().and_then(Hours::fault) {
            remarks.push(error(format!("[actions.hours] {fault}")));
        }
        remarks.extend(self.actions.limits.faults().map(|fault| error(format!("[actions.limits] {fault}"))));
        if self.actions.dry_run {
            remarks.push(warning("[actions] dry_run is on: nothing is sent, cases say what would have been"));
        }
        // What a site's own folder holds is not known here.
        if self.mail.texts.is_none() && Texts::shipped().language(&self.mail.language).is_none() {
            let known = Texts::shipped().languages().collect::<Vec<_>>().join(", ");
            let language = crate::text::one_line(&self.mail.language, 40);
            remarks.push(error(format!(
                "[mail] language = {language:?}: there are {known}; others need their words in the folder [mail] texts"
            )));
        }
    }

    fn check_delivery(&self, remarks: &mut Vec<Remark>) {
        let used = |kind: ActionKind| self.actions.lists().any(|listed| *listed == kind);
        for verdict in Verdict::ALL {
            if self.actions.after(verdict).contains(&ActionKind::MailSoc)
                && self.mail.soc_for(verdict).is_empty()
            {
                remarks.push(warning(format!(
                    "[mail] soc is empty: mail_soc has nobody to go to after {} and is skipped",
                    verdict.as_str()
                )));
            }
        }
        for address in self.mail.soc_addresses().filter(|address| !is_mail_address(address)) {
            let address = crate::text::one_line(address, 80);
            remarks.push(error(format!("[mail] soc: {address:?} is no mail address")));
        }
        if used(ActionKind::MailUser) && self.users.mail.is_none() && !self.users.looked_up() {
            remarks.push(warning(
                "[users] mail is not set, nor a directory: users get no mail unless the alert carries their address in an allowed domain",
            ));
        }
        self.check_desks(remarks);
        for kind in [ActionKind::Page, ActionKind::Chat].into_iter().filter(|kind| used(*kind)) {
            if !self.has_desk(kind) {
                remarks.push(warning(format!("[{kind}] names no preset: {kind} is skipped")));
            }
        }
        if used(ActionKind::TicketComment) {
            remarks.push(error(
                "[actions] ticket_comment: tickets are commented on by themselves; leave it out",
            ));
        }
        if let Some(bus) = &self.findings.event_bus
            && !is_bus(bus)
        {
            remarks.push(error("[findings] event_bus: the name of an event bus, or its ARN"));
        }
        if self.findings.file.as_ref().is_some_and(|file| file.trim().is_empty()) {
            remarks.push(error("[findings] file: name a file, or leave the key out"));
        }
        if used(ActionKind::Finding) && !self.findings.wanted() {
            remarks.push(warning("[findings] names neither a file nor an event bus: finding is skipped"));
        }
        if let Some(smtp) = &self.mail.smtp
            && smtp.username.is_some() != smtp.password_file.is_some()
        {
            remarks.push(error("[mail.smtp] username and password_file go together"));
        }
    }
}

/// Whether mail can be sent there: one `@`, and nothing that ends a header or parts a list of addresses by blanks.
pub(super) fn is_mail_address(text: &str) -> bool {
    text.matches('@').count() == 1 && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Whether it can be an event bus: 256 characters of a name, or 1600 of an ARN
/// (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html>).
fn is_bus(text: &str) -> bool {
    let longest = if text.starts_with("arn:") { 1600 } else { 256 };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-:".contains(&b);
    (1..=longest).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks(sections: &str) -> Vec<Remark> {
        let policy: Policy = toml::from_str(&format!("version = 1\n{sections}")).unwrap();
        policy.remarks()
    }

    fn refuses(sections: &str, what: &str) {
        let found = remarks(sections);
        assert!(found.iter().any(|remark| remark.is_error && remark.text.contains(what)), "{found:?}");
    }

    const SCOPE: &str = "[scope]\nnetworks = ['10.0.0.0/8']\n";

    #[test]
    fn a_sound_policy_has_no_errors() {
        assert!(remarks(SCOPE).iter().all(|remark| !remark.is_error));
    }

    #[test]
    fn the_world_is_not_a_network() {
        refuses("[scope]\nnetworks = ['8.0.0.0/7']\n", "wider than /8");
        refuses("[scope]\nnetworks = ['fc00::/7']\n", "wider than /16");
    }

    #[test]
    fn a_lease_must_outlast_the_work() {
        refuses(&format!("{SCOPE}[cooldown]\nlease = '10m'\n"), "second case");
        refuses(&format!("{SCOPE}[cooldown]\nwindow = '1h'\n"), "window");
    }

    /// The lease is renewed when an order goes out, and has to last until nobody works on it any more.
    #[test]
    fn a_lease_must_outlast_the_way_to_a_relay_as_well() {
        let relay = "[[relay]]\nname = 'r'\nnetworks = ['10.0.0.0/8']\n";
        let (short, enough) = ("[cooldown]\nlease = '45m'\n", "[cooldown]\nlease = '46m'\n");
        refuses(&format!("{SCOPE}{short}{relay}"), "on the way to a relay");
        for sound in [format!("{SCOPE}{enough}{relay}"), format!("{SCOPE}{short}")] {
            assert!(remarks(&sound).iter().all(|remark| !remark.is_error), "{sound}");
        }
    }

    #[test]
    fn winrm_is_checked_with_the_rest() {
        refuses(&format!("{SCOPE}[winrm]\nuser = 'svc'\n"), "password_file");
        refuses(&format!("{SCOPE}[collection]\ntransports = ['winrm']\n"), "no machine could be reached");
        let sound =
            "[collection]\ntransports = ['ssh']\n[winrm]\nuser = 'svc'\npassword_file = 'p'\nhttps = false\n";
        let found = remarks(&format!("{SCOPE}{sound}"));
        assert!(found.iter().all(|remark| !remark.is_error), "{found:?}");
        assert!(found.iter().any(|remark| remark.text.contains("does not name it")), "{found:?}");
    }

    #[test]
    fn the_program_is_checked_with_the_rest() {
        refuses(&format!("{SCOPE}[program]\nlinux = {{ file = 'x', sha256 = 'ab' }}\n"), "sha256sum");
        let sound = format!("{SCOPE}[program]\nlinux = {{ file = 'x', sha256 = '{}' }}\n", "ab".repeat(32));
        let found = remarks(&sound);
        assert!(found.iter().all(|remark| !remark.is_error), "{found:?}");
        assert!(found.iter().any(|remark| remark.text.contains("is sent to linux")), "{found:?}");
    }

    #[test]
    fn exemptions_say_why() {
        refuses(
            "[scope]\nnetworks = ['10.0.0.0/8']\nexempt = [{ network = '10.0.0.9/32', reason = ' ' }]\n",
            "reason",
        );
        refuses(&format!("{SCOPE}[users]\nexempt = [{{ name = 'CORP\\svc', reason = '' }}]\n"), "reason");
    }

    #[test]
    fn findings_go_somewhere_that_can_be() {
        refuses(&format!("{SCOPE}[findings]\nevent_bus = 'a bus'\n"), "event_bus");
        refuses(&format!("{SCOPE}[findings]\nfile = ' '\n"), "name a file");
        let found = remarks(&format!("{SCOPE}[actions]\nfalse_positive = ['finding']\n"));
        assert!(found.iter().any(|remark| remark.text.contains("finding is skipped")), "{found:?}");
        let bus = "arn:aws:events:eu-central-1:123456789012:event-bus/soc";
        let found = remarks(&format!("{SCOPE}[findings]\nfile = 'f.ndjson'\nevent_bus = '{bus}'\n"));
        assert!(found.iter().all(|remark| !remark.text.contains("[findings]")), "{found:?}");
    }

    #[test]
    fn half_an_account_is_refused() {
        refuses(&format!("{SCOPE}[mail.smtp]\nhost = 'mail.example.com'\nusername = 'x'\n"), "go together");
        refuses(&format!("{SCOPE}[ticket.webhook]\nurl = 'ftp://x'\n"), "https://");
        refuses(&format!("{SCOPE}[users]\nmail = 'everyone@example.com'\n"), "{user}");
    }
}
