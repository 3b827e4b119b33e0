//! What an approver is shown behind a link: what will be done, to which machine, on what evidence. To look at it changes
//! nothing, as mail scanners follow links; its form approves, once for each person.

use investigation::case::Case;
use investigation::remediation::Remediation;
use jiff::Timestamp;
use maud::{Markup, html};

use super::parts::{facts, moment, shown, table, whole};
use crate::approval_link::Offer;

/// What a link leads to.
pub struct Asking<'a> {
    /// What the link says.
    pub offer: &'a Offer,
    /// Its case.
    pub case: &'a Case,
    /// What was proposed there.
    pub kept: &'a Remediation,
    /// The moment of looking.
    pub now: Timestamp,
}

/// The form that approves.
pub struct Form<'a> {
    /// Where it is sent to.
    pub action: &'a str,
    /// What it brings back besides what is typed: names and values.
    pub hidden: &'a [(&'a str, &'a str)],
    /// It asks for the code of the person's authenticator.
    pub code: bool,
    /// Where one goes who does not approve.
    pub leave: Option<&'a str>,
}

impl<'a> Asking<'a> {
    /// `None` where nothing was proposed for the case.
    pub fn of(offer: &'a Offer, case: &'a Case, now: Timestamp) -> Option<Self> {
        Some(Self { offer, case, kept: case.remediation.as_ref()?, now })
    }

    /// Whether this person's word is still wanted for any of the link's measures.
    pub fn is_open(&self, person: &str) -> bool {
        let wanted = |n: u32| {
            let said = self.kept.approvers(n, false, self.now);
            self.offer.measures.contains(&n) && !said.iter().any(|approval| approval.by == person)
        };
        self.kept.evidence_sha256 == self.offer.evidence_sha256
            && self.kept.waiting(self.now).any(|proposed| wanted(proposed.n))
    }

    fn rows(&self) -> Vec<Vec<Markup>> {
        let of_this = self.kept.measures.iter().filter(|proposed| self.offer.measures.contains(&proposed.n));
        let cells = of_this.map(|proposed| {
            vec![
                whole(&proposed.n.to_string()),
                html! { (shown(&proposed.measure.words())) },
                whole(proposed.stage.as_str()),
                whole(&self.approvals(proposed.n, proposed.needs)),
                whole(&proposed.why.rule),
            ]
        });
        cells.collect()
    }

    fn approvals(&self, n: u32, needs: u32) -> String {
        let approvals = self.kept.approvers(n, false, self.now);
        let by: Vec<&str> = approvals.iter().map(|approval| approval.by.as_str()).collect();
        match by.is_empty() {
            true => format!("0 of {needs}"),
            false => format!("{} of {needs}: {}", by.len(), by.join(", ")),
        }
    }
}

/// The page's content. `case` is the case's id, or a link to it; without a form nothing is left to be said.
pub fn approve(asking: &Asking<'_>, case: &Markup, form: Option<&Form<'_>>) -> Markup {
    let Asking { offer, kept, .. } = asking;
    let summary = asking.case.assessment.as_ref().map(|assessment| html! { (shown(&assessment.summary)) });
    let alone = " · the link is for this person alone, and so is what it approves";
    html! {
        h1 { "Approve changes to " span .id { (shown(&kept.host_name)) } "?" }
        p .lead { "Nothing is done before enough persons have approved. To look at this page changes nothing." }
        (facts(vec![
            ("You are", Some(html! { (shown(&offer.by)) span .quiet { (alone) } })),
            ("Machine", Some(html! { (shown(&kept.host_name)) " (" (asking.case.target.to_string()) ")" })),
            ("Case", Some(html! { (case) })),
            ("Verdict", summary),
            ("Evidence", Some(html! { span .id { (shown(&offer.evidence_sha256)) } })),
            ("Ends", Some(moment(kept.expires_at.min(offer.expires_at)))),
        ]))
        (table("What will be done", &["Number", "What", "Stage", "Approvals", "By rule"], &asking.rows()))
        @match form {
            Some(form) => (fields(form)),
            None => p .empty { "Nothing here waits for your approval any more." },
        }
    }
}

fn fields(form: &Form<'_>) -> Markup {
    html! {
        form .confirm method="post" action=(form.action) autocomplete="off" {
            @for (name, value) in form.hidden { input type="hidden" name=(name) value=(value); }
            @if form.code {
                div {
                    label for="code" { "The six digits that your authenticator shows" }
                    input #code name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="12";
                }
            }
            button .danger type="submit" { "Approve" }
            @if let Some(leave) = form.leave { a href=(leave) { "Leave it" } }
        }
    }
}
