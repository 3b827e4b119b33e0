//! What the environment says, read in this one place.
#![expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the environment")]

/// Whether a test that cannot run must fail: on the machine that decides about a change, a skip proves nothing.
pub(crate) fn skipping_fails() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// The search path.
pub(crate) fn search_path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())
}

/// `PEERHOUND_TEST_ENDPOINT`: services that run already, such as LocalStack, instead of MiniStack.
pub(crate) fn given_endpoint() -> Option<String> {
    std::env::var("PEERHOUND_TEST_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty())
}
