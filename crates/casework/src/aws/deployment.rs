//! Where one deployment's queues, tables and buckets are: the environment of a function, or the file that Terraform
//! writes for a person's command line.

use serde::{Deserialize, Serialize};

/// One deployment. As TOML, it is the output `deployment` of the Terraform module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Table of cases and alerts.
    pub cases_table: String,
    /// Table of claims.
    pub cooldowns_table: String,
    /// Bucket for orders and for what relays upload.
    pub staging_bucket: String,
    /// Bucket for sealed evidence.
    pub evidence_bucket: String,
    /// Key that evidence is encrypted with, where it is not the bucket's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_kms_key: Option<String>,
    /// Queue that alerts come in on.
    pub alerts_queue_url: String,
    /// Queue of alerts that could not be read or worked.
    pub alerts_dlq_url: String,
    /// Queue of what relays and SSM report.
    pub reports_queue_url: String,
    /// Queue of reports that could not be worked.
    pub reports_dlq_url: String,
    /// Queue of cases with something to deliver.
    pub actions_queue_url: String,
    /// Queue of such messages that could not be worked.
    pub actions_dlq_url: String,
    /// Queue of people's words on what may be changed on endpoints.
    pub decisions_queue_url: String,
    /// Queue of such words that could not be read, or were about no case.
    pub decisions_dlq_url: String,
    /// Where principals are asked for who they are, where it is not the region's own STS: an endpoint of a VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sts_endpoint: Option<String>,
    /// Key that approvals are sealed with. No business of a person's command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_key: Option<String>,
    /// SSM document for Linux relays.
    pub ssm_document_linux: String,
    /// SSM document for Windows relays.
    pub ssm_document_windows: String,
    /// Secret of the ticket system: its token, or the password of the policy's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_secret: Option<String>,
    /// Secret of the system that pages go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_secret: Option<String>,
    /// Secret of the chat that messages go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_secret: Option<String>,
    /// Secret with the key that links for approvers are signed with, where the door takes approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_secret: Option<String>,
    /// Secret with the seeds of the approvers' codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes_secret: Option<String>,
    /// The door that links lead to, without `/approve`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve_url: Option<String>,
    /// SES configuration set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_configuration_set: Option<String>,
}

/// What is missing in an environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set: the Terraform module sets it for each function that needs it")]
pub struct Missing(&'static str);

impl Deployment {
    /// What tells this deployment from every other: the address of its queue of decisions has the region, the account and
    /// the deployment's own name in it.
    pub fn identity(&self) -> &str {
        &self.decisions_queue_url
    }

    /// Reads a function's environment through `var`. A function that has no business with something may lack it, and
    /// gets an empty name, which AWS refuses.
    ///
    /// # Errors
    /// Where one of the two tables is missing: nothing works without them.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, Missing> {
        let of = |name: &'static str| var(name).unwrap_or_default();
        let needed = |name: &'static str| var(name).ok_or(Missing(name));
        Ok(Self {
            region: var("AWS_REGION"),
            cases_table: needed("PEERHOUND_CASES_TABLE")?,
            cooldowns_table: needed("PEERHOUND_COOLDOWNS_TABLE")?,
            staging_bucket: of("PEERHOUND_STAGING_BUCKET"),
            evidence_bucket: of("PEERHOUND_EVIDENCE_BUCKET"),
            evidence_kms_key: var("PEERHOUND_EVIDENCE_KMS_KEY"),
            alerts_queue_url: of("PEERHOUND_ALERTS_QUEUE_URL"),
            alerts_dlq_url: of("PEERHOUND_ALERTS_DLQ_URL"),
            reports_queue_url: of("PEERHOUND_REPORTS_QUEUE_URL"),
            reports_dlq_url: of("PEERHOUND_REPORTS_DLQ_URL"),
            actions_queue_url: of("PEERHOUND_ACTIONS_QUEUE_URL"),
            actions_dlq_url: of("PEERHOUND_ACTIONS_DLQ_URL"),
            decisions_queue_url: of("PEERHOUND_DECISIONS_QUEUE_URL"),
            decisions_dlq_url: of("PEERHOUND_DECISIONS_DLQ_URL"),
            sts_endpoint: var("PEERHOUND_STS_ENDPOINT"),
            approval_key: var("PEERHOUND_APPROVAL_KEY"),
            ssm_document_linux: of("PEERHOUND_SSM_DOCUMENT_LINUX"),
            ssm_document_windows: of("PEERHOUND_SSM_DOCUMENT_WINDOWS"),
            ticket_secret: var("PEERHOUND_TICKET_SECRET"),
            page_secret: var("PEERHOUND_PAGE_SECRET"),
            chat_secret: var("PEERHOUND_CHAT_SECRET"),
            link_secret: var("PEERHOUND_LINK_SECRET"),
            codes_secret: var("PEERHOUND_CODES_SECRET"),
            approve_url: var("PEERHOUND_APPROVE_URL"),
            mail_configuration_set: var("PEERHOUND_MAIL_CONFIGURATION_SET"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_says_which_variable_it_lacks() {
        let var = |name: &str| (name != "PEERHOUND_COOLDOWNS_TABLE").then(|| name.to_lowercase());
        let missing = Deployment::from_env(var).unwrap_err();
        assert!(missing.to_string().starts_with("PEERHOUND_COOLDOWNS_TABLE is not set"));
        let none_but_tables = |name: &str| name.ends_with("_TABLE").then(|| name.to_owned());
        assert_eq!(Deployment::from_env(none_but_tables).unwrap().ticket_secret, None);
    }
}
