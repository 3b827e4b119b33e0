//! Prints the torrent inventory of folders, or of all local drives, as JSON: `inventory [FOLDER...]`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use collector::torrent::inventory::{Caps, inventory};
use collector::torrent::local_drives;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut roots: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if roots.is_empty() {
        roots = local_drives()?;
    }
    let found = inventory(&roots, &Caps::default(), &AtomicBool::new(false), |_| {});
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}
