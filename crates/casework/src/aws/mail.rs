//! Mails through SES, one try each: what may have left is never sent again.

use aws_sdk_sesv2::error::SdkError;
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    Attachment as SesAttachment, AttachmentContentDisposition, Body, Content, Destination, EmailContent,
    Message as SesMessage, MessageHeader, MessageTag,
};
use investigation::act::Message;

use super::told;
use crate::deliver::{Attachment, Channel, DeliveryError, Receipt};

/// Tag with the case that a mail belongs to: what SES says of the mail later names it.
pub const CASE_TAG: &str = "peerhound-case";
/// Tag with the number of the effect within the case.
pub const EFFECT_TAG: &str = "peerhound-effect";

/// How mails leave.
#[derive(Clone, Debug)]
pub struct SesConfig {
    /// Sender; its address or domain is a verified identity.
    pub from: String,
    /// Configuration set.
    pub configuration_set: Option<String>,
}

/// Which delivery a mail is.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The case and the number of the effect within it; none for a digest.
    pub delivery: Option<(&'a str, u32)>,
    /// The same for every try of the same mail; it is written into a header.
    pub key: &'a str,
}

/// Sends one mail in one try.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn send(
    ses: &aws_sdk_sesv2::Client,
    config: &SesConfig,
    to: &[String],
    message: &Message,
    attachments: &[Attachment],
    origin: Origin<'_>,
) -> Result<Receipt, DeliveryError> {
    if to.is_empty() {
        return Err(DeliveryError::rejected("no recipient"));
    }
    let built = |error: aws_sdk_sesv2::error::BuildError| DeliveryError::rejected(&error.to_string());
    let text = |data: &str| Content::builder().data(data).charset("UTF-8").build().map_err(built);
    let header = MessageHeader::builder().name("X-Peerhound-Key").value(origin.key).build().map_err(built)?;
    let automatic =
        MessageHeader::builder().name("Auto-Submitted").value("auto-generated").build().map_err(built)?;
    let html = message.html.as_deref().map(text).transpose()?;
    let tag = |name: &str, value: &str| MessageTag::builder().name(name).value(value).build().map_err(built);
    let tags = match origin.delivery {
        Some((case_id, effect)) => {
            vec![tag(CASE_TAG, case_id)?, tag(EFFECT_TAG, &effect.to_string())?]
        }
        None => Vec::new(),
    };
    let attached = attachments.iter().map(attached).collect::<Result<Vec<_>, _>>()?;
    let simple = SesMessage::builder()
        .subject(text(&message.subject)?)
        .body(Body::builder().text(text(&message.text)?).set_html(html).build())
        .set_attachments((!attached.is_empty()).then_some(attached))
        .headers(header)
        .headers(automatic)
        .build();
    let sent = ses
        .send_email()
        .from_email_address(&config.from)
        .set_configuration_set_name(config.configuration_set.clone())
        .destination(Destination::builder().set_to_addresses(Some(to.to_vec())).build())
        .set_email_tags((!tags.is_empty()).then_some(tags))
        .content(EmailContent::builder().simple(simple).build())
        .send()
        .await;
    match sent {
        Ok(sent) => Ok(Receipt {
            channel: Channel::Ses,
            location: "SES".to_owned(),
            reference: sent.message_id().map(str::to_owned),
            url: None,
            refused: Vec::new(),
        }),
        Err(error) => Err(failed(error)),
    }
}

fn attached(file: &Attachment) -> Result<SesAttachment, DeliveryError> {
    SesAttachment::builder()
        .file_name(&file.name)
        .content_type(file.media_type)
        .content_disposition(AttachmentContentDisposition::Attachment)
        .raw_content(Blob::new(file.bytes.clone()))
        .build()
        .map_err(|error| DeliveryError::rejected(&error.to_string()))
}

fn failed(error: SdkError<SendEmailError>) -> DeliveryError {
    match &error {
        SdkError::ServiceError(answer) => match answer.err() {
            SendEmailError::TooManyRequestsException(_)
            | SendEmailError::LimitExceededException(_)
            | SendEmailError::SendingPausedException(_)
            | SendEmailError::AccountSuspendedException(_) => DeliveryError::not_accepted(&told(error)),
            SendEmailError::BadRequestException(_)
            | SendEmailError::MailFromDomainNotVerifiedException(_)
            | SendEmailError::MessageRejected(_)
            | SendEmailError::NotFoundException(_) => DeliveryError::rejected(&told(error)),
            // An answer that the service gave before it looked at the mail: wrong credentials, no rights, throttling.
            _ if answer.raw().status().as_u16() < 500 => DeliveryError::not_accepted(&told(error)),
            _ => DeliveryError::uncertain(&told(error)),
        },
        SdkError::ConstructionFailure(_) => DeliveryError::rejected(&told(error)),
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(|e| e.is_user()) => {
            DeliveryError::not_accepted(&told(error))
        }
        _ => DeliveryError::uncertain(&told(error)),
    }
}
