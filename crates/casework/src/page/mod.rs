//! Web pages, as far as the case browser and the door of a deployment have them in common: plain HTML with one
//! stylesheet, and headers that let a page load that and nothing else.

mod approve;
mod door;
mod parts;

pub use approve::{Asking, Form, approve};
pub use door::{Said, content_policy, door_page, standing};
pub use parts::{facts, moment, shown, table, whole};

/// The one stylesheet. It tells nothing.
pub const STYLE: &str = include_str!("style.css");

/// On every answer with a page, besides its `content-security-policy`. Where one was is told to nobody, as links are
/// secrets.
pub const HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];
