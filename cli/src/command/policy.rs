//! `peerhound policy`.

use anyhow::Result;
use casework::rules::Rules;
use investigation::policy::{Policy, PolicyError};
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
pub(super) fn run(setup: &Setup, command: &PolicyCommand) -> Result<Exit> {
    match command {
        PolicyCommand::Check => check(setup),
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
