//! Errors in one line.

use std::error::Error;

/// An error with everything behind it. A cause that its parent already quotes is not repeated.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..16 {
        let Some(cause) = source else { break };
        let message = cause.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::config::ConfigError;

    #[test]
    fn causes_follow_and_are_not_said_twice() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error = ConfigError::Unreadable { path: "/etc/relay.toml".into(), source };
        assert!(with_causes(&error).ends_with("with --config: no such file"), "{}", with_causes(&error));
        let outer = io::Error::other(io::Error::other("inner"));
        assert_eq!(with_causes(&outer), "inner");
    }
}
