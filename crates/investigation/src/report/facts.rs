//! Who, what and where: the machine, its people, and the alert.

use super::Subject;
use super::html::Html;
use super::words::{count, end, instant, transport};
use crate::evidence::{Identity, SessionUser};

/// Most sessions, addresses and users that are named.
const MAX_LIST: usize = 20;

/// The machine as people call it, with its address. Outside text, not escaped yet.
pub(super) fn machine(subject: &Subject<'_>) -> String {
    let own = subject.case.identity.as_ref().map(|identity| identity.host_name.as_str());
    let name = own.filter(|name| !name.is_empty()).or(subject.case.alert.suspect_host());
    match name {
        Some(name) => format!("{} ({})", crate::text::one_line(name, 80), subject.case.target),
        None => subject.case.target.to_string(),
    }
}

pub(super) fn write(page: &mut Html, subject: &Subject<'_>) {
    let identity = subject.evidence.and_then(|evidence| evidence.identity.as_ref());
    let identity = identity.or(subject.case.identity.as_ref());
    page.say("h3", &[], "The machine and its people");
    page.tag("dl", &[("class", "facts")], |page| {
        match identity {
            Some(identity) => write_machine(page, subject, identity),
            None => row(page, "Address", |page| page.text(&subject.case.target.to_string())),
        }
        write_people(page, subject, identity);
    });
    page.say("h3", &[], "The alert");
    page.tag("dl", &[("class", "facts")], |page| write_alert(page, subject));
}

fn write_machine(page: &mut Html, subject: &Subject<'_>, identity: &Identity) {
    outside(page, "Host name", Some(&identity.host_name));
    row(page, "Address", |page| page.text(&subject.case.target.to_string()));
    outside(page, "Domain", identity.domain.as_deref());
    outside(page, "System", identity.os.as_deref());
    outside(page, "Kernel or build", identity.kernel.as_deref());
    if !identity.addresses.is_empty() {
        row(page, "Its own addresses", |page| {
            let addresses = identity.addresses.iter().take(MAX_LIST).map(ToString::to_string);
            page.text(&addresses.collect::<Vec<_>>().join(", "));
            more(page, identity.addresses.len());
        });
    }
    if let Some(boot) = identity.boot_time {
        row(page, "Started", |page| instant(page, boot));
    }
}

fn write_people(page: &mut Html, subject: &Subject<'_>, identity: Option<&Identity>) {
    let suspects = subject.case.suspects();
    if !suspects.is_empty() {
        row(page, "Users of the case", |page| {
            listed(page, suspects.iter().take(MAX_LIST).map(String::as_str));
            more(page, suspects.len());
        });
    }
    outside(
        page,
        "Account of the strongest finding",
        subject.case.assessment.as_ref().and_then(|a| a.user()),
    );
    if let Some(identity) = identity {
        row(page, "Logged in", |page| {
            if identity.users.is_empty() {
                page.text("nobody");
            }
            page.tag("ul", &[("class", "plain")], |page| {
                for user in identity.users.iter().take(MAX_LIST) {
                    page.tag("li", &[], |page| write_session(page, user));
                }
            });
            more(page, identity.users.len());
        });
        outside(page, "Collected as", identity.collected_as.as_deref());
    }
}

fn write_session(page: &mut Html, user: &SessionUser) {
    match &user.domain {
        Some(domain) => page.outside(&format!("{domain}\\{}", user.name)),
        None => page.outside(&user.name),
    }
    if let Some(session) = &user.session {
        page.text(" on ");
        page.brief(session, 60);
    }
    if let Some(from) = &user.from {
        page.text(" from ");
        page.brief(from, 80);
    }
    if let Some(since) = user.since {
        page.text(" since ");
        instant(page, since);
    }
}

fn write_alert(page: &mut Html, subject: &Subject<'_>) {
    let alert = &subject.case.alert;
    outside(page, "Rule", alert.rule_name.as_deref());
    outside(page, "Rule id", alert.rule_id.as_deref());
    outside(page, "Severity", alert.severity.as_deref());
    outside(page, "Sensor", alert.observer_name.as_deref());
    row(page, "Seen", |page| match alert.timestamp {
        Some(at) => instant(page, at),
        None => page.text("the alert does not say"),
    });
    if let (Some(source), Some(destination)) = (alert.source_ip, alert.destination_ip) {
        row(page, "Flow", |page| {
            let (from, to) = (end(source, alert.source_port), end(destination, alert.destination_port));
            page.say("code", &[], &format!("{from} → {to}"));
            if let Some(by) = alert.transport {
                page.text(&format!(" {}", transport(by)));
            }
        });
    }
    if let Some(peer) = subject.case.peer_ip {
        row(page, "Peer", |page| page.say("code", &[], &end(peer, subject.case.peer_port)));
    }
    code(page, "Infohash on the wire", alert.infohash.as_deref());
    outside(page, "User in the alert", alert.user_name.as_deref());
    outside(page, "Format", Some(&alert.format));
    outside(page, "The sender's id", alert.event_id.as_deref());
    code(page, "Peerhound's id", Some(&alert.id));
    for note in alert.notes.iter().take(MAX_LIST) {
        outside(page, "Note", Some(note));
    }
}

/// One fact. The name is our own.
pub(super) fn row(page: &mut Html, name: &str, value: impl FnOnce(&mut Html)) {
    page.tag("div", &[], |page| {
        page.say("dt", &[], name);
        page.tag("dd", &[], value);
    });
}

/// One fact that came from outside, where there is one.
pub(super) fn outside(page: &mut Html, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        row(page, name, |page| page.outside(value));
    }
}

/// The same in a fixed width.
pub(super) fn code(page: &mut Html, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        row(page, name, |page| page.tag("code", &[], |page| page.brief(value, 300)));
    }
}

fn listed<'a>(page: &mut Html, values: impl Iterator<Item = &'a str>) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            page.text(", ");
        }
        page.brief(value, 120);
    }
}

fn more(page: &mut Html, all: usize) {
    if let Some(left @ 1..) = all.checked_sub(MAX_LIST) {
        page.text(&format!(" and {}", count(left, "more", "more")));
    }
}
