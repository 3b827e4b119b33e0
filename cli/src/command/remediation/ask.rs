//! Asks before anything is changed.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Result, anyhow};
use casework::remediate::Word;
use investigation::case::Case;
use investigation::remediation::{Decision, Proposed, Stage};
use jiff::Timestamp;

use super::shown::measure_line;
use crate::exit::{Exit, WithExit};
use crate::show::{self, safe};

/// Longest answer that is read.
const ANSWER: u64 = 80;

/// Shows what will be done, on what evidence, and waits for a yes.
pub(super) fn whether(case: &Case, decision: &Decision, word: Word, json: bool) -> Result<bool> {
    // What there is nothing to say about is refused for that.
    let Some(kept) = &case.remediation else { return Ok(true) };
    if json || !std::io::stdin().is_terminal() {
        let text = "there is nobody to ask here: look at `peerhound case show`, then say --yes";
        return Err(anyhow!(text).context(WithExit(Exit::BadInput)));
    }
    let now = Timestamp::now();
    let wanted = |proposed: &&Proposed| {
        let named = decision.measures.is_empty() || decision.measures.contains(&proposed.n);
        named
            && match word {
                Word::Undo => proposed.undo().is_some(),
                Word::Approve | Word::Reject => proposed.stage == Stage::Proposed,
            }
    };
    let verb = if word == Word::Undo { "Take back on" } else { "Do on" };
    let mut text =
        vec![format!("{verb} {} ({}), as {}:", safe(&kept.host_name), case.target, safe(&decision.by))];
    text.extend(kept.measures.iter().filter(wanted).map(|proposed| measure_line(kept, proposed, now)));
    text.push(format!("on evidence {}", safe(&decision.evidence_sha256)));
    if let Some(evidence) = &case.evidence {
        text.push(format!("  {}", evidence.location));
    }
    if let Some(assessment) = &case.assessment {
        text.push(format!("  {}", safe(&assessment.summary)));
    }
    show::lines(&text);
    print!("Yes or no? ");
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    let mut input = std::io::Read::take(std::io::stdin().lock(), ANSWER);
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
