//! No account is locked out by us: a password that was refused rests for a while, one that is not known to be right is
//! tried at one endpoint at a time, and any at a few. All clones of a collector share this.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a refused password rests. Windows counts refusals over ten minutes by default, in many domains over thirty.
const REST: Duration = Duration::from_secs(30 * 60);

/// Tries of one account at the same time: as many may fail when its password is changed elsewhere.
const AT_ONCE: u32 = 3;

/// What is known of the accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    known: Arc<Mutex<HashMap<String, Account>>>,
}

#[derive(Debug)]
struct Account {
    standing: Standing,
    gate: Arc<Semaphore>,
}

impl Default for Account {
    fn default() -> Self {
        Self { standing: Standing::default(), gate: Arc::new(Semaphore::new(AT_ONCE as usize)) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Unknown,
    Accepted([u8; 32]),
    Refused([u8; 32], Instant),
}

/// The password was refused not long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resting {
    /// For how long it still is not tried.
    pub(super) left: Duration,
}

/// Leave to try one password once.
#[derive(Debug)]
pub(super) struct Try {
    accounts: Accounts,
    account: String,
    password: [u8; 32],
    /// All of the account's permits while nobody knows whether the password is right, else one of them. The gate is
    /// never closed, so there always is one.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Accounts {
    /// Refuses an account whose password was refused, unless it has been changed since.
    pub(super) fn check(&self, user: &str, password: [u8; 32]) -> Result<(), Resting> {
        let mut known = self.lock();
        match known.entry(key(user)).or_default().standing {
            Standing::Refused(refused, at) if refused == password && at.elapsed() < REST => {
                Err(Resting { left: REST.saturating_sub(at.elapsed()) })
            }
            _ => Ok(()),
        }
    }

    /// Gives leave to try. Waits for another's try where it is not known yet what comes of it.
    pub(super) async fn begin(&self, user: &str, password: [u8; 32]) -> Result<Try, Resting> {
        self.check(user, password)?;
        let (gate, permits) = {
            let mut known = self.lock();
            let account = known.entry(key(user)).or_default();
            let is_right = account.standing == Standing::Accepted(password);
            (Arc::clone(&account.gate), if is_right { 1 } else { AT_ONCE })
        };
        let permit = gate.acquire_many_owned(permits).await.ok();
        self.check(user, password)?;
        Ok(Try { accounts: self.clone(), account: key(user), password, _permit: permit })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try {
    /// The password is right.
    pub(super) fn accepted(self) {
        self.settle(Standing::Accepted(self.password));
    }

    /// It is wrong, or the account may not log on.
    pub(super) fn refused(self) {
        self.settle(Standing::Refused(self.password, Instant::now()));
    }

    fn settle(&self, standing: Standing) {
        self.accounts.lock().entry(self.account.clone()).or_default().standing = standing;
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

    #[tokio::test]
    async fn a_refused_password_rests_for_all_and_a_changed_one_does_not() {
        let accounts = Accounts::default();
        accounts.begin("CORP\\svc", OLD).await.unwrap().refused();
        let clone = accounts.clone();
        let resting = clone.check("corp\\SVC", OLD).unwrap_err();
        assert!(resting.left > Duration::from_secs(29 * 60));
        assert!(clone.begin("corp\\svc", OLD).await.is_err());
        assert!(clone.check("corp\\svc", NEW).is_ok() && clone.check("corp\\other", OLD).is_ok());
        clone.begin("corp\\svc", NEW).await.unwrap().accepted();
        assert!(accounts.check("corp\\svc", NEW).is_ok());
    }

    #[tokio::test]
    async fn an_unknown_password_is_tried_alone() {
        let accounts = Accounts::default();
        let first = accounts.begin("svc", OLD).await.unwrap();
        let second = tokio::spawn({
            let accounts = accounts.clone();
            async move { accounts.begin("svc", OLD).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished(), "it waits for what comes of the first");
        first.refused();
        assert!(second.await.unwrap().is_err(), "and is not tried after it");
    }

    #[tokio::test]
    async fn a_right_password_is_tried_at_a_few_endpoints_side_by_side() {
        let accounts = Accounts::default();
        accounts.begin("svc", OLD).await.unwrap().accepted();
        let mut tries = Vec::new();
        for _ in 0..AT_ONCE {
            tries.push(accounts.begin("svc", OLD).await.unwrap());
        }
        let next = accounts.begin("svc", OLD);
        assert!(tokio::time::timeout(Duration::from_millis(20), next).await.is_err());
        tries.pop().unwrap().refused();
        assert!(accounts.begin("svc", OLD).await.is_err());
    }

    #[tokio::test]
    async fn a_try_that_came_to_nothing_holds_nobody_up() {
        let accounts = Accounts::default();
        drop(accounts.begin("svc", OLD).await.unwrap());
        assert!(accounts.begin("svc", OLD).await.is_ok());
    }
}
