//! The one stylesheet. It tells nothing, so that the page that asks for the token has it too.

use axum::response::IntoResponse;
use hyper::header::CONTENT_TYPE;

/// Gives it.
pub(in super::super) async fn give() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], casework::page::STYLE)
}
