//! The queues: there, with a dead-letter queue that is empty.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use casework::aws::deployment::Deployment;

use super::Checks;
use crate::command::redrive::dead_letter_target;
use crate::deployed::{queue_name, told};

type Attributes = HashMap<Name, String>;

pub(super) async fn check(checks: &mut Checks, sqs: &aws_sdk_sqs::Client, deployment: &Deployment) {
    let queues = [&deployment.alerts_queue_url, &deployment.reports_queue_url, &deployment.actions_queue_url];
    for url in queues {
        let what = format!("queue {}", queue_name(url));
        let attributes = match attributes(sqs, url).await {
            Ok(attributes) => attributes,
            Err(why) => {
                checks.refused(&what, &why);
                continue;
            }
        };
        match attributes.get(&Name::RedrivePolicy).and_then(|policy| dead_letter_target(policy)) {
            Some(dead) => checks.ok(&what, format!("{} wait; dead letters go to {dead}", waiting(&attributes))),
            None => checks.wrong(
                &what,
                "has no dead-letter queue: a message that fails is tried for days and then lost; apply the Terraform module",
            ),
        }
    }
    let dead = &deployment.alerts_dlq_url;
    let what = format!("queue {}", queue_name(dead));
    match attributes(sqs, dead).await {
        Ok(attributes) => match waiting(&attributes).as_str() {
            "0" => checks.ok(&what, "empty"),
            count => {
                checks.warning(&what, format!("{count} dead letters: `peerhound redrive list` shows why"))
            }
        },
        Err(why) => checks.refused(&what, &why),
    }
}

async fn attributes(sqs: &aws_sdk_sqs::Client, url: &str) -> Result<Attributes, String> {
    let call = sqs.get_queue_attributes().queue_url(url).attribute_names(Name::All);
    let answer = call.send().await.map_err(|error| told(&error))?;
    Ok(answer.attributes.unwrap_or_default())
}

fn waiting(attributes: &Attributes) -> String {
    attributes.get(&Name::ApproximateNumberOfMessages).cloned().unwrap_or_else(|| "0".to_owned())
}
