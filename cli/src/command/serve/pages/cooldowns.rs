//! Who is left alone, until when and because of which case; and the one thing that can be done here: to release one.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use casework::release::{Released, release as give_up};
use hyper::Uri;
use investigation::claim::{Claim, ClaimKey, ClaimKind};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::access::Visitor;
use super::super::chosen::link;
use super::super::failure::Failure;
use super::super::routes::{COOLDOWNS, RELEASE, asked};
use super::super::site::Site;
use super::Page;
use super::frame::{Tab, page};
use super::parts::{case_link, count, empty, facts, moment, shown, span, table, whole};
use crate::records::Records;

/// Claims that are shown.
const MOST: usize = 1_000;

/// Which claim. It stands in the address for the form too: what a form holds, browsers may spell in another way.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    key: String,
}

/// What the form brings back.
#[derive(Deserialize)]
pub(in super::super) struct Confirmed {
    #[serde(default)]
    form: String,
}

/// The list.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
) -> Page {
    let now = Timestamp::now();
    let claims = site.store.claims(now).await?;
    let rows: Vec<Vec<Markup>> = claims.iter().take(MOST).map(|claim| cells(claim, now)).collect();
    let content = html! {
        h1 { "Cooldowns" }
        p .lead { "Machines and users that are left alone, the first to run out first. Alerts about them are counted and suppressed." }
        @if rows.is_empty() {
            (empty("No claim is in force.", &html! { "The next alert about any machine in the policy's networks is investigated." }))
        } @else {
            @if claims.len() > MOST { p .warning role="status" { "The first " (MOST) " of " (claims.len()) "; " code { "peerhound cooldown list" } " has all." } }
            section aria-labelledby="list" {
                h2 #list { (count(claims.len() as u64, "claim", "claims")) }
                (table("Claims in force", &["Machine or user", "Kind", "Ends (UTC)", "Left", "Case", "Release"], &rows))
            }
        }
    };
    Ok(page(&site, &visitor, Tab::Cooldowns, "Cooldowns", &content))
}

fn kind(claim: &Claim) -> &'static str {
    match claim.kind {
        ClaimKind::Lease => "lease, its case is worked",
        ClaimKind::Cooldown => "cooldown",
    }
}

fn cells(claim: &Claim, now: Timestamp) -> Vec<Markup> {
    let key = claim.key.as_str();
    vec![
        html! { span .id { (whole(key)) } },
        whole(kind(claim)),
        moment(claim.expires_at),
        whole(&span(claim.expires_at.duration_since(now))),
        case_link(&claim.case_id),
        html! { a href=(link(RELEASE, &[("key", key)])) aria-label=(format!("Release {}", shown(key))) { "Release…" } },
    ]
}

/// The claim in force that a text from outside names exactly.
async fn named<S: Records>(site: &Site<S>, text: &str, now: Timestamp) -> Result<Claim, Failure> {
    let missing = || {
        let text = format!("No claim on {} is in force any more. Look at the list.", shown(text));
        Failure::missing(text)
    };
    // As a store spells it: what was typed in another way is not guessed at.
    let key =
        ClaimKey::parse(text, &BTreeMap::new()).filter(|key| key.as_str() == text).ok_or_else(missing)?;
    site.store.claims_on(&[key], now).await?.pop().ok_or_else(missing)
}

/// Asks whether it is meant.
pub(in super::super) async fn ask<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Page {
    let Asked { key } = asked(&uri)?;
    let now = Timestamp::now();
    let claim = named(&site, &key, now).await?;
    let key = shown(claim.key.as_str());
    let content = html! {
        h1 { "Release " span .id { (key) } "?" }
        p .lead { "The next alert about it is investigated at once, though it was looked at. Alerts that were suppressed stay so." }
        (facts(vec![
            ("Kind", Some(html! { (kind(&claim)) })),
            ("Ends", Some(html! { (moment(claim.expires_at)) span .quiet { " · in " (span(claim.expires_at.duration_since(now))) } })),
            ("Case", Some(case_link(&claim.case_id))),
            ("Released by", Some(html! { (site.about.operator) span .quiet { " · goes into the case's history" } })),
        ]))
        form .confirm method="post" action=(link(RELEASE, &[("key", claim.key.as_str())])) {
            input type="hidden" name="form" value=(visitor.form);
            button .danger type="submit" { "Release" }
            a href=(COOLDOWNS) { "Leave it" }
        }
    };
    Ok(page(&site, &visitor, Tab::Cooldowns, "Release a cooldown", &content))
}

/// Releases it.
pub(in super::super) async fn release<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    form: Result<Form<Confirmed>, FormRejection>,
) -> Result<Response, Failure> {
    let Asked { key } = asked(&uri)?;
    let Form(Confirmed { form }) =
        form.map_err(|_| Failure::unclear("The form cannot be read. Open it anew."))?;
    if !visitor.sent(&form) {
        return Err(Failure::not_from_here());
    }
    let now = Timestamp::now();
    let claim = named(&site, &key, now).await?;
    let said = match give_up(&site.store, &claim.key, &site.about.operator, now).await? {
        Some(Released { claim, unnoted }) => {
            let key = claim.key.as_str();
            tracing::info!(key, case_id = claim.case_id, by = site.about.operator, "a claim was released");
            let but =
                unnoted.map(|why| format!(" The case's history does not say so: {why}.")).unwrap_or_default();
            format!("{key} is released. The next alert about it is investigated.{but}")
        }
        None => format!("{} was not in force any more.", claim.key),
    };
    site.access.say(&visitor, said);
    Ok(Redirect::to(COOLDOWNS).into_response())
}
