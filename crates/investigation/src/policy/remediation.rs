//! `[remediation]`: what may be proposed and done to an endpoint, and who may order it. Off by default.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::check::{Remark, error, is_mail_address, warning};
use super::span::Span;
use super::{Policy, UserExemption};
use crate::assess::Verdict;
use crate::evidence::Identity;
use crate::order;
use crate::remediation::MeasureKind;

/// Most slots of one kind: each is looked up when somebody approves.
const MAX_SLOTS: u32 = 200;

/// What is never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// Host name; `*` stands for any number of characters. Upper and lower case are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<IpNet>,
    /// User: while that one is logged in, or suspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Why; shown wherever the exemption is applied.
    pub reason: String,
}

/// `[remediation.isolate]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Isolation {
    /// How long a host stays cut off before it lifts that by itself.
    #[serde(rename = "for")]
    pub lasts: Span,
    /// Networks that stay reachable.
    pub keep: Vec<IpNet>,
}

impl Default for Isolation {
    fn default() -> Self {
        Self { lasts: Span::hours(4), keep: Vec::new() }
    }
}

/// `[remediation.link]`: approvers get a mail with a link of their own: to the case browser on one machine, to the door of
/// a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalLink {
    /// What people type to reach `peerhound serve`: `https://NAME`. On a deployment the door's own address, unless a name
    /// of the site's stands in front of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// File with the key that links are signed with; relative to the policy file. Only this program's account may be able
    /// to read it. On a deployment the key is a secret of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// How long a link is good, and never longer than what it is about waits. `None`: so long, and two hours at the door
    /// of a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// Approver → that person's mail address.
    pub mail: BTreeMap<String, String>,
}

/// `[remediation]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemediationPolicy {
    /// Measures that are proposed after `policy_violation`.
    pub policy_violation: Vec<MeasureKind>,
    /// Measures that are proposed after `compromised`.
    pub compromised: Vec<MeasureKind>,
    /// Show what would be proposed; nobody can approve it.
    pub dry_run: bool,
    /// Who may approve and undo: accounts (`name`, `DOMAIN\name`) on one machine, ARNs of principals on AWS.
    pub approvers: Vec<String>,
    /// Persons who have to approve a measure: 1 or 2.
    pub approvals: u32,
    /// Measures that two persons have to approve in any case.
    pub two_persons: Vec<MeasureKind>,
    /// How long a proposal waits, and how long an approval counts.
    pub expires: Span,
    /// Evidence that is older than this when it is assessed proposes nothing.
    pub max_age: Span,
    /// Time for one order on the endpoint.
    pub timeout: Span,
    /// Orders an hour, over all cases.
    pub per_hour: u32,
    /// Orders a day, over all cases.
    pub per_day: u32,
    /// Also machines whose system says that it is a server.
    pub servers: bool,
    /// What is never changed.
    pub never: Vec<Never>,
    /// Isolation.
    pub isolate: Isolation,
    /// Mails to the approvers.
    pub link: Option<ApprovalLink>,
}

impl Default for RemediationPolicy {
    fn default() -> Self {
        Self {
            policy_violation: Vec::new(),
            compromised: Vec::new(),
            dry_run: false,
            approvers: Vec::new(),
            approvals: 1,
            two_persons: vec![MeasureKind::Isolate],
            expires: Span::hours(8),
            max_age: Span::hours(1),
            timeout: Span::minutes(5),
            per_hour: 10,
            per_day: 50,
            servers: false,
            never: Vec::new(),
            isolate: Isolation::default(),
            link: None,
        }
    }
}

impl RemediationPolicy {
    /// Whether anything is ever proposed.
    pub fn wanted(&self) -> bool {
        !self.policy_violation.is_empty() || !self.compromised.is_empty()
    }

    /// What a verdict may lead to. Nothing is proposed where nothing is proven.
    pub fn after(&self, verdict: Verdict) -> &[MeasureKind] {
        match verdict {
            Verdict::PolicyViolation => &self.policy_violation,
            Verdict::Compromised => &self.compromised,
            Verdict::FalsePositive | Verdict::Inconclusive => &[],
        }
    }

    /// Persons who have to approve.
    pub fn needs(&self, kind: MeasureKind) -> u32 {
        if self.two_persons.contains(&kind) { 2 } else { self.approvals.clamp(1, 2) }
    }
}

impl Policy {
    /// A person's name in the one spelling by which it is compared: accounts fold as users do everywhere, ARNs are what
    /// they are.
    pub fn person(&self, name: &str) -> String {
        let name = name.trim();
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        match self.user_key(None, name) {
            Some(key) => key.as_str().trim_start_matches("user#").trim_start_matches('\\').to_owned(),
            None => name.to_lowercase(),
        }
    }

    /// Whether a person, as [`Policy::person`] spells it, may approve.
    pub fn is_approver(&self, person: &str) -> bool {
        self.remediation.approvers.iter().any(|listed| self.person(listed) == person)
    }

    /// Where approvers are asked by mail, where the policy says so.
    pub fn approver_addresses(&self) -> Vec<String> {
        let link = self.remediation.link.iter();
        let listed =
            link.flat_map(|link| &link.mail).filter(|(name, _)| self.is_approver(&self.person(name)));
        listed.map(|(_, address)| address.clone()).collect()
    }

    /// The page of a case in the case browser, where the policy says how people reach that. It carries no secret: it asks
    /// for a login.
    pub fn case_page(&self, case_id: &str) -> Option<String> {
        let link = self.remediation.link.as_ref().and_then(|link| link.url.as_ref());
        let base = self.organisation.case_browser.as_ref().or(link)?;
        let id: String = case_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        Some(format!("{}/case/{id}", base.trim_end_matches('/')))
    }

    pub(super) fn check_case_browser(&self, remarks: &mut Vec<Remark>) {
        let Some(url) = &self.organisation.case_browser else { return };
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '<' | '"');
        let fault = match super::ticket::fault_of_url(url) {
            None if url.contains(odd) || url.len() > 300 => Some("only what people type to reach it"),
            fault => fault,
        };
        remarks.extend(fault.map(|fault| error(format!("[organisation] case_browser: {fault}"))));
    }

    /// The approver whose mail address this is.
    pub fn approver_at(&self, address: &str) -> Option<&str> {
        let mut link = self.remediation.link.iter().flat_map(|link| &link.mail);
        link.find(|(_, known)| *known == address).map(|(name, _)| name.as_str())
    }

    /// Whether a person, as [`Policy::person`] spells it, may approve and is asked by a link.
    pub fn has_link(&self, person: &str) -> bool {
        let mut asked = self.remediation.link.iter().flat_map(|link| link.mail.keys());
        self.is_approver(person) && asked.any(|name| self.person(name) == person)
    }

    /// Why a machine is never changed, if it is not.
    pub fn never_changed(
        &self,
        target: std::net::IpAddr,
        identity: &Identity,
        suspects: &[String],
    ) -> Option<&str> {
        let target = crate::scope::fold(target);
        let of_user = |name: &str| {
            let wanted = self.person(name);
            let logged_in = identity.users.iter().filter_map(|user| {
                let key = self.user_key(user.domain.as_deref(), &user.name)?;
                Some(self.person(key.as_str().trim_start_matches("user#")))
            });
            let mut all = logged_in.chain(suspects.iter().map(|suspect| self.person(suspect)));
            all.any(|user| user == wanted)
        };
        let applies = |never: &&Never| {
            never.host.as_deref().is_some_and(|host| fits(host, &identity.host_name))
                || never.network.is_some_and(|network| network.contains(&target))
                || never.user.as_deref().is_some_and(of_user)
        };
        self.remediation.never.iter().find(applies).map(|never| never.reason.as_str())
    }

    pub(super) fn check_remediation(&self, remarks: &mut Vec<Remark>) {
        let section = &self.remediation;
        if !section.wanted() {
            if *section != RemediationPolicy::default() {
                remarks.push(warning(
                    "[remediation] names measures for no verdict, so nothing in this section has any effect",
                ));
            }
            return;
        }
        let mut wrong = |text: String| remarks.push(error(format!("[remediation] {text}")));
        if !(1..=2).contains(&section.approvals) {
            wrong(format!("approvals = {}: 1 or 2", section.approvals));
        }
        let mut persons: Vec<String> =
            section.approvers.iter().map(|approver| self.person(approver)).collect();
        persons.sort();
        persons.dedup();
        let most = MeasureKind::ALL
            .into_iter()
            .filter(|kind| section.policy_violation.contains(kind) || section.compromised.contains(kind));
        let most = most.map(|kind| section.needs(kind)).max().unwrap_or(1);
        let there = u32::try_from(persons.len()).unwrap_or(u32::MAX);
        if !section.dry_run && there < most {
            wrong(format!(
                "approvers names {there}, and {most} must approve: add to the list, or nothing can be ordered"
            ));
        }
        if persons.iter().any(String::is_empty) {
            wrong("approvers: an empty name is nobody".to_owned());
        }
        if section.expires < Span::minutes(5) || section.expires > Span::days(7) {
            wrong(format!("expires = {}: between 5m and 7d", section.expires));
        }
        if section.timeout < Span::seconds(10) || section.timeout > Span::hours(1) {
            wrong(format!("timeout = {}: between 10s and 1h", section.timeout));
        }
        let way = if self.relay.is_empty() {
            0
        } else {
            (order::DELIVERY + order::UPLOAD).as_secs().unsigned_abs()
        };
        if self.cooldown.lease.duration().as_secs() < section.timeout.duration().as_secs() + way {
            wrong(format!(
                "timeout = {}: longer than [cooldown] lease = {}, with the way to a relay",
                section.timeout, self.cooldown.lease
            ));
        }
        if section.per_hour == 0 || section.per_hour > MAX_SLOTS || section.per_day > MAX_SLOTS {
            wrong(format!("per_hour and per_day: between 1 and {MAX_SLOTS}"));
        }
        if section.per_day < section.per_hour {
            wrong(format!("per_day = {} is less than per_hour = {}", section.per_day, section.per_hour));
        }
        for never in &section.never {
            let named = [never.host.is_some(), never.network.is_some(), never.user.is_some()];
            if named.into_iter().filter(|named| *named).count() != 1 {
                wrong("never: each entry names one of host, network and user".to_owned());
            }
            if never.reason.trim().is_empty() {
                wrong("never: each entry needs a reason".to_owned());
            }
        }
        let isolates = [&section.policy_violation, &section.compromised]
            .into_iter()
            .any(|kinds| kinds.contains(&MeasureKind::Isolate));
        if isolates {
            if section.isolate.lasts < Span::minutes(5) || section.isolate.lasts > Span::days(7) {
                wrong(format!("isolate.for = {}: between 5m and 7d", section.isolate.lasts));
            }
            if let Some(wide) = section.isolate.keep.iter().find(|network| network.prefix_len() < 8) {
                wrong(format!("isolate.keep: {wide} is nearly everything; name what has to stay reachable"));
            }
            if section.isolate.keep.is_empty() {
                remarks.push(warning(
                    "[remediation.isolate] keep is empty: of an isolated host, only where the order came from stays reachable",
                ));
            }
        }
        if let Some(link) = &section.link {
            self.check_link(link, remarks);
        }
        let exempt = |exemption: &&UserExemption| self.is_approver(&self.person(&exemption.name));
        if let Some(both) = self.users.exempt.iter().find(exempt) {
            remarks.push(warning(format!(
                "[remediation] approvers: {:?} is exempt from investigations ({}), and may approve changes",
                both.name, both.reason
            )));
        }
    }
}

impl Policy {
    fn check_link(&self, link: &ApprovalLink, remarks: &mut Vec<Remark>) {
        let mut wrong = |text: String| remarks.push(error(format!("[remediation.link] {text}")));
        let deployed = !self.relay.is_empty();
        let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        match link.url.as_deref() {
            Some(url) => {
                let here = !deployed && local.iter().any(|start| url.starts_with(start));
                if !url.starts_with("https://") && !here {
                    wrong("url: https://NAME, or http://127.0.0.1:PORT on this machine alone".to_owned());
                }
                if url.contains(['?', '#']) || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
                    wrong("url: only what people type to reach the page".to_owned());
                }
            }
            None if deployed => {}
            None => wrong("url: name what people type to reach `peerhound serve`, https://NAME".to_owned()),
        }
        if !deployed && link.key_file.as_deref().is_none_or(|file| file.trim().is_empty()) {
            wrong("key_file: name a file with a key (`openssl rand -hex 32`)".to_owned());
        }
        if link.lasts.is_some_and(|lasts| lasts < Span::minutes(5) || lasts > Span::days(7)) {
            wrong("lasts: between 5m and 7d".to_owned());
        }
        let mut addresses: Vec<&String> = link.mail.values().collect();
        addresses.sort();
        let twice = addresses.windows(2).find(|pair| pair[0] == pair[1]);
        if let Some([same, _]) = twice {
            wrong(format!("mail: {same:?} is there twice, and each link is one person's"));
        }
        for (name, address) in &link.mail {
            if !self.is_approver(&self.person(name)) {
                wrong(format!("mail: {name:?} is not among approvers"));
            }
            if !is_mail_address(address) {
                wrong(format!("mail: {address:?} is no mail address"));
            }
            if self.mail.soc_addresses().any(|soc| soc == address) {
                wrong(format!(
                    "mail: {address:?} is the SOC's own address, which many read: a link is one person's"
                ));
            }
        }
        if deployed && link.key_file.is_some() {
            remarks.push(warning(
                "[remediation.link] key_file has no effect where there are relays: there are no files on a deployment, and the \
                 key is the secret that door.approve of the Terraform module names",
            ));
        }
    }
}

/// Whether a name fits a pattern with `*`. Linear in both, as the name is the endpoint's.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks(section: &str) -> Vec<Remark> {
        let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[remediation]\n{section}");
        toml::from_str::<Policy>(&text).unwrap().remarks()
    }

    #[test]
    fn it_is_off_unless_a_verdict_names_measures() {
        let policy = Policy::parse("version = 1\n[scope]\nnetworks = []\n").unwrap();
        assert!(!policy.remediation.wanted());
        for verdict in Verdict::ALL {
            assert!(policy.remediation.after(verdict).is_empty());
        }
        let unused = remarks("approvers = ['anna']");
        assert!(unused.iter().any(|remark| remark.text.contains("has any effect")), "{unused:?}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        let stop = "policy_violation = ['stop_process']\n";
        for (section, says) in [
            ("", "approvers names 0"),
            ("approvers = ['anna', 'ANNA']\napprovals = 2", "approvers names 1"),
            ("approvers = ['anna']\napprovals = 3", "1 or 2"),
            ("approvers = ['anna']\nexpires = '1m'", "between 5m and 7d"),
            ("approvers = ['anna']\nper_hour = 0", "between 1 and"),
            ("approvers = ['anna']\nper_hour = 9\nper_day = 3", "less than per_hour"),
            ("approvers = ['anna']\nnever = [{ reason = 'x' }]", "one of host"),
            ("approvers = ['anna']\nnever = [{ host = 'dc*', reason = '' }]", "needs a reason"),
            ("approvers = ['anna']\ntimeout = '3h'", "between 10s and 1h"),
        ] {
            let found = remarks(&format!("{stop}{section}"));
            assert!(
                found.iter().any(|remark| remark.is_error && remark.text.contains(says)),
                "{says}: {found:?}"
            );
        }
        let isolate = remarks("compromised = ['isolate']\napprovers = ['anna']");
        assert!(isolate.iter().any(|remark| remark.is_error && remark.text.contains("2 must approve")));
        let sound = remarks(
            "compromised = ['isolate']\napprovers = ['anna', 'CORP\\bert']\n[remediation.isolate]\nfor = '2h'\nkeep = ['10.0.0.0/24']",
        );
        assert!(sound.iter().all(|remark| !remark.text.contains("[remediation")), "{sound:?}");
    }

    #[test]
    fn a_link_goes_to_one_person_alone() {
        let link = |url: &str, mail: &str| {
            remarks(&format!(
                "policy_violation = ['stop_process']\napprovers = ['anna', 'bert']\n[remediation.link]\nurl = '{url}'\n\
                 key_file = 'secrets/link'\nmail = {{ {mail} }}\n[mail]\nsoc = ['soc@example.com']"
            ))
        };
        let fine = "anna = 'anna@example.com', bert = 'bert@example.com'";
        let sound = link("https://cases.corp.example", fine);
        assert!(sound.iter().all(|remark| !remark.text.contains("link")), "{sound:?}");
        for (url, mail, says) in [
            ("http://cases.corp.example", fine, "https://NAME"),
            ("https://cases.corp.example/?x=1", fine, "only what people type to reach"),
            ("https://c.example", "anna = 'a@example.com', bert = 'a@example.com'", "twice"),
            ("https://c.example", "carl = 'c@example.com'", "not among approvers"),
            ("https://c.example", "anna = 'soc@example.com'", "many read"),
            ("https://c.example", "anna = 'anna'", "no mail address"),
        ] {
            let found = link(url, mail);
            assert!(
                found.iter().any(|remark| remark.is_error && remark.text.contains(says)),
                "{says}: {found:?}"
            );
        }
    }

    #[test]
    fn a_deployment_needs_neither_an_address_nor_a_file_and_one_machine_both() {
        let link = |keys: &str, relay: &str| {
            remarks(&format!(
                "policy_violation = ['stop_process']\napprovers = ['anna']\n[remediation.link]\n{keys}\n\
                 mail = {{ anna = 'anna@example.com' }}\n{relay}"
            ))
        };
        let relay = "[[relay]]\nname = 'hq'\nnetworks = ['10.0.0.0/8']";
        let told = |found: &[Remark]| -> Vec<String> {
            let of_link = found.iter().filter(|remark| remark.text.contains("[remediation.link]"));
            of_link.map(|remark| format!("{} {}", remark.is_error, remark.text)).collect()
        };
        assert_eq!(told(&link("", relay)), [""; 0]);
        assert_eq!(told(&link("lasts = '1h'\nurl = 'https://approve.corp.example'", relay)), [""; 0]);
        let one = told(&link("", ""));
        assert!(one.len() == 2 && one[0].starts_with("true") && one[1].contains("key_file"), "{one:?}");
        for (keys, relay, says) in [
            ("lasts = '1m'", relay, "true [remediation.link] lasts"),
            ("url = 'http://127.0.0.1:8322'", relay, "true [remediation.link] url"),
            ("key_file = 'k'", relay, "false [remediation.link] key_file has no effect"),
        ] {
            let found = told(&link(keys, relay));
            assert!(found.len() == 1 && found[0].starts_with(says), "{says}: {found:?}");
        }
    }

    #[test]
    fn a_person_is_one_person_under_every_spelling_and_an_arn_is_exact() {
        let policy = Policy::parse("version = 1\n[scope]\nnetworks = []\n").unwrap();
        for spelled in ["CORP\\Anna", "anna@corp.example.com", " corp\\anna "] {
            assert_eq!(policy.person(spelled), "corp\\anna");
        }
        assert_ne!(policy.person("anna"), policy.person("CORP\\anna"));
        let arn = "arn:aws:iam::123456789012:user/Anna";
        assert_eq!(policy.person(arn), arn);
    }

    #[test]
    fn a_host_fits_its_pattern_and_no_other() {
        for (pattern, name, fit) in [
            ("dc*", "DC01", true),
            ("dc*.corp", "dc1.corp", true),
            ("dc*.corp", "dc1.corp.example", false),
            ("ws-5", "ws-5", true),
            ("ws-5", "ws-55", false),
            ("*sql*", "prod-sql-1", true),
            ("*a*b", "ab", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    #[test]
    fn a_case_has_a_page_where_people_reach_the_browser() {
        let base = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n";
        let with = |more: &str| Policy::parse(&format!("{base}{more}"));
        let page = |more: &str| with(more).unwrap().case_page("ph-1/../<x>");
        assert_eq!(page(""), None);
        let own = "[organisation]\ncase_browser = 'https://cases.corp.example/'\n";
        assert_eq!(page(own).as_deref(), Some("https://cases.corp.example/case/ph-1x"));
        for wrong in ["http://cases.corp.example", "cases", "https://c.example/?a=b", "https://a@c.example"] {
            let text = format!("[organisation]\ncase_browser = '{wrong}'\n");
            assert!(with(&text).unwrap_err().to_string().contains("case_browser"), "{wrong}");
        }
    }
}
