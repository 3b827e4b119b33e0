//! Reads alert files as the worker does, and says how fast: `read_alerts FILE...`. One line of JSON a file.

use std::fs::File;
use std::io::BufReader;
use std::time::Instant;

use casework::records::{Reading, read_records};

fn main() {
    for path in std::env::args().skip(1) {
        let file = File::open(&path).expect("a file");
        let bytes = file.metadata().expect("its size").len();
        let (mut alerts, mut unreadable, mut sources) = (0u64, 0u64, std::collections::HashSet::new());
        let start = Instant::now();
        read_records(Reading::new(&path, "now"), BufReader::with_capacity(1 << 16, file), &mut |record| {
            match record.content {
                Ok(alert) => {
                    alerts += 1;
                    sources.extend(alert.source_ip);
                }
                Err(_) => unreadable += 1,
            }
            true
        });
        let seconds = start.elapsed().as_secs_f64();
        let sources = sources.len();
        println!(
            "{{\"file\":{path:?},\"bytes\":{bytes},\"alerts\":{alerts},\"unreadable\":{unreadable},\"sources\":{sources},\"seconds\":{seconds:.4}}}"
        );
    }
}
