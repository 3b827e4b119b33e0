//! A person's word to a deployment: signed, sent, and waited for.

use std::time::Duration;

use anyhow::{Result, anyhow};
use casework::aws::decisions::{Spoken, StsEndpoint, StsProof, Voucher};
use casework::backend::Backend;
use casework::remediate::{NotTaken, Word};
use investigation::case::Case;
use jiff::Timestamp;

use super::bad_input;
use crate::deployed::Deployed;
use crate::exit::{Exit, WithExit};
use crate::show::{self, safe};

/// How long it is waited for what becomes of a word. A function that was not used for a while takes a second to start.
const WAIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(500);

/// What is said, and how.
pub(super) struct Saying<'a> {
    pub(super) word: Word,
    pub(super) measures: &'a [u32],
    /// The evidence that was looked at; empty for a no.
    pub(super) evidence_sha256: String,
    /// Send it and be gone.
    pub(super) no_wait: bool,
    /// What is printed is for a program.
    pub(super) json: bool,
}

/// Says it. Returns the case with the word, or `None` where it was not waited for.
pub(super) async fn say(deployed: &Deployed, case: &Case, saying: &Saying<'_>) -> Result<Option<Case>> {
    // No word about it can say what was shown.
    if case.remediation.is_none() {
        let text = format!("case {}: nothing was proposed for this case", safe(&case.id));
        return Err(anyhow!(text).context(WithExit(Exit::BadInput)));
    }
    let spoken = signed(deployed, case, saying).await?;
    let queue = &deployed.deployment.decisions_queue_url;
    spoken.send(deployed.clients.sqs(), queue).await?;
    if saying.no_wait {
        let what = "it is said, and nobody waits for what becomes of it: see";
        show::note(&format!("peerhound: {what} `peerhound case show {}`", safe(&case.id)));
        return Ok(None);
    }
    if !saying.json {
        show::note("peerhound: sent; waiting for the deployment to take it");
    }
    let until = tokio::time::Instant::now() + WAIT;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        let now = deployed.store.case(&case.id).await?;
        let now = now.ok_or_else(|| bad_input(&NotTaken::NoCase(safe(&case.id))))?;
        match now.heard(&spoken.id).map(|heard| heard.refused.clone()) {
            None => {}
            Some(None) => return Ok(Some(now)),
            Some(Some(why)) => {
                let text = format!("the deployment did not take it: {}", safe(&why));
                return Err(anyhow!(text).context(WithExit(Exit::BadInput)));
            }
        }
    }
    let (seconds, id) = (WAIT.as_secs(), safe(&case.id));
    Err(anyhow!(
        "the deployment has not said for {seconds} seconds whether it takes it; it may do so for 15 minutes from now: \
         see `peerhound case show {id}`, and the log of the function progress"
    ))
}

/// The word with the proof of whose it is. AWS is not asked: whoever takes the word asks.
async fn signed(deployed: &Deployed, case: &Case, saying: &Saying<'_>) -> Result<Spoken> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    let is_no = saying.word == Word::Reject;
    let mut spoken = Spoken {
        id: data_encoding::HEXLOWER.encode(&id),
        case_id: case.id.clone(),
        word: saying.word,
        measures: saying.measures.to_vec(),
        evidence_sha256: saying.evidence_sha256.clone(),
        seen: (!is_no).then(|| case.plan_sha256(saying.measures, saying.word == Word::Undo)),
        // Signatures are of whole seconds.
        said_at: Timestamp::from_second(Timestamp::now().as_second())?,
        voucher: Voucher::Sts(StsProof::default()),
    };
    let endpoint = StsEndpoint::of(&deployed.deployment).await.map_err(|why| anyhow!(why))?;
    let digest = spoken.digest(deployed.deployment.identity());
    let credentials = deployed.clients.credentials().await.map_err(|why| anyhow!(why))?;
    let proof = StsProof::sign(&endpoint.bound(&spoken, &digest), credentials);
    spoken.voucher = Voucher::Sts(proof.map_err(|why| anyhow!("it cannot be signed: {why}"))?);
    Ok(spoken)
}
