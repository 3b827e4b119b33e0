//! The mail to a person who may approve what was proposed for a machine.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::brief::{Brief, MAX_VALUE, minute};
use super::message::{Message, short, title};
use crate::assess::Verdict;

/// What a person is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The measures, a line each.
    pub measures: Vec<String>,
    /// Until when they can be approved.
    pub until: Timestamp,
    /// Where they can be approved. A secret of the person that the mail goes to.
    pub url: String,
    /// What else is wanted there.
    pub and: Besides,
}

/// What a person needs besides the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Besides {
    /// A browser that is logged in to the case browser.
    Login,
    /// The code that the person's authenticator shows.
    Code,
}

impl Besides {
    fn words(self) -> &'static str {
        match self {
            Self::Login => "Open it where you are logged in to the case browser.",
            Self::Code => "To approve you need the code that your authenticator shows at that moment.",
        }
    }
}

/// What is proposed, on what evidence, and where to say yes.
pub fn mail_approver(brief: &Brief, asked: &Asked) -> Message {
    let verdict = brief.verdict().map_or("not assessed", Verdict::words);
    let mut text = String::new();
    let _ = writeln!(text, "Changes to a machine wait for your approval. Nothing is done before it.\n");
    let _ = writeln!(text, "Machine   {}", brief.machine());
    let _ = writeln!(text, "Case      {}, {verdict}", short(&brief.case_id, 80));
    let _ = writeln!(text, "Evidence  {}", short(&brief.evidence_sha256, 80));
    let _ = writeln!(text, "Until     {}", minute(asked.until));
    if let Some(assessment) = &brief.assessment {
        let _ = writeln!(text, "\n{}", short(&assessment.summary, MAX_VALUE));
    }
    let _ = writeln!(text, "\nWhat would be done");
    for measure in &asked.measures {
        let _ = writeln!(text, "    {}", short(measure, MAX_VALUE));
    }
    let _ = writeln!(text, "\nLook at it, and approve it there:\n\n{}\n", asked.url);
    let _ =
        writeln!(text, "The link is for you alone: do not hand this mail on. To open it changes nothing.");
    let _ = writeln!(text, "{}", asked.and.words());
    let subject = format!("[peerhound] approval wanted: {} [case {}]", brief.machine(), brief.case_id);
    Message { subject: title(&subject), text, html: None }
}
