//! The case browser: the real program on a store that it filled itself, and on one full of hostile names; requests by
//! hand, and a real browser.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod approve;
mod browser;
mod filled;
mod http;
mod requests;
mod server;
mod started;
mod walk;
