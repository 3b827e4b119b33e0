//! The mail server, which folds nothing, and the ticket server, which may.

use casework::backend::simulated::action_name;
use investigation::act::ActionKind;
use investigation::case::{Case, Delivery};
use tokio::time::Duration;

use super::{DEATHS, Field};
use crate::history::Fact;
use crate::scenario::{SECOND, Trouble};

impl Field {
    pub(super) async fn act(
        &self,
        case: &Case,
        effect: u32,
        kind: ActionKind,
        to: &[String],
    ) -> investigation::case::Event {
        let delivery = self.deliver(case, effect, kind, to).await;
        investigation::case::Event::Delivered { effect, delivery }
    }

    async fn deliver(&self, case: &Case, effect: u32, kind: ActionKind, to: &[String]) -> Delivery {
        let shared = &self.shared;
        let takes = shared.between(20, 2 * SECOND);
        tokio::time::sleep(Duration::from_millis(takes.unsigned_abs())).await;
        self.life.survive(DEATHS).await;
        let why = |text: &str| text.to_owned();
        if let ActionKind::Custom(_) = kind {
            let (action, by) = (action_name(kind, to), self.life.worker as u32);
            shared.record(|_| Fact::Tried { action, by });
            if shared.strikes(Trouble::ActionHangs, 120) {
                let accepted = shared.between(0, 2) == 0;
                if accepted {
                    self.accept(case, effect, kind, to);
                }
                tokio::time::sleep(Duration::from_secs(30)).await;
                self.life.survive(DEATHS).await;
                return Delivery::Uncertain { why: why("it did not end within 30 s") };
            }
        }
        if shared.strikes(Trouble::Refusal, 30) {
            return Delivery::Rejected { why: why("550 no such user") };
        }
        if shared.strikes(Trouble::Refusal, 100) {
            let wait = shared.between(0, 7200).unsigned_abs();
            let retry_after = shared.strikes(Trouble::Refusal, 500).then_some(wait);
            return Delivery::NotAccepted { why: why("429 too many requests"), retry_after };
        }
        if shared.strikes(Trouble::Answer500, 50) {
            return Delivery::Uncertain { why: why("500, and it was not accepted") };
        }
        self.accept(case, effect, kind, to);
        self.life.survive(2 * DEATHS).await;
        if shared.strikes(Trouble::Answer500, 50) {
            return Delivery::Uncertain { why: why("500, and it was accepted") };
        }
        if shared.strikes(Trouble::AcceptedAndLost, 50) {
            tokio::time::sleep(Duration::from_secs(30)).await;
            return Delivery::Uncertain { why: why("no answer came") };
        }
        Delivery::Accepted { receipt: why("accepted") }
    }

    /// The server has it. One that folds makes nothing new of a key that it knows.
    fn accept(&self, case: &Case, effect: u32, kind: ActionKind, to: &[String]) {
        let key = format!("{}.effect-{effect}", case.id);
        let folds = match kind {
            ActionKind::Ticket => self.shared.scenario.folds_tickets(),
            ActionKind::Custom(name) => name.name() == "soar",
            _ => false,
        };
        if folds && !self.shared.world().ticket_keys.insert(key.clone()) {
            return;
        }
        let action = action_name(kind, to);
        self.shared.record(|history| Fact::Accepted { case: history.case(&case.id), action, key, folds });
    }
}
