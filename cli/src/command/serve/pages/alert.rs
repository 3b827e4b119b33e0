//! What became of an alert.

use std::sync::Arc;

use axum::extract::{Extension, State};
use casework::backend::AlertRow;
use hyper::Uri;
use investigation::case::Disposition;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::access::Visitor;
use super::super::failure::Failure;
use super::super::routes::asked;
use super::super::site::Site;
use super::Page;
use super::frame::{Tab, page};
use super::parts::{case_link, facts, moment, shown};
use crate::records::Records;

/// Longest id that is looked for.
const LONGEST: usize = 400;

/// Which one.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    id: String,
}

/// The page.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Page {
    let Asked { id } = asked(&uri)?;
    let id = id.trim();
    if id.is_empty() || id.len() > LONGEST {
        return Err(Failure::unclear(
            "Name an alert by Peerhound's id, the start of it, or the sender's event id.",
        ));
    }
    let rows = site.store.alert(id).await?;
    if rows.is_empty() {
        let text = format!(
            "No alert {} is kept. It may be a repeat that was only counted on its case, or one from before the policy's \
             keep_alerts: `peerhound explain` looks further.",
            shown(id)
        );
        return Err(Failure::missing(text));
    }
    let content = html! {
        h1 { "Alert " span .id { (shown(id)) } }
        @for row in &rows { section { (one(row)) } }
    };
    Ok(page(&site, &visitor, Tab::Cases, "Alert", &content))
}

fn one(row: &AlertRow) -> Markup {
    let end = |ip: Option<std::net::IpAddr>, port: Option<u16>| match (ip, port) {
        (Some(ip), Some(port)) => format!("{ip} port {port}"),
        (Some(ip), None) => ip.to_string(),
        (None, _) => "unknown".to_owned(),
    };
    let alert = row.alert.as_ref();
    html! {
        p .lead { (became(&row.disposition)) }
        (facts(vec![
            ("Id", Some(html! { span .id { (shown(&row.id)) } })),
            ("Sender's id", alert.and_then(|alert| alert.event_id.as_ref()).map(|id| html! { (shown(id)) })),
            ("Came", Some(html! { (moment(row.received_at)) span .quiet { " · from " (shown(&row.origin)) } })),
            ("Seen", alert.and_then(|alert| alert.timestamp).map(moment)),
            ("Rule", alert.and_then(|alert| alert.rule_name.as_ref()).map(|rule| html! { (shown(rule)) })),
            ("Format", alert.map(|alert| html! { (shown(&alert.format)) })),
            ("Flow", alert.map(|alert| html! {
                (end(alert.source_ip, alert.source_port)) " to " (end(alert.destination_ip, alert.destination_port))
            })),
            ("Begins", row.original.as_ref().filter(|text| !text.is_empty()).map(|text| html! { code { (shown(text)) } })),
        ]))
    }
}

fn became(disposition: &Disposition) -> Markup {
    match disposition {
        Disposition::Waiting => {
            html! { "It waits to be worked: " code { "peerhound watch" } " does, or " code { "peerhound sweep" } "." }
        }
        Disposition::Opened { case_id } => html! { "It opened case " (case_link(case_id)) "." },
        Disposition::Suppressed { key, case_id, until } => html! {
            "It was suppressed: " (shown(key.as_str())) " belongs to case " (case_link(case_id)) " until " (moment(*until)) "."
        },
        Disposition::Folded { case_id, until } => html! {
            "It was folded into case " (case_link(case_id)) ", which waits for the machine; the next try is at " (moment(*until)) "."
        },
        Disposition::Exempt { what, reason } => {
            html! { "It is exempt: " (shown(what)) ", " (shown(reason)) "." }
        }
        Disposition::Refused { reason } => {
            html! { "It was refused, and nothing was contacted: " (shown(reason)) }
        }
        Disposition::Withdrawn { reason } => html! { "It was withdrawn: " (shown(reason)) },
        Disposition::Review { reason } => html! { "A person has to look: " (shown(reason)) },
        Disposition::Unreadable { reason } => html! { "It could not be read: " (shown(reason)) },
    }
}
