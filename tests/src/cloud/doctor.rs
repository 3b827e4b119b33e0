//! `peerhound doctor` on a deployment.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Cloud, REGION};
use crate::command::{clean_command, run_with};
use crate::peerhound::Peerhound;

impl Cloud {
    /// What `peerhound doctor` says of each part: the part, and `ok`, `warning` or `wrong` with what was found. It runs as a
    /// person with every right, on the file that Terraform writes and the policy that is in the packages.
    ///
    /// # Errors
    /// When it does not build, or does not print one object a line.
    pub fn doctor(&self) -> Result<Vec<(String, String)>> {
        let program = Peerhound::binary()?.to_string_lossy();
        let of = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        let (deployment, policy) = (of("deployment.toml"), of("policy.toml"));
        let argv = [&*program, "--deployment", &deployment, "--policy", &policy, "--json", "doctor"];
        let mut command = clean_command(&argv);
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", self.ministack.endpoint())
            .env("AWS_ENDPOINT_URL_SSM", self.ssm.endpoint());
        let output = run_with(&mut command, "", Duration::from_mins(2))?;
        let check = |line: &str| -> Result<(String, String)> {
            let check: Value = serde_json::from_str(line).with_context(|| output.told())?;
            let of = |name: &str| check[name].as_str().unwrap_or_default();
            Ok((of("what").to_owned(), format!("{}: {}", of("status"), of("found"))))
        };
        output.stdout.lines().map(check).collect()
    }
}
