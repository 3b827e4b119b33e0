//! The pages. Each file is one, with the handler that reads what it shows; what they have in common is here.

pub(super) mod alert;
pub(super) mod approvals;
pub(super) mod approve;
pub(super) mod case;
pub(super) mod cases;
mod chart;
pub(super) mod cooldowns;
pub(super) mod download;
mod follow_up;
mod frame;
pub(super) mod health;
pub(super) mod login;
mod measures;
mod parts;
pub(super) mod refusal;
pub(super) mod report;
pub(super) mod review;
pub(super) mod style;
pub(super) mod suppressed;

use axum::response::Html;

use super::failure::Failure;

/// What a handler gives.
type Page = Result<Html<String>, Failure>;
