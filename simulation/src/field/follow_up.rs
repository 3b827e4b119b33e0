//! What follows a case: the second container, and the hold on what is sealed.

use investigation::case::{Case, Event, SealedEvidence};

use super::{DEATHS, Field, evidence_of};
use crate::broken::Variant;
use crate::history::Fact;
use crate::life::stamp;
use crate::scenario::Trouble;

impl Field {
    /// Seals the second collection, as the first one is.
    pub(super) async fn seal_deeper(&self, case: &Case, effect: u32) -> Event {
        let number = self.shared.history().case(&case.id);
        let (there, staged) = {
            let world = self.shared.world();
            (world.second.contains(&number), world.deeper.get(&number).copied())
        };
        if !there {
            let staging = match self.packed(staged, effect).await {
                Ok(staging) => staging,
                Err(event) => return event,
            };
            if self.shared.world().second.insert(number) {
                let (parts, machine) = (staging.parts, staging.machine);
                self.shared.record(|_| Fact::SealedDeeper { case: number, parts, machine });
            }
        }
        let sealed_at = stamp(self.shared.now() + self.life.skew);
        let location = format!("{}-forensics.zip", case.id);
        let sha256 = evidence_of(&location);
        Event::Sealed { evidence: SealedEvidence { location, sha256, size: 1, sealed_at } }
    }

    /// Sets or lifts the hold of each container. What fails may have done half of it.
    pub(super) async fn hold(&self, case: &Case, effect: u32, on: bool) -> Event {
        let number = self.shared.history().case(&case.id);
        let second = case.forensics.as_ref().is_some_and(|forensics| forensics.evidence.is_some())
            && self.variant != Some(Variant::SecondNotHeld);
        for container in 1..=1 + u8::from(second) {
            if self.shared.holds_fail() || self.shared.strikes_early(Trouble::HoldFailure, 100) {
                return Event::EffectFailed { effect, reason: "403 AccessDenied".to_owned() };
            }
            if self.variant != Some(Variant::HoldForgotten) {
                let by = self.life.worker as u32;
                self.shared.record(|_| Fact::Held { case: number, container, on, by });
            }
            self.life.survive(DEATHS).await;
        }
        Event::Held { effect, detail: "simulated".to_owned() }
    }
}
