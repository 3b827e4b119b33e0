//! Live progress on standard error: a line for each machine on a terminal, plain lines in a pipe.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use casework::worker::{Notice, Observer, Phase};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows what the workers tell.
pub(crate) struct Progress {
    look: Look,
}

enum Look {
    /// Bars that are redrawn.
    Terminal { bars: MultiProgress, running: Mutex<HashMap<String, ProgressBar>> },
    /// A line for each phase.
    Lines { last: Mutex<HashMap<String, String>> },
    /// Nothing: what is printed is for a program.
    Silent,
}

impl Progress {
    /// Bars on a terminal, lines elsewhere, and nothing where the output is JSON.
    pub(crate) fn new(json: bool) -> Self {
        let look = if json {
            Look::Silent
        } else if std::io::stderr().is_terminal() {
            let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
            Look::Terminal { bars, running: Mutex::default() }
        } else {
            Look::Lines { last: Mutex::default() }
        };
        Self { look }
    }

    /// Prints without tearing the bars.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        match &self.look {
            Look::Terminal { bars, .. } => bars.suspend(print),
            Look::Lines { .. } | Look::Silent => print(),
        }
    }
}

impl Observer for Progress {
    fn notice(&self, notice: &Notice<'_>) {
        match &self.look {
            Look::Silent => {}
            Look::Terminal { bars, running } => {
                let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
                if matches!(notice.phase, Phase::Closed) {
                    if let Some(bar) = running.remove(notice.case_id) {
                        bar.finish_and_clear();
                    }
                    return;
                }
                let bar = running.entry(notice.case_id.to_owned()).or_insert_with(|| {
                    let bar = bars.add(ProgressBar::new_spinner());
                    let style = ProgressStyle::with_template("{spinner} {prefix:<16} {msg} {elapsed:.dim}");
                    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                    bar.set_prefix(notice.target.to_string());
                    bar.enable_steady_tick(Duration::from_millis(120));
                    bar
                });
                bar.set_message(words(&notice.phase));
            }
            Look::Lines { last } => {
                let words = match &notice.phase {
                    // A count that changes all the time is for a bar and not for lines.
                    Phase::Contact(collector::Progress::Files { .. }) => return,
                    // A line for each tenth.
                    Phase::Contact(collector::Progress::Memory { bytes, of }) => {
                        let tenths = (bytes.saturating_mul(10) / (*of).max(1)).min(10);
                        format!("taking the image of the memory, {} %", tenths * 10)
                    }
                    phase => words(phase),
                };
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if matches!(notice.phase, Phase::Closed) {
                    last.remove(notice.case_id);
                } else if last.insert(notice.case_id.to_owned(), words.clone()).as_ref() != Some(&words) {
                    super::note(&format!("{}: {words}", notice.target));
                }
            }
        }
    }
}

fn words(phase: &Phase) -> String {
    use collector::Progress as Contact;
    match phase {
        Phase::Identifying => "contacting".to_owned(),
        Phase::ClaimingUsers => "checking the users' cooldowns".to_owned(),
        Phase::Collecting => "collecting".to_owned(),
        Phase::Contact(Contact::Connecting) => "connecting".to_owned(),
        Phase::Contact(Contact::Connected { transport }) => format!("connected ({transport})"),
        Phase::Contact(Contact::Artifact { kind }) => format!("collecting {}", kind.as_str()),
        Phase::Contact(Contact::Files { seen }) => format!("collecting torrents, {seen} files seen"),
        Phase::Contact(Contact::Memory { bytes, of }) => {
            format!("taking the image of the memory, {} of {} MiB", bytes >> 20, of >> 20)
        }
        Phase::Contact(Contact::Changing { measures: 1 }) => "carrying out 1 measure".to_owned(),
        Phase::Contact(Contact::Changing { measures }) => format!("carrying out {measures} measures"),
        Phase::Contact(_) => "collecting".to_owned(),
        Phase::Assessing => "assessing".to_owned(),
        Phase::Sealing => "sealing the evidence".to_owned(),
        Phase::Acting(kind) => format!("delivering {kind}"),
        Phase::Remediating => "carrying out what was approved".to_owned(),
        Phase::Undoing => "taking it back".to_owned(),
        Phase::Holding => "setting the legal hold".to_owned(),
        Phase::Releasing => "lifting the legal hold".to_owned(),
        Phase::Closed => "done".to_owned(),
    }
}
