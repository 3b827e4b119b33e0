//! Findings onto an event bus, for the SIEM.
//!
//! A bus delivers at least once anyhow: `metadata.uid` in the detail is what its readers fold repeats by. So what may have
//! arrived may be sent again.

use aws_sdk_eventbridge::error::SdkError;
use aws_sdk_eventbridge::operation::put_events::{PutEventsError, PutEventsOutput};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::Value;

use super::told;
use crate::deliver::{Channel, DeliveryError, Receipt};

/// `source` of the events: what rules on the bus go by.
pub const SOURCE: &str = "peerhound";
/// `detail-type` of the events.
pub const DETAIL_TYPE: &str = "OCSF Detection Finding";
/// Bytes that an entry may have: its source, its type and its detail together.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>
const MAX_ENTRY: usize = 256 << 10;
/// Codes of an entry that the service's own troubles give. Whatever else it says of an entry it will say again.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
const BUSY: [&str; 4] =
    ["InternalException", "InternalFailure", "ServiceUnavailableException", "ThrottlingException"];

/// Puts one finding onto a bus, by its name or ARN.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn put(
    events: &aws_sdk_eventbridge::Client,
    bus: &str,
    finding: &Value,
) -> Result<Receipt, DeliveryError> {
    let detail = finding.to_string();
    let size = SOURCE.len() + DETAIL_TYPE.len() + detail.len();
    if size > MAX_ENTRY {
        return Err(DeliveryError::rejected(&format!(
            "{bus}: the finding has {size} bytes, and an event {MAX_ENTRY} at most; it is in the case's evidence"
        )));
    }
    let entry = PutEventsRequestEntry::builder()
        .source(SOURCE)
        .detail_type(DETAIL_TYPE)
        .event_bus_name(bus)
        .detail(detail)
        .build();
    let put = events.put_events().entries(entry).send().await.map_err(failed)?;
    let reference = Some(event_id(bus, &put)?);
    Ok(Receipt {
        channel: Channel::EventBus,
        location: bus.to_owned(),
        reference,
        url: None,
        refused: Vec::new(),
    })
}

/// The id that the bus gave. The request can succeed and the entry in it fail.
fn event_id(bus: &str, put: &PutEventsOutput) -> Result<String, DeliveryError> {
    let entry = put.entries().first();
    let code = entry.and_then(|entry| entry.error_code());
    match (code, entry.and_then(|entry| entry.event_id())) {
        (Some(code), _) => {
            let message = entry.and_then(|entry| entry.error_message()).unwrap_or_default();
            let why = format!("{bus}: {code}: {message}");
            Err(if BUSY.contains(&code) {
                DeliveryError::not_accepted(&why)
            } else {
                DeliveryError::rejected(&why)
            })
        }
        (None, Some(id)) if put.failed_entry_count() == 0 => Ok(id.to_owned()),
        _ => {
            Err(DeliveryError::uncertain(&format!("{bus}: the answer does not say what became of the event")))
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

#[cfg(test)]
mod tests;
