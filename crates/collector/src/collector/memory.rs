//! Taking the image of an endpoint's memory: a look at what it is taken by, then the image itself, past its disk and in
//! bounded memory here. What stops on the way is kept and never called whole; a broken contact ends the collection, as
//! everywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use investigation::evidence::{CommandRecord, MemoryImage};
use investigation::policy::MemoryTool;
use investigation::text::one_line;
use jiff::Timestamp;

use super::Progress;
use super::artifacts::{Collecting, open_raw};
use super::identify::joined;
use crate::artifact::forensic::memory::{
    IMAGE_ENTRY, LOOK, Look, Plan, image_script, look_script, tidy_script,
};
use crate::artifact::tally::Tally;
use crate::artifact::{Artifact, Parsed, nothing};
use crate::contact_error::ContactError;
use crate::staging::{Fault, ImageFile, NOISE, RawOutput, Staging, Taken};
use crate::transport::deploy::unguessable;
use crate::transport::{Ended, Run, Script};

/// Time for the look: a few files, and the hash of some MiB.
const LOOKING: Duration = Duration::from_secs(60);
/// Most bytes that the look prints.
const LOOK_BYTES: u64 = 256 << 10;
/// Time for removing what an image that was stopped may have left.
const TIDYING: Duration = Duration::from_secs(15);
/// How often it is said how far the image has come.
const SAYING: Duration = Duration::from_secs(2);
/// Bytes that stay free here beside the image and the container that is made of it.
const SPARE_BYTES: u64 = 256 << 20;

impl Collecting<'_> {
    /// Takes the image, or says why not.
    pub(super) async fn memory(
        &mut self,
        artifact: &'static Artifact,
    ) -> Result<(Parsed, Tally), ContactError> {
        let refused = |why: String| {
            let mut tally = Tally::default();
            tally.failed(why);
            Ok((nothing(artifact.kind), tally))
        };
        let Some(tool) = self.memory_tool.clone() else {
            return refused(
                "no tool is named for it here: a relay takes images where [memory] of its relay.toml names one, this \
                 program where [forensics.memory] of the policy does"
                    .to_owned(),
            );
        };
        let plan = match self.look_at_memory(artifact, &tool).await?.judge(&tool) {
            Ok(plan) => plan,
            Err(why) => return refused(why),
        };
        // Once as it comes, and once in the container.
        let needed = plan.most_bytes.saturating_mul(2).saturating_add(SPARE_BYTES);
        if let Ok(free) = fs4::available_space(self.staging_root())
            && free < needed
        {
            return refused(format!(
                "{free} bytes are free where it would be written to here, and {needed} could be needed: not begun"
            ));
        }
        self.take_image(artifact, &tool, &plan).await
    }

    async fn look_at_memory(
        &mut self,
        artifact: &'static Artifact,
        tool: &MemoryTool,
    ) -> Result<Look, ContactError> {
        let script = look_script(tool);
        let entry = Staging::raw_entry_of(artifact.kind, LOOK);
        let (_, raw, _) = self.run(artifact, Script::Posix(&script), &entry, (LOOKING, LOOK_BYTES)).await?;
        let read = tokio::task::spawn_blocking(move || {
            let mut input = open_raw(&raw)?;
            Look::read(&mut input).map_err(|source| ContactError::Staging { path: raw, source })
        });
        joined(read.await)
    }

    async fn take_image(
        &mut self,
        artifact: &'static Artifact,
        tool: &MemoryTool,
        plan: &Plan,
    ) -> Result<(Parsed, Tally), ContactError> {
        let folder = format!("peerhound-{}", unguessable());
        let script = image_script(tool, plan.source, &folder);
        let taken = Arc::new(AtomicU64::new(0));
        let image = ImageFile::create(self.staging.path(IMAGE_ENTRY), Arc::clone(&taken))?;
        let mut out = RawOutput::image(image, plan.most_bytes + NOISE as u64, tool.stall);
        let started_at = Timestamp::now();
        let run = {
            let running = self.session.run(Script::Posix(&script), &mut out, tool.timeout);
            tokio::pin!(running);
            let mut saying = tokio::time::interval(SAYING);
            loop {
                tokio::select! {
                    run = &mut running => break run?,
                    _ = saying.tick() => {
                        let bytes = taken.load(Ordering::Relaxed);
                        (self.progress)(Progress::Memory { bytes, of: plan.ram_bytes });
                    }
                }
            }
        };
        let finished_at = Timestamp::now();
        self.record_image(artifact, tool, plan, &run, taken.load(Ordering::Relaxed));
        let Some(image) = out.into_image() else { return Ok((nothing(artifact.kind), Tally::default())) };
        let image = joined(tokio::task::spawn_blocking(move || Ok(image.finish())).await)?;
        let mut tally = Tally::default();
        let whole = judge(&image, &run, tool, plan, &mut tally);
        if !whole {
            self.tidy(&folder).await?;
        }
        if tally.is_failed() {
            let gone = std::fs::remove_file(&image.path);
            gone.map_err(|source| ContactError::Staging { path: image.path, source })?;
            return Ok((nothing(artifact.kind), tally));
        }
        let (memory_bytes, unlisted) = (image.lime.memory_bytes(), image.lime.unlisted());
        if unlisted > 0 {
            tally.note(format!("{unlisted} ranges are in the image and not in the list"));
        }
        let image = MemoryImage {
            entry: IMAGE_ENTRY.to_owned(),
            format: "lime".to_owned(),
            size: image.size,
            sha256: image.sha256,
            whole,
            memory_bytes,
            ram_bytes: plan.ram_bytes,
            ranges: image.lime.into_ranges(),
            source: plan.source.to_owned(),
            tool: tool.path().to_owned(),
            tool_sha256: tool.sha256().to_owned(),
            tool_version: plan.version.clone(),
            started_at: Some(started_at),
            finished_at: Some(finished_at),
        };
        Ok((Parsed::Memory(Box::new(image)), tally))
    }

    fn record_image(&mut self, artifact: &Artifact, tool: &MemoryTool, plan: &Plan, run: &Run, bytes: u64) {
        self.commands.push(CommandRecord {
            artifact: artifact.id.clone(),
            command: format!(
                "{} < {}: {} (SHA-256 {}) acquire --source {} PIPE",
                self.session.command(Script::Posix("")),
                artifact.id,
                tool.path(),
                tool.sha256(),
                plan.source
            ),
            exit_code: run.exit_code,
            stdout_bytes: bytes,
            stderr: run.stderr.clone(),
            started_at: run.started_at,
            elapsed_ms: u64::try_from(run.elapsed.as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// An image that was stopped before anything of it came may have left an empty pipe.
    async fn tidy(&mut self, folder: &str) -> Result<(), ContactError> {
        let mut out = RawOutput::memory(1 << 10);
        self.session.run(Script::Posix(&tidy_script(folder)), &mut out, TIDYING).await.map(drop)
    }
}

/// What an image is worth, by how it came and how that ended. True where it is whole.
fn judge(image: &Taken, run: &Run, tool: &MemoryTool, plan: &Plan, tally: &mut Tally) -> bool {
    let memory = image.lime.memory_bytes();
    if let Some(Fault::Disk(why)) = &image.fault {
        tally.failed(format!(
            "it could not be written here after {} bytes: {}",
            image.size,
            one_line(why, 160)
        ));
        return false;
    }
    let end = ended(image, run, tool, plan);
    if memory == 0 {
        let end = end.map_or_else(|| "it was empty".to_owned(), |(_, why)| why);
        tally.failed(format!("no image came: {end}"));
        return false;
    }
    match end {
        Some((End::Cut, why)) => tally.truncated(why),
        Some((End::Lacking, why)) => tally.partial(why),
        None if memory < plan.ram_bytes => {
            let left_out = plan.ram_bytes - memory;
            tally.note(format!(
                "{memory} bytes of memory are in it; the tool leaves out what holds nothing but zeros and what its source \
                 does not show, which is {left_out} bytes of the {} that the endpoint says it has",
                plan.ram_bytes
            ));
            return true;
        }
        None => return true,
    }
    false
}

/// What is wrong with an end.
enum End {
    /// We stopped it.
    Cut,
    /// It is not what it should be.
    Lacking,
}

/// Why an image is not whole, if it is not.
fn ended(image: &Taken, run: &Run, tool: &MemoryTool, plan: &Plan) -> Option<(End, String)> {
    let after = format!("after {} bytes", image.size);
    if let Some(Fault::NoImage(why)) = image.fault {
        return Some((End::Lacking, format!("what came is no image any more {after}: {why}")));
    }
    let said = match one_line(run.stderr.trim(), 160) {
        said if said.is_empty() => String::new(),
        said => format!(": {said}"),
    };
    match (run.ended, run.exit_code) {
        (Ended::TooMuch, _) if image.size >= plan.most_bytes => Some((
            End::Cut,
            format!(
                "stopped {after}: more than an image of the {} bytes can have that the endpoint says are its memory",
                plan.ram_bytes
            ),
        )),
        (Ended::TooMuch, _) => {
            Some((End::Cut, format!("stopped {after}: it said more besides than is kept{said}")))
        }
        (Ended::TimeUp, _) if run.elapsed < tool.timeout => {
            Some((End::Cut, format!("given up {after}: nothing came for {} s{said}", tool.stall.as_secs())))
        }
        (Ended::TimeUp, _) => {
            Some((End::Cut, format!("stopped {after}: its {} s were up{said}", tool.timeout.as_secs())))
        }
        (Ended::ByItself, Some(0)) if image.lime.is_whole() => None,
        (Ended::ByItself, Some(0)) => {
            Some((End::Lacking, format!("it ends in the middle of a range, {after}{said}")))
        }
        (Ended::ByItself, code) => {
            let code = code
                .map_or_else(|| "without an exit code".to_owned(), |code| format!("with exit code {code}"));
            Some((End::Lacking, format!("the tool ended {code} {after}{said}")))
        }
    }
}
