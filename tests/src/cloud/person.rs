//! What a person sees of a deployment: by the file that Terraform writes and the policy that is in the packages.

use anyhow::Result;

use super::{Cloud, REGION};
use crate::operator::Operator;

impl Cloud {
    /// A person with every right.
    ///
    /// # Errors
    /// When the program does not build.
    pub fn operator(&self) -> Result<Operator> {
        let environment = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", self.ministack.endpoint()),
            ("AWS_ENDPOINT_URL_SSM", self.ssm.endpoint()),
        ];
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let policy = Some(self.folder.join("policy.toml"));
        Operator::new(self.folder.join("deployment.toml"), policy, environment)
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
