//! The queue in front of the workers, what is reported to them, and the sweep.

use std::sync::Arc;

use casework::backend::{Backend, Received};
use casework::worker::{Pace, Resolution, WorkError};
use investigation::case::Disposition;

use super::{Conductor, Happening, Message, Peerhound, Slot};
use crate::broken::Variant;
use crate::history::Fact;
use crate::life::{News, Report, Shared};
use crate::scenario::{HOUR, MINUTE, SECOND, Trouble};
use crate::world::{self, Drawn};

/// A message that is not acknowledged in this time is given again.
const VISIBILITY: i64 = 10 * MINUTE;

impl Conductor {
    /// The queue gets an alert.
    pub(super) fn send(&mut self, number: u32, drawn: &Drawn) {
        let (received, truth) = world::alert(&self.shared.world(), number, drawn);
        self.shared.record(|_| Fact::Sent { alert: number });
        self.shared.world().sent[number as usize] = Some(truth);
        let copies = 1 + u64::from(self.shared.strikes(Trouble::Duplicate, 50));
        for _ in 0..copies {
            let mut wait = 0;
            if self.shared.strikes(Trouble::Reorder, 300) {
                wait += self.shared.between(0, MINUTE);
            }
            if self.shared.strikes(Trouble::Delay, 20) {
                wait += self.shared.between(0, 8 * HOUR);
            }
            let message = self.next;
            self.messages().insert(message, Message { received: received.clone() });
            self.after(wait, Happening::Deliver { message });
        }
    }

    /// A worker gets a message, which becomes visible again if it is not acknowledged.
    pub(super) fn deliver(&mut self, message: u64) {
        let Some(received) = self.messages().get(&message).map(|message| message.received.clone()) else {
            return;
        };
        self.after(VISIBILITY, Happening::Deliver { message });
        self.deliveries += 1;
        let lost = self.shared.strikes_early(Trouble::Redeliver, 20);
        let messages = Arc::clone(&self.messages);
        let acknowledge = move || {
            if !lost {
                messages.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&message);
            }
        };
        let too_early = self.variant == Some(Variant::AcknowledgedTooEarly);
        self.spawn(|worker, shared| async move {
            if too_early {
                acknowledge();
            }
            match handle(&worker, received).await {
                Ok(()) => acknowledge(),
                Err(error) => complain(&shared, &error),
            }
        });
    }

    pub(super) fn report(&mut self, report: Box<Report>, tries: u32) {
        if tries > 200 {
            return;
        }
        if !self.slots.iter().any(Slot::works) {
            return self.after(30 * SECOND, Happening::Report(report, tries + 1));
        }
        let sender = self.shared.news.clone();
        let again = Report { at: -i64::from(tries + 1), ..(*report).clone() };
        // A report that its worker dies over is lost.
        self.spawn(|worker, shared| async move {
            let answer = worker.report(&report.case_id, report.effect, report.attempt, report.event).await;
            let heard = match answer {
                Ok(Resolution::InOtherHands(_)) => false,
                Ok(_) => true,
                Err(error) => {
                    complain(&shared, &error);
                    false
                }
            };
            if !heard {
                let _ = sender.send(News::Report(Box::new(again)));
            }
        });
    }

    /// Starts work on a worker that lives and is not stopped, if there is one.
    fn spawn<F, W>(&mut self, work: W)
    where
        F: Future<Output = ()> + Send + 'static,
        W: FnOnce(Arc<Peerhound>, Arc<Shared>) -> F,
    {
        let living: Vec<usize> = (0..self.slots.len()).filter(|worker| self.slots[*worker].works()).collect();
        let chosen = self.shared.between(0, living.len() as i64) as usize;
        let Some(slot) = living.get(chosen).and_then(|worker| self.slots.get_mut(*worker)) else { return };
        if let Some((_, worker)) = &slot.living {
            slot.tasks.spawn(work(Arc::clone(worker), Arc::clone(&self.shared)));
        }
    }

    pub(super) fn sweep(&mut self, worker: usize) {
        let pause = self.sweep_every + self.shared.between(0, 5 * SECOND);
        self.after(pause, Happening::Sweep { worker });
        let (now, shared, store) = (self.shared.now(), Arc::clone(&self.shared), self.store.clone());
        let skips_open = self.variant == Some(Variant::OutboxNotReplayed);
        let slot = &mut self.slots[worker];
        while let Some(done) = slot.tasks.try_join_next() {
            if let Err(error) = done
                && error.is_panic()
            {
                shared.record(|_| Fact::Broken { what: format!("panicked: {error}") });
            }
        }
        let Some((life, peerhound)) = slot.living.as_ref().filter(|(life, _)| !life.is_stopped()) else {
            return;
        };
        let peerhound = Arc::clone(peerhound);
        let due = store.due(crate::life::stamp(now + life.skew));
        let oldest = crate::life::stamp(now - 2 * MINUTE);
        let (in_hand, life) = (slot.tasks.len(), Arc::clone(life));
        if !skips_open {
            for case_id in due.into_iter().take(400_usize.saturating_sub(in_hand)) {
                let (peerhound, shared) = (Arc::clone(&peerhound), Arc::clone(&shared));
                slot.tasks.spawn(async move {
                    if let Err(error) = peerhound.drive(&case_id, Pace::STEADY).await {
                        complain(&shared, &error);
                    }
                });
            }
        }
        if store.unfinished().1 == 0 {
            return;
        }
        slot.tasks.spawn(async move {
            life.survive(0).await;
            let Ok(waiting) = peerhound.backend.waiting(100).await else { return };
            for row in waiting.iter().filter(|row| row.received_at < oldest) {
                if let Err(error) = peerhound.resolve(row, Pace::STEADY).await {
                    complain(&shared, &error);
                }
            }
        });
    }
}

/// What a worker does with a message: it is stored before it is acknowledged, and worked unless that was done before.
async fn handle(worker: &Peerhound, received: Received) -> Result<(), WorkError> {
    let rows = worker.backend.take_in(vec![received], (worker.now)()).await?;
    for row in rows {
        match &row.disposition {
            Disposition::Waiting => drop(worker.resolve(&row, Pace::STEADY).await?),
            Disposition::Opened { case_id } => drop(worker.drive(case_id, Pace::STEADY).await?),
            _ => {}
        }
    }
    Ok(())
}

/// A store that failed and a case that another worker wrote are the order of the day. A refusal by the core is not.
fn complain(shared: &Shared, error: &WorkError) {
    if let WorkError::Refused(refused) = error {
        shared.record(|_| Fact::Broken { what: refused.to_string() });
    }
}
