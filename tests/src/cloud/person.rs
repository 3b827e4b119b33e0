//! What people see of a deployment and what they say to it: by the file that Terraform writes, the policy that is in the
//! packages, and keys of their own.

use std::fs;

use anyhow::{Context, Result, anyhow};
use casework::aws::client::{Clients, Surroundings};
use casework::aws::decisions::{Spoken, StsEndpoint, StsProof, Voucher};
use casework::remediate::{Word, decide};
use emulator::StsServer;
use investigation::case::Case;
use investigation::policy::Policy;
use investigation::remediation::{Decision, Way};
use jiff::Timestamp;

use super::{Cloud, REGION};
use crate::operator::Operator;

/// Somebody with a key. All of them may do the same with the deployment's tables, queues and buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Someone {
    /// Who AWS says it is.
    pub arn: &'static str,
    key: &'static str,
    secret: &'static str,
    session: Option<&'static str>,
}

/// An approver.
pub const ANNA: Someone = Someone {
    arn: "arn:aws:iam::000000000000:user/anna",
    key: "AKIAPEERHOUNDANNA",
    secret: "the secret of anna",
    session: None,
};
/// Another approver, whose key is that of a session.
pub const BERT: Someone = Someone {
    arn: "arn:aws:sts::000000000000:assumed-role/Soc/bert@corp.example",
    key: "ASIAPEERHOUNDBERT",
    secret: "the secret of bert",
    session: Some("IQoJb3JpZ2luX2VjEBERT/session+token=="),
};
/// Nobody whom the policy names.
pub const MALLORY: Someone = Someone {
    arn: "arn:aws:iam::000000000000:user/mallory",
    key: "AKIAPEERHOUNDMALLORY",
    secret: "the secret of mallory",
    session: None,
};

/// An STS that knows them.
pub(super) fn sts() -> std::io::Result<StsServer> {
    let sts = StsServer::start()?;
    for someone in [ANNA, BERT, MALLORY] {
        sts.knows(someone.key, someone.secret, someone.session, someone.arn);
    }
    Ok(sts)
}

impl Cloud {
    /// A person with every right, whom the policy does not name.
    ///
    /// # Errors
    /// When the program does not build.
    pub fn operator(&self) -> Result<Operator> {
        self.operator_as(&MALLORY)
    }

    /// The same person as somebody.
    ///
    /// # Errors
    /// When the program does not build.
    pub fn operator_as(&self, someone: &Someone) -> Result<Operator> {
        let mut environment = vec![
            ("AWS_ACCESS_KEY_ID", someone.key),
            ("AWS_SECRET_ACCESS_KEY", someone.secret),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", self.ministack.endpoint()),
            ("AWS_ENDPOINT_URL_SSM", self.ssm.endpoint()),
        ];
        environment.extend(someone.session.map(|token| ("AWS_SESSION_TOKEN", token)));
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let policy = Some(self.folder.join("policy.toml"));
        Operator::new(self.folder.join("deployment.toml"), policy, environment)
    }

    /// A yes to measures, as somebody's program would sign it for a deployment; `elsewhere` signs for another one.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn signed(
        &self,
        id: &str,
        case: &Case,
        measures: &[u32],
        by: &Someone,
        elsewhere: bool,
    ) -> Result<Spoken> {
        let mut spoken = Spoken {
            id: format!("{id:0>16}"),
            case_id: case.id.clone(),
            word: Word::Approve,
            measures: measures.to_vec(),
            evidence_sha256: case.evidence.as_ref().context("no evidence")?.sha256.clone(),
            seen: Some(case.plan_sha256(measures, false)).filter(|plan| !plan.is_empty()),
            said_at: Timestamp::from_second(Timestamp::now().as_second())?,
            voucher: Voucher::Sts(StsProof::default()),
        };
        let of = if elsewhere { "https://sqs.elsewhere/decisions" } else { self.deployment.identity() };
        let digest = spoken.digest(of);
        let surroundings = Surroundings { region: Some(REGION.to_owned()), ..Surroundings::default() };
        let keys = match by.session {
            Some(_) => anyhow::bail!("a session signs at the command line alone"),
            None => Clients::with_keys(&surroundings, by.key, by.secret)?,
        };
        self.runtime.block_on(async {
            let endpoint = StsEndpoint::of(&self.deployment).await.map_err(|why| anyhow!(why))?;
            let credentials = keys.credentials().await.map_err(|why| anyhow!(why))?;
            let proof = StsProof::sign(&endpoint.bound(&spoken, &digest), credentials);
            spoken.voucher = Voucher::Sts(proof.map_err(|why| anyhow!(why))?);
            Ok(spoken)
        })
    }

    /// Puts a word on the queue of decisions.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub fn say(&self, spoken: &Spoken) -> Result<()> {
        let queue = &self.deployment.decisions_queue_url;
        Ok(self.runtime.block_on(spoken.send(self.clients.sqs(), queue))?)
    }

    /// Writes a person's approval straight into the table, as everybody can who may write to it, and with it the order that
    /// follows.
    ///
    /// # Errors
    /// When it is not written.
    pub fn forge(&self, case: &Case, measures: &[u32], by: &Someone) -> Result<Case> {
        let policy = Policy::parse(&fs::read_to_string(self.folder.join("policy.toml"))?)?;
        let decision = Decision {
            by: by.arn.to_owned(),
            how: Way::Aws,
            evidence_sha256: case.evidence.as_ref().context("no evidence")?.sha256.clone(),
            measures: measures.to_vec(),
        };
        let word = Word::Approve;
        let forged = decide(&self.store, &case.id, word, &decision, &policy, Timestamp::now);
        Ok(self.runtime.block_on(forged)?)
    }

    /// What `peerhound doctor` says of each part: the part, and `ok`, `warning` or `wrong` with what was found.
    ///
    /// # Errors
    /// When it does not build, or does not print one object a line.
    pub fn doctor(&self) -> Result<Vec<(String, String)>> {
        // Some of the relays are odd on purpose, so something is wrong.
        let checks = self.operator()?.json(&["doctor"], 1)?;
        let told = checks.iter().map(|check| {
            let of = |name: &str| check[name].as_str().unwrap_or_default();
            (of("what").to_owned(), format!("{}: {}", of("status"), of("found")))
        });
        Ok(told.collect())
    }
}
