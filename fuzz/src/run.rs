//! The runner: makes inputs, executes the target on them, and watches for panics, time and memory.

use std::collections::HashSet;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::black_box::{self, BlackBox};
use crate::finding::Finding;
use crate::mutation::mutate;
use crate::random::Random;
use crate::{MEMORY, Target};

/// Longest that one input may take. Without optimisation everything is slow.
pub const SLOW: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 });
/// After this long an input is given up, and the process with it.
const HUNG: Duration = Duration::from_secs(60);
/// Most inputs that are kept because they led somewhere new.
const CORPUS: usize = 4096;
/// Longest input that is kept.
const KEPT: usize = 8 << 10;
/// Findings after which a run ends: they are rarely about different things.
const ENOUGH: usize = 20;

/// When a run ends.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// After some time.
    Time(Duration),
    /// After a number of mutated inputs; the seeds come before them.
    Executions(u64),
}

/// How a run went.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Inputs that were executed.
    pub executions: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Inputs that later ones are made of.
    pub corpus: usize,
    /// Longest time of one input.
    pub slowest: Duration,
    /// Most memory that one input took, in bytes.
    pub most_memory: usize,
    /// What was found, one for each place and kind.
    pub findings: Vec<Finding>,
}

/// Executes the seeds of a target, and then inputs made of them, the same ones for the same `seed`. `progress` is called
/// now and then, and with each finding.
///
/// # Errors
/// Where the input that runs cannot be noted in `noted`.
pub fn fuzz(
    target: &'static Target,
    seed: u64,
    budget: Budget,
    noted: Option<&Path>,
    mut progress: impl FnMut(&Summary),
) -> io::Result<Summary> {
    let started = Instant::now();
    let mut running = Running::begin(target, noted)?;
    let mut random = Random::new(seed);
    let mut corpus = Vec::new();
    for input in (target.seeds)() {
        running.execute(&input)?;
        if input.len() <= KEPT {
            corpus.push(input);
        }
    }
    let seeds = running.summary.executions;
    let (mut shown, mut told) = (Instant::now(), 0);
    loop {
        let over = match budget {
            Budget::Time(time) => started.elapsed() >= time,
            Budget::Executions(count) => running.summary.executions - seeds >= count,
        };
        if over || running.summary.findings.len() >= ENOUGH {
            break;
        }
        // What led somewhere new lately leads on more often.
        let recent = corpus.len().saturating_sub(64);
        let from = if random.one_in(3) { &corpus[recent..] } else { &corpus[..] };
        let input = mutate(&mut random, from, target.tokens);
        if running.execute(&input)? && input.len() <= KEPT && corpus.len() < CORPUS {
            corpus.push(input);
        }
        let found = running.summary.findings.len() > told;
        if found || shown.elapsed() >= Duration::from_secs(30) {
            (shown, told) = (Instant::now(), running.summary.findings.len());
            (running.summary.elapsed, running.summary.corpus) = (started.elapsed(), corpus.len());
            progress(&running.summary);
        }
    }
    (running.summary.elapsed, running.summary.corpus) = (started.elapsed(), corpus.len());
    Ok(running.summary)
}

/// Executes one input. What is wrong is the error.
///
/// # Errors
/// What the input broke.
pub fn once(target: &Target, input: &[u8]) -> Result<Executed, String> {
    let (executed, panicked) = measure(target, input);
    if let Some(panicked) = panicked {
        return Err(panicked);
    }
    let allowed = target.memory.allows(input.len());
    if executed.memory > allowed {
        return Err(format!(
            "memory: {} KiB for an input of {} bytes, where {} KiB are allowed",
            executed.memory >> 10,
            input.len(),
            allowed >> 10
        ));
    }
    if executed.time > SLOW {
        // A busy machine is no finding: what is slow is slow again.
        let again = (0..3).map(|_| measure(target, input).0.time).min().unwrap_or_default();
        if again > SLOW {
            return Err(format!(
                "slow: {} ms at best for an input of {} bytes",
                again.as_millis(),
                input.len()
            ));
        }
    }
    Ok(executed)
}

/// What one execution took.
#[derive(Clone, Copy, Debug)]
pub struct Executed {
    /// A number for the way that the parser took.
    pub outcome: u64,
    /// Time.
    pub time: Duration,
    /// Most memory above what was held before, in bytes.
    pub memory: usize,
}

fn measure(target: &Target, input: &[u8]) -> (Executed, Option<String>) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let (started, worked) = (Instant::now(), processor_time());
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let time = match (worked, processor_time()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => started.elapsed(),
    };
    let memory = MEMORY.peak_usage().saturating_sub(before);
    let (outcome, panicked) = match outcome {
        Ok(outcome) => (outcome, None),
        Err(payload) => {
            let said = payload.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
            (0, Some(format!("panicked{}: {said}", place())))
        }
    };
    (Executed { outcome, time, memory }, panicked)
}

/// How long this thread was on a processor so far: what others do on the machine makes no input slow. `None` where the
/// system does not say.
fn processor_time() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Where the last panic was.
static PLACE: Mutex<String> = Mutex::new(String::new());

/// Panics are expected here: keeps their place instead of printing it.
pub fn quiet_panics() {
    panic::set_hook(Box::new(|info| {
        if let Some(at) = info.location() {
            *PLACE.lock().unwrap_or_else(PoisonError::into_inner) =
                format!(" at {}:{}", at.file(), at.line());
        }
    }));
}

fn place() -> String {
    std::mem::take(&mut PLACE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The input of a process that ended with it.
///
/// # Errors
/// Where there is none.
pub fn noted(path: &Path) -> io::Result<Vec<u8>> {
    black_box::last(path)
}

struct Running {
    target: &'static Target,
    summary: Summary,
    outcomes: HashSet<u64>,
    places: HashSet<String>,
    black_box: Option<BlackBox>,
    /// Milliseconds since `born` when the current input began, 0 between two.
    since: Arc<AtomicU64>,
    born: Instant,
}

impl Running {
    fn begin(target: &'static Target, noted: Option<&Path>) -> io::Result<Self> {
        let running = Self {
            target,
            summary: Summary::default(),
            outcomes: HashSet::new(),
            places: HashSet::new(),
            black_box: noted.map(BlackBox::create).transpose()?,
            since: Arc::new(AtomicU64::new(0)),
            born: Instant::now(),
        };
        if let Some(path) = noted {
            running.watch(path.to_owned());
        }
        Ok(running)
    }

    /// Ends the process when one input hangs; what it was is in the black box.
    fn watch(&self, noted: PathBuf) {
        let (since, born) = (Arc::downgrade(&self.since), self.born);
        std::thread::spawn(move || {
            while let Some(since) = since.upgrade() {
                let began = since.load(Ordering::Relaxed);
                if began != 0 && born.elapsed() > Duration::from_millis(began) + HUNG {
                    eprintln!("an input hangs; it is kept in {}", noted.display());
                    std::process::abort();
                }
                drop(since);
                std::thread::sleep(Duration::from_secs(1));
            }
        });
    }

    /// Executes one input; true where the parser took a way that no input took before.
    fn execute(&mut self, input: &[u8]) -> io::Result<bool> {
        if let Some(black_box) = &mut self.black_box {
            black_box.note(input)?;
        }
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(now.max(1), Ordering::Relaxed);
        let result = once(self.target, input);
        self.since.store(0, Ordering::Relaxed);
        self.summary.executions += 1;
        match result {
            Ok(executed) => {
                self.summary.slowest = self.summary.slowest.max(executed.time);
                self.summary.most_memory = self.summary.most_memory.max(executed.memory);
                Ok(self.outcomes.insert(executed.outcome))
            }
            Err(what) => {
                // One finding for each place: what is said may hold the input itself.
                let place: String = what.split(": ").next().unwrap_or_default().to_owned();
                if self.places.insert(place) {
                    let finding = Finding { target: self.target.name, what, input: input.to_vec() };
                    self.summary.findings.push(finding);
                }
                Ok(false)
            }
        }
    }
}
