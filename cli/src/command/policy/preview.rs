//! `peerhound policy preview-mail`: the mails that this policy and its texts lead to, for a case that is made up.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use investigation::act::mail::sample;
use investigation::act::{ActionKind, Message};
use investigation::assess::Verdict;
use investigation::policy::Policy;
use serde::Serialize;

use crate::args::PreviewMail;
use crate::exit::{Exit, WithExit};
use crate::setup::Setup;
use crate::show;

/// One mail.
#[derive(Serialize)]
struct Shown {
    kind: ActionKind,
    verdict: Verdict,
    language: String,
    /// Whether the policy's `[actions]` send it.
    sent: bool,
    #[serde(flatten)]
    message: Message,
}

/// Runs the command.
pub(super) fn run(setup: &Setup, which: &PreviewMail) -> Result<Exit> {
    let policy = setup.policy()?;
    let texts = setup.texts(&policy)?;
    let wanted = which.language.as_deref().unwrap_or(&policy.mail.language);
    let Some(language) = texts.language(wanted).map(str::to_owned) else {
        let known = texts.languages().collect::<Vec<_>>().join(", ");
        return Err(anyhow!("there are no words in {wanted:?}, only in {known}"))
            .context(WithExit(Exit::BadInput));
    };
    let mut mails = Vec::new();
    let named = |verdict: &Verdict| which.verdict.as_deref().is_none_or(|name| name == verdict.as_str());
    for verdict in Verdict::ALL.into_iter().filter(named) {
        let brief = sample::brief(verdict, &policy);
        for (kind, written) in [
            (ActionKind::MailUser, texts.mail_user(&brief, &language)),
            (ActionKind::MailSoc, texts.mail_soc(&brief, &language)),
        ] {
            if let Some(fault) = written.fault {
                return Err(anyhow!("[mail] texts: {fault}")).context(WithExit(Exit::BadPolicy));
            }
            let sent = sends(&policy, verdict, kind);
            mails.push(Shown { kind, verdict, language: language.clone(), sent, message: written.message });
        }
    }
    if let Some(folder) = &which.out {
        let written = write(folder, &mails)?;
        show::lines(&written);
    } else if setup.json {
        show::json(&mails);
    } else {
        show::lines(&mails.iter().flat_map(lines).collect::<Vec<_>>());
    }
    Ok(Exit::Done)
}

/// Whether the policy's lists send it.
fn sends(policy: &Policy, verdict: Verdict, kind: ActionKind) -> bool {
    let actions = &policy.actions;
    let list = match verdict {
        Verdict::PolicyViolation => &actions.policy_violation,
        Verdict::Compromised => &actions.compromised,
        Verdict::Inconclusive => &actions.inconclusive,
        Verdict::FalsePositive => &actions.false_positive,
    };
    list.contains(&kind) && !actions.off.contains(&kind)
}

/// `user-policy_violation-en.txt` and `.html` for each.
fn write(folder: &Path, mails: &[Shown]) -> Result<Vec<String>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut written = Vec::new();
    for mail in mails {
        let to = if mail.kind == ActionKind::MailUser { "user" } else { "soc" };
        let name = format!("{to}-{}-{}", mail.verdict.as_str(), mail.language);
        let text = format!("Subject: {}\n\n{}", mail.message.subject, mail.message.text);
        for (ending, content) in [("txt", Some(&text)), ("html", mail.message.html.as_ref())] {
            let Some(content) = content else { continue };
            let file = folder.join(format!("{name}.{ending}"));
            fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
            written.push(file.display().to_string());
        }
    }
    Ok(written)
}

fn lines(mail: &Shown) -> Vec<String> {
    let sent = if mail.sent { "" } else { ", which [actions] does not send" };
    let mut lines = vec![
        format!("── {} after {}{sent}", mail.kind, mail.verdict.as_str()),
        format!("Subject: {}", mail.message.subject),
        String::new(),
    ];
    lines.extend(mail.message.text.lines().map(str::to_owned));
    lines.push(String::new());
    lines
}
