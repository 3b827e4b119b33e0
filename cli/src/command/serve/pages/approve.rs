//! The page behind a link for an approver: what will be done, to which machine, on what evidence. To look at it changes
//! nothing, as mail scanners follow links; a form of this page does, once for each person.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use casework::approval_link::Offer;
use casework::remediate::{NotTaken, Word, decide};
use hyper::{StatusCode, Uri};
use investigation::case::Case;
use investigation::remediation::{Decision, Remediation, Way};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::access::Visitor;
use super::super::approving::Approving;
use super::super::chosen::link as address;
use super::super::failure::Failure;
use super::super::routes::{APPROVE, asked};
use super::super::site::Site;
use super::Page;
use super::frame::{Tab, page};
use super::parts::{case_link, case_path, facts, moment, shown, table, whole};
use crate::records::Records;

/// The signed link.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    link: String,
}

/// What the form brings back.
#[derive(Deserialize)]
pub(in super::super) struct Confirmed {
    #[serde(default)]
    form: String,
}

/// What a link leads to: what it says, the case, and what is kept of its measures.
async fn opened<'s, S: Records>(
    site: &'s Site<S>,
    link: &str,
) -> Result<(&'s Approving, Offer, Case), Failure> {
    let approving = site
        .approving
        .as_ref()
        .ok_or_else(|| Failure::missing("No links are made here: the policy has no [remediation.link]."))?;
    let offer = approving.key.open(link, Timestamp::now()).map_err(|fault| {
        Failure::new(StatusCode::FORBIDDEN, "This link is worth nothing", format!("{fault}."))
    })?;
    let missing = || Failure::missing("There is no such case any more.");
    let case = site.store.case(&offer.case_id).await?.ok_or_else(missing)?;
    Ok((approving, offer, case))
}

/// Shows what it is about.
pub(in super::super) async fn ask<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Page {
    let Asked { link } = asked(&uri)?;
    let (_, offer, case) = opened(&site, &link).await?;
    let kept =
        case.remediation.as_ref().ok_or_else(|| Failure::missing("Nothing was proposed for this case."))?;
    let now = Timestamp::now();
    let rows: Vec<Vec<Markup>> = kept
        .measures
        .iter()
        .filter(|proposed| offer.measures.contains(&proposed.n))
        .map(|proposed| {
            vec![
                whole(&proposed.n.to_string()),
                html! { (shown(&proposed.measure.words())) },
                whole(proposed.stage.as_str()),
                whole(&approvals(kept, proposed.n, proposed.needs, now)),
                whole(&proposed.why.rule),
            ]
        })
        .collect();
    let summary = case.assessment.as_ref().map(|assessment| html! { (shown(&assessment.summary)) });
    let content = html! {
        h1 { "Approve changes to " span .id { (shown(&kept.host_name)) } "?" }
        p .lead { "Nothing is done before enough persons have approved. To look at this page changes nothing." }
        (facts(vec![
            ("You are", Some(html! { (shown(&offer.by)) span .quiet { " · the link is for this person alone, and so is what it approves" } })),
            ("Machine", Some(html! { (shown(&kept.host_name)) " (" (case.target.to_string()) ")" })),
            ("Case", Some(case_link(&case.id))),
            ("Verdict", summary),
            ("Evidence", Some(html! { span .id { (shown(&offer.evidence_sha256)) } })),
            ("Ends", Some(moment(kept.expires_at))),
        ]))
        (table("What will be done", &["Number", "What", "Stage", "Approvals", "By rule"], &rows))
        form .confirm method="post" action=(address(APPROVE, &[("link", &link)])) {
            input type="hidden" name="form" value=(visitor.form);
            button .danger type="submit" { "Approve" }
            a href=(case_path(&case.id)) { "Leave it" }
        }
    };
    Ok(page(&site, &visitor, Tab::Cases, "Approve changes", &content))
}

fn approvals(kept: &Remediation, n: u32, needs: u32, now: Timestamp) -> String {
    let by: Vec<&str> = kept.approvers(n, false, now).iter().map(|approval| approval.by.as_str()).collect();
    match by.is_empty() {
        true => format!("0 of {needs}"),
        false => format!("{} of {needs}: {}", by.len(), by.join(", ")),
    }
}

/// Takes the word.
pub(in super::super) async fn approve<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    form: Result<Form<Confirmed>, FormRejection>,
) -> Result<Response, Failure> {
    let Asked { link } = asked(&uri)?;
    let Form(Confirmed { form }) =
        form.map_err(|_| Failure::unclear("The form cannot be read. Open the link anew."))?;
    if !visitor.sent(&form) {
        return Err(Failure::not_from_here());
    }
    let (approving, offer, _) = opened(&site, &link).await?;
    let decision = Decision {
        by: offer.by,
        how: Way::Link,
        evidence_sha256: offer.evidence_sha256,
        measures: offer.measures,
    };
    let taken =
        decide(&site.store, &offer.case_id, Word::Approve, &decision, &approving.policy, Timestamp::now)
            .await;
    let case = taken.map_err(|why| match why {
        NotTaken::Store(error) => error.into(),
        why => Failure::new(StatusCode::CONFLICT, "The approval was not taken", format!("{why}.")),
    })?;
    tracing::info!(case_id = case.id, by = decision.by, "measures were approved by a link");
    let ordered = case.pending.iter().any(|pending| pending.effect.changes_endpoint());
    let said = match ordered {
        true => "Approved. The order goes out with the next look at what is due.",
        false => "Approved. Another person has to approve before anything is done.",
    };
    site.access.say(&visitor, said.to_owned());
    Ok(Redirect::to(&case_path(&case.id)).into_response())
}
