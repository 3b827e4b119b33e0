//! The comma-separated rows of `tasklist` and `schtasks`: every field quoted, quotes inside not always doubled.

/// The fields of one row, without their quotes. `None` for a line that is none: what these tools tell people stands
/// without quotes.
pub(super) fn fields(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let fields: Vec<String> =
        inner.split("\",\"").take(64).map(|field| field.replace("\"\"", "\"")).collect();
    (fields.len() > 1).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_between_quotes() {
        assert_eq!(fields(r#""a","b, c","say ""hi""""#).unwrap(), ["a", "b, c", "say \"hi\""]);
        assert_eq!(fields("\"a\",\"\"\r").unwrap(), ["a", ""]);
        assert_eq!(fields("INFO: No tasks are running"), None);
        assert_eq!(fields("\""), None);
        assert_eq!(fields(""), None);
    }
}
