//! Ticket systems, pagers and chats: what is asked of each, as data.
//!
//! A [`Preset`] describes one product: how a ticket of a case is looked up, made and commented on, where its id is in an
//! answer, and how much the product takes. The presets that are shipped are TOML files beside this module; a site writes
//! its own as `[[preset]]` of the policy. A [`Desk`] is a preset with the policy's section: address, account, parameters.
//! From it come whole [`Request`]s. Nothing is sent here.
//!
//! Values never break out of where they stand: bodies are trees whose texts are filled in before they are written as
//! JSON, and what goes into a path or a query is percent-encoded.

mod catalogue;
mod desk;
mod markup;
mod preset;
mod problems;
mod reading;
mod template;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use catalogue::shipped;
pub use desk::{Body, Desk, Request, Values};
pub use markup::Markup;
pub use preset::{Auth, Comment, Creation, Exists, Mapping, Method, Parameter, Preset, Search, Step};
pub use reading::{captured, found, reference};

/// A ticket as its system knows it. All of it is outside text in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketReference {
    /// By which its system addresses it.
    pub id: String,
    /// What people call it.
    pub number: String,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
