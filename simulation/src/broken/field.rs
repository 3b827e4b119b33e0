//! A performer that breaks its obligations.

use std::sync::Arc;

use casework::worker::{Performed, Performer};
use investigation::case::{Case, Delivery, Effect, Event, Pending};

use super::Variant;
use crate::field::{Field, LIMITS};
use crate::life::{Life, Shared};

/// The performer, sound or broken.
pub struct BrokenField {
    variant: Option<Variant>,
    field: Field,
}

impl BrokenField {
    /// The performer of one life of a worker.
    pub fn new(variant: Option<Variant>, shared: Arc<Shared>, life: Arc<Life>) -> Self {
        let limits = match variant {
            Some(Variant::ContactUnbounded) => LIMITS.map(|limit| limit * 600),
            _ => LIMITS,
        };
        Self { variant, field: Field { shared, life, limits, variant } }
    }

    async fn under_another_key(&self, case: &Case, pending: &Pending) -> Performed {
        let attempts = case.pending.iter().find(|p| p.n == pending.n).map_or(0, |p| p.attempts);
        let other = Pending { n: pending.n + 1000 * attempts, ..pending.clone() };
        match self.field.perform(case, &other).await {
            Performed::Done(Event::Delivered { delivery, .. }) => {
                Performed::Done(Event::Delivered { effect: pending.n, delivery })
            }
            performed => performed,
        }
    }

    /// Lets half a staging area pass for a whole one.
    fn pretend_whole(&self, case: &Case) {
        let number = self.field.shared.history().case(&case.id);
        if let Some(staging) = self.field.shared.world().staging.get_mut(&number) {
            staging.whole = true;
        }
    }
}

impl Performer for BrokenField {
    async fn perform(&self, case: &Case, pending: &Pending) -> Performed {
        match (self.variant, &pending.effect) {
            (Some(Variant::KeyDropped), Effect::Act { .. }) => self.under_another_key(case, pending).await,
            (Some(Variant::UncertainDropped), Effect::Act { .. }) => {
                match self.field.perform(case, pending).await {
                    Performed::Done(Event::Delivered { effect, delivery: Delivery::Uncertain { why } }) => {
                        let delivery = Delivery::NotAccepted { why, retry_after: None };
                        Performed::Done(Event::Delivered { effect, delivery })
                    }
                    performed => performed,
                }
            }
            (Some(Variant::SaidToBeDone), Effect::Act { .. }) => {
                let delivery = Delivery::Accepted { receipt: "surely".to_owned() };
                Performed::Done(Event::Delivered { effect: pending.n, delivery })
            }
            (Some(Variant::OutOfTurn), Effect::Assess) => {
                Performed::Done(Event::UserClaims { held: Vec::new() })
            }
            (Some(Variant::HalfSealed), Effect::Collect) => {
                self.pretend_whole(case);
                self.field.perform(case, pending).await
            }
            (Some(Variant::IdentityNotCompared), Effect::Collect) => {
                let unasked = Case { identity: None, ..case.clone() };
                self.field.perform(&unasked, pending).await
            }
            _ => self.field.perform(case, pending).await,
        }
    }

    async fn leave(&self, case: &Case) {
        self.field.leave(case).await;
    }
}
