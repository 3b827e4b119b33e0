//! Approving by a link: that the policy and the door want the same, and that both secrets are there. What they say is the
//! functions' business alone.

use casework::aws::client::Clients;
use casework::aws::deployment::Deployment;
use investigation::policy::Policy;

use super::Checks;
use crate::deployed::told;

const WHAT: &str = "approving by a link";

/// Says what is wrong with it. Nothing, where neither the policy nor the door knows of it.
pub(super) async fn check(checks: &mut Checks, clients: &Clients, deployment: &Deployment, policy: &Policy) {
    let wanted = policy.remediation.link.is_some() && policy.remediation.wanted();
    match (wanted, &deployment.approve_url) {
        (false, None) => return,
        (true, None) => {
            return checks.wrong(
                WHAT,
                "[remediation.link] asks approvers by mail, and the door takes no approvals: set door.approve of the \
                 Terraform module, or take the section out",
            );
        }
        (false, Some(_)) => checks.warning(
            WHAT,
            "the door takes approvals, and nobody is asked: name approvers and their addresses in [remediation.link]",
        ),
        (true, Some(url)) => {
            let asked = policy.approver_addresses().len();
            let url = policy.remediation.link.as_ref().and_then(|link| link.url.as_ref()).unwrap_or(url);
            checks.hold(
                WHAT,
                asked > 0,
                &format!("{asked} approvers are asked by mail, with a link to {url}"),
                "[remediation.link] mail names nobody who is among approvers",
            );
        }
    }
    for (what, secret) in
        [("the links' key", &deployment.link_secret), ("the approvers' codes", &deployment.codes_secret)]
    {
        let what = format!("secret of {what}");
        match secret {
            Some(id) => secret_is_there(checks, clients, &what, id).await,
            None => checks
                .wrong(&what, "the file of the deployment names none: write it anew from Terraform's output"),
        }
    }
}

async fn secret_is_there(checks: &mut Checks, clients: &Clients, what: &str, id: &str) {
    match clients.secrets().describe_secret().secret_id(id).send().await {
        Ok(secret) if secret.deleted_date().is_some() => {
            checks.wrong(what, "is about to be deleted: aws secretsmanager restore-secret");
        }
        Ok(_) => checks.ok(what, "is there"),
        Err(error) => {
            let missing =
                error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception());
            match missing {
                true => checks.wrong(what, format!("{id} is not there: see docs/approvals.md")),
                false => checks.refused(what, &told(&error)),
            }
        }
    }
}
