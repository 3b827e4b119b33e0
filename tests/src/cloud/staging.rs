//! The bucket through which orders go to a relay and bundles come back.

use anyhow::Result;
use investigation::order::OrderBatch;

use super::Cloud;

impl Cloud {
    /// Puts an object into the staging bucket.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn stage(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let put = self.clients.s3().put_object().bucket(&self.deployment.staging_bucket).key(key);
        self.runtime.block_on(put.body(bytes.to_vec().into()).send())?;
        Ok(())
    }

    /// How many orders about a case were put where a relay takes them from, so far. Other cases give orders at any time:
    /// the commands of Systems Manager do not tell whose they are.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn orders_about(&self, case_id: &str) -> Result<usize> {
        let (s3, bucket) = (self.clients.s3(), &self.deployment.staging_bucket);
        self.runtime.block_on(async {
            let mut pages = s3.list_objects_v2().bucket(bucket).prefix("orders/").into_paginator().send();
            let mut orders = 0;
            while let Some(page) = pages.next().await {
                for object in page?.contents() {
                    let get = s3.get_object().bucket(bucket).key(object.key().unwrap_or_default());
                    let bytes = get.send().await?.body.collect().await?.into_bytes();
                    let batch: OrderBatch = serde_json::from_slice(&bytes)?;
                    orders += batch.orders.iter().filter(|order| order.order.case_id == case_id).count();
                }
            }
            Ok(orders)
        })
    }
}
