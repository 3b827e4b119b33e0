//! Identifiers: random where the service gives them out, checked where a client brings them.

use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;

/// The account and region that everything here belongs to.
pub(super) const ACCOUNT: &str = "000000000000";
pub(super) const REGION: &str = "us-east-1";

/// Seconds since 1970, as the protocol writes points in time.
pub(super) fn epoch(at: Timestamp) -> f64 {
    // Milliseconds fit into the 53 bits of a double for 285,000 years.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time fit")]
    let milliseconds = at.as_millisecond() as f64;
    milliseconds / 1000.0
}

/// With milliseconds, as EventBridge and GetCommandInvocation write points in time.
pub(super) fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A random UUID, version 4.
pub(super) fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        8 + (low >> 62),
        (low >> 48) & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

/// A random id of a hybrid node.
pub(super) fn node_id() -> String {
    format!("mi-{:016x}{:x}", random(), random() & 0xf)
}

/// 20 characters, as an activation's code has.
pub(super) fn activation_code() -> String {
    format!("{:016x}{:04x}", random(), random() & 0xffff)
}

/// Whether this is `mi-` and 17 hexadecimal digits in lower case.
pub(super) fn is_node_id(text: &str) -> bool {
    text.strip_prefix("mi-").is_some_and(|digits| {
        digits.len() == 17 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether this is a UUID as `CommandId` must be.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether a document may be called so: 3 to 128 of `a-zA-Z0-9_.-`.
pub(super) fn is_document_name(text: &str) -> bool {
    (3..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// The standard library seeds each of these from the operating system's randomness.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_out_is_well_formed() {
        for _ in 0..1000 {
            assert!(is_uuid(&uuid()), "{}", uuid());
            assert!(is_node_id(&node_id()), "{}", node_id());
            assert_eq!(activation_code().len(), 20);
        }
        assert_ne!(uuid(), uuid());
    }

    #[test]
    fn ids_of_another_form_are_told() {
        for id in [
            "mi-0123456789abcdef",
            "mi-0123456789ABCDEF0",
            "i-0123456789abcdef0",
            "mi-0123456789abcdef01",
            "",
        ] {
            assert!(!is_node_id(id), "{id}");
        }
        for name in ["ab", "with space", "a/b", &"x".repeat(129)] {
            assert!(!is_document_name(name), "{name}");
        }
        assert!(!is_uuid("0123"));
    }
}
