//! The codes of approvers: six digits that a person's authenticator shows for half a minute (TOTP, RFC 6238, with the
//! parameters that every authenticator has: HMAC-SHA1, 30 seconds, 6 digits).
//!
//! A link lies in a mailbox, in the logs of proxies and of mail scanners. The seed of the codes lies on the person's own
//! device and in one secret, so that whoever has the link has half of what approving takes.

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Seconds that a code is shown.
const STEP: i64 = 30;
/// Steps by which a person's clock may be off, or the person slow.
const APART: i64 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// Shortest seed, in bytes (RFC 4226, section 4).
const MIN_SEED: usize = 16;
/// Most persons.
const MAX_PERSONS: usize = 200;

/// The seeds, by person. Never shown.
pub struct Codes(BTreeMap<String, Vec<u8>>);

impl std::fmt::Debug for Codes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} seeds", self.0.len())
    }
}

/// Why a text holds no seeds. Says nothing of what it holds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodesError {
    /// None.
    #[error(
        "no person's seed is in it: write one a line, the person as in approvers, a space, and the seed in base32"
    )]
    None,
    /// A line that is no person and seed.
    #[error("line {line} is not a person, a space, and a seed of {MIN_SEED} bytes or more in base32")]
    Line {
        /// Which.
        line: usize,
    },
    /// A person with two.
    #[error("the person on line {line} is there twice")]
    Twice {
        /// Which.
        line: usize,
    },
    /// Too many.
    #[error("there are more than {MAX_PERSONS} persons in it")]
    Many,
}

/// What came of looking at a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It is the one of this step of time: a step's code counts once.
    Right {
        /// Number of the step since 1970.
        step: u64,
    },
    /// It is another one.
    Wrong,
    /// There is no seed of this person.
    NoSeed,
}

impl Codes {
    /// Reads seeds, one a line: the person, blanks, the seed in base32, in letters of either case. Empty lines and those
    /// that begin with `#` are passed over. `person` spells a name as persons are compared.
    ///
    /// # Errors
    /// Where a line is unfit, or there is none.
    pub fn read(text: &str, person: impl Fn(&str) -> String) -> Result<Self, CodesError> {
        let mut seeds = BTreeMap::new();
        for (line, entry) in (1..).zip(text.lines().map(str::trim)) {
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let wrong = || CodesError::Line { line };
            // The names of sessions in ARNs have no blanks, but nearly anything else.
            let (name, seed) = entry.rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
            let seed = seed.trim_end_matches('=').to_ascii_uppercase();
            let seed = BASE32_NOPAD.decode(seed.as_bytes()).map_err(|_| wrong())?;
            let name = person(name);
            if seed.len() < MIN_SEED || name.is_empty() {
                return Err(wrong());
            }
            if seeds.len() == MAX_PERSONS {
                return Err(CodesError::Many);
            }
            if seeds.insert(name, seed).is_some() {
                return Err(CodesError::Twice { line });
            }
        }
        if seeds.is_empty() { Err(CodesError::None) } else { Ok(Self(seeds)) }
    }

    /// Looks whether a code is the one that a person's authenticator showed at a moment. Takes as long for one that is
    /// nearly right as for any other.
    pub fn look(&self, person: &str, code: &str, at: Timestamp) -> Looked {
        let Some(seed) = self.0.get(person) else { return Looked::NoSeed };
        let now = at.as_second().div_euclid(STEP);
        let mut right = None;
        for step in (now - APART..=now + APART).filter_map(|step| u64::try_from(step).ok()) {
            let same =
                shown(seed, step).is_some_and(|shown| bool::from(shown.as_bytes().ct_eq(code.as_bytes())));
            if same {
                right = Some(step);
            }
        }
        right.map_or(Looked::Wrong, |step| Looked::Right { step })
    }
}

/// A code as it is compared: people put blanks into it. `None` where it is no code.
pub fn typed(text: &str) -> Option<String> {
    let code: String = text.chars().take(40).filter(|c| !c.is_whitespace() && *c != '-').collect();
    (code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

/// What an authenticator with this seed shows in a step (RFC 4226, section 5.3).
fn shown(seed: &[u8], step: u64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(seed).ok()?;
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last()? & 0x0f);
    let four: [u8; 4] = digest.get(offset..offset + 4)?.try_into().ok()?;
    let number = (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000;
    Some(format!("{number:0width$}", width = DIGITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of the test values of RFC 6238, appendix B, `12345678901234567890`.
    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn codes(text: &str) -> Result<Codes, CodesError> {
        Codes::read(text, |name| name.trim().to_lowercase())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_values_of_the_standard_are_right_at_their_times() {
        let codes = codes(&format!("# people\n\nAnna {SEED}\n")).unwrap();
        // The last six of its eight digits.
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(second / 30).unwrap();
            for late in [-30, 0, 30] {
                assert_eq!(
                    codes.look("anna", code, at(second + late)),
                    Looked::Right { step },
                    "{second} {late}"
                );
            }
            for late in [-90, 90, 86_400] {
                assert_eq!(codes.look("anna", code, at(second + late)), Looked::Wrong, "{second} {late}");
            }
            assert_eq!(codes.look("bert", code, at(second)), Looked::NoSeed);
        }
        for odd in ["", "28708", "2870820", "abcdef", "94287082"] {
            assert_eq!(codes.look("anna", odd, at(59)), Looked::Wrong, "{odd}");
        }
        assert_eq!(codes.look("anna", "287082", at(-59)), Looked::Wrong);
    }

    #[test]
    fn what_people_type_is_six_digits() {
        for text in ["287082", " 287 082 ", "287-082\n"] {
            assert_eq!(typed(text).as_deref(), Some("287082"));
        }
        for text in ["", "28708", "2870821", "28708x", "٢٨٧٠٨٢", &" ".repeat(1000)] {
            assert_eq!(typed(text), None, "{text}");
        }
    }

    #[test]
    fn a_line_is_a_person_and_a_seed_and_what_is_wrong_is_told_by_its_number() {
        let arn = "arn:aws:sts::123456789012:assumed-role/Soc/anna=x@corp.example.com";
        let two = codes(&format!("{arn}  {}\nbert {SEED}===\n", SEED.to_lowercase())).unwrap();
        assert_eq!(two.look(&arn.to_lowercase(), "287082", at(59)), Looked::Right { step: 1 });
        assert_eq!(two.look("bert", "287082", at(59)), Looked::Right { step: 1 });
        for (text, wrong) in [
            (String::new(), CodesError::None),
            ("# nobody".to_owned(), CodesError::None),
            (SEED.to_owned(), CodesError::Line { line: 1 }),
            (format!("anna {SEED}\nbert 1nv@lid"), CodesError::Line { line: 2 }),
            ("anna GEZDGNBVGY3TQOJQ".to_owned(), CodesError::Line { line: 1 }),
            (format!("anna {SEED}\nANNA {SEED}"), CodesError::Twice { line: 2 }),
        ] {
            assert_eq!(codes(&text).unwrap_err(), wrong, "{text}");
        }
        assert_eq!(format!("{two:?}"), "2 seeds");
    }
}
