//! What the environment says, read in this one place.
#![expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the environment")]

/// Whether a test that cannot run must fail: on the machine that decides about a change, a skip proves nothing.
pub(crate) fn skipping_fails() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// `PEERHOUND_TEST_LOOPBACK=1` leaves namespaces alone, to try what machines without them get.
pub(crate) fn loopback_forced() -> bool {
    std::env::var("PEERHOUND_TEST_LOOPBACK").is_ok_and(|value| value == "1")
}

/// The cargo that runs the tests, for building the binary they start.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The search path, with the folders of administrators' tools that an ordinary user's lacks.
pub(crate) fn search_path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")
}

/// `PEERHOUND_TEST_SEED`: repeats a run whose seed was printed.
#[must_use]
pub fn seed() -> Option<u64> {
    std::env::var("PEERHOUND_TEST_SEED").ok()?.parse().ok()
}

/// Where Terraform's providers lie on this machine, if they need not be fetched: `TF_PLUGIN_DIR`, else where machine
/// images keep them.
pub(crate) fn terraform_plugins() -> Option<String> {
    let named = std::env::var("TF_PLUGIN_DIR").ok().filter(|dir| !dir.is_empty());
    named.or_else(|| Some("/opt/tf-plugins".to_owned())).filter(|dir| std::path::Path::new(dir).is_dir())
}

/// `PEERHOUND_TEST_DEPLOYMENT`: the file of a deployment that is there, on AWS or on something compatible.
pub(crate) fn given_deployment() -> Option<String> {
    std::env::var("PEERHOUND_TEST_DEPLOYMENT").ok().filter(|file| !file.is_empty())
}

/// `PEERHOUND_TEST_TARGET`: the address of a machine that this deployment may investigate.
#[must_use]
pub fn given_target() -> Option<std::net::IpAddr> {
    std::env::var("PEERHOUND_TEST_TARGET").ok()?.parse().ok()
}

/// What the AWS SDK is told by the environment: credentials, region, endpoints, and where its files lie.
pub(crate) fn for_aws() -> Vec<(String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name == "HOME").collect()
}
