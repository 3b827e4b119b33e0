//! Claims: the table `cooldowns`. Whether one is in force is compared in every condition.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem};
use investigation::claim::{Claim, ClaimKey, ClaimKind};
use jiff::Timestamp;

use super::super::Stored;
use super::Aws;
use super::call::{Table, failed};
use super::change::{Change, names};
use super::item::{Item, claim_key, n, needed, ns, number, s, stamp, text, time, ttl};

/// How long a claim that ran out is kept for whoever asks about it.
const KEPT_SECONDS: i64 = 86_400;

/// [`Claim::admits`], as a condition.
const ADMITS: &str = "attribute_not_exists(#pk) OR #expires_ns <= :now OR #case_id = :me";

/// [`Claim::stands`], as a condition.
const STANDS: &str = "#case_id = :owner AND #expires_ns > :now";

/// A claim with what it counts.
pub(super) struct Found {
    pub(super) claim: Claim,
    /// How often it was written or confirmed: who read it knows whether something rests on it since.
    pub(super) touched: u64,
    /// The alert whose case took it.
    pub(super) alert_id: String,
}

pub(super) fn found(item: &Item, table: &str) -> Stored<Found> {
    let kind = match needed(item, "kind", table)? {
        "cooldown" => ClaimKind::Cooldown,
        _ => ClaimKind::Lease,
    };
    let claim = Claim {
        key: ClaimKey::stored(needed(item, "pk", table)?.to_owned()),
        case_id: needed(item, "case_id", table)?.to_owned(),
        kind,
        claimed_at: time(item, "claimed_at", table)?,
        expires_at: time(item, "expires_at", table)?,
    };
    let alert_id = text(item, "alert_id").unwrap_or_default().to_owned();
    Ok(Found { claim, touched: number(item, "touched").unwrap_or(0), alert_id })
}

impl Aws {
    /// Takes or keeps a claim, also from the case `from`, see [`investigation::claim::ClaimOp::TakeOver`].
    pub(super) fn take(
        &self,
        claim: &Claim,
        from: Option<&str>,
        alert_id: &str,
        now: Timestamp,
    ) -> Stored<TransactWriteItem> {
        let kind = match claim.kind {
            ClaimKind::Lease => "lease",
            ClaimKind::Cooldown => "cooldown",
        };
        let take = Change::of(Table::Cooldowns, claim_key(&claim.key));
        let take = match from {
            Some(from) => take.only_if(format!("{ADMITS} OR #case_id = :from")).with(":from", s(from)),
            None => take.only_if(ADMITS),
        };
        take.set(
            "SET #case_id = :me, #kind = :kind, #claimed_at = :claimed, #expires_at = :expires, \
                 #expires_ns = :ns, #ttl = :ttl, #alert_id = :alert ADD #touched :one",
        )
        .with(":me", s(&claim.case_id))
        .with(":kind", s(kind))
        .with(":claimed", s(stamp(claim.claimed_at)))
        .with(":expires", s(stamp(claim.expires_at)))
        .with(":ns", ns(claim.expires_at))
        .with(":ttl", ttl(claim.expires_at, KEPT_SECONDS))
        .with(":alert", s(alert_id))
        .with(":one", n(1))
        .with(":now", ns(now))
        .update(self)
    }

    /// Counts on the claim, so that its owner cannot give it up without seeing what now rests on it.
    pub(super) fn confirm(&self, claim: &Claim, now: Timestamp) -> Stored<TransactWriteItem> {
        Change::of(Table::Cooldowns, claim_key(&claim.key))
            .set("ADD #touched :one")
            .only_if(STANDS)
            .with(":one", n(1))
            .with(":owner", s(&claim.case_id))
            .with(":now", ns(now))
            .update(self)
    }

    /// Gives a claim up that is this case's, or nobody's.
    pub(super) fn give_up(&self, key: &ClaimKey, case_id: &str) -> Stored<TransactWriteItem> {
        Change::of(Table::Cooldowns, claim_key(key))
            .only_if("attribute_not_exists(#pk) OR #case_id = :me")
            .with(":me", s(case_id))
            .delete(self)
    }

    /// Gives a claim up on which nothing has come to rest since it was read.
    pub(super) fn give_up_untouched(
        &self,
        key: &ClaimKey,
        case_id: &str,
        touched: u64,
    ) -> Stored<TransactWriteItem> {
        Change::of(Table::Cooldowns, claim_key(key))
            .only_if("#case_id = :me AND #touched = :touched")
            .with(":me", s(case_id))
            .with(":touched", n(touched))
            .delete(self)
    }

    pub(super) async fn claim_on(&self, key: &ClaimKey) -> Stored<Option<Found>> {
        let item = self.get(Table::Cooldowns, claim_key(key)).await?;
        item.map(|item| found(&item, &self.cooldowns)).transpose()
    }

    pub(super) async fn claims_in_force(&self, keys: &[ClaimKey], now: Timestamp) -> Stored<Vec<Claim>> {
        let distinct: BTreeSet<&ClaimKey> = keys.iter().collect();
        let wanted = distinct.into_iter().map(|key| (Table::Cooldowns, claim_key(key))).collect();
        let mut claims = Vec::new();
        for (_, item) in self.read(wanted).await? {
            claims.push(found(&item, &self.cooldowns)?.claim);
        }
        claims.retain(|claim| claim.in_force(now));
        claims.sort_by_key(|claim| keys.iter().position(|key| *key == claim.key));
        Ok(claims)
    }

    pub(super) async fn all_claims(&self, now: Timestamp) -> Stored<Vec<Claim>> {
        let filter = "#expires_ns > :now";
        let scan = self
            .client
            .scan()
            .table_name(&*self.cooldowns)
            .consistent_read(true)
            .filter_expression(filter)
            .set_expression_attribute_names(names(&[Some(filter)]))
            .expression_attribute_values(":now", ns(now));
        let mut items = scan.into_paginator().items().send();
        let mut claims = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(&self.cooldowns, &error))?;
            claims.push(found(&item, &self.cooldowns)?.claim);
        }
        claims.retain(|claim: &Claim| !claim.key.is_limit());
        claims.sort_by(|a, b| (a.expires_at, &a.key).cmp(&(b.expires_at, &b.key)));
        Ok(claims)
    }

    pub(super) async fn take_away(&self, key: &ClaimKey, now: Timestamp) -> Stored<Option<Claim>> {
        let call = self.client.delete_item().table_name(&*self.cooldowns).set_key(Some(claim_key(key)));
        let answer = call.return_values(ReturnValue::AllOld).send().await;
        let answer = answer.map_err(|error| failed(&self.cooldowns, &error))?;
        let claim = answer.attributes.map(|item| found(&item, &self.cooldowns)).transpose()?;
        Ok(claim.map(|found| found.claim).filter(|claim| claim.in_force(now)))
    }
}
