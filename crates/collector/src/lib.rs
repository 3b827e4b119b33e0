//! .

pub mod torrent;
