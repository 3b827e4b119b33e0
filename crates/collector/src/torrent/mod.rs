//! Torrent-related files: finding them, and reading what they say.

pub mod bencode;
pub mod metainfo;

pub use metainfo::{Metainfo, MetainfoError};
