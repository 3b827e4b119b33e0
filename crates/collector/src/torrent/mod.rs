//! Torrent-related files: which there are, and what they say.
//!
//! [`inventory`] walks this machine. A transport that lists another one uses the parts by themselves:
//! [`client_data::classify_bytes`] on each path, [`inventory::entries_from_listing`] on what it then fetched.

pub mod bencode;
pub mod client_data;
pub mod drives;
pub mod inventory;
pub mod metainfo;
pub mod resume;

pub use client_data::{classify, classify_bytes};
pub use drives::local_drives;
pub use inventory::{Caps, Inventory};
pub use metainfo::{Metainfo, MetainfoError};
