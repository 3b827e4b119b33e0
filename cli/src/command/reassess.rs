//! `peerhound reassess`: what would the verdicts be by other rules? Sealed evidence is read, and nothing is changed; with
//! `--tell`, cases whose verdict would be another get a note, and their tickets a comment.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use casework::backend::Backend;
use casework::container::{ReadError, VerifyError};
use casework::follow_up::{OrderError, note_verdict};
use casework::reassess::{ReassessError, Reassessed, reassess};
use casework::rules::Rules;
use casework::worker::Pace;
use indicatif::ProgressBar;
use investigation::assess::{Assessment, RuleFault, Verdict};
use investigation::case::Case;
use jiff::Timestamp;
use serde::Serialize;

use super::verify::is_case_id;
use crate::args::Reassess;
use crate::exit::{Exit, WithExit};
use crate::setup::Setup;
use crate::show::{self, paint, progress::Progress, safe};

/// A container to be read, and what the case says of it.
struct Evidence {
    named: String,
    /// A path, or `s3://BUCKET/KEY`.
    location: String,
    sealed: Option<String>,
}

/// Why one was not assessed again: how the program ends for it, and what is said.
type Unread = (Exit, String);

/// The answer for one container that could not be read.
#[derive(Serialize)]
struct NoAnswer<'a> {
    file: &'a str,
    error: String,
}

/// The answer for one that could.
#[derive(Serialize)]
struct Answer<'a> {
    file: &'a str,
    changed: bool,
    #[serde(flatten)]
    reassessed: &'a Reassessed,
}

/// Runs the command.
pub(super) async fn run(setup: &Setup, args: &Reassess) -> Result<Exit> {
    let (rules, faults) = rules(setup, args)?;
    for RuleFault { file, why } in &faults {
        show::note(&format!("{} {file}: {why}", paint::yellow("warning:")));
    }
    let mut exit = Exit::Done;
    let mut evidence = Vec::new();
    for found in found(setup, args).await? {
        match found {
            Ok(found) => evidence.push(found),
            Err((named, why)) => {
                unread(setup, &named, why);
                exit = exit.max(Exit::BadInput);
            }
        }
    }
    let bar =
        (!setup.json && std::io::stderr().is_terminal()).then(|| ProgressBar::new(evidence.len() as u64));
    let (mut all, mut changed) = (0_u64, 0_u64);
    let mut reader = Reader {
        setup,
        rules: Arc::clone(&rules),
        #[cfg(feature = "aws")]
        s3: None,
    };
    let mut others = Vec::new();
    for evidence in evidence {
        let read = reader.read(&evidence).await?;
        let print = || match &read {
            Ok(reassessed) => print(setup, &evidence.named, reassessed),
            Err((_, why)) => unread(setup, &evidence.named, why.clone()),
        };
        match &bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
        match &read {
            Ok(reassessed) => {
                all += 1;
                changed += u64::from(reassessed.changed());
                if reassessed.changed() && evidence.sealed.is_some() {
                    others.push((evidence.named, reassessed.after.verdict));
                }
            }
            Err((weight, _)) => exit = exit.max(*weight),
        }
        if let Some(bar) = &bar {
            bar.inc(1);
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if args.tell {
        exit = exit.max(tell(setup, &others).await?);
    }
    if !setup.json {
        let book = rules.book();
        let sigma = match (book.sigma().len(), book.sigma().elsewhere()) {
            (0, 0) => String::new(),
            (used, elsewhere) => format!("; {used} Sigma rules in use, {elsewhere} of other log sources"),
        };
        show::note(&format!("{all} assessed again, {changed} with another verdict{sigma}"));
    }
    Ok(exit)
}

/// Notes the other verdicts on their cases; each case's ticket is told once. On this machine it is delivered at once, on AWS
/// the functions do that.
async fn tell(setup: &Setup, others: &[(String, Verdict)]) -> Result<Exit> {
    let by = setup.operator().unwrap_or("somebody at the command line");
    let policy = setup.policy()?;
    let mut exit = Exit::Done;
    let mut note = |noted: Result<Option<Case>, OrderError>| match noted {
        Ok(case) => case.map(|case| case.id),
        Err(error) => {
            show::note(&format!("peerhound: not told: {error}"));
            exit = exit.max(Exit::Failed);
            None
        }
    };
    let mut told = 0_u64;
    match &setup.deployment_file {
        None => {
            let worker = setup.worker(policy.clone(), Arc::new(Progress::new(setup.json)))?;
            for (case_id, verdict) in others {
                let now = Timestamp::now();
                let noted = note_verdict(&worker.backend, case_id, *verdict, by, &policy, now).await;
                if let Some(case_id) = note(noted) {
                    told += 1;
                    worker.drive(&case_id, Pace::STEADY).await?;
                }
            }
        }
        #[cfg(feature = "aws")]
        Some(_) => {
            let deployed = setup.deployed().await?;
            let queue = &deployed.deployment.reports_queue_url;
            for (case_id, verdict) in others {
                let now = Timestamp::now();
                let noted = note_verdict(&deployed.store, case_id, *verdict, by, &policy, now).await;
                if let Some(case_id) = note(noted) {
                    told += 1;
                    // Where this fails, the next sweep does it.
                    let _ = casework::aws::queues::go_on(deployed.clients.sqs(), queue, &case_id).await;
                }
            }
            deployed.store.flush().await;
        }
        #[cfg(not(feature = "aws"))]
        Some(_) => return Err(super::without_aws()),
    }
    if !setup.json {
        show::note(&format!(
            "{told} noted on their cases; the others had it noted, or are no cases on record"
        ));
    }
    Ok(exit)
}

/// The folder that was named, or else the policy's own.
fn rules(setup: &Setup, args: &Reassess) -> Result<(Arc<Rules>, Vec<RuleFault>)> {
    let folder = match &args.rules {
        Some(folder) => Some(folder.clone()),
        None => setup.policy_if_any()?.as_ref().and_then(|policy| setup.rules_folder(policy)),
    };
    let (rules, faults) = Rules::read(folder.as_deref()).context(WithExit(Exit::BadInput))?;
    Ok((Arc::new(rules), faults))
}

/// The containers, or why a name stands for none.
async fn found(setup: &Setup, args: &Reassess) -> Result<Vec<Result<Evidence, (String, String)>>> {
    if !args.all && !args.cases.iter().any(|named| is_id(named)) {
        return Ok(args.cases.iter().map(|named| Ok(container(named))).collect());
    }
    match &setup.deployment_file {
        None => on_record(&setup.store(&setup.policy()?)?, args).await,
        #[cfg(feature = "aws")]
        Some(_) => on_record(&setup.deployed().await?.store, args).await,
        #[cfg(not(feature = "aws"))]
        Some(_) => Err(super::without_aws()),
    }
}

/// [`found`], where cases have to be looked up.
async fn on_record(store: &impl Backend, args: &Reassess) -> Result<Vec<Result<Evidence, (String, String)>>> {
    let ids: Vec<String> = match args.all {
        true => store.cases(false, usize::MAX).await?.into_iter().map(|row| row.id).collect(),
        false => args.cases.clone(),
    };
    let mut found = Vec::new();
    for id in ids {
        if !args.all && !is_id(&id) {
            found.push(Ok(container(&id)));
            continue;
        }
        let case = store.case(&id).await?;
        match case.map(|case| case.evidence) {
            Some(Some(sealed)) => {
                found.push(Ok(Evidence { named: id, location: sealed.location, sealed: Some(sealed.sha256) }))
            }
            // A case that was never sealed has no verdict that could change.
            Some(None) if args.all => {}
            Some(None) => found.push(Err((id, "the case has no sealed evidence".to_owned()))),
            None => found.push(Err((id, "neither a file nor a case: see `peerhound case list`".to_owned()))),
        }
    }
    if found.is_empty() && args.all {
        return Err(anyhow!("no case has sealed evidence").context(WithExit(Exit::BadInput)));
    }
    Ok(found)
}

/// Whether a case is meant, and no file.
fn is_id(named: &str) -> bool {
    is_case_id(named) && !Path::new(named).exists()
}

fn container(named: &str) -> Evidence {
    Evidence { named: named.to_owned(), location: named.to_owned(), sealed: None }
}

/// Reads containers where they lie.
struct Reader<'a> {
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only S3 is looked for in it"))]
    setup: &'a Setup,
    rules: Arc<Rules>,
    /// Made for the first that lies there.
    #[cfg(feature = "aws")]
    s3: Option<aws_sdk_s3::Client>,
}

impl Reader<'_> {
    async fn read(&mut self, evidence: &Evidence) -> Result<Result<Reassessed, Unread>> {
        let (rules, sealed) = (Arc::clone(&self.rules), evidence.sealed.clone());
        if let Some(object) = evidence.location.strip_prefix("s3://") {
            return self.read_object(object, sealed).await;
        }
        let path = PathBuf::from(&evidence.location);
        let read =
            tokio::task::spawn_blocking(move || reassess(&path, sealed.as_deref(), rules.book())).await?;
        Ok(read.map_err(weighed))
    }

    #[cfg(feature = "aws")]
    async fn read_object(
        &mut self,
        object: &str,
        sealed: Option<String>,
    ) -> Result<Result<Reassessed, Unread>> {
        use casework::aws::evidence::{ContainerError, ObjectError, read_container};
        use casework::reassess::reassess_in;

        let Some((bucket, key)) = crate::deployed::bucket_and_key(object) else {
            return Ok(Err((Exit::BadInput, "write s3://BUCKET/KEY".to_owned())));
        };
        let s3 = match &self.s3 {
            Some(s3) => s3,
            None => self.s3.insert(self.setup.s3().await?),
        };
        let rules = Arc::clone(&self.rules);
        let read = read_container(s3, bucket, key, move |object, size| {
            reassess_in(object, size, sealed.as_deref(), rules.book())
        });
        Ok(read.await.map_err(|error| match error {
            ContainerError::Content(error) => weighed(error),
            ContainerError::Object(error @ ObjectError::Missing(_)) => (Exit::BadInput, chain(&error)),
            ContainerError::Object(error) => (Exit::Failed, chain(&error)),
        }))
    }

    #[cfg(not(feature = "aws"))]
    async fn read_object(&mut self, _: &str, _: Option<String>) -> Result<Result<Reassessed, Unread>> {
        Err(super::without_aws())
    }
}

/// Evidence that is not intact has failed; what is no evidence is a wrong input.
fn weighed(error: ReassessError) -> Unread {
    let exit = match &error {
        ReassessError::Read(ReadError::Verify(
            VerifyError::Io(_) | VerifyError::NotAFile | VerifyError::NotAZip,
        ))
        | ReassessError::Second => Exit::BadInput,
        _ => Exit::Failed,
    };
    (exit, chain(&error))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn unread(setup: &Setup, named: &str, error: String) {
    match setup.json {
        true => show::json(&NoAnswer { file: named, error }),
        false => {
            show::note(&format!("peerhound: {}: {}", safe(named), investigation::text::one_line(&error, 600)))
        }
    }
}

fn print(setup: &Setup, named: &str, reassessed: &Reassessed) {
    if setup.json {
        show::json(&Answer { file: named, changed: reassessed.changed(), reassessed });
        return;
    }
    let said =
        |assessment: &Assessment| format!("{} ({})", assessment.verdict.words(), assessment.confidence);
    let before = reassessed.before.as_ref().map_or_else(|| "not assessed".to_owned(), said);
    let after = said(&reassessed.after);
    let case = safe(&reassessed.case_id);
    let mut lines = vec![match (reassessed.changed(), before == after) {
        (true, _) => format!("{case}: {before} -> {}", paint::bold(&after)),
        (false, false) => format!("{case}: {before} -> {after}"),
        (false, true) => format!("{case}: {after}, as before"),
    }];
    for difference in &reassessed.rules {
        let (before, after) = (difference.before.as_deref(), difference.after.as_deref());
        lines.push(format!(
            "    {}: {} -> {}",
            safe(&difference.rule),
            before.unwrap_or("nothing"),
            after.unwrap_or("nothing")
        ));
    }
    if reassessed.changed() {
        lines.push(format!("    {}", investigation::text::one_line(&reassessed.after.summary, 600)));
    }
    show::lines(&lines);
}
