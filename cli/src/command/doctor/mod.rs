//! `peerhound doctor`: checks a deployment, and says what to do about what is wrong. Changes nothing.

mod approvers;
mod queues;
mod relays;
mod storage;

use anyhow::Result;
use investigation::text::one_line;
use serde::Serialize;

use crate::deployed::Deployed;
use crate::exit::Exit;
use crate::setup::Setup;
use crate::show::{self, paint};

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warning,
    Wrong,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    /// What was looked at.
    what: String,
    status: Status,
    /// What was found, and what to do where it is not in order.
    found: String,
}

/// The checks so far.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn ok(&mut self, what: &str, found: impl AsRef<str>) {
        self.put(what, Status::Ok, found.as_ref());
    }

    fn warning(&mut self, what: &str, found: impl AsRef<str>) {
        self.put(what, Status::Warning, found.as_ref());
    }

    fn wrong(&mut self, what: &str, found: impl AsRef<str>) {
        self.put(what, Status::Wrong, found.as_ref());
    }

    /// Right, or wrong with what to do.
    fn hold(&mut self, what: &str, holds: bool, right: &str, fix: &str) {
        if holds { self.ok(what, right) } else { self.wrong(what, fix) }
    }

    /// AWS does not tell. Without the right to ask, nothing is known to be wrong.
    fn refused(&mut self, what: &str, why: &str) {
        let denied = ["AccessDenied", "UnauthorizedOperation", "not authorized"];
        if denied.iter().any(|word| why.contains(word)) {
            self.warning(what, format!("could not be looked at, a right is missing: {why}"));
        } else {
            self.wrong(what, why);
        }
    }

    fn put(&mut self, what: &str, status: Status, found: &str) {
        self.0.push(Check { what: one_line(what, 120), status, found: one_line(found, 500) });
    }
}

/// Runs the command.
pub(super) async fn run(setup: &Setup) -> Result<Exit> {
    let deployed = setup.deployed().await?;
    let Deployed { deployment, clients, .. } = &deployed;
    let mut checks = Checks::default();
    queues::check(&mut checks, clients.sqs(), deployment).await;
    storage::tables(&mut checks, clients.dynamodb(), deployment).await;
    storage::buckets(&mut checks, clients.s3(), deployment).await;
    relays::documents(&mut checks, clients.ssm(), deployment).await;
    match setup.policy() {
        Ok(policy) => {
            relays::relays(&mut checks, clients.ssm(), &policy).await;
            relays::mail(&mut checks, clients.ses(), &policy).await;
            approvers::check(&mut checks, clients, deployment, &policy).await;
        }
        Err(error) => checks.warning(
            "policy",
            format!("relays and mail were not looked at: {error:#}; name the policy with --policy"),
        ),
    }
    let exit = match checks.0.iter().any(|check| check.status == Status::Wrong) {
        true => Exit::Failed,
        false => Exit::Done,
    };
    print(&checks.0, setup.json);
    Ok(exit)
}

fn print(checks: &[Check], json: bool) {
    if json {
        return checks.iter().for_each(show::json);
    }
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    let line = |check: &Check| {
        let word = match check.status {
            Status::Ok => paint::green("ok     "),
            Status::Warning => paint::yellow("warning"),
            Status::Wrong => paint::red("wrong  "),
        };
        format!("{word}  {:width$}  {}", check.what, check.found)
    };
    let mut lines: Vec<String> = checks.iter().map(line).collect();
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (wrong, warnings) = (count(Status::Wrong), count(Status::Warning));
    lines.push(format!("{} checks, {wrong} wrong, {warnings} warnings", checks.len()));
    show::lines(&lines);
}
