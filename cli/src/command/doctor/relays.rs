//! What reaches outside: SSM documents, relays, mail.

use casework::aws::deployment::Deployment;
use casework::aws::relays::RELAY_TAG;
use investigation::policy::{Platform, Policy};

use super::Checks;
use crate::deployed::told;

/// The documents that this version of Peerhound was made with.
const LINUX: &str = include_str!("../../../../infra/documents/orders-linux.json");
const WINDOWS: &str = include_str!("../../../../infra/documents/orders-windows.json");
/// The first agent that hands the order over without a shell seeing it.
const AGENT: [u32; 4] = [3, 3, 2746, 0];

pub(super) async fn documents(checks: &mut Checks, ssm: &aws_sdk_ssm::Client, deployment: &Deployment) {
    for (name, shipped) in
        [(&deployment.ssm_document_linux, LINUX), (&deployment.ssm_document_windows, WINDOWS)]
    {
        let what = format!("document {name}");
        match ssm.get_document().name(name).send().await {
            Ok(answer) => {
                if same(answer.content().unwrap_or_default(), shipped) {
                    checks.ok(&what, "as this version ships it");
                } else {
                    checks.warning(
                        &what,
                        "is not the one that this version ships: apply the Terraform module of this version",
                    );
                }
            }
            Err(error) => checks.refused(&what, &told(&error)),
        }
    }
}

/// Whether two documents do the same. How long the step may take is a setting.
fn same(one: &str, other: &str) -> bool {
    let parsed = |text: &str| -> Option<serde_json::Value> {
        let mut document: serde_json::Value = serde_json::from_str(text).ok()?;
        for step in document.get_mut("mainSteps")?.as_array_mut()? {
            step.get_mut("inputs")?.as_object_mut()?.remove("timeoutSeconds");
        }
        Some(document)
    };
    parsed(one).is_some() && parsed(one) == parsed(other)
}

pub(super) async fn relays(checks: &mut Checks, ssm: &aws_sdk_ssm::Client, policy: &Policy) {
    if policy.relay.is_empty() {
        checks.wrong("relays", "the policy names no [[relay]]: nothing can be reached");
    }
    for relay in &policy.relay {
        let what = format!("relay {}", relay.name);
        let filter = aws_sdk_ssm::types::InstanceInformationStringFilter::builder()
            .key(format!("tag:{RELAY_TAG}"))
            .values(&relay.name)
            .build();
        let Ok(filter) = filter else { continue };
        let answer = match ssm.describe_instance_information().filters(filter).send().await {
            Ok(answer) => answer,
            Err(error) => {
                checks.refused(&what, &told(&error));
                continue;
            }
        };
        let nodes = answer.instance_information_list();
        if nodes.is_empty() {
            checks.wrong(
                &what,
                format!(
                    "is not registered: no node has the tag {RELAY_TAG}={}; register one with its activation",
                    relay.name
                ),
            );
        }
        for node in nodes {
            let id = node.instance_id().unwrap_or("unknown node");
            let what = format!("relay {} {id}", relay.name);
            let ping = node.ping_status().map_or("Unknown", |ping| ping.as_str());
            let agent = node.agent_version().unwrap_or_default();
            let platform = node.platform_type().map_or("", |platform| platform.as_str());
            let expected = match relay.platform {
                Platform::Linux => "Linux",
                Platform::Windows => "Windows",
            };
            if ping != "Online" {
                checks.wrong(
                    &what,
                    format!("is offline ({ping}): look at the machine, its agent and its way out"),
                );
            } else if platform != expected {
                checks.wrong(
                    &what,
                    format!("is a {platform} machine, and the policy says {expected}: set platform"),
                );
            } else if version(agent) < AGENT.to_vec() {
                checks.wrong(
                    &what,
                    format!(
                        "has agent {agent}, and 3.3.2746.0 is needed: run the document AWS-UpdateSSMAgent"
                    ),
                );
            } else {
                checks.ok(&what, format!("online, agent {agent}"));
            }
        }
    }
}

fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

pub(super) async fn mail(checks: &mut Checks, ses: &aws_sdk_sesv2::Client, policy: &Policy) {
    let from = &policy.mail.from;
    let domain = from.rsplit('@').next().unwrap_or_default();
    let what = format!("mail from {from}");
    let mut answers = Vec::new();
    for identity in [from.as_str(), domain] {
        let answer = ses.get_email_identity().email_identity(identity).send().await;
        let answer = answer.map(|found| found.verified_for_sending_status()).map_err(|error| told(&error));
        answers.push((identity, answer));
        if matches!(answers.last(), Some((_, Ok(true)))) {
            break;
        }
    }
    match sender(&answers) {
        Sender::Verified(identity) => checks.ok(&what, format!("{identity} is verified")),
        Sender::Unverified(identity) => checks.wrong(
            &what,
            format!("{identity} is not verified: publish its DKIM records, or follow the link in AWS's mail"),
        ),
        Sender::Refused(why) => checks.refused(&what, why),
        Sender::Missing => checks.wrong(
            &what,
            format!("neither {from} nor {domain} is an SES identity here: set `mail` in Terraform"),
        ),
    }
    match ses.get_account().send().await {
        Ok(account) if !account.sending_enabled() => {
            checks.wrong("mail account", "sending is switched off: see the account dashboard of SES");
        }
        Ok(account) if !account.production_access_enabled() => checks.warning(
            "mail account",
            "is in the sandbox: mail reaches verified addresses only; ask AWS for production access",
        ),
        Ok(_) => checks.ok("mail account", "sending is enabled"),
        Err(error) => checks.refused("mail account", &told(&error)),
    }
}

/// How the sender of mails stands with SES.
#[derive(Debug, PartialEq, Eq)]
enum Sender<'a> {
    Verified(&'a str),
    Unverified(&'a str),
    /// Nothing is known, and why.
    Refused(&'a str),
    Missing,
}

/// What the answers about the address and its domain come to: whether each is verified, or why that is not told. The right
/// to ask often reaches no further than the one identity that is used, so that a refusal of the other says nothing.
fn sender<'a>(answers: &'a [(&'a str, Result<bool, String>)]) -> Sender<'a> {
    let mut standing = Sender::Missing;
    for (identity, answer) in answers {
        standing = match (answer, standing) {
            (Ok(true), _) => return Sender::Verified(identity),
            (Ok(false), _) => Sender::Unverified(identity),
            (Err(why), Sender::Missing) if !why.contains("NotFound") => Sender::Refused(why),
            (Err(_), before) => before,
        };
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_with_another_time_out_is_the_same_and_another_script_is_not() {
        assert!(same(LINUX, &LINUX.replace("\"7200\"", "\"600\"")));
        assert!(!same(LINUX, &LINUX.replace("set -eu", "set -e")));
        assert!(!same("", LINUX) && !same(LINUX, WINDOWS));
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(version("3.3.2746.0") >= AGENT.to_vec() && version("3.10.1.0") > AGENT.to_vec());
        assert!(version("3.3.987.0") < AGENT.to_vec() && version("") < AGENT.to_vec());
    }

    #[test]
    fn a_refusal_about_the_address_does_not_hide_the_domain() {
        let denied = || Err("AccessDeniedException: not authorized".to_owned());
        let missing = || Err("NotFoundException: no such identity".to_owned());
        for (address, domain, expected) in [
            (denied(), Ok(true), Sender::Verified("b.example")),
            (denied(), Ok(false), Sender::Unverified("b.example")),
            (missing(), Ok(true), Sender::Verified("b.example")),
            (Ok(false), denied(), Sender::Unverified("a@b.example")),
            (missing(), denied(), Sender::Refused("AccessDeniedException: not authorized")),
            (denied(), missing(), Sender::Refused("AccessDeniedException: not authorized")),
            (missing(), missing(), Sender::Missing),
        ] {
            assert_eq!(sender(&[("a@b.example", address), ("b.example", domain)]), expected);
        }
    }
}
