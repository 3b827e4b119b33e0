//! Values for scripts, in spellings that hold nothing but digits: whatever is in a value, it is no command.

use std::fmt::Write as _;

/// A line of a POSIX shell that sets a variable to these bytes. A NUL, which no variable can hold, ends them.
pub(crate) fn posix(name: &str, value: &[u8]) -> String {
    let mut line = format!("{name}=$(printf '%b.' '");
    for byte in value.iter().take_while(|byte| **byte != 0) {
        // `printf` takes up to three octal digits after the backslash and the zero.
        let _ = write!(line, "\\0{byte:03o}");
    }
    // The dot keeps the newlines at its end, which a substitution drops.
    let _ = writeln!(line, "')\n{name}=${{{name}%.}}");
    line
}

/// A line of PowerShell that sets a variable to this text, by the numbers of its UTF-16.
pub(crate) fn powershell(name: &str, value: &str) -> String {
    let numbers: Vec<String> = value.encode_utf16().map(|unit| unit.to_string()).collect();
    match numbers.as_slice() {
        [] => format!("${name} = ''\n"),
        numbers => format!("${name} = -join ([char[]]({}))\n", numbers.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    /// What a shell makes of it.
    fn through_a_shell(value: &[u8]) -> Vec<u8> {
        let script = format!("LC_ALL=C\n{}printf '%s' \"$v\"\n", posix("v", value));
        let mut shell =
            Command::new("sh").arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        shell.wait_with_output().unwrap().stdout
    }

    #[test]
    fn hostile_values_come_out_as_they_went_in() {
        for value in [
            &b""[..],
            b"$(touch /tmp/owned)`id`",
            b"'; exit 9; '",
            b"-rf\n\n\n",
            b"\\0101\\n%s%b",
            b"\xff\xfe\x80\x01\x7f\"",
        ] {
            assert_eq!(through_a_shell(value), value, "{value:?}");
        }
        assert_eq!(through_a_shell(b"a\0b"), b"a");
    }

    #[test]
    fn powershell_gets_numbers() {
        assert_eq!(powershell("v", "a'\u{1f600}"), "$v = -join ([char[]](97,39,55357,56832))\n");
        assert_eq!(powershell("v", ""), "$v = ''\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_value_comes_out_as_it_went_in(value in proptest::collection::vec(1u8.., 0..200)) {
            prop_assert_eq!(through_a_shell(&value), value);
        }

        #[test]
        fn a_spelling_holds_no_outside_text(value: Vec<u8>) {
            let line = posix("v", &value);
            let quoted = line.split('\'').nth(3).unwrap();
            prop_assert!(quoted.bytes().all(|b| b == b'\\' || b.is_ascii_digit()));
            prop_assert_eq!(line.matches('\'').count(), 4);
        }
    }
}
