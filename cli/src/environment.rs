//! Every environment variable that Peerhound reads.

use std::path::PathBuf;

/// The environment, read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `PEERHOUND_POLICY`: the policy file, unless `--policy` names one.
    pub(crate) policy: Option<PathBuf>,
    /// `PEERHOUND_DEPLOYMENT`: the deployment file, unless `--deployment` names one.
    pub(crate) deployment: Option<PathBuf>,
    /// `PEERHOUND_LOG`: filter for the log on standard error, for example `debug` or `collector=trace`.
    pub(crate) log: Option<String>,
    /// `SSH_AUTH_SOCK`: where the SSH agent listens, for `[ssh] use_agent`.
    pub(crate) ssh_agent: Option<PathBuf>,
    /// `USER`, or `USERNAME` on Windows: who releases a cooldown, for the history of its case.
    pub(crate) user: Option<String>,
    /// `NO_COLOR`: no colours, see <https://no-color.org>.
    pub(crate) no_color: bool,
    /// `PEERHOUND_FAILPOINT`, for crash tests only: `NAME:COUNT`, the point at which this process kills itself. No
    /// binary reads it but one that is built with the feature `failpoints`.
    #[cfg(feature = "failpoints")]
    pub(crate) failpoint: Option<String>,
}

impl Environment {
    /// Reads the variables above. An empty one counts as unset.
    #[allow(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub(crate) fn read() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            policy: set("PEERHOUND_POLICY").map(PathBuf::from),
            deployment: set("PEERHOUND_DEPLOYMENT").map(PathBuf::from),
            log: set("PEERHOUND_LOG").map(|value| value.to_string_lossy().into_owned()),
            ssh_agent: set("SSH_AUTH_SOCK").map(PathBuf::from),
            user: set(if cfg!(windows) { "USERNAME" } else { "USER" })
                .map(|value| value.to_string_lossy().into_owned()),
            no_color: set("NO_COLOR").is_some(),
            #[cfg(feature = "failpoints")]
            failpoint: set("PEERHOUND_FAILPOINT").map(|value| value.to_string_lossy().into_owned()),
        }
    }
}
