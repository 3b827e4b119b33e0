//! Lists in pages.

use super::refusal::Refusal;

/// One page of `all`, and the token of the next: an opaque string to clients, the number of items so far to us.
///
/// # Errors
/// `ValidationException` for a page size out of the operation's range, `InvalidNextToken` for a foreign token.
pub(super) fn page<T: Clone>(
    all: &[T],
    size: Option<usize>,
    token: Option<&str>,
    range: std::ops::RangeInclusive<usize>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let size = size.unwrap_or(*range.end());
    if !range.contains(&size) {
        return Err(Refusal::validation(format!(
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must \
             have value between {} and {}",
            range.start(),
            range.end()
        )));
    }
    let foreign = || Refusal::new("InvalidNextToken", "The specified token isn't valid.");
    let start = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|number| number.parse::<usize>().ok())
            .filter(|start| *start <= all.len())
            .ok_or_else(foreign)?,
    };
    let end = all.len().min(start + size);
    let next = (end < all.len()).then(|| format!("page-{end}"));
    Ok((all[start..end].to_vec(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_foreign_tokens_are_refused() {
        let all: Vec<usize> = (0..12).collect();
        let (first, token) = page(&all, Some(5), None, 5..=50).expect("a page");
        let (second, token) = page(&all, Some(5), token.as_deref(), 5..=50).expect("a page");
        let (third, end) = page(&all, Some(5), token.as_deref(), 5..=50).expect("a page");
        assert_eq!([first, second, third].concat(), all);
        assert_eq!(end, None);
        assert_eq!(page(&all, Some(4), None, 5..=50).expect_err("too small").code, "ValidationException");
        for token in ["", "page-13", "page-x", "12"] {
            assert_eq!(page(&all, None, Some(token), 5..=50).expect_err(token).code, "InvalidNextToken");
        }
    }
}
