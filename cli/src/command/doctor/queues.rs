//! The queues: there, with a dead-letter queue that is empty.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use casework::aws::deployment::Deployment;

use super::Checks;
use crate::deployed::{queue_name, told};

type Attributes = HashMap<Name, String>;

pub(super) async fn check(checks: &mut Checks, sqs: &aws_sdk_sqs::Client, deployment: &Deployment) {
    let pairs = [
        ("alerts", &deployment.alerts_queue_url, &deployment.alerts_dlq_url),
        ("reports", &deployment.reports_queue_url, &deployment.reports_dlq_url),
        ("actions", &deployment.actions_queue_url, &deployment.actions_dlq_url),
        ("decisions", &deployment.decisions_queue_url, &deployment.decisions_dlq_url),
    ];
    for (_, url, dead) in pairs {
        let what = format!("queue {}", queue_name(url));
        let attributes = match attributes(sqs, url).await {
            Ok(attributes) => attributes,
            Err(why) => {
                checks.refused(&what, &why);
                continue;
            }
        };
        match attributes.get(&Name::RedrivePolicy).and_then(|policy| dead_letter_target(policy)) {
            Some(target) if target == queue_name(dead) => {
                checks.ok(&what, format!("{} wait; dead letters go to {target}", waiting(&attributes)));
            }
            Some(target) => checks.wrong(
                &what,
                format!(
                    "sends its dead letters to {target}, and the deployment file says {}: write the file anew",
                    queue_name(dead)
                ),
            ),
            None => checks.wrong(
                &what,
                "has no dead-letter queue: a message that fails is tried for days and then lost; apply the Terraform module",
            ),
        }
    }
    for (which, _, dead) in pairs {
        let what = format!("queue {}", queue_name(dead));
        match attributes(sqs, dead).await {
            Ok(attributes) => match waiting(&attributes).as_str() {
                "0" => checks.ok(&what, "empty"),
                count => checks.warning(
                    &what,
                    format!("{count} dead letters: `peerhound redrive list --queue {which}` shows why"),
                ),
            },
            Err(why) => checks.refused(&what, &why),
        }
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

/// The name of the queue that a redrive policy sends to.
fn dead_letter_target(policy: &str) -> Option<String> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let (_, name) = policy.get("deadLetterTargetArn")?.as_str()?.rsplit_once(':')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_names_a_queue_or_nothing() {
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:123456789012:ph-reports-dlq","maxReceiveCount":5}"#;
        assert_eq!(dead_letter_target(policy).as_deref(), Some("ph-reports-dlq"));
        for wrong in ["", "[]", r#"{"deadLetterTargetArn":7}"#, r#"{"deadLetterTargetArn":"x"}"#] {
            assert_eq!(dead_letter_target(wrong), None, "{wrong}");
        }
    }
}
