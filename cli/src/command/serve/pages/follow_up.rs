//! What follows a case: the deeper look at its machine, and the legal hold on what is sealed.

use investigation::case::{ForensicStatus, Forensics, HoldStatus, LegalHold};
use maud::{Markup, html};

use super::case::artifacts;
use super::parts::{case_path, facts, moment, shown};

/// The part of a case's page about the second container.
pub(super) fn deeper(id: &str, look: &Forensics) -> Markup {
    let (class, word) = match look.status {
        ForensicStatus::Ordered => ("middling", "ordered"),
        ForensicStatus::Collected => ("middling", "collected, to be sealed"),
        ForensicStatus::Sealed => ("good", "sealed"),
        ForensicStatus::GivenUp => ("bad", "given up"),
    };
    let sealed = look.evidence.as_ref();
    html! {
        section aria-labelledby="deeper" {
            h2 #deeper { "The deeper look" }
            (facts(vec![
                ("Status", Some(html! {
                    span class=(format!("word {class}")) { (word) }
                    @if !look.detail.is_empty() { " " (shown(&look.detail)) }
                })),
                ("Ordered", Some(html! { "by " (shown(&look.ordered_by)) span .quiet { " · " (moment(look.ordered_at)) } })),
                ("Failed tries", (look.failed_tries > 0).then(|| html! { (look.failed_tries) })),
                ("SHA-256", sealed.map(|sealed| html! { code .hash { (shown(&sealed.sha256)) } })),
                ("Lies in", sealed.map(|sealed| html! { span .id { (shown(&sealed.location)) } })),
                ("Sealed", sealed.map(|sealed| {
                    html! { (moment(sealed.sealed_at)) span .quiet { " · " (sealed.size) " bytes" } }
                })),
            ]))
            @if sealed.is_some() {
                p .actions {
                    a .button href=(format!("{}/forensics.zip", case_path(id))) { "Download the second container" }
                    span .quiet { "What is in it: " code { "peerhound case report " (id) } }
                }
            }
        }
        @if !look.artifacts.is_empty() {
            (artifacts("deeper-artifacts", "Artifacts of the deeper look", &look.artifacts))
        }
    }
}

/// The part of a case's page about the hold.
pub(super) fn hold(hold: &LegalHold) -> Markup {
    let (class, word) = match hold.status {
        HoldStatus::Setting => ("middling", "being set"),
        HoldStatus::Held => ("good", "in force"),
        HoldStatus::Releasing => ("middling", "being lifted"),
        HoldStatus::Released => ("middling", "lifted"),
        HoldStatus::Failed => ("bad", "failed"),
    };
    html! {
        section aria-labelledby="hold" {
            h2 #hold { "Legal hold" }
            (facts(vec![
                ("Status", Some(html! {
                    span class=(format!("word {class}")) { (word) }
                    @if !hold.detail.is_empty() { " " (shown(&hold.detail)) }
                })),
                ("By", Some(html! { (shown(&hold.by)) span .quiet { " · since " (moment(hold.at)) } })),
                ("Why", Some(html! { (shown(&hold.reason)) })),
            ]))
        }
    }
}
