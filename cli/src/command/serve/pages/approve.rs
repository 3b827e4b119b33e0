//! The page behind a link for an approver, with the form that approves: see [`casework::page`].

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form as Sent, State};
use axum::response::{IntoResponse, Redirect, Response};
use casework::approval_link::Offer;
use casework::page::{Asking, Form, approve as content};
use casework::remediate::{NotTaken, Word, decide};
use hyper::{StatusCode, Uri};
use investigation::case::Case;
use investigation::remediation::{Decision, Way};
use jiff::Timestamp;
use serde::Deserialize;

use super::super::access::Visitor;
use super::super::approving::Approving;
use super::super::chosen::link as address;
use super::super::failure::Failure;
use super::super::routes::{APPROVE, asked};
use super::super::site::Site;
use super::Page;
use super::frame::{Tab, page};
use super::parts::{case_link, case_path};
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

/// What a link leads to: who may, what it says, and the case.
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
    let (approving, offer, case) = opened(&site, &link).await?;
    let asking = Asking::of(&offer, &case, Timestamp::now());
    let asking = asking.ok_or_else(|| Failure::missing("Nothing was proposed for this case."))?;
    let (action, leave) = (address(APPROVE, &[("link", &link)]), case_path(&case.id));
    let hidden = [("form", visitor.form.as_str())];
    let form = Form { action: &action, hidden: &hidden, code: false, leave: Some(&leave) };
    let open = asking.is_open(&approving.policy.person(&offer.by));
    let content = content(&asking, &case_link(&case.id), open.then_some(&form));
    Ok(page(&site, &visitor, Tab::Cases, "Approve changes", &content))
}

/// Takes the word.
pub(in super::super) async fn approve<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    form: Result<Sent<Confirmed>, FormRejection>,
) -> Result<Response, Failure> {
    let Asked { link } = asked(&uri)?;
    let Sent(Confirmed { form }) =
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
