//! `peerhound approvals`, `approve`, `reject` and `undo`.

use clap::Args;

pub(super) const APPROVALS_HELP: &str = "\
Nothing that this lists was done yet. A proposal that nobody approves in time expires.

Examples:
  peerhound approvals
  peerhound approvals --json | jq -r .case_id
  peerhound --deployment deployment.toml approvals";

pub(super) const APPROVE_HELP: &str = "\
Shows what will be done to which machine and on what evidence, and asks. Who approves is the account of the system that \
runs this command (the one that logged in, also under sudo). On a deployment it is the principal that AWS knows the caller \
as: the word is signed, sent, and taken by the deployment itself, by its own policy, and this waits for what becomes of it. \
Whoever it is has to be among the policy's [remediation] approvers. Where two persons are needed, the second one's approval \
orders. On this machine the order is carried out at once; on a deployment within a minute.

Examples:
  peerhound approve ph-20260302-kq3v7a2m
  peerhound approve ph-20260302-kq3v7a2m 1 3 --yes
  peerhound --deployment deployment.toml approve ph-20260302-kq3v7a2m 1 --yes --no-wait

Exit codes: 0 approved, and what was carried out worked or is on its way (with --no-wait: sent); 1 a measure did not work, or \
the deployment did not say in a minute what became of it; 2 the approval was not taken, or no was answered; 3 the policy or the deployment file is missing or wrong; 4 the database failed.";

pub(super) const REJECT_HELP: &str = "\
What waits is not done, and an order that nobody has begun is withdrawn. Anybody who may run this may say no.

Examples:
  peerhound reject ph-20260302-kq3v7a2m
  peerhound reject ph-20260302-kq3v7a2m 2

Exit codes: as for `approve`.";

pub(super) const UNDO_HELP: &str = "\
Takes back what was done and can be taken back, the last first. One approver is enough.

Examples:
  peerhound undo ph-20260302-kq3v7a2m
  peerhound undo ph-20260302-kq3v7a2m 2 --yes

Exit codes: as for `approve`.";

/// Arguments of `approve` and `undo`.
#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The case
    pub(crate) case_id: String,
    /// Numbers of measures [default: all]
    #[arg(value_name = "MEASURE", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) measures: Vec<u32>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Only this evidence: the SHA-256 that was looked at [default: the case's]
    #[arg(long, value_name = "SHA256")]
    pub(crate) evidence: Option<String>,
    /// On a deployment: send the word, and do not wait for what becomes of it
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Arguments of `reject`.
#[derive(Debug, Args)]
pub(crate) struct Reject {
    /// The case
    pub(crate) case_id: String,
    /// Numbers of measures [default: all]
    #[arg(value_name = "MEASURE", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) measures: Vec<u32>,
    /// On a deployment: send the word, and do not wait for what becomes of it
    #[arg(long)]
    pub(crate) no_wait: bool,
}
