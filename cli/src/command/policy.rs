//! `peerhound policy`.

mod address;
mod preview;

use anyhow::Result;
use casework::directories::check_csv;
use casework::rules::Rules;
use investigation::policy::{AddressSource, Policy, PolicyError};
use serde::Serialize;

use crate::args::PolicyCommand;
use crate::exit::Exit;
use crate::setup::Setup;
use crate::show::{self, paint};

/// The answer as JSON.
#[derive(Serialize)]
struct Answer {
    file: String,
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Runs the command.
pub(super) async fn run(setup: &Setup, command: &PolicyCommand) -> Result<Exit> {
    match command {
        PolicyCommand::Check => check(setup),
        PolicyCommand::Address { users } => address::run(setup, users).await,
        PolicyCommand::PreviewMail(which) => preview::run(setup, which),
        PolicyCommand::PreviewTicket(args) => super::preview_ticket::run(setup, args),
    }
}

fn check(setup: &Setup) -> Result<Exit> {
    let text = setup.policy_text()?;
    let (errors, warnings, scope) = match Policy::parse(&text) {
        Ok(policy) => {
            let mut warnings: Vec<String> = policy.remarks().into_iter().map(|remark| remark.text).collect();
            let mut errors = Vec::new();
            match Rules::read(setup.rules_folder(&policy).as_deref()) {
                Ok((_, faults)) => {
                    warnings.extend(faults.iter().map(|fault| format!("[assessment] rules: {fault}")))
                }
                Err(error) => errors.push(format!("[assessment] {:#}", anyhow::Error::from(error))),
            }
            check_mail(setup, &policy, &mut errors);
            let networks: Vec<String> = policy.scope.networks.iter().map(ToString::to_string).collect();
            (errors, warnings, networks.join(", "))
        }
        Err(PolicyError::Wrong(remarks)) => {
            (remarks.into_iter().map(|remark| remark.text).collect(), Vec::new(), String::new())
        }
        Err(error) => (vec![error.to_string()], Vec::new(), String::new()),
    };
    let answer = Answer { file: setup.policy_file.display().to_string(), errors, warnings };
    let exit = if answer.errors.is_empty() { Exit::Done } else { Exit::BadPolicy };
    if setup.json {
        show::json(&answer);
        return Ok(exit);
    }
    for error in &answer.errors {
        show::note(&format!("peerhound: {}: {error}", answer.file));
    }
    let mut lines: Vec<String> =
        answer.warnings.iter().map(|warning| format!("{} {warning}", paint::yellow("warning:"))).collect();
    if exit == Exit::Done {
        let reach =
            if scope.is_empty() { "contacts nothing".to_owned() } else { format!("may contact {scope}") };
        lines.push(format!("{}: sound; {reach}", answer.file));
    }
    show::lines(&lines);
    Ok(exit)
}

/// What only the files beside the policy tell: texts of mails, and the list of users. What is wrong in them would go
/// unseen until the first mail.
fn check_mail(setup: &Setup, policy: &Policy, errors: &mut Vec<String>) {
    match casework::texts::read(setup.texts_folder(policy).as_deref()) {
        Ok((texts, faults)) => {
            errors.extend(faults.iter().map(|fault| format!("[mail] texts: {fault}")));
            if faults.is_empty() && texts.language(&policy.mail.language).is_none() {
                let known = texts.languages().collect::<Vec<_>>().join(", ");
                errors.push(format!("[mail] language = {:?}: there are {known}", policy.mail.language));
            }
        }
        Err(error) => errors.push(format!("[mail] {:#}", anyhow::Error::from(error))),
    }
    if let Some(file) = setup.users_file(policy).filter(|_| policy.users.asks(AddressSource::Csv))
        && let Err(why) = check_csv(&file, policy)
    {
        errors.push(format!("[users] directory {}: {why}", file.display()));
    }
}
