//! Findings onto an event bus, for the SIEM.
//!
//! A bus delivers at least once anyhow: `metadata.uid` in the detail is what its readers fold repeats by. So what may have
//! arrived may be sent again.

use aws_sdk_eventbridge::error::SdkError;
use aws_sdk_eventbridge::operation::put_events::PutEventsError;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::Value;

use super::told;
use crate::deliver::{Channel, DeliveryError, Receipt};

/// `source` of the events: what rules on the bus go by.
pub const SOURCE: &str = "peerhound";
/// `detail-type` of the events.
pub const DETAIL_TYPE: &str = "OCSF Detection Finding";

/// Puts one finding onto a bus, by its name or ARN.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn put(
    events: &aws_sdk_eventbridge::Client,
    bus: &str,
    finding: &Value,
) -> Result<Receipt, DeliveryError> {
    let entry = PutEventsRequestEntry::builder()
        .source(SOURCE)
        .detail_type(DETAIL_TYPE)
        .event_bus_name(bus)
        .detail(finding.to_string())
        .build();
    let put = events.put_events().entries(entry).send().await.map_err(failed)?;
    // The request can succeed and the entry in it fail.
    let entry = put.entries().first();
    match entry.and_then(|entry| entry.event_id()) {
        Some(id) => Ok(Receipt {
            channel: Channel::EventBus,
            location: bus.to_owned(),
            reference: Some(id.to_owned()),
            url: None,
            refused: Vec::new(),
        }),
        None => {
            let code = entry.and_then(|entry| entry.error_code()).unwrap_or("no event id");
            let message = entry.and_then(|entry| entry.error_message()).unwrap_or_default();
            let why = format!("{bus}: {code} {message}");
            match code {
                "InternalFailure" | "ThrottlingException" | "InternalException" | "no event id" => {
                    Err(DeliveryError::not_accepted(&why))
                }
                _ => Err(DeliveryError::rejected(&why)),
            }
        }
    }
}

fn failed(error: SdkError<PutEventsError>) -> DeliveryError {
    match &error {
        SdkError::ConstructionFailure(_) => DeliveryError::rejected(&told(error)),
        // Rights and buses are put right by people, and throttling by waiting.
        SdkError::ServiceError(answer) if answer.raw().status().as_u16() < 500 => {
            DeliveryError::not_accepted(&told(error))
        }
        _ => DeliveryError::uncertain(&told(error)),
    }
}
