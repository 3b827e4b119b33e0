//! What keeps a storm of alerts cheap: one read for all the machines of a batch, and one write for each machine of it
//! instead of one for each alert.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use data_encoding::HEXLOWER;
use investigation::case::Disposition;
use investigation::claim::{Claim, ClaimKey};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::{StoreError, Stored};
use super::Aws;
use super::call::{ATTEMPTS, Table, failed, pause};
use super::claims::found;
use super::item::{Item, address, case_pk, claim_key, key, s, set, stamp, text, to_json, ttl, waits_key};
use super::ledger::settled_day;

/// Ids in one item, by their bytes.
const IDS_BYTES: usize = 300 << 10;

/// Items that one call writes.
const ITEMS: usize = 25;

/// How long what policy decided is kept where no retention is set.
const KEPT_SECONDS: i64 = 30 * 86_400;

/// How a machine stands, as far as its claim and its waiting cases say.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Nothing is in the way of a case.
    Free,
    /// It was looked at, or is being looked at.
    Held {
        /// The claim in force.
        claim: Claim,
        /// The alert that opened the claim's case. A repeat of this very alert is no suppressed one.
        opened_by_alert: String,
    },
    /// A case waits for it.
    Waiting {
        /// The oldest such case.
        case_id: String,
    },
}

/// Alerts of one batch about one machine that repeat what a case looks at, or has looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeats {
    /// The case.
    pub case_id: String,
    /// The claim in their way.
    pub key: ClaimKey,
    /// The alerts.
    pub alert_ids: Vec<String>,
}

impl Repeats {
    /// One item, unless the ids do not fit into one.
    fn items(&self, at: Timestamp) -> Vec<Item> {
        let item = |ids: Vec<String>| {
            let mut item = key(case_pk(&self.case_id), batch_sk(at, self.key.as_str(), &ids));
            item.insert("key".to_owned(), s(self.key.as_str()));
            item.insert("at".to_owned(), s(stamp(at)));
            item.insert("ids".to_owned(), AttributeValue::Ss(ids));
            item
        };
        pieces(&self.alert_ids).into_iter().map(item).collect()
    }
}

/// The oldest of the cases in an item `waits`.
pub(super) fn oldest(waits: &Item) -> Option<String> {
    let entries = set(waits, "cases").iter().filter_map(|entry| entry.split_once('|'));
    entries.min().map(|(_, case_id)| case_id.to_owned())
}

/// Distinct ids, in pieces that fit into an item.
fn pieces(alert_ids: &[String]) -> Vec<Vec<String>> {
    let distinct: BTreeSet<&String> = alert_ids.iter().filter(|id| !id.is_empty()).collect();
    let mut pieces: Vec<Vec<String>> = Vec::new();
    let mut room = 0;
    for id in distinct {
        if id.len() > room || pieces.is_empty() {
            pieces.push(Vec::new());
            room = IDS_BYTES;
        }
        room = room.saturating_sub(id.len());
        if let Some(piece) = pieces.last_mut() {
            piece.push(id.clone());
        }
    }
    pieces
}

/// The place of a piece: told twice at the same moment, it is there once.
fn batch_sk(at: Timestamp, salt: &str, ids: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    for id in ids {
        hash.update([0]);
        hash.update(id.as_bytes());
    }
    format!("batch#{}#{}", stamp(at), HEXLOWER.encode(&hash.finalize()[..8]))
}

impl Aws {
    /// Counts the alerts of one batch, about one machine, on the case whose claim is in their way. The alerts
    /// themselves are not stored. Told twice, they are counted once.
    ///
    /// # Errors
    /// When the store fails, and for a user's claim: alerts that it suppresses may have to wait again, so that each is
    /// suppressed by a step of its own.
    pub async fn count_batch(
        &self,
        case_id: &str,
        key: &ClaimKey,
        alert_ids: &[String],
        at: Timestamp,
    ) -> Stored<()> {
        let repeats =
            Repeats { case_id: case_id.to_owned(), key: key.clone(), alert_ids: alert_ids.to_vec() };
        self.count_batches(&[repeats], at).await
    }

    /// The same for all machines of a batch, twenty-five to a call.
    ///
    /// # Errors
    /// As [`Aws::count_batch`]. Some may be counted then; told again, none is counted twice.
    pub async fn count_batches(&self, repeats: &[Repeats], at: Timestamp) -> Stored<()> {
        if repeats.iter().any(|repeats| repeats.key.is_user()) {
            let why = "alerts cannot be counted as a batch on a user's claim".to_owned();
            return Err(StoreError::Other { place: self.tables(), why });
        }
        let items: Vec<Item> = repeats.iter().flat_map(|repeats| repeats.items(at)).collect();
        let chunks: Vec<Vec<Item>> = items.chunks(ITEMS).map(<[_]>::to_vec).collect();
        self.each(chunks, |this, chunk| async move { this.put_all(chunk).await }).await.map(drop)
    }

    async fn put_all(&self, items: Vec<Item>) -> Stored<()> {
        let mut requests = Vec::with_capacity(items.len());
        for item in items {
            let put = PutRequest::builder().set_item(Some(item)).build();
            let put =
                put.map_err(|error| StoreError::Other { place: self.tables(), why: error.to_string() })?;
            requests.push(WriteRequest::builder().put_request(put).build());
        }
        let mut wanted = HashMap::from([(self.cases.to_string(), requests)]);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
            }
            let call = self.client.batch_write_item().set_request_items(Some(wanted)).send().await;
            let answer = call.map_err(|error| failed(&self.cases, &error))?;
            wanted = answer.unprocessed_items.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable { place: self.tables(), why: "items are left unprocessed".to_owned() })
    }

    /// Records the alerts of one batch that policy leaves alone or refuses, by their machine, for a while.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settled_batch(
        &self,
        ip: IpAddr,
        disposition: &Disposition,
        alert_ids: &[String],
        at: Timestamp,
    ) -> Stored<()> {
        let json = to_json(disposition, &self.cases)?;
        for ids in pieces(alert_ids) {
            let mut item = key(format!("settled#{}", address(ip)), batch_sk(at, &json, &ids));
            item.insert("disposition".to_owned(), s(&json));
            item.insert("at".to_owned(), s(stamp(at)));
            item.insert("day".to_owned(), s(settled_day(at)));
            item.insert("ttl".to_owned(), ttl(at, self.retention.unwrap_or(KEPT_SECONDS)));
            item.insert("ids".to_owned(), AttributeValue::Ss(ids));
            self.put(item).await?;
        }
        Ok(())
    }

    pub(super) async fn put(&self, item: Item) -> Stored<()> {
        let call = self.client.put_item().table_name(&*self.cases).set_item(Some(item));
        call.send().await.map(drop).map_err(|error| failed(&self.cases, &error))
    }

    /// How each of these machines stands, strongly consistent, fifty to a call.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look_up(&self, ips: &[IpAddr], now: Timestamp) -> Stored<HashMap<IpAddr, Standing>> {
        let machines: BTreeSet<ClaimKey> = ips.iter().map(|ip| ClaimKey::ip(*ip)).collect();
        let distinct: BTreeSet<String> = ips.iter().map(|ip| address(*ip)).collect();
        let mut keys: Vec<(Table, Item)> = Vec::with_capacity(2 * machines.len());
        keys.extend(machines.iter().map(|machine| (Table::Cooldowns, claim_key(machine))));
        let addresses = distinct.iter().filter_map(|address| address.parse().ok());
        keys.extend(addresses.map(|ip: IpAddr| (Table::Cases, waits_key(ip))));
        let (mut held, mut waiting) = (HashMap::new(), HashMap::new());
        for (table, item) in self.read(keys).await? {
            match table {
                Table::Cooldowns => {
                    let found = found(&item, &self.cooldowns)?;
                    held.insert(found.claim.key.clone(), found);
                }
                Table::Cases => {
                    let machine = text(&item, "pk").and_then(|pk| pk.strip_prefix("waits#"));
                    if let (Some(machine), Some(case_id)) = (machine, oldest(&item)) {
                        waiting.insert(machine.to_owned(), case_id);
                    }
                }
            }
        }
        let standing = |ip: &IpAddr| match (waiting.get(&address(*ip)), held.get(&ClaimKey::ip(*ip))) {
            (Some(case_id), _) => Standing::Waiting { case_id: case_id.clone() },
            (None, Some(found)) if found.claim.in_force(now) => {
                Standing::Held { claim: found.claim.clone(), opened_by_alert: found.alert_id.clone() }
            }
            _ => Standing::Free,
        };
        Ok(ips.iter().map(|ip| (*ip, standing(ip))).collect())
    }
}
