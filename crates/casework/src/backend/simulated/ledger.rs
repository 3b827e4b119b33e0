//! What a digest reads, from memory.

use investigation::digest::daily::Mailing;
use investigation::digest::{AlertLine, Window};

use super::super::Stored;
use super::super::ledger::{Ledger, TellAlert, TellCase};
use super::{Call, Simulated};

impl Ledger for Simulated {
    async fn tell_alerts(&self, window: Window, tell: &mut TellAlert<'_>) -> Stored<()> {
        let lines: Vec<AlertLine> = self.call(Call::Read, None, |memory| {
            let received = memory.alerts.values().filter(|row| window.holds(row.received_at));
            received
                .map(|row| AlertLine {
                    received_at: row.received_at,
                    disposition: row.disposition.clone(),
                    alerts: 1,
                })
                .collect()
        })?;
        lines.into_iter().for_each(tell);
        Ok(())
    }

    async fn tell_cases(&self, window: Window, tell: &mut TellCase<'_>) -> Stored<()> {
        let cases: Vec<_> = self.call(Call::Read, None, |memory| {
            let opened = memory.cases.values().filter(|stored| window.holds(stored.case.opened_at));
            opened.map(|stored| stored.case.clone()).collect()
        })?;
        cases.iter().for_each(tell);
        Ok(())
    }

    async fn mailing(&self, day: &str) -> Stored<Option<Mailing>> {
        self.call(Call::Read, None, |memory| memory.mailings.get(day).cloned())
    }

    async fn last_mailing(&self) -> Stored<Option<Mailing>> {
        self.call(Call::Read, None, |memory| memory.mailings.values().next_back().cloned())
    }

    async fn keep_mailing(&self, mailing: &Mailing) -> Stored<bool> {
        self.call(Call::Commit, Some(false), |memory| {
            let known = memory.mailings.get(&mailing.day).map_or(0, |known| known.version);
            let next = mailing.version == known + 1;
            if next {
                memory.mailings.insert(mailing.day.clone(), mailing.clone());
            }
            next
        })
    }
}
