//! One step of a document.

use serde_json::{Map, Value};

use super::{object, only, text};
use crate::ssm::nodes::Platform;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ssm) enum Action {
    Shell,
    PowerShell,
}

/// What becomes of the command when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ssm) enum OnFailure {
    Continue,
    Exit,
}

/// A step, with its references to parameters not yet filled in.
#[derive(Debug, Clone)]
pub(in crate::ssm) struct Step {
    pub(in crate::ssm) name: String,
    pub(in crate::ssm) action: Action,
    pub(in crate::ssm) on_failure: OnFailure,
    /// The lines, or the one reference to a list of them.
    pub(in crate::ssm) lines: Vec<String>,
    pub(in crate::ssm) working_directory: Option<String>,
    /// Seconds; a number of one hour where the document has none.
    pub(in crate::ssm) timeout_seconds: String,
    precondition: Option<Platform>,
}

impl Step {
    pub(super) fn parse(step: &Value) -> Result<Self, String> {
        let step = object(step, "a step")?;
        only(step, &["action", "name", "precondition", "onFailure", "inputs"], "a step")?;
        let name = text(step, "name")?.filter(|name| !name.is_empty()).ok_or("a step has no name")?;
        let what = format!("the step {name}");
        let action = match text(step, "action")? {
            Some("aws:runShellScript") => Action::Shell,
            Some("aws:runPowerShellScript") => Action::PowerShell,
            other => return Err(format!("{what}: the action {other:?} is not known")),
        };
        let on_failure = match text(step, "onFailure")? {
            None => OnFailure::Continue,
            Some("exit") => OnFailure::Exit,
            Some(other) => return Err(format!("{what}: onFailure {other} is not known")),
        };
        let inputs = object(step.get("inputs").unwrap_or(&Value::Null), &format!("{what}: inputs"))?;
        only(inputs, &["runCommand", "workingDirectory", "timeoutSeconds"], &what)?;
        Ok(Self {
            name: name.to_owned(),
            action,
            on_failure,
            lines: lines(inputs).ok_or_else(|| format!("{what}: runCommand must be lines of text"))?,
            working_directory: text(inputs, "workingDirectory")?.map(str::to_owned),
            timeout_seconds: seconds(inputs)
                .ok_or_else(|| format!("{what}: timeoutSeconds is no time-out"))?,
            precondition: step.get("precondition").map(|given| precondition(given, &what)).transpose()?,
        })
    }

    /// Whether a node of this platform carries the step out; others pass it over.
    pub(in crate::ssm) fn runs_on(&self, platform: Platform) -> bool {
        let possible = self.action == Action::PowerShell || platform == Platform::Linux;
        possible && self.precondition.is_none_or(|wanted| wanted == platform)
    }

    /// Everything that may refer to a parameter.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let others = self.working_directory.iter().chain([&self.timeout_seconds]);
        self.lines.iter().chain(others).map(String::as_str)
    }
}

fn lines(inputs: &Map<String, Value>) -> Option<Vec<String>> {
    match inputs.get("runCommand")? {
        Value::String(line) => Some(vec![line.clone()]),
        Value::Array(lines) if !lines.is_empty() => {
            lines.iter().map(|line| line.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

fn seconds(inputs: &Map<String, Value>) -> Option<String> {
    let seconds = match inputs.get("timeoutSeconds") {
        None => "3600".to_owned(),
        Some(Value::String(seconds)) => seconds.clone(),
        Some(Value::Number(seconds)) => seconds.to_string(),
        Some(_) => return None,
    };
    let reference = seconds.starts_with("{{");
    (reference || seconds.parse::<u64>().is_ok_and(|seconds| (1..=172_800).contains(&seconds)))
        .then_some(seconds)
}

/// The one precondition that Run Command knows: `{"StringEquals": ["platformType", "Linux"]}`.
fn precondition(given: &Value, what: &str) -> Result<Platform, String> {
    let given = object(given, &format!("{what}: precondition"))?;
    only(given, &["StringEquals"], what)?;
    let operands: Vec<&str> = given
        .get("StringEquals")
        .and_then(Value::as_array)
        .map(|operands| operands.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    match operands.as_slice() {
        ["platformType", "Linux"] | ["Linux", "platformType"] => Ok(Platform::Linux),
        ["platformType", "Windows"] | ["Windows", "platformType"] => Ok(Platform::Windows),
        _ => Err(format!("{what}: StringEquals must compare platformType with Linux or Windows")),
    }
}
