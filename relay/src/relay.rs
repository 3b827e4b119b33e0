//! A run: get the batch, make sure that it is meant for this relay, work its orders side by side.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use collector::Collector;
use investigation::order::{BatchError, BatchFault, OrderBatch, RelayOrder};
use jiff::Timestamp;
use reqwest::Client;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use crate::config::{ConfigError, Remediation, Site, Transfer};
use crate::fetch::{FetchError, fetch};
use crate::http;
use crate::order_source::Orders;
use crate::staging::{RunFolder, Staging, StagingError};
use crate::work::{Job, Outcome};

/// Faults of one batch that are shown.
const SHOWN_FAULTS: usize = 5;
/// A contact that takes longer than this holds up nobody.
const LONGEST_TURN: Duration = Duration::from_secs(60);

/// Why a run ended before its orders did.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The staging folder cannot be used.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// There is no batch.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What was fetched is no batch.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The batch must not be worked on. Nothing of it was.
    #[error("{}", shown(.0))]
    Faults(Vec<BatchFault>),
    /// The batch is for another relay.
    #[error("the batch is for relay {theirs}, and this is {ours}; nothing of it was done")]
    OtherRelay {
        /// Its name.
        theirs: String,
        /// Our name.
        ours: String,
    },
    /// A bundle would go where the configuration lets nothing be sent.
    #[error("order {index} uploads to {place}, which [transfer] hosts does not list; nothing was done")]
    UploadHost {
        /// Place of the order in the batch, from 0.
        index: usize,
        /// Host and port.
        place: String,
    },
    /// It was told to stop.
    #[error("stopped with {left} orders not done; nothing runs on an endpoint any more")]
    Stopped {
        /// Orders without an outcome.
        left: usize,
    },
}

fn shown(faults: &[BatchFault]) -> String {
    let mut lines: Vec<String> = faults.iter().take(SHOWN_FAULTS).map(ToString::to_string).collect();
    if faults.len() > SHOWN_FAULTS {
        lines.push(format!("and {} more", faults.len() - SHOWN_FAULTS));
    }
    lines.join("; ")
}

/// How many orders came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Orders whose bundle is where it belongs.
    pub uploaded: usize,
    /// Orders whose bundle is not.
    pub not_uploaded: usize,
}

/// What every order needs.
pub(crate) struct Relay {
    pub(crate) name: String,
    pub(crate) min_free_bytes: u64,
    pub(crate) transfer: Transfer,
    pub(crate) remediation: Remediation,
    pub(crate) collector: Collector,
    pub(crate) client: Client,
}

impl Relay {
    pub(crate) fn new(site: &Site) -> Result<Self, ConfigError> {
        Ok(Self {
            name: site.config.name.clone(),
            min_free_bytes: site.config.min_free_bytes,
            transfer: site.config.transfer.clone(),
            remediation: site.config.remediation.clone(),
            collector: site.collector()?,
            client: http::client(&site.config.transfer)?,
        })
    }

    /// The batch, fetched where that is needed, and fit to be worked on.
    async fn batch(&self, orders: Orders) -> Result<OrderBatch, RunError> {
        let batch = match orders {
            Orders::Batch(batch) => batch,
            Orders::Link(link) => OrderBatch::parse(&fetch(&self.client, &link, &self.transfer).await?)?,
        };
        let faults = batch.faults(Timestamp::now());
        if !faults.is_empty() {
            return Err(RunError::Faults(faults));
        }
        if batch.relay != self.name {
            return Err(RunError::OtherRelay { theirs: batch.relay, ours: self.name.clone() });
        }
        let hosts = &self.transfer.hosts;
        let elsewhere = |order: &RelayOrder| !http::is_permitted(&order.upload.url, hosts);
        match batch.orders.iter().position(elsewhere) {
            Some(index) => {
                let place = http::place(&batch.orders[index].upload.url);
                Err(RunError::UploadHost { index, place })
            }
            None => Ok(batch),
        }
    }
}

/// Works through a batch until it is done or `stop` is ready, and tells each outcome as it comes.
///
/// When `stop` is ready, everything is let go: connections are closed, which ends what runs on the endpoints, and the
/// run's folder is removed.
///
/// # Errors
/// See [`RunError`]. An order that fails is no error of the run, and neither is a bundle that cannot be uploaded.
pub async fn run(
    site: &Site,
    orders: Orders,
    stop: impl Future<Output = ()>,
    mut told: impl FnMut(&Outcome),
) -> Result<Tally, RunError> {
    let relay = Arc::new(Relay::new(site)?);
    let staging = Arc::new(Staging::open(&site.staging_dir())?);
    tokio::pin!(stop);
    let batch = tokio::select! {
        batch = relay.batch(orders) => batch?,
        () = &mut stop => return Err(RunError::Stopped { left: 0 }),
    };
    let folder = staging.begin()?;
    let mut running = start(&relay, &staging, &folder, batch, site.config.jobs);
    let mut tally = Tally::default();
    let ended = loop {
        let joined = tokio::select! {
            joined = running.join_next() => joined,
            () = &mut stop => break Err(RunError::Stopped { left: running.len() }),
        };
        match joined {
            None => break Ok(()),
            Some(Ok(outcome)) => {
                match outcome.upload {
                    Ok(_) => tally.uploaded += 1,
                    Err(_) => tally.not_uploaded += 1,
                }
                told(&outcome);
            }
            Some(Err(panicked)) => {
                tally.not_uploaded += 1;
                broken(&panicked);
            }
        }
    };
    running.shutdown().await;
    folder.remove().await;
    ended.map(|()| tally)
}

/// Starts all orders; at most `jobs` of them have their turn at a time.
///
/// Endpoints are suspects, and a contact may last for half an hour. So a turn ends: an order that takes longer goes on
/// beside those that follow it. However many endpoints hang or dribble, every order is begun before the batch expires.
fn start(
    relay: &Arc<Relay>,
    staging: &Arc<Staging>,
    folder: &RunFolder,
    batch: OrderBatch,
    jobs: usize,
) -> JoinSet<Outcome> {
    let turns = Arc::new(Semaphore::new(jobs));
    let left = batch.expires_at.duration_since(Timestamp::now());
    let turn = turn(left.try_into().unwrap_or_default(), batch.orders.len(), jobs);
    let mut orders: Vec<_> = batch.orders.into_iter().enumerate().collect();
    // Neighbours tend to fail together, and their order means nothing.
    fastrand::shuffle(&mut orders);
    let mut running = JoinSet::new();
    for (index, order) in orders {
        let job = Job {
            relay: Arc::clone(relay),
            staging: Arc::clone(staging),
            folder: folder.path().join(index.to_string()),
            order,
            expires_at: batch.expires_at,
        };
        let turns = Arc::clone(&turns);
        running.spawn(async move {
            // It is never closed; without a turn, an order would only be worked on earlier.
            let its_turn = turns.acquire_owned().await;
            let mut work = std::pin::pin!(job.work());
            match tokio::time::timeout(turn, &mut work).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    drop(its_turn);
                    work.await
                }
            }
        });
    }
    running
}

/// How long a turn lasts: at most a minute, and so short that all orders have begun when four fifths of the time that is
/// left for that are over.
fn turn(left: Duration, orders: usize, jobs: usize) -> Duration {
    let rounds = u32::try_from(orders.div_ceil(jobs)).unwrap_or(u32::MAX).max(1);
    (left * 4 / 5 / rounds).min(LONGEST_TURN)
}

/// A mistake of the relay's own. The order's case is picked up again when its time has run out.
fn broken(error: &JoinError) {
    tracing::error!(%error, "an order was abandoned");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_begun_in_time_whatever_the_endpoints_do() {
        for (orders, jobs) in
            [(1, 16), (16, 16), (17, 16), (50, 16), (200, 16), (200, 1), (200, 200), (3, 1024)]
        {
            for left in [300, 60, 7 * 86_400] {
                let left = Duration::from_secs(left);
                let last_begins =
                    turn(left, orders, jobs) * u32::try_from(orders.div_ceil(jobs) - 1).unwrap();
                assert!(last_begins < left, "{orders} orders, {jobs} jobs: {last_begins:?} of {left:?}");
            }
        }
        assert_eq!(turn(Duration::from_secs(300), 50, 16), Duration::from_secs(60));
        assert_eq!(turn(Duration::ZERO, 50, 16), Duration::ZERO);
    }
}
