//! No account is locked out by us: a password that was refused rests for a while, one that is not known to be right is
//! tried at one endpoint at a time, and any at a few. All clones of a collector share this.
//!
//! The endpoints are suspects. One that refuses a password which others take may do so to stop the rest of the work: it
//! alone is left alone then, until another one refuses as well. And one that never answers a logon holds the others up
//! for a moment only.

mod gate;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gate::{Entry, Gate, Ticket};

use super::kerberos::Tickets;

/// How long a refused password rests. Windows counts refusals over ten minutes by default, in many domains over thirty.
const REST: Duration = Duration::from_secs(30 * 60);

/// How long a logon waits for those of others. Windows keeps a connection on which nothing happens for two minutes.
pub(in crate::transport) const OTHERS: Duration = Duration::from_secs(100);

/// Endpoints that may refuse a password which others took, one after the other, before it rests for all.
const DOUBTS: u32 = 2;

/// What is known of the accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    known: Arc<Mutex<HashMap<String, Account>>>,
    tickets: Tickets,
}

#[derive(Debug)]
struct Account {
    password: [u8; 32],
    standing: Standing,
    /// Who refused a password that others took, and when.
    doubts: HashMap<IpAddr, Instant>,
    /// How many did since it was taken last.
    refusals: u32,
    gate: Gate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Unknown,
    Accepted,
    Refused(Instant),
}

/// The password was refused not long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) struct Resting {
    /// For how long it still is not tried.
    pub(in crate::transport) left: Duration,
}

/// Leave to try one password once, at one endpoint.
#[derive(Debug)]
pub(in crate::transport) struct Try {
    accounts: Accounts,
    account: String,
    password: [u8; 32],
    target: IpAddr,
    /// Its place in the account's gate.
    place: Ticket,
}

impl Accounts {
    /// Refuses an account whose password was refused, unless it has been changed since.
    pub(in crate::transport) fn check(
        &self,
        user: &str,
        password: [u8; 32],
        target: IpAddr,
    ) -> Result<(), Resting> {
        let mut known = self.lock();
        let account = Account::of(&mut known, &key(user), password);
        let refused = match account.standing {
            Standing::Refused(at) => Some(at),
            _ => account.doubts.get(&target).copied(),
        };
        match refused.map(|at| REST.saturating_sub(at.elapsed())) {
            Some(left) if !left.is_zero() => Err(Resting { left }),
            _ => Ok(()),
        }
    }

    /// Gives leave to try. Waits for another's try where it is not known yet what comes of it.
    pub(in crate::transport) async fn begin(
        &self,
        user: &str,
        password: [u8; 32],
        target: IpAddr,
    ) -> Result<Try, Resting> {
        let account = key(user);
        let ticket = self.wait_for(&account, password);
        loop {
            self.check(user, password, target)?;
            let entry = {
                let mut known = self.lock();
                let found = Account::of(&mut known, &account, password);
                found.gate.enter(ticket.number, found.standing == Standing::Accepted)
            };
            match entry {
                Entry::Admitted => {
                    let place = ticket.number;
                    return Ok(Try { accounts: self.clone(), account, password, target, place });
                }
                // Whoever leaves the gate wakes those that wait.
                Entry::Wait(changed, None) => changed.await,
                Entry::Wait(changed, Some(until)) => {
                    let _ = tokio::time::timeout(until, changed).await;
                }
            }
        }
    }

    /// Takes a place behind those that wait already. It is given back with the ticket.
    fn wait_for(&self, account: &str, password: [u8; 32]) -> Waiting<'_> {
        let number = Account::of(&mut self.lock(), account, password).gate.join();
        Waiting { accounts: self, account: account.to_owned(), number }
    }

    /// The tickets that the accounts were given.
    pub(in crate::transport) fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// What is known of an account with this password. Nothing that was known of another password holds.
    fn of<'k>(known: &'k mut HashMap<String, Self>, account: &str, password: [u8; 32]) -> &'k mut Self {
        let new =
            |gate| Self { password, standing: Standing::Unknown, doubts: HashMap::new(), refusals: 0, gate };
        let found = known.entry(account.to_owned()).or_insert_with(|| new(Gate::default()));
        if found.password != password {
            // Tries of the other password count for the same account.
            *found = new(std::mem::take(&mut found.gate));
        }
        found
    }
}

impl Try {
    /// The password is right.
    pub(in crate::transport) fn accepted(self) {
        self.settle(|account| {
            account.standing = Standing::Accepted;
            account.refusals = 0;
            account.gate.accepted(self.place);
        });
    }

    /// It is wrong, the account may not log on, or the endpoint says so.
    pub(in crate::transport) fn refused(self) {
        let (now, target) = (Instant::now(), self.target);
        self.settle(|account| {
            account.doubts.retain(|_, at| at.elapsed() < REST);
            account.doubts.insert(target, now);
            account.refusals += 1;
            if account.standing != Standing::Accepted || account.refusals >= DOUBTS {
                account.standing = Standing::Refused(now);
            }
        });
    }

    /// Who decides about the account says that it is wrong: no endpoint's word, so it rests for all.
    pub(in crate::transport) fn refused_for_all(self) {
        let now = Instant::now();
        self.settle(|account| account.standing = Standing::Refused(now));
    }

    fn settle(&self, settle: impl FnOnce(&mut Account)) {
        let mut known = self.accounts.lock();
        settle(Account::of(&mut known, &self.account, self.password));
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if let Some(account) = self.accounts.lock().get_mut(&self.account) {
            account.gate.leave(self.place);
        }
    }
}

/// A place among those that wait for leave to try.
struct Waiting<'a> {
    accounts: &'a Accounts,
    account: String,
    number: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(account) = self.accounts.lock().get_mut(&self.account) {
            account.gate.give_up(self.number);
        }
    }
}

/// Windows does not tell upper from lower case in names.
fn key(user: &str) -> String {
    user.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    fn host(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[tokio::test]
    async fn a_refused_password_rests_for_all_and_a_changed_one_does_not() {
        let accounts = Accounts::default();
        accounts.begin("CORP\\svc", OLD, host(1)).await.unwrap().refused();
        let clone = accounts.clone();
        let resting = clone.check("corp\\SVC", OLD, host(2)).unwrap_err();
        assert!(resting.left > Duration::from_secs(29 * 60));
        assert!(clone.begin("corp\\svc", OLD, host(2)).await.is_err());
        assert!(clone.check("corp\\other", OLD, host(1)).is_ok());
        clone.begin("corp\\svc", NEW, host(1)).await.unwrap().accepted();
        assert!(accounts.check("corp\\svc", NEW, host(2)).is_ok());
    }

    #[tokio::test]
    async fn an_unknown_password_is_tried_alone() {
        let accounts = Accounts::default();
        let first = accounts.begin("svc", OLD, host(1)).await.unwrap();
        let second = tokio::spawn({
            let accounts = accounts.clone();
            async move { accounts.begin("svc", OLD, host(2)).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished(), "it waits for what comes of the first");
        first.refused();
        assert!(second.await.unwrap().is_err(), "and is not tried after it");
    }

    #[tokio::test]
    async fn a_right_password_is_tried_at_a_few_endpoints_side_by_side() {
        let accounts = Accounts::default();
        accounts.begin("svc", OLD, host(1)).await.unwrap().accepted();
        let mut tries = Vec::new();
        for _ in 0..gate::AT_ONCE {
            tries.push(accounts.begin("svc", OLD, host(1)).await.unwrap());
        }
        let next = accounts.begin("svc", OLD, host(1));
        assert!(tokio::time::timeout(Duration::from_millis(20), next).await.is_err());
        drop(tries);
        assert!(accounts.begin("svc", OLD, host(1)).await.is_ok());
    }

    #[tokio::test]
    async fn a_logon_that_is_never_answered_is_no_longer_in_doubt_once_a_later_one_succeeds() {
        let accounts = Accounts::default();
        accounts.begin("svc", OLD, host(1)).await.unwrap().accepted();
        // Far more than may be tried at once, each of which holds its try for ever.
        let mut mute = Vec::new();
        for last in 0..40 {
            let three = async {
                mute.push(accounts.begin("svc", OLD, host(last)).await.unwrap());
                mute.push(accounts.begin("svc", OLD, host(last)).await.unwrap());
                accounts.begin("svc", OLD, host(1)).await.unwrap().accepted();
            };
            tokio::time::timeout(Duration::from_secs(20), three).await.expect("nobody waits for those");
        }
        // What proves nothing about them does not let them go.
        mute.push(accounts.begin("svc", OLD, host(50)).await.unwrap());
        mute.push(accounts.begin("svc", OLD, host(51)).await.unwrap());
        let liar = accounts.begin("svc", OLD, host(52)).await.unwrap();
        liar.refused();
        let last = accounts.begin("svc", OLD, host(53)).await.unwrap();
        let next = accounts.begin("svc", OLD, host(54));
        assert!(tokio::time::timeout(Duration::from_millis(50), next).await.is_err());
        drop(last);
    }

    #[tokio::test]
    async fn those_who_wait_have_their_turns_in_order_and_may_go_away() {
        let accounts = Accounts::default();
        let first = accounts.begin("svc", OLD, host(1)).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for last in 2..12 {
            let (accounts, order) = (accounts.clone(), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let leave = accounts.begin("svc", OLD, host(last)).await.unwrap();
                order.lock().unwrap().push(last);
                leave.accepted();
            }));
            tokio::task::yield_now().await;
        }
        waiting.remove(0).abort();
        first.accepted();
        for turn in waiting {
            turn.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (3..12).collect::<Vec<u8>>());
    }

    #[tokio::test]
    async fn one_endpoint_cannot_stop_the_work_on_the_others_and_two_in_a_row_do() {
        let accounts = Accounts::default();
        accounts.begin("svc", OLD, host(1)).await.unwrap().accepted();
        for liar in [2, 3] {
            accounts.begin("svc", OLD, host(liar)).await.unwrap().refused();
            assert!(accounts.check("svc", OLD, host(liar)).is_err(), "it is not asked again itself");
            accounts.begin("svc", OLD, host(1)).await.unwrap().accepted();
        }
        accounts.begin("svc", OLD, host(4)).await.unwrap().refused();
        accounts.begin("svc", OLD, host(5)).await.unwrap().refused();
        assert!(accounts.check("svc", OLD, host(1)).is_err(), "the password was changed");
    }

    #[tokio::test]
    async fn a_kdcs_word_counts_for_all_at_once() {
        let accounts = Accounts::default();
        accounts.begin("svc", OLD, host(1)).await.unwrap().accepted();
        accounts.begin("svc", OLD, host(2)).await.unwrap().refused_for_all();
        assert!(accounts.check("svc", OLD, host(1)).is_err());
        assert!(accounts.check("svc", NEW, host(1)).is_ok());
    }

    #[tokio::test]
    async fn a_try_that_came_to_nothing_holds_nobody_up() {
        let accounts = Accounts::default();
        drop(accounts.begin("svc", OLD, host(1)).await.unwrap());
        assert!(accounts.begin("svc", OLD, host(2)).await.is_ok());
    }
}
