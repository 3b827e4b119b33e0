//! What the functions share: they read their settings once, and are one worker each, see [`casework::aws`].
#![forbid(unsafe_code)]

mod batch;
mod invocation;
mod log;
mod settings;

use std::sync::Arc;

use casework::aws::intake::{Intake, Message};
use casework::aws::performer::Role;
use casework::aws::progress::{Progress, Undone};
use casework::aws::sweep::Sweep;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument;

pub use lambda_runtime::Error;

use batch::{Batch, Event, Failures};
use invocation::Invocation;
use settings::Site;

/// Runs one function until Lambda ends it.
///
/// # Errors
/// When its settings are wrong, or the runtime's interface breaks. Lambda then starts it anew, and shows the line.
pub fn run(role: Role) -> Result<(), Error> {
    until_the_end(async {
        let site = Arc::new(settings::site(role)?);
        let handler = service_fn(move |event: LambdaEvent<Event>| {
            let site = Arc::clone(&site);
            let invocation = Invocation::of(&event.context);
            let span = span(&event.context);
            async move {
                let answer = handle(&site, event.payload, &invocation).await;
                // Between two invocations the process stands still: nothing may be left to do.
                site.worker.backend.flush().await;
                site.metrics.flush(&site.namespace, site.name, (site.worker.now)());
                answer
            }
            .instrument(span)
        });
        lambda_runtime::run(handler).await
    })
}

/// Runs the function `ingest` until Lambda ends it.
///
/// # Errors
/// As [`run`].
pub fn run_door() -> Result<(), Error> {
    until_the_end(async {
        let (doorman, namespace) = settings::doorman()?;
        let (doorman, namespace) = (Arc::new(doorman), Arc::new(namespace));
        let handler = service_fn(move |event: LambdaEvent<Value>| {
            let (doorman, namespace) = (Arc::clone(&doorman), Arc::clone(&namespace));
            let span = span(&event.context);
            async move {
                let now = jiff::Timestamp::now();
                let answer = doorman.handle(&event.payload, now).await;
                doorman.metrics.flush(&namespace, "ingest", now);
                Ok::<Value, Error>(answer)
            }
            .instrument(span)
        });
        lambda_runtime::run(handler).await
    })
}

/// Serves until Lambda ends it. What `serving` does first is logged already.
fn until_the_end(serving: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    log::begin();
    // One thread: a function of 256 MB has a part of one processor. What blocks goes to threads of its own.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serving)
}

/// What everything that is logged of an invocation carries.
fn span(context: &Context) -> tracing::Span {
    tracing::info_span!("invocation", request_id = context.request_id)
}

async fn handle(site: &Arc<Site>, event: Event, invocation: &Invocation) -> Result<Value, Error> {
    match site.role {
        Role::Intake => Ok(intake(site, event, invocation).await?),
        Role::Progress | Role::Act => Ok(progress(site, event, invocation).await?),
        Role::Sweep => {
            let progress = Progress { worker: Arc::clone(&site.worker) };
            let sweep = Sweep { progress, metrics: Arc::clone(&site.metrics) };
            let swept = sweep.run(invocation.until()).await;
            tracing::info!(?swept, "looked at what is open");
            Ok(Value::Null)
        }
    }
}

async fn intake(site: &Site, event: Event, invocation: &Invocation) -> Result<Value, Error> {
    let batch = Batch::read(event)?;
    let messages: Vec<Message> =
        batch.records.into_iter().map(|record| Message { id: record.id, body: record.body }).collect();
    let intake = Arc::new(Intake { worker: Arc::clone(&site.worker), metrics: Arc::clone(&site.metrics) });
    let mut failures = Failures::of(batch.unreadable);
    failures.extend(intake.handle(&messages, invocation.until()).await);
    Ok(failures.into_answer())
}

async fn progress(site: &Site, event: Event, invocation: &Invocation) -> Result<Value, Error> {
    let batch = Batch::read(event)?;
    let mut failures = Failures::of(batch.unreadable);
    for record in batch.records {
        if invocation.is_over() {
            failures.extend([record.id]);
            continue;
        }
        let progress = Arc::new(Progress { worker: Arc::clone(&site.worker) });
        let (id, body, until) = (record.id, Arc::new(record.body), invocation.until());
        // By itself, so that a message that makes the code panic does not take the others with it.
        let (at_it, read) = (Arc::clone(&progress), Arc::clone(&body));
        let work = async move { at_it.handle(&read, until).await }.in_current_span();
        match tokio::spawn(work).await {
            Ok(Ok(())) => {}
            Ok(Err(Undone::Retry(why))) => {
                tracing::info!(message = id, why, "a message stays on the queue");
                failures.extend([id]);
            }
            Ok(Err(Undone::Reject(why))) => match progress.set_aside(&id, &body, &why).await {
                Ok(()) => tracing::error!(message = id, why, "a message cannot be worked; it was set aside"),
                Err(error) => {
                    tracing::error!(message = id, why, %error, "a message cannot be worked or set aside");
                    failures.extend([id]);
                }
            },
            Err(panicked) => {
                tracing::error!(message = id, %panicked, "a message could not be worked; it stays on the queue");
                failures.extend([id]);
            }
        }
    }
    Ok(failures.into_answer())
}
