//! Deploys the real Terraform module to the emulator.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{command, run_with};
use crate::settings;
use crate::workspace;

/// The provider's own waits make up most of it.
const APPLY_LIMIT: Duration = Duration::from_mins(10);

/// A deployment. It is not destroyed: it ends with the emulator.
#[derive(Debug)]
pub(super) struct Deployed {
    outputs: Value,
}

impl Deployed {
    /// Copies the module and the test's root module, and applies them with these variables.
    pub(super) fn apply(folder: &Path, variables: &Value) -> Result<Self> {
        let root = folder.join("tests/infra");
        copy(&workspace::root().join("infra"), &folder.join("infra"))?;
        copy(&workspace::root().join("tests/infra"), &root)?;
        fs::write(root.join("test.auto.tfvars.json"), serde_json::to_vec(variables)?)?;
        let mut init = vec!["terraform", "init", "-input=false", "-no-color"];
        let plugins = settings::terraform_plugins().map(|dir| format!("-plugin-dir={dir}"));
        init.extend(plugins.as_deref());
        terraform(&root, &init, Duration::from_mins(3))?;
        // More at once keep the emulator from answering in time, and what is asked for again is there already.
        terraform(
            &root,
            &["terraform", "apply", "-input=false", "-no-color", "-auto-approve", "-parallelism=8"],
            APPLY_LIMIT,
        )?;
        let outputs =
            terraform(&root, &["terraform", "output", "-json", "-no-color"], Duration::from_mins(1))?;
        Ok(Self { outputs: serde_json::from_str(&outputs)? })
    }

    /// One output.
    pub(super) fn output(&self, name: &str) -> Result<&Value> {
        self.outputs[name].get("value").with_context(|| format!("Terraform gives no output {name}"))
    }

    /// One output, or one entry of it, as text.
    pub(super) fn text(&self, name: &str, entry: Option<&str>) -> Result<String> {
        let value = self.output(name)?;
        let value = entry.map_or(value, |entry| &value[entry]);
        Ok(value.as_str().with_context(|| format!("the output {name} has no text {entry:?}"))?.to_owned())
    }
}

fn terraform(root: &Path, argv: &[&str], limit: Duration) -> Result<String> {
    let output = run_with(command(argv).current_dir(root), "", limit)?;
    ensure!(output.code == Some(0), "{}: {}", argv[..2].join(" "), output.told());
    Ok(output.stdout)
}

/// Copies a folder's files, without what Terraform left in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (path, target): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with(".terraform") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
