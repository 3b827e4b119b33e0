//! Tables and buckets: what keeps claims exact and evidence unchanged.

use aws_sdk_dynamodb::types::{PointInTimeRecoveryStatus, TableStatus, TimeToLiveStatus};
use aws_sdk_s3::types::{BucketVersioningStatus, ObjectLockEnabled};
use casework::aws::deployment::Deployment;

use super::Checks;
use crate::deployed::told;

/// Indexes that the functions ask.
const INDEXES: [&str; 3] = ["by_day", "by_event", "by_queue"];

pub(super) async fn tables(
    checks: &mut Checks,
    dynamodb: &aws_sdk_dynamodb::Client,
    deployment: &Deployment,
) {
    for (name, indexes) in [(&deployment.cases_table, &INDEXES[..]), (&deployment.cooldowns_table, &[])] {
        let what = format!("table {name}");
        let described = dynamodb.describe_table().table_name(name).send().await;
        let table = match described.as_ref().map(|answer| answer.table()) {
            Ok(Some(table)) => table,
            Ok(None) => {
                checks.wrong(&what, "AWS describes nothing");
                continue;
            }
            Err(error) => {
                checks.refused(&what, &told(error));
                continue;
            }
        };
        let found: Vec<&str> =
            table.global_secondary_indexes().iter().filter_map(|index| index.index_name()).collect();
        let missing: Vec<&str> = indexes.iter().copied().filter(|index| !found.contains(index)).collect();
        match table.table_status() {
            Some(TableStatus::Active | TableStatus::Updating) if missing.is_empty() => {
                checks.ok(&what, "active")
            }
            Some(TableStatus::Active | TableStatus::Updating) => {
                checks.wrong(
                    &what,
                    format!("lacks the index {}: apply the Terraform module", missing.join(", ")),
                );
            }
            status => checks.wrong(&what, format!("is {status:?}, not active")),
        }
        ttl(checks, dynamodb, name).await;
        backups(checks, dynamodb, name).await;
    }
}

async fn ttl(checks: &mut Checks, dynamodb: &aws_sdk_dynamodb::Client, table: &str) {
    let what = format!("table {table}: TTL");
    match dynamodb.describe_time_to_live().table_name(table).send().await {
        Ok(answer) => {
            let ttl = answer.time_to_live_description();
            let on = ttl.is_some_and(|ttl| {
                ttl.attribute_name() == Some("ttl")
                    && matches!(
                        ttl.time_to_live_status(),
                        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
                    )
            });
            checks.hold(
                &what,
                on,
                "on",
                "is off, so that nothing that ran out is ever deleted (cooldowns end all the same): enable it on the attribute ttl",
            );
        }
        Err(error) => checks.refused(&what, &told(&error)),
    }
}

async fn backups(checks: &mut Checks, dynamodb: &aws_sdk_dynamodb::Client, table: &str) {
    let what = format!("table {table}: recovery");
    match dynamodb.describe_continuous_backups().table_name(table).send().await {
        Ok(answer) => {
            let recovery = answer
                .continuous_backups_description()
                .and_then(|backups| backups.point_in_time_recovery_description())
                .and_then(|recovery| recovery.point_in_time_recovery_status());
            if recovery == Some(&PointInTimeRecoveryStatus::Enabled) {
                checks.ok(&what, "to any point in time");
            } else {
                checks.warning(
                    &what,
                    "point-in-time recovery is off: a table that is lost stays lost; enable it",
                );
            }
        }
        Err(error) => checks.refused(&what, &told(&error)),
    }
}

pub(super) async fn buckets(checks: &mut Checks, s3: &aws_sdk_s3::Client, deployment: &Deployment) {
    let evidence = &deployment.evidence_bucket;
    let what = format!("bucket {evidence}: Object Lock");
    match s3.get_object_lock_configuration().bucket(evidence).send().await {
        Ok(answer) => {
            let lock = answer.object_lock_configuration();
            let on = lock.and_then(|lock| lock.object_lock_enabled()) == Some(&ObjectLockEnabled::Enabled);
            let kept = lock.and_then(|lock| lock.rule()).and_then(|rule| rule.default_retention());
            match kept.filter(|_| on) {
                Some(kept) => {
                    let time = kept.days().map_or_else(
                        || format!("{} years", kept.years().unwrap_or_default()),
                        |days| format!("{days} days"),
                    );
                    let mode = kept.mode().map_or("", |mode| mode.as_str());
                    checks.ok(&what, format!("on, {time}, {mode}"));
                }
                None if on => checks.wrong(&what, "keeps nothing by default: set a default retention"),
                None => checks.wrong(&what, OFF),
            }
        }
        Err(error) => match told(&error) {
            why if why.contains("ObjectLockConfigurationNotFound") => checks.wrong(&what, OFF),
            why => checks.refused(&what, &why),
        },
    }
    for bucket in [evidence, &deployment.staging_bucket] {
        public_access(checks, s3, bucket).await;
        encryption(checks, s3, bucket).await;
    }
    let what = format!("bucket {evidence}: versions");
    match s3.get_bucket_versioning().bucket(evidence).send().await {
        Ok(answer) => checks.hold(
            &what,
            answer.status() == Some(&BucketVersioningStatus::Enabled),
            "kept",
            "are not kept, and Object Lock needs them: apply the Terraform module",
        ),
        Err(error) => checks.refused(&what, &told(&error)),
    }
}

/// It is a choice at the making of a bucket.
const OFF: &str =
    "is off, so that evidence can be deleted: a bucket gets it when it is made; apply the Terraform module";

async fn public_access(checks: &mut Checks, s3: &aws_sdk_s3::Client, bucket: &str) {
    let what = format!("bucket {bucket}: public access");
    let fix = "is not blocked: apply the Terraform module, or block all four kinds";
    match s3.get_public_access_block().bucket(bucket).send().await {
        Ok(answer) => {
            let blocked = answer.public_access_block_configuration().is_some_and(|block| {
                [
                    block.block_public_acls(),
                    block.ignore_public_acls(),
                    block.block_public_policy(),
                    block.restrict_public_buckets(),
                ]
                .into_iter()
                .all(|on| on == Some(true))
            });
            checks.hold(&what, blocked, "blocked", fix);
        }
        Err(error) => match told(&error) {
            why if why.contains("NoSuchPublicAccessBlock") => checks.wrong(&what, fix),
            why => checks.refused(&what, &why),
        },
    }
}

async fn encryption(checks: &mut Checks, s3: &aws_sdk_s3::Client, bucket: &str) {
    let what = format!("bucket {bucket}: encryption");
    match s3.get_bucket_encryption().bucket(bucket).send().await {
        Ok(answer) => {
            let rules = answer.server_side_encryption_configuration().map(|rules| rules.rules());
            let by = rules.unwrap_or_default().iter().find_map(|rule| {
                Some(rule.apply_server_side_encryption_by_default()?.sse_algorithm().as_str().to_owned())
            });
            match by {
                Some(by) if by.starts_with("aws:kms") => checks.ok(&what, by),
                Some(by) => checks.warning(&what, format!("{by}: without a key of your own")),
                None => checks.warning(&what, "none by default"),
            }
        }
        Err(error) => checks.refused(&what, &told(&error)),
    }
}
