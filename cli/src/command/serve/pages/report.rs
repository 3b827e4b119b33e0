//! The report inside a case's container. It is a document of its own, sealed with the evidence: it is shown in a sandbox
//! where it can run nothing, send nothing and is no part of this site.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use hyper::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use super::super::failure::Failure;
use super::super::listen::Busy;
use super::super::site::Site;
use super::download::proven;
use crate::records::Records;

/// The report for browsers, and the one for reading as text, which every container has.
const HTML: &str = "report.html";
const TEXT: &str = "report.md";
/// Bytes of a report.
const MOST: u64 = 16 << 20;
/// No scripts, no forms, no origin: its own styles and the pictures that are part of it.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Gives it.
pub(in super::super) async fn show<S: Records>(
    State(site): State<Arc<Site<S>>>,
    Extension(busy): Extension<Busy>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (case, proven, permit) = proven(&site, &id, &busy).await?;
    let (proven, html) = proven.entry(HTML, MOST).await?;
    let (media, name, content) = match html {
        Some(html) => ("text/html; charset=utf-8", HTML, html),
        None => {
            let (_, text) = proven.entry(TEXT, MOST).await?;
            let text = text.ok_or_else(|| {
                Failure::missing("There is no report in this container. Download it instead.")
            })?;
            ("text/plain; charset=utf-8", TEXT, visible(&String::from_utf8_lossy(&text)).into_bytes())
        }
    };
    drop(permit);
    let headers = [
        (CONTENT_TYPE, media.to_owned()),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (CONTENT_DISPOSITION, format!("inline; filename=\"{}-{name}\"", case.id)),
    ];
    Ok((headers, content).into_response())
}

/// Text whose controls and turns of direction can be seen. Its lines stay lines.
fn visible(text: &str) -> String {
    text.split('\n')
        .map(|line| investigation::text::one_line(line, usize::MAX))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_text_keeps_its_lines_and_hides_nothing() {
        assert_eq!(visible("# a\n\u{202e}b\u{1b}[2J\n"), "# a\n\\u{202e}b\\u{1b}[2J\n");
    }
}
