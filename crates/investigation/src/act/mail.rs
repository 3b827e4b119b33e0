//! The two mails.

use std::fmt::Write as _;

use super::brief::{Brief, MAX_VALUE, minute};
use super::message::{Message, short, title};
use crate::assess::{Verdict, summary};

/// The notice to the user of the machine: what was seen, when and where, what to do, whom to ask, how to object.
/// It quotes no evidence: what people run and download concerns them and the SOC, and mail is read by others.
pub fn mail_user(brief: &Brief) -> Message {
    let organisation = brief.organisation.as_deref().map(|name| short(name, 100));
    let contact = brief
        .soc_contact
        .as_deref()
        .map_or_else(|| "your IT service desk".to_owned(), |contact| short(contact, MAX_VALUE));
    let team = match &organisation {
        Some(name) => format!("the security team of {name}"),
        None => "the security team".to_owned(),
    };
    let notice = Notice::of(brief.verdict());
    let mut text = String::new();
    let _ = writeln!(text, "Hello,\n");
    let _ = writeln!(text, "{}\n", notice.opening);
    let _ = writeln!(text, "What was seen");
    let _ = writeln!(text, "    {}", notice.seen);
    if let Some(assessment) =
        brief.assessment.as_ref().filter(|_| brief.verdict() == Some(Verdict::PolicyViolation))
    {
        let mut told = Vec::new();
        for finding in &assessment.findings {
            if !told.contains(&&finding.title) && told.len() < 5 {
                told.push(&finding.title);
                let _ = writeln!(text, "    - {}", short(&finding.title, MAX_VALUE));
            }
        }
    }
    let _ = writeln!(text, "\nWhen (UTC)");
    if let Some(seen) = brief.alert.timestamp {
        let _ = writeln!(text, "    {}  the network sensor raised an alert", minute(seen));
    }
    let _ = writeln!(text, "    {}  the machine was looked at", minute(brief.opened_at));
    let _ = writeln!(text, "\nWhere\n    {}", brief.machine());
    let _ = writeln!(text, "\nWhat to do");
    for (number, step) in notice.steps.iter().enumerate() {
        let _ = writeln!(text, "    {}. {step}", number + 1);
    }
    let _ = writeln!(text, "\nQuestions, or if you think that this is wrong");
    let _ = writeln!(text, "    Ask {contact} and give the case number {}.", short(&brief.case_id, 80));
    let _ = writeln!(
        text,
        "    If this was not you, if the software is needed for your work, or if somebody else used"
    );
    let _ =
        writeln!(text, "    the machine, say so: a person looks at it again, and it is noted on the case.");
    let _ = writeln!(text, "\nThis notice was written by Peerhound for {team}.");
    Message {
        subject: title(&format!("{}: {} [case {}]", notice.subject, brief.machine(), brief.case_id)),
        text,
        html: None,
    }
}

/// The words that depend on the verdict.
struct Notice {
    subject: &'static str,
    opening: &'static str,
    seen: &'static str,
    steps: &'static [&'static str],
}

impl Notice {
    fn of(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(Verdict::PolicyViolation) => Self {
                subject: "Peer-to-peer software on your machine",
                opening: "Peer-to-peer file sharing is not allowed on our machines. It was found on one that you use.",
                seen: "Peer-to-peer file sharing software was in use.",
                steps: &[
                    "Close the software and uninstall it.",
                    "Delete nothing else, and do not reinstall the machine.",
                    "Wait for word from the security team if they ask for more.",
                ],
            },
            Some(Verdict::FalsePositive) => Self {
                subject: "Network alert settled",
                opening: "A network alert named a machine that you use. It was looked into and nothing was found.",
                seen: "Nothing that breaks a rule.",
                steps: &["Nothing."],
            },
            // Whoever else is at work may read the user's mail: it says no more than that somebody will call.
            Some(Verdict::Compromised | Verdict::Inconclusive) | None => Self {
                subject: "Network alert on your machine",
                opening: "A network alert named a machine that you use. It could not be settled by itself.",
                seen: "Traffic that looks like peer-to-peer file sharing. Whether it was is not known yet.",
                steps: &[
                    "If you run file sharing software, close it and say so.",
                    "Delete nothing, and do not reinstall the machine.",
                    "An analyst may call you.",
                ],
            },
        }
    }
}

/// The mail to the SOC: all facts, the findings with what they cite, and where the evidence lies.
pub fn mail_soc(brief: &Brief) -> Message {
    let verdict = brief.verdict().map_or("not assessed", Verdict::words);
    let mut text = String::new();
    for (name, value) in brief.facts() {
        let _ = writeln!(text, "{:<17} {}", format!("{name}:"), short(&value, MAX_VALUE));
    }
    if let Some(assessment) = &brief.assessment {
        let _ = write!(text, "\n{}", summary::explain_text(assessment));
    }
    if !brief.evidence_location.is_empty() {
        let _ = writeln!(
            text,
            "\nProve the evidence before use: peerhound verify FILE, then compare the SHA-256."
        );
    }
    let subject = format!("[peerhound] {verdict}: {} [case {}]", brief.machine(), brief.case_id);
    Message { subject: title(&subject), text, html: None }
}
