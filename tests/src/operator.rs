//! A person with the file of a deployment and the command line, and nothing else: what they do is the same on AWS and on
//! what stands in for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{Output, clean_command, run_with};
use crate::peerhound::Peerhound;
use crate::settings;

/// Longest for one command.
const PATIENCE: Duration = Duration::from_mins(3);

/// The person.
#[derive(Debug)]
pub struct Operator {
    program: &'static Path,
    deployment: PathBuf,
    policy: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl Operator {
    /// Someone with this file, and with these variables for AWS and no others.
    ///
    /// # Errors
    /// When the program does not build.
    pub fn new(
        deployment: PathBuf,
        policy: Option<PathBuf>,
        environment: Vec<(String, String)>,
    ) -> Result<Self> {
        Ok(Self { program: Peerhound::binary()?, deployment, policy, environment })
    }

    /// Whoever runs the tests, on the deployment that `PEERHOUND_TEST_DEPLOYMENT` names, with their own variables for AWS.
    ///
    /// # Errors
    /// When the variable names none, or the program does not build.
    pub fn of_this_shell() -> Result<Self> {
        let deployment = settings::given_deployment().context(
            "set PEERHOUND_TEST_DEPLOYMENT to the file that `terraform output -raw deployment` wrote",
        )?;
        let deployment = std::fs::canonicalize(&deployment)
            .with_context(|| format!("PEERHOUND_TEST_DEPLOYMENT names {deployment}"))?;
        Self::new(deployment, None, settings::for_aws())
    }

    /// Runs the program with `--json`, and reads what it prints, one object a line.
    ///
    /// # Errors
    /// When it cannot be run, exits with another code than `code`, or prints something else.
    pub fn json(&self, arguments: &[&str], code: i32) -> Result<Vec<Value>> {
        let output = self.run(arguments)?;
        ensure!(output.code == Some(code), "{arguments:?} should exit with {code}: {}", output.told());
        let lines = output.stdout.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        lines.with_context(|| format!("{arguments:?}: {}", output.told()))
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut argv = vec![text(self.program), "--deployment".to_owned(), text(&self.deployment)];
        argv.extend(self.policy.iter().flat_map(|policy| ["--policy".to_owned(), text(policy)]));
        argv.push("--json".to_owned());
        argv.extend(arguments.iter().map(|word| (*word).to_owned()));
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let mut command = clean_command(&argv);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        run_with(&mut command, "", PATIENCE)
    }
}
