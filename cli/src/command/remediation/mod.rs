//! `peerhound approvals`, `approve`, `reject` and `undo`: what may be changed on endpoints, by whose word.

mod ask;
#[cfg(feature = "aws")]
mod said;
mod shown;

use anyhow::{Result, anyhow};
use casework::remediate::{NotTaken, Word, decide, waiting};
use casework::worker::Pace;
use investigation::case::Case;
use investigation::policy::Policy;
use investigation::remediation::{Decision, Stage, Way};
use jiff::Timestamp;

pub(super) use self::shown::lines as case_lines;
use crate::args::{Decide, Reject};
use crate::exit::{Exit, WithExit};
use crate::records::Records;
use crate::setup::Setup;
use crate::show::{self, safe};

/// Somebody, and how that is known.
pub(super) struct Person {
    pub(super) by: String,
    pub(super) how: Way,
}

/// Lists what waits.
pub(super) async fn list(store: &impl Records, json: bool) -> Result<Exit> {
    let now = Timestamp::now();
    let cases = waiting(store, now).await?;
    if json {
        cases.iter().filter_map(|case| shown::Shown::of(case, now)).for_each(|shown| show::json(&shown));
    } else if cases.is_empty() {
        show::lines(&["nothing waits for an approval".to_owned()]);
    } else {
        let text: Vec<String> = cases.iter().flat_map(|case| shown::waiting_lines(case, now)).collect();
        show::lines(&text);
    }
    Ok(Exit::Done)
}

/// Approves, or orders that something is taken back.
pub(super) async fn approve(setup: &Setup, args: &Decide, word: Word) -> Result<Exit> {
    match &setup.deployment_file {
        None => {
            let policy = setup.policy()?;
            let person = Person { by: crate::person::account()?, how: Way::CommandLine };
            let store = setup.store(&policy)?;
            let Some(case) = word_of(&store, setup, args, word, &policy, &person).await? else {
                return Ok(Exit::BadInput);
            };
            carry_out(setup, policy, case).await
        }
        #[cfg(feature = "aws")]
        Some(_) => approve_there(setup, args, word).await,
        #[cfg(not(feature = "aws"))]
        Some(_) => Err(super::without_aws()),
    }
}

/// The same on a deployment: its own function takes the word, by its own policy.
#[cfg(feature = "aws")]
async fn approve_there(setup: &Setup, args: &Decide, word: Word) -> Result<Exit> {
    let deployed = setup.deployed().await?;
    let case = known(&deployed.store, &args.case_id).await?;
    let sealed = case.remediation.as_ref().map(|remediation| remediation.evidence_sha256.clone());
    let evidence_sha256 = args.evidence.clone().or(sealed).unwrap_or_default();
    if !args.yes {
        let decision = Decision {
            by: crate::deployed::principal(&deployed.clients).await?,
            how: Way::Aws,
            evidence_sha256: evidence_sha256.clone(),
            measures: args.measures.clone(),
        };
        if !ask::whether(&case, &decision, word, setup.json)? {
            show::note("peerhound: nothing was changed");
            return Ok(Exit::BadInput);
        }
    }
    let saying = said::Saying {
        word,
        measures: &args.measures,
        evidence_sha256,
        no_wait: args.no_wait,
        json: setup.json,
    };
    if let Some(case) = said::say(&deployed, &case, &saying).await? {
        let ordered = case.pending.iter().any(|pending| pending.effect.changes_endpoint());
        let next = match ordered {
            true => "the deployment carries it out within a minute; see `peerhound case show`",
            false => "another person has to approve before anything is done",
        };
        tell(setup, &case, next);
    }
    Ok(Exit::Done)
}

/// Rejects.
pub(super) async fn reject(setup: &Setup, args: &Reject) -> Result<Exit> {
    let case = match &setup.deployment_file {
        None => {
            let policy = setup.policy()?;
            let decision = Decision {
                by: crate::person::account()?,
                how: Way::CommandLine,
                evidence_sha256: String::new(),
                measures: args.measures.clone(),
            };
            let store = setup.store(&policy)?;
            Some(take(&store, &args.case_id, Word::Reject, &decision, &policy).await?)
        }
        #[cfg(feature = "aws")]
        Some(_) => {
            let deployed = setup.deployed().await?;
            let case = known(&deployed.store, &args.case_id).await?;
            let saying = said::Saying {
                word: Word::Reject,
                measures: &args.measures,
                evidence_sha256: String::new(),
                no_wait: args.no_wait,
                json: setup.json,
            };
            said::say(&deployed, &case, &saying).await?
        }
        #[cfg(not(feature = "aws"))]
        Some(_) => return Err(super::without_aws()),
    };
    if let Some(case) = case {
        tell(setup, &case, "");
    }
    Ok(Exit::Done)
}

async fn known(store: &impl Records, case_id: &str) -> Result<Case> {
    store.case(case_id).await?.ok_or_else(|| bad_input(&NotTaken::NoCase(safe(case_id))))
}

/// Shows what it is about, asks, and takes the word. `None` where the answer is no.
async fn word_of(
    store: &impl Records,
    setup: &Setup,
    args: &Decide,
    word: Word,
    policy: &Policy,
    person: &Person,
) -> Result<Option<Case>> {
    let case = known(store, &args.case_id).await?;
    let sealed = case.remediation.as_ref().map(|remediation| remediation.evidence_sha256.clone());
    let decision = Decision {
        by: person.by.clone(),
        how: person.how,
        evidence_sha256: args.evidence.clone().or(sealed).unwrap_or_default(),
        measures: args.measures.clone(),
    };
    if !args.yes && !ask::whether(&case, &decision, word, setup.json)? {
        show::note("peerhound: nothing was changed");
        return Ok(None);
    }
    take(store, &args.case_id, word, &decision, policy).await.map(Some)
}

async fn take(
    store: &impl Records,
    case_id: &str,
    word: Word,
    decision: &Decision,
    policy: &Policy,
) -> Result<Case> {
    decide(store, case_id, word, decision, policy, Timestamp::now).await.map_err(|why| match why {
        NotTaken::Store(error) => error.into(),
        why => bad_input(&why),
    })
}

fn bad_input(why: &NotTaken) -> anyhow::Error {
    anyhow!("{why}").context(WithExit(Exit::BadInput))
}

/// Carries out what is due, here and now, and says what came of it.
async fn carry_out(setup: &Setup, policy: Policy, case: Case) -> Result<Exit> {
    let ordered = case.pending.iter().any(|pending| pending.effect.changes_endpoint());
    if !ordered {
        tell(setup, &case, "another person has to approve before anything is done");
        return Ok(Exit::Done);
    }
    let progress = std::sync::Arc::new(show::progress::Progress::new(setup.json));
    let worker = setup.worker(policy, progress)?;
    worker.drive(&case.id, Pace::STEADY).await?;
    let after = casework::backend::Backend::case(&worker.backend, &case.id).await?.unwrap_or(case.clone());
    let next = after.pending.iter().find(|pending| pending.effect.changes_endpoint());
    let next =
        next.map(|pending| format!("next try {}, by `watch` or `sweep`", show::minute(pending.not_before)));
    tell(setup, &after, next.as_deref().unwrap_or_default());
    let stages = |case: &Case| -> Vec<Stage> {
        case.remediation.iter().flat_map(|kept| &kept.measures).map(|proposed| proposed.stage).collect()
    };
    let bad = |before: &Stage, now: &Stage| match (before, now) {
        (Stage::Ordered, Stage::Failed | Stage::Refused | Stage::Expired) => true,
        (Stage::Undoing, now) => !matches!(now, Stage::Undone | Stage::Undoing),
        _ => false,
    };
    let failed = stages(&case).iter().zip(&stages(&after)).any(|(before, now)| bad(before, now));
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn tell(setup: &Setup, case: &Case, what_next: &str) {
    let now = Timestamp::now();
    if setup.json {
        shown::Shown::of(case, now).iter().for_each(show::json);
        return;
    }
    let mut text = case_lines(case, now);
    if !what_next.is_empty() {
        text.push(what_next.to_owned());
    }
    show::lines(&text);
}
